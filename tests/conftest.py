"""Fixtures that every test folder may use."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Daemon, Talk
from hypothesis import settings

settings.register_profile("velatura", deadline=None, max_examples=60)
settings.load_profile("velatura")

RUN = f"{os.getpid()}-{time.time_ns()}"
"""In the environment of every process that a test starts, so that those left behind are found."""

PATIENCE = 10.0
"""Seconds that the last processes have to end by themselves."""


LEFT: dict[str, list[str]] = {}
"""What the workers of `-n` found to be left behind, by worker."""


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("numprocesses", None):  # else the workers start what is started, and look
        os.environ["TESTS_OF_RUN"] = RUN
    if not Path("/dev/nvidiactl").exists():  # kernels for cards are interpreted, which Triton reads at import
        os.environ.setdefault("TRITON_INTERPRET", "1")
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated"))  # daemons end too


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """No test leaves a process behind: one that does fails the run, and is named."""
    until = time.monotonic() + PATIENCE
    while (left := left_behind()) and time.monotonic() < until:
        time.sleep(0.1)
    words = [f"process {pid} was left behind by {test}" for pid, test in left.items()]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = words
        return
    words += [word for found in LEFT.values() for word in found]
    if words:
        print("", *words, sep="\n")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    LEFT[node.gateway.id] = getattr(node, "workeroutput", {}).get("left", [])


def left_behind() -> dict[int, str]:
    """Processes of this run by number, and the test in which each was started."""
    found: dict[int, str] = {}
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            variables = dict(v.partition("=")[::2] for v in file.read_text(errors="replace").split("\0"))
            if variables.get("TESTS_OF_RUN") == RUN and int(file.parent.name) != os.getpid():
                found[int(file.parent.name)] = variables.get("PYTEST_CURRENT_TEST", "a fixture")
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", action="store_true", help="print check, outcome and seconds of every test")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--table"):
        return
    for outcome in ("passed", "failed", "skipped", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            check = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
            terminalreporter.write_line(f"{outcome:8}{getattr(report, 'duration', 0.0):7.2f} s  {check}")


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., Daemon]]:
    """A function that starts daemons with given settings; they end with the test."""
    started: list[Daemon] = []

    def start(*args, **settings) -> Daemon:
        daemon = Daemon(*args, **settings)
        started.append(daemon)
        daemon.start()
        return daemon

    yield start
    for daemon in started:
        daemon.close()


@pytest.fixture
def daemon(start_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon with the fake engine."""
    return start_daemon()


@pytest.fixture
def talk(daemon: Daemon) -> Iterator[Talk]:
    """A session with it."""
    with daemon.connect() as session:
        yield session
