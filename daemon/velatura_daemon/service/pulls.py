"""Weights and pictures pulled on request of clients, one after another, each by a process of its own.

So the supervisor needs no torch for the converting, a cancel takes effect at once, and whatever a download
does to itself, the daemon goes on. Only what the manifest and the catalog pin can be named, see `pulling`.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from velatura.errors import VelaturaError

from ..logs import tail

log = logging.getLogger("velatura.daemon")

MOST = 64
"""Pulls that are remembered; of those, the ones that have ended are forgotten first."""


@dataclass
class PullTask:
    """One of them.

    Attributes:
        kind: `model` (a backbone's weights) or `style` (the picture of a work of art).
        name: of the backbone or style.
        state: `waiting`, `running`, `done`, `failed` or `cancelled`.
        done, size: bytes; 0 where not known.
        error: why it failed, in words.
    """

    kind: str
    name: str
    state: str = "waiting"
    done: int = 0
    size: int = 0
    error: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


class PullQueue:
    """What is and was pulled.

    Args:
        logs: folder for what a process says at its end.
    """

    def __init__(self, logs: Path) -> None:
        self._errors = logs / "pull.err"
        self._thread = ThreadPoolExecutor(1, "puller")
        self._known: dict[tuple[str, str], PullTask] = {}
        self._lock = threading.Lock()
        """Held where a pull begins to run or is cancelled."""
        self._running: tuple[PullTask, subprocess.Popen[str]] | None = None

    @property
    def busy(self) -> bool:
        return any(not pull.over for pull in self._known.values())

    def list(self) -> list[dict[str, Any]]:
        """All that are known, as plain values, in the order in which they were asked for."""
        return [asdict(pull) for pull in tuple(self._known.values())]

    def begin(self, kind: str, name: str) -> None:
        """Pulls it, unless that is under way already.

        Raises:
            VelaturaError: `busy` when too many wait already.
        """
        known = self._known.get((kind, name))
        if known is not None and not known.over:
            return
        self._known.pop((kind, name), None)
        while len(self._known) >= MOST:
            ended = next((key for key, pull in self._known.items() if pull.over), None)
            if ended is None:
                raise VelaturaError("busy", f"{MOST} downloads wait already; try again later")
            del self._known[ended]
        pull = self._known[kind, name] = PullTask(kind, name)
        self._thread.submit(self._run, pull)

    def cancel(self, kind: str, name: str) -> None:
        """Ends it where it is under way; pulling it again goes on from there."""
        pull = self._known.get((kind, name))
        if pull is not None and not pull.over:
            with self._lock:
                pull.state = "cancelled"
                if self._running is not None and self._running[0] is pull:
                    self._running[1].terminate()

    def close(self) -> None:
        """Ends all, and waits for that."""
        for kind, name in tuple(self._known):
            self.cancel(kind, name)
        with self._lock:
            if self._running is not None:
                self._running[1].kill()
        self._thread.shutdown(cancel_futures=True)

    # -- on the thread -------------------------------------------------------------------------------------

    def _run(self, pull: PullTask) -> None:
        try:
            self._pull(pull)
        except Exception as error:  # no process, no file for its last words, a defect: costs this one
            log.exception("%s %s cannot be pulled", pull.kind, pull.name)
            pull.state, pull.error = "failed", str(error)

    def _pull(self, pull: PullTask) -> None:
        command = [sys.executable, "-m", "velatura_daemon.service.pulling", pull.kind, pull.name]
        self._errors.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._errors.open("wb") as errors:
            with self._lock:
                if pull.over:
                    return
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
                )
                pull.state, self._running = "running", (pull, process)
            with process:
                for line in process.stdout or ():
                    for key, value in json.loads(line).items():
                        setattr(pull, key, value)
        with self._lock:
            self._running = None
            if pull.state == "running" and process.returncode:
                last = tail(self._errors, 1).strip() or f"exit code {process.returncode}"
                pull.state, pull.error = "failed", pull.error or f"the download ended unexpectedly: {last}"
            elif pull.state == "running":
                pull.state = "done"
        log.info("pull of %s %s: %s %s", pull.kind, pull.name, pull.state, pull.error)
