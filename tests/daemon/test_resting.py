"""A worker without work gives back what memory it can, once, and is there for the next order."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from velatura_daemon.between import orders
from velatura_daemon.between.channel import Channel
from velatura_daemon.engine import worker
from velatura_daemon.settings import Settings


def test_a_worker_without_work_gives_memory_back_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, rested = [], threading.Event()

    def give() -> None:
        give_back()
        given.append(1)
        rested.set()

    give_back = worker.give_memory_back
    monkeypatch.setattr(worker, "give_memory_back", give)
    monkeypatch.setattr(worker, "REST", 0.01)
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    ours, theirs = socket.socketpair()
    resting = worker.Worker(Channel(ours))
    resting.engine = engine = FakeEngine(Settings())
    thread = threading.Thread(target=resting.loop, daemon=True)
    thread.start()
    assert rested.wait(60)
    supervisor = Channel(theirs)
    supervisor.send(orders.Quit())
    thread.join(60)
    assert not thread.is_alive()
    assert given == [1] and engine.rested == 1
