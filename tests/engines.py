"""An engine in the test's own process, and what runs on it: pictures in slots, tasks, results as arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from velatura.pixels import CHANNELS, DEPTHS, Layout, digest
from velatura.recipe import Recipe, Style
from velatura_daemon.engine.compose import DTYPES, as_array
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import EngineTask, Event, Finished, Previewed, Slot, memory
from velatura_daemon.settings import Settings


@contextlib.contextmanager
def engine_at(home: Path, **settings: Any) -> Iterator[TorchEngine]:
    """An engine in float32 on one thread, with a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VELATURA_HOME", str(home))
        yield TorchEngine(Settings(dtype="float32", threads=1, **settings))


def slot(array: np.ndarray, channels: str = "RGB", **more: Any) -> Slot:
    """Pixels `(H, W)` or `(H, W, C)` of any depth."""
    depth = next(name for name, dtype in DTYPES.items() if dtype == array.dtype)
    layout = Layout(array.shape[1], array.shape[0], channels, depth, **more)
    data = memoryview(np.ascontiguousarray(array).tobytes())
    return Slot(layout, data, digest(layout, [data]))


LAYOUTS = [
    Layout(7, 5, channels, depth, premultiplied, transfer)
    for channels, depth, premultiplied, transfer in product(
        CHANNELS, DEPTHS, (False, True), ("srgb", "linear")
    )
    if not (premultiplied and "A" not in channels)
]


def random_slot(layout: Layout, seed: int = 0) -> Slot:
    """Random pixels that a program could have made: premultiplied colour no larger than alpha."""
    rng = np.random.default_rng(seed)
    values = rng.random((layout.height, layout.width, CHANNELS[layout.channels]))
    if layout.has_alpha:
        values[0, :3, -1] = 0
        values[1, :3, -1] = 1
        if layout.premultiplied:
            values[..., :-1] *= values[..., -1:]
    dtype = DTYPES[layout.depth]
    if dtype.kind == "u":
        values = np.rint(values * np.iinfo(dtype).max)
    return Slot(layout, memoryview(values.astype(dtype).tobytes()))


def scene(height: int = 72, width: int = 104, channels: int = 4, seed: int = 0) -> np.ndarray:
    """A picture of soft patches, `(H, W, channels)` uint8, opaque."""
    small = np.random.default_rng(seed).integers(0, 255, (9, 13, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert("RGBA")
    return np.asarray(image)[..., :channels].copy()


CONTENT = slot(scene(), "RGBA")
PAINTING = slot(scene(96, 80, 3, seed=5))
STYLE = Style(digest=PAINTING.digest)


def task(
    recipe: Recipe,
    content: Slot | None = CONTENT,
    mask: Slot | None = None,
    pictures: Sequence[Slot] = (PAINTING,),
    **more: Any,
) -> EngineTask:
    """A job with its pictures at hand."""
    held = {picture.digest: picture for picture in pictures}
    return EngineTask("job", recipe, content, mask, held, memory, **more)


def run(
    engine: TorchEngine, recipe: Recipe, *inputs: Any, events: list[Event] | None = None, **more: Any
) -> Finished:
    """The end of a job, see `task`; all that it told is added to `events`."""
    told = list(engine.run(task(recipe, *inputs, **more)))
    if events is not None:
        events += told
    assert isinstance(told[-1], Finished)
    return told[-1]


def pixels(made: Finished | Previewed | Slot) -> np.ndarray:
    """`(H, W, C)` in the picture's own depth."""
    return as_array(made.layout, made.data)
