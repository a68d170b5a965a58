"""Fixtures that every test folder may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from harness import Daemon, Talk


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
