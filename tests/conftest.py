"""Fixtures that every test folder may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from harness import Daemon, Talk


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
