"""An editor's brain without an editor: its loop, documents and daemon are plain values."""

from __future__ import annotations

from pathlib import Path

import pytest
from velatura.editor import link
from velatura.editor.studio import Studio

from editor.fake_paper import FakePaper, FakeSurface
from editor.fakes import FakeDaemon, FakeLoop


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> FakeDaemon:
    """A daemon that listens, with two styles; links find it and no other."""
    made = FakeDaemon()
    monkeypatch.setattr(link, "endpoint", made)
    monkeypatch.setattr(link, "Connection", made.connect)
    return made


@pytest.fixture
def paper() -> FakePaper:
    return FakePaper()


@pytest.fixture
def surface() -> FakeSurface:
    return FakeSurface()


@pytest.fixture
def studio(
    paper: FakePaper, loop: FakeLoop, surface: FakeSurface, daemon: FakeDaemon, tmp_path: Path
) -> Studio:
    """Velatura in an editor that has just been touched: connected, with its styles."""
    made = Studio(
        paper, loop, surface, daemon.start, tmp_path / "memory.json", "Fake 1.0", clock=lambda: loop.now
    )
    made.wake()
    loop.run(1)
    assert made.link.state == "ready"
    return made
