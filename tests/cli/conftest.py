"""A daemon with the fake engine, which inverts pictures, and pictures to give it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from harness import Daemon
from PIL import Image


@pytest.fixture(scope="module")
def fake() -> Iterator[Daemon]:
    """One daemon for all tests of a module."""
    with Daemon() as daemon:
        yield daemon


@pytest.fixture
def home(fake: Daemon, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """The daemon, found by commands that run in this process."""
    for name, value in fake.environment.items():
        if name.startswith("VELATURA_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("VELATURA_CONNECTION", raising=False)
    return fake


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three pictures: `a.png`, `b.png` and `in/deep/c.png`."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.png", "b.png", "in/deep/c.png")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(seed)).save(path)
    return tmp_path


def pixels(seed: int, side: int = 24) -> np.ndarray:
    """A random RGB picture."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
