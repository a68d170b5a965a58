"""An engine without networks for tests in Krita: inverts colours, keeps alpha, at every depth the wire has.

The first style's name says how it behaves, as in `fake_engine`.
What takes steps turns the picture step by step, so each frame differs from the last and the result from all
of them; a fine picture takes more than any test waits for. Once the file `enough` is in VELATURA_HOME it
takes no further steps, so that a test decides when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from fake_engine import FakeEngine
from velatura.pixels import CHANNELS, Layout
from velatura.recipe import Stylize
from velatura_daemon.engine.tasks import EngineTask, Event, Slot

STEPS = 5000
"""Of a fine picture: longer than any test waits."""

KINDS = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}


def turned(data: memoryview | bytes, layout: Layout, share: float, mask: Slot | None = None) -> bytes:
    """Colours on their way (0..1) to their inverse, where a mask (8 bits) is light; alpha as it is."""
    kind = KINDS[layout.depth]
    whole = 1.0 if np.dtype(kind).kind == "f" else float(np.iinfo(kind).max)
    pixels = np.frombuffer(data, kind).reshape(-1, CHANNELS[layout.channels]).copy()
    colors = slice(0, CHANNELS[layout.channels] - int(layout.has_alpha))
    values = pixels[:, colors].astype(np.float64)
    if mask is not None:
        share = share * np.frombuffer(mask.data, np.uint8).reshape(-1, 1) / 255
    values += share * (whole - 2 * values)
    pixels[:, colors] = np.rint(values) if whole != 1.0 else values
    return pixels.tobytes()


class PaintEngine(FakeEngine):
    """See `velatura_daemon.engine.tasks.Engine`."""

    def status(self) -> dict[str, Any]:
        return {**super().status(), "device_name": "test"}

    def run(self, task: EngineTask) -> Iterator[Event]:
        enough = self.home / "enough"
        return super().run(replace(task, stopping=lambda: enough.exists() or task.stopping()))

    def steps(self, task: EngineTask) -> int:
        return STEPS if super().steps(task) and isinstance(task.recipe, Stylize) else super().steps(task)

    def _picture(self, task: EngineTask, mark: int) -> tuple[Layout, memoryview]:
        if task.content is None or task.recipe.FACTS.placed == "picture":
            return super()._picture(task, mark)
        layout = task.content.layout
        of = self.steps(task)
        share = getattr(task.recipe, "strength", 1.0) * (mark / of if mark else 1.0)
        data = task.output(layout)
        data[:] = turned(task.content.data, layout, share, task.mask)
        return layout, data
