"""In the command: pieces out to the workers, outcomes in, and a journal of what is done.

No more than some pieces a worker are with the scheduler at a time, so that a million pictures are no more to
it than a hundred. Every outcome is a line of the journal before it is told; a batch that is run again leaves
out what the journal says is done, and workers what is there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, LocalCluster, wait
from distributed import TimeoutError as NotYet
from distributed.comm.core import CommClosedError
from distributed.security import Security
from velatura.errors import FieldError, VelaturaError

from ..settings import usable_cores
from .node import Preloaded, paint
from .pieces import Outcome, Piece
from .places import is_address

EACH = 4
"""Pieces a worker that are with the scheduler at a time."""
RETRIES = 2
"""Times that a picture is tried again where a store did not answer."""
PATIENCE = 30
"""Seconds that a scheduler has to answer."""
GONE = "the scheduler, or every worker, is gone; run it again for the rest"
CERTIFICATES = [f"DASK_DISTRIBUTED__COMM__TLS__{name}" for name in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY")]
"""Variables that name the files of a client; Dask's own settings do as well."""
LOOK = 2.0
"""Seconds between two looks at whether the scheduler is still there."""


@contextlib.contextmanager
def cluster(where: str) -> Iterator[tuple[Client, int]]:
    """A client of a cluster, and the threads that an engine has there, 0 for its own settings'.

    Args:
        where: `local:N` for N processes of this machine, or a scheduler's address.

    Raises:
        FieldError: for another form, or without the certificates that it takes. VelaturaError: `not_running`
            where no scheduler answers.
    """
    kind, _, count = where.partition(":")
    if kind == "local":
        if not count.isdigit() or not 1 <= int(count) <= 256:
            raise FieldError("cluster", f"is {where!r}; write local:N with 1 to 256 processes")
        threads = max(1, usable_cores() // int(count))
        with (
            LocalCluster(
                n_workers=int(count),
                threads_per_worker=1,
                processes=True,
                memory_limit=0,  # the engine bounds its own
                silence_logs=logging.ERROR,
                dashboard_address=":0",
            ) as local,
            Client(local) as client,
        ):
            yield client, threads
    elif kind in ("tcp", "tls", "ucx", "ws", "wss"):
        if kind in ("tls", "wss") and Security().get_connection_args("client")["ssl_context"] is None:
            words = (
                f"is {where!r}, but this machine's Dask has no certificates; set {', '.join(CERTIFICATES)}"
            )
            raise FieldError("cluster", words)
        try:
            client = Client(where, timeout=PATIENCE)
        except OSError as error:
            words = f"no scheduler answers at {where} within {PATIENCE} s; start one: dask scheduler"
            raise VelaturaError("not_running", words) from error
        with client:
            yield client, 0
    else:
        raise FieldError("cluster", f"is {where!r}; write local:N, or tcp://HOST:8786 for a scheduler")


def run(
    where: str, pieces: Iterable[Piece], journal: Path | None, tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Paints pieces; one that fails is told and ends nothing.

    Args:
        where: see `cluster`.
        journal: a file for a line of JSON an outcome, or None.
        tell: called with every outcome, once.

    Raises:
        VelaturaError: `not_running` where the scheduler is gone; what is done stays done.
    """
    done = _done(journal)
    left = deque(
        p for p in pieces
        if p.again or p.target not in done or not (is_address(p.target) or Path(p.target).exists())
    )  # fmt: skip
    outcomes: list[Outcome] = []
    with cluster(where) as (client, threads), _opened(journal) as note:
        _asked(lambda: client.register_plugin(Preloaded(threads)))
        _asked(lambda: client.wait_for_workers(1, timeout=10 * PATIENCE))
        going: dict[Future, Piece] = {}
        while left or going:
            most = EACH * max(1, len(_asked(client.nthreads)))
            while left and len(going) < most:
                piece = left.popleft()
                future = client.submit(paint, piece, threads, pure=False, retries=RETRIES)
                going[future] = piece
            with contextlib.suppress(NotYet, CancelledError):  # the futures say which it was
                wait(list(going), timeout=LOOK, return_when="FIRST_COMPLETED")
            for future in [future for future in going if future.done()]:
                outcome = _outcome(future, going.pop(future))
                note(outcome)
                outcomes.append(outcome)
                tell(outcome)
            if client.status not in ("running", "newly-created"):
                raise VelaturaError("not_running", GONE)
    return outcomes


def _asked(question: Callable[[], Any]) -> Any:
    """The scheduler's answer.

    Raises:
        VelaturaError: `not_running` where it gives none.
    """
    try:
        return question()
    except OSError as error:  # Dask's own are such
        raise VelaturaError("not_running", GONE) from error


def _outcome(future: Future, piece: Piece) -> Outcome:
    """What a task gave; an error of the machines is an outcome too."""
    error: Any = None
    if future.status == "finished":
        return _asked(future.result)
    if future.status == "error":
        error = _asked(future.exception)
    if isinstance(error, KilledWorker):
        words = "ended the process that painted it, several times"
    elif future.status == "cancelled" or isinstance(error, CommClosedError):
        raise VelaturaError("not_running", GONE)
    else:
        words = str(error) or type(error).__name__
    return Outcome(piece.source, piece.target, error=f"worker_died: {words}")


def _done(journal: Path | None) -> set[str]:
    """Targets that an earlier run painted; a last line that was cut short counts for nothing."""
    if journal is None or not journal.is_file():
        return set()
    found = set()
    for line in journal.read_text("utf-8").splitlines():
        with contextlib.suppress(ValueError, KeyError):
            entry = json.loads(line)
            if not entry["error"]:
                found.add(entry["target"])
    return found


@contextlib.contextmanager
def _opened(journal: Path | None) -> Iterator[Callable[[Outcome], None]]:
    """A function that adds a line, which is on the disk when it returns."""
    if journal is None:
        yield lambda outcome: None
        return
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a", encoding="utf-8") as file:

        def note(outcome: Outcome) -> None:
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            os.fsync(file.fileno())

        yield note
