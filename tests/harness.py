"""A real daemon in a home folder of its own, for tests of anything that talks to one.

    with Daemon() as daemon:                  # the fake engine: inverts pictures, see fake_engine.py
        with daemon.connect() as talk:
            job = talk.run(recipe, content)

Every wait polls a condition and ends in an error that shows the daemon's log; nothing sleeps and hopes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from velatura import endpoint
from velatura.blob import Blob
from velatura.connection import Connection
from velatura.errors import VelaturaError
from velatura.jobs import Answered, HappenedEvent, Job, JobEnded, JobPreview
from velatura.pixels import Layout
from velatura.recipe import Recipe

FAKE = "fake_engine:FakeEngine"
REAL = "velatura_daemon.engine.engine:TorchEngine"

PATIENCE = 120.0
"""Seconds after which a condition that has not come true fails the test; generous, for loaded machines."""

T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "", patience: float = PATIENCE) -> T:
    """The first true value of `condition`, polled."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:.0f} s: {what or condition}")
        time.sleep(0.01)


class Daemon:
    """A daemon process; starts on entering, is ended and its folder removed on leaving.

    Args:
        engine: `FAKE`, `REAL`, or another `module:Class`.
        home: its folder, which then stays; by default a fresh one with a short path.
        settings: any fields of `velatura_daemon.settings.Settings`.
    """

    def __init__(self, engine: str = FAKE, home: Path | None = None, **settings: Any) -> None:
        self._own_home = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="vel-"))
        self.settings = {"engine": engine, **settings}
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def environment(self) -> dict[str, str]:
        """For programs that are to find this daemon, and for the daemon itself."""
        ours = {f"VELATURA_{name.upper()}": str(value) for name, value in self.settings.items()}
        path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        clean = {k: v for k, v in os.environ.items() if not k.startswith("VELATURA_")}
        return {**clean, **ours, "VELATURA_HOME": str(self.home), "PYTHONPATH": path.rstrip(os.pathsep)}

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts `python -m velatura_daemon` with these arguments in this home folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "velatura_daemon", *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def start(self) -> None:
        """Starts it and waits until it listens."""
        assert self.process is None
        self.process = process = self.spawn("run")

        def listens() -> bool:
            if process.poll() is not None:
                self.process = None
                raise AssertionError(
                    f"the daemon ended with {process.returncode}: {process.communicate()[0]}"
                )
            with contextlib.suppress(VelaturaError):
                return self.address().pid == process.pid
            return False

        until(listens, "the daemon listens")

    def address(self) -> endpoint.Address:
        return endpoint.read_file(endpoint.connection_file(self.home))

    def stop(self) -> int:
        """Ends it in an orderly way; its exit code."""
        assert self.process is not None
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)
        code, self.process = self.process.returncode, None
        return code

    def kill(self) -> None:
        """Ends it the hard way."""
        assert self.process is not None
        self.process.kill()
        self.process.communicate()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGCONT)
            self.kill()
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    @contextlib.contextmanager
    def connect(self, client: str = "test") -> Iterator[Talk]:
        """A session, closed on leaving."""
        connection = Connection(self.address(), client, base=self.home)
        try:
            yield Talk(connection, self)
        finally:
            connection.close()

    def log(self) -> str:
        """The daemon's log so far."""
        file = self.home / "state" / "logs" / "daemon.log"
        return file.read_text() if file.exists() else ""

    def open_gate(self) -> None:
        """Lets jobs of the fake engine's style `gate` go on."""
        (self.home / "open").touch()

    def close_gate(self) -> None:
        (self.home / "open").unlink(missing_ok=True)


class Talk:
    """A connection driven by hand: every event it ever gave is in `events`."""

    def __init__(self, connection: Connection, daemon: Daemon) -> None:
        self.connection, self.daemon = connection, daemon
        self.events: list[HappenedEvent] = []

    def turn(self, seconds: float = 0.02) -> list[HappenedEvent]:
        """Processes once, waiting at most `seconds` for something to do."""
        self.connection.wait(seconds)
        fresh = self.connection.process()
        self.events += fresh
        return fresh

    def until(self, condition: Callable[[], T], what: str = "") -> T:
        """Processes until the condition holds."""
        end = time.monotonic() + PATIENCE
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE:.0f} s: {what}\n{self.daemon.log()[-4000:]}")
            self.turn()

    def submit(self, recipe: Recipe, content: Blob | None = None, **more: Any) -> Job:
        return self.connection.submit(recipe, content, **more)

    def ended(self, job: Job) -> Job:
        """The job, once it has ended one way or another."""
        try:
            self.until(lambda: job.over, f"job {job.id} ends")
        except AssertionError as error:
            raise AssertionError(f"{error}\nthe job is {job.state.value}, {job.progress}") from None
        return job

    def run(self, recipe: Recipe, content: Blob | None = None, **more: Any) -> Job:
        """Submits and waits for the end."""
        return self.ended(self.submit(recipe, content, **more))

    def ask(self, what: str, **args: Any) -> list[dict[str, Any]]:
        """The items of the answer; raises its error."""
        name = self.connection.ask(what, **args)

        def answers() -> list[Answered]:
            return [e for e in self.events if isinstance(e, Answered) and e.request == name]

        answered = self.until(answers, f"an answer to {what}")[0]
        if answered.error is not None:
            raise answered.error
        return answered.items

    def status(self) -> dict[str, Any]:
        return self.ask("status")[0]

    def worker_pid(self) -> int:
        """The process id of the worker that is ready."""

        def ready() -> int:
            worker = self.status()["worker"]
            return worker["pid"] if worker["state"] == "ready" else 0

        return self.until(ready, "the worker is ready")

    def previews(self, job: Job) -> list[JobPreview]:
        """Every preview of a job so far."""
        return [e for e in self.events if isinstance(e, JobPreview) and e.job is job]

    def ends(self) -> list[JobEnded]:
        """Every `JobEnded` so far."""
        return [e for e in self.events if isinstance(e, JobEnded)]


def picture(width: int = 8, height: int = 6, seed: int = 0, channels: str = "RGBA") -> Blob:
    """A small picture that differs by seed."""
    layout = Layout(width, height, channels)
    data = bytes((i * 7 + seed * 31 + (i >> 8) * seed) % 256 for i in range(min(layout.nbytes, 65521)))
    return Blob(layout, (data * (layout.nbytes // len(data) + 1))[: layout.nbytes])
