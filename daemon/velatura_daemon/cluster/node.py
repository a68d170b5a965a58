"""In a worker of the cluster: an engine that stays, and one piece painted by it.

What is wrong with a picture or a recipe is its outcome and ends nothing; what is wrong with the store is
raised, so that the scheduler tries again elsewhere.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from distributed import Worker, WorkerPlugin, get_worker
from velatura.blob import Picture
from velatura.errors import VelaturaError
from velatura.pictures import files, images
from velatura.recipe import RECIPES, check_recipe
from velatura.stylefile import is_style_file
from velatura.styles import build

from ..engine.tasks import Engine, EngineTask, Finished, Slot, memory
from ..engine.worker import make_engine
from ..paths import default_paths
from ..settings import load_settings
from ..styles.library import Library
from . import places
from .pieces import Outcome, Piece


class Preloaded(WorkerPlugin):
    """Loads the networks when a worker begins, a later one too."""

    name = "velatura"

    def __init__(self, threads: int = 0) -> None:
        """With so many threads an engine, where the settings do not say; 0 for the engine's own choice."""
        self.threads = threads

    def setup(self, worker: Worker) -> None:
        """The first device for the first worker of a machine, and so on."""
        _engine(self.threads, str(worker.name))


@lru_cache(maxsize=1)
def _engine(threads: int, name: str) -> Engine:
    settings = load_settings()
    if threads and not settings.threads:
        settings = replace(settings, threads=threads)
    if settings.device == "auto" and torch.cuda.device_count() > 1 and name.isdigit():
        settings = replace(settings, device=f"cuda:{int(name) % torch.cuda.device_count()}")
    engine = make_engine(settings)
    engine.warm()
    return engine


def paint(piece: Piece, threads: int = 0) -> Outcome:
    """Paints one picture, unless it is there.

    Raises:
        OSError: where the store does not answer, or cannot be written.
    """
    began, name = time.perf_counter(), str(get_worker().name)
    if not piece.again and places.exists(piece.target):
        return Outcome(piece.source, piece.target, there=True, worker=name)
    try:
        places.write(piece.target, _painted(piece, _engine(threads, name)))
    except VelaturaError as error:
        return Outcome(piece.source, piece.target, error=f"{error.code}: {error}", worker=name)
    return Outcome(piece.source, piece.target, round(time.perf_counter() - began, 3), worker=name)


def _painted(piece: Piece, engine: Engine) -> bytes:
    """The bytes of the result's file."""
    suffix = PurePosixPath(piece.source).suffix
    pixels = files.decode(places.read(piece.source), piece.source, suffix)
    styles = [(_style(what), weight) for what, weight in piece.styles]
    recipe, pictures, _ = build(RECIPES[piece.kind], styles, None, False, piece.fields)
    check_recipe(recipe)
    pixels = images.read_for(recipe, pixels)
    if "scale" not in piece.fields:
        recipe = recipe.suited(pixels.layout.width, pixels.layout.height)
    content = pixels.blob()
    slots = {}
    for blob in (content, *pictures):
        digest = blob.hash_whole()
        slots[digest] = Slot(blob.layout, blob.read(0, blob.layout.nbytes), digest)
    task = EngineTask("batch", recipe, slots[content.digest], None, slots, memory)
    for event in engine.run(task):
        if isinstance(event, Finished):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"made{PurePosixPath(piece.target).suffix}"
                images.to_kind(Picture(event.layout, event.data), pixels, event.recipe, path)
                return path.read_bytes()
    raise VelaturaError("internal", "the engine gave no picture", piece.source)


@lru_cache(maxsize=16)
def _style(what: str) -> Any:
    """A library's name as it is, a style's file as the library calls it from here on, a picture read."""
    if not places.is_address(what) and not PurePosixPath(what).suffix and "/" not in what:
        return what
    if is_style_file(what):
        paths = default_paths()
        return Library(paths.styles, paths.cache, paths.weights).add_file(places.read(what)).name
    return images.read_style(files.decode(places.read(what), what, PurePosixPath(what).suffix), what)
