"""The editors' folder for all tests of this component; `SUITE=forky` runs them on newer editors."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.roots import Root, build

SUITE = os.environ.get("SUITE", "trixie")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An editor takes minutes to start on a slow, busy machine; a test may have to wait for two, or for the
    real networks to load."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds the editors' folder before the first test, so that no test's time limit covers it."""
    if not session.config.option.collectonly:
        build(SUITE)


@pytest.fixture(scope="session")
def root() -> Iterator[Root]:
    """The editors' folder with one shared folder, at a short path because sockets lie in it."""
    built = build(SUITE)
    shared = Path(tempfile.mkdtemp(prefix="velatura-editors-"))
    yield Root(built.path, (shared,))
    shutil.rmtree(shared, ignore_errors=True)  # a worker may write its last line meanwhile


@pytest.fixture
def shared(root: Root, request: pytest.FixtureRequest) -> Path:
    """A fresh folder that the editors see at the same path."""
    return Path(tempfile.mkdtemp(prefix=f"{request.node.name[:20]}-".replace("[", "-"), dir=root.shared[0]))
