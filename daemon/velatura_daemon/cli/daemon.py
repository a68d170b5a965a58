"""`velatura daemon`: run, start, stop, look at it, read its logs."""

from __future__ import annotations

import os
import signal
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura import endpoint, launch
from velatura.errors import VelaturaError, VersionWarning
from velatura.jobstate import TERMINAL, State

from ..logs import tail
from ..paths import default_paths
from ..service.instance import AlreadyRunning
from . import show
from .exits import ALREADY_RUNNING, CommandError
from .show import Json

daemon_app = typer.Typer(no_args_is_help=True, help="The daemon: run, start, stop, status, logs.")


STOP_SECONDS = 10.0
"""How long `stop` waits for the daemon to be gone before it takes the next harder way."""
ANSWER_SECONDS = 4.0
"""How long it waits for an answer at all."""


@daemon_app.command()
def run(
    listen: Annotated[
        str, typer.Option(help="Also listen for other machines, as tcp://0.0.0.0:7878; keys are required.")
    ] = "",
) -> None:
    """Run the daemon in the foreground, logging to standard error."""
    from ..service.run import run as serve
    from ..settings import load_settings

    settings = load_settings()
    try:
        serve(replace(settings, listen=listen or settings.listen), to_stderr=True)
    except AlreadyRunning as other:
        raise CommandError(ALREADY_RUNNING, str(other)) from other


@daemon_app.command()
def start(json: Json = False) -> None:
    """Start the daemon in the background, unless one runs; returns when it answers."""
    before = launch.find()
    velatura.connect().close()
    address = endpoint.read()
    if json:
        show.as_json({"started": before is None, "pid": address.pid, "endpoint": address.endpoint})
    else:
        word = "started" if before is None else "runs already"
        show.line(f"{word}: process {address.pid} at {address.endpoint}")


@daemon_app.command()
def stop(
    force: Annotated[bool, typer.Option("--force", help="End its process at once, without asking.")] = False,
) -> None:
    """Ask the daemon to end, and wait until it has. Its jobs are cancelled.

    One that does not answer, or is of another version, is ended by its process id.
    """
    address = launch.find()
    if address is None:
        show.line("no daemon runs")
        return
    if force or not _asked(address):
        _end(address, force)
    show.line(f"stopped: process {address.pid}")


@daemon_app.command()
def restart(
    force: Annotated[
        bool, typer.Option("--force", help="Also when it has work, which is cancelled.")
    ] = False,
) -> None:
    """Stop a daemon that has nothing to do, of another version for one, and start this version's."""
    if not force and launch.find() is not None:
        with _client_of_any_version() as client:
            open_jobs = [job for job in client.jobs() if State(job["state"]) not in TERMINAL]
        if open_jobs:
            words = f"it works at {len(open_jobs)} jobs (velatura ps); wait, or cancel them with --force"
            raise VelaturaError("busy", words)
    stop(force=False)
    start()


def _client_of_any_version() -> velatura.Client:
    """A client for commands that end the daemon, whose version then does not matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionWarning)
        return velatura.connect(start=False, timeout=ANSWER_SECONDS)


def _asked(address: endpoint.Address) -> bool:
    """Asks it to end; False when it does not answer, or has not ended in time.

    Raises:
        VelaturaError: where it does not answer and its process is out of reach.
    """
    try:
        with _client_of_any_version() as client:
            client.shutdown()
    except VelaturaError as error:
        if endpoint.is_alive(address) is not True:
            raise
        show.note(f"velatura: process {address.pid}, version {address.version}: {error}; it is ended")
        return False
    return _gone(address)


def _end(address: endpoint.Address, at_once: bool) -> None:
    """Ends its process and, where it leads a group of its own, its worker.

    Raises:
        VelaturaError: where it cannot be told that the process is the daemon, or it stays.
    """
    if endpoint.is_alive(address) is not True:
        words = f"cannot tell whether process {address.pid} is the daemon: look, and end it yourself"
        raise VelaturaError("not_running", words)
    if not at_once:
        os.kill(address.pid, signal.SIGTERM)
        if _gone(address):
            return
    endpoint.kill(address)
    if not _gone(address):
        raise VelaturaError("timeout", f"process {address.pid} has not ended, although it was killed")


def _gone(address: endpoint.Address) -> bool:
    """Whether it is gone within `STOP_SECONDS`."""
    until = time.monotonic() + STOP_SECONDS
    while launch.find() == address:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@daemon_app.command()
def status(json: Json = False) -> None:
    """Show what the daemon computes with, what it holds, and since when."""
    with velatura.connect(start=False) as client:
        told = client.status()
    show.told(json, told, ("", ""), show.flat(told, _value))


@daemon_app.command()
def logs(
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many lines from the end.")] = 50,
    worker: Annotated[
        bool, typer.Option("--worker", help="The worker's log instead of the daemon's.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what is written; Ctrl-C ends.")
    ] = False,
) -> None:
    """Show the end of the log."""
    file = default_paths().logs / ("worker.log" if worker else "daemon.log")
    if not file.exists():
        raise FileNotFoundError(2, "no log yet", str(file))
    text = tail(file, lines)
    if text:
        show.line(text)
    if follow:
        _follow(file)


def _follow(file: Path) -> None:
    """Prints what is appended, also across a rotation, until interrupted."""
    stream = file.open(encoding="utf-8", errors="replace")
    stream.seek(0, 2)
    try:
        while True:
            for text in stream:
                show.line(text.rstrip("\n"))
            time.sleep(0.2)
            if file.exists() and file.stat().st_size < stream.tell():
                stream.close()
                stream = file.open(encoding="utf-8", errors="replace")
    except KeyboardInterrupt:
        return
    finally:
        stream.close()


def _value(name: str, value: object) -> str:
    if isinstance(value, list):
        return (".".join if name == "protocol" else ", ".join)(map(str, value))
    if isinstance(value, float):
        return show.duration(value) if name == "uptime" else f"{value:.3g}"
    is_bytes = name.endswith("bytes") or name in ("blobs.reserved", "blobs.budget")
    return show.size(value) if is_bytes and isinstance(value, int) else str(value)
