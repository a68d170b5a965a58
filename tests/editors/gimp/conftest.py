"""A daemon and a GIMP for the tests of this folder; starting them is slow, so they serve many tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Daemon

from editors.gimp.session import Gimp
from editors.roots import Root, Screen

ENGINE = "editors.gimp.engine:InvertEngine"


@pytest.fixture(scope="module")
def folder(root: Root) -> Path:
    """A shared folder with a short path."""
    import tempfile

    made = Path(tempfile.mkdtemp(dir=root.shared[0]))
    (made / "home").mkdir()
    return made


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[Daemon]:
    """A daemon whose engine inverts pictures."""
    with Daemon(ENGINE, folder / "home") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def gimp(root: Root, folder: Path, daemon: Daemon) -> Iterator[Gimp]:
    """gimp-console with the plug-in and that daemon."""
    with Gimp(root, folder, daemon.home) as gimp:
        yield gimp


@pytest.fixture(scope="module")
def screen(root: Root) -> Iterator[Screen]:
    """A small laptop's display inside the editors' folder."""
    with root.screen("1366x768") as screen:
        yield screen
