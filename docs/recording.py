"""What the scripts that record an editor share: a real one with a photograph, in a folder that goes again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import skimage.data
from editors.roots import Root, build
from PIL import Image

Record = Callable[[Root, Path, Path, Path], None]
"""Given the root, a folder, in it a home for the daemon, and a photograph."""


def recorded(record: Record) -> None:
    """Runs what records, in a root that is built where it is not there. The photograph is a sample of
    scikit-image's (public domain)."""
    shared = Path(tempfile.mkdtemp(prefix="velatura-r-"))
    try:
        folder = Path(tempfile.mkdtemp(prefix="r-", dir=shared))
        home, file = folder / "home", folder / "photo.png"
        home.mkdir()
        Image.fromarray(skimage.data.astronaut()).save(file)
        record(Root(build().path, (shared,)), folder, home, file)
    finally:
        shutil.rmtree(shared)
