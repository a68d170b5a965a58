"""What the tests of the protocol share: a fake daemon, connections to it, and waiting for a condition."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_daemon import FakeDaemon, Script
from velatura.connection import Connection

PATIENCE = 60.0
"""Seconds after which a condition that should come true counts as failed; the machine may be busy."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    fake = FakeDaemon(tmp_path / "home")
    yield fake
    fake.stop()


@pytest.fixture
def script(daemon: FakeDaemon) -> Script:
    return daemon.script


@pytest.fixture
def connection(daemon: FakeDaemon) -> Iterator[Connection]:
    made = Connection(daemon.address, "tests")
    yield made
    made.close()


@pytest.fixture
def spin() -> Callable[..., list[Any]]:
    """`spin(connection, condition)` runs a connection's loop until the condition holds; gives its events."""

    def run(connection: Connection, condition: Callable[[list[Any]], object]) -> list[Any]:
        events: list[Any] = []
        until = time.monotonic() + PATIENCE
        while not condition(events):
            assert time.monotonic() < until, f"did not come true; events so far: {events}"
            events += connection.process()
            if not condition(events):
                connection.wait(0.05)
        return events

    return run


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """`eventually(condition)` waits until the condition holds."""

    def wait(condition: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, "did not come true"
            time.sleep(0.01)

    return wait
