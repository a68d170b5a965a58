"""An engine without networks that keeps the pixel promises, so that tests know every pixel of the result.

It inverts colours at any depth, keeps alpha, and follows the mask or the first style's region; a `Refine`
takes its iterations, a picture of the finest quality some too; an `Upscale` repeats pixels; keypoints are
always the same. The first style's name may be `fail` (an error), `noted` (there is something to say of it),
or `wait` (not before the file `open` is in VELATURA_HOME). While the file `wide` is there, contents below 200
pixels of width are an error.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from fake_engine import FakeEngine
from velatura.errors import VelaturaError
from velatura.pairs import Pair, as_map
from velatura.pixels import CHANNELS, Layout
from velatura.recipe import Keypoints, Texture, Upscale, settled
from velatura_daemon.engine.tasks import EngineTask, Event, Finished, Previewed, Progressed, Slot

PAIRS = (Pair(0.2, 0.2, 0.3, 0.3), Pair(0.8, 0.25, 0.7, 0.3), Pair(0.3, 0.8, 0.3, 0.6))
"""What keypoints it finds in every picture."""

TYPES = {"u8": np.uint8, "u16": np.uint16, "f32": np.float32}
TOP = {"u8": 255, "u16": 65535, "f32": 1}


def pixels(layout: Layout, data: bytes | memoryview) -> np.ndarray:
    """The picture as (height, width, channels)."""
    shape = (layout.height, layout.width, CHANNELS[layout.channels])
    return np.frombuffer(data, TYPES[layout.depth]).reshape(shape)


def inverted(content: Slot, mask: Slot | None) -> np.ndarray:
    """What this engine makes of a picture: 1 - colour where the mask is 1, unchanged where it is 0."""
    before = pixels(content.layout, content.data)
    after = before.copy()
    colors = before.shape[2] - content.layout.has_alpha
    after[..., :colors] = TOP[content.layout.depth] - before[..., :colors]
    if mask is None:
        return after
    weight = pixels(mask.layout, mask.data).astype(np.float64) / 255
    mixed = before[..., :colors] + weight * (after[..., :colors].astype(np.float64) - before[..., :colors])
    if content.layout.depth != "f32":
        mixed = np.rint(mixed)
    after[..., :colors] = np.where(weight > 0, mixed, before[..., :colors])
    return after


class InvertEngine(FakeEngine):
    """See the module."""

    def run(self, task: EngineTask) -> Iterator[Event]:
        recipe = task.recipe
        if isinstance(recipe, Keypoints):
            yield Finished(*self._made(task), recipe, as_map(PAIRS, (400, 300), (400, 300)))
            return
        how = recipe.styles[0].name if recipe.styles else ""
        narrow = task.content is not None and task.content.layout.width < 200
        if how == "fail" or (narrow and (self.home / "wide").exists()):
            raise VelaturaError("bad_image", "this style always fails")
        while how == "wait" and not (self.home / "open").exists():
            time.sleep(0.002)
            yield None
        steps = getattr(
            settled(recipe), "iterations", 300 if getattr(recipe, "quality", "") == "finest" else 0
        )
        for step in range(steps):
            if task.stopping():
                break
            time.sleep(0.01)
            yield Progressed(step + 1, steps, {"total": 1 / (step + 1)}, 0.01 * (steps - step))
            if task.preview_every and step % 20 == 10:
                layout, data = self._made(task)
                yield Previewed(step, layout, data)
        layout, data = self._made(task)
        notes = ["it is inverted (`velatura styles list`)"] if how == "noted" else []
        yield Finished(layout, data, recipe, {"engine": "invert", "notes": notes})

    def _made(self, task: EngineTask) -> tuple[Layout, memoryview]:
        if isinstance(task.recipe, Texture):
            layout = Layout(task.recipe.width, task.recipe.height, "RGBA")
            made = np.full((layout.height, layout.width, 4), (10, 200, 30, 255), np.uint8)
        elif isinstance(task.recipe, Upscale):
            assert task.content is not None
            layout = task.recipe.result_layout(task.content.layout)
            made = pixels(task.content.layout, task.content.data)
            made = made.repeat(task.recipe.factor, 0).repeat(task.recipe.factor, 1)
        else:
            assert task.content is not None
            layout, styles = task.content.layout, task.recipe.styles
            region = task.pictures[styles[0].mask] if styles[0].mask else task.mask
            made = inverted(task.content, region)
        data = task.output(layout)
        data[:] = made.tobytes()
        return layout, data
