"""An engine without networks, for the real daemon in tests: it inverts pictures, a refinement in steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from velatura.errors import VelaturaError
from velatura.pixels import Layout
from velatura.recipe import Refine, Texture, Upscale
from velatura_daemon.engine.tasks import (
    Event,
    Finished,
    Previewed,
    Progressed,
    Slot,
    Task,
)


class PlainEngine:
    def __init__(self, *_: Any, **__: Any) -> None:
        self.warmed = False

    def warm(self) -> None:
        self.warmed = True

    def run(self, task: Task) -> Iterator[Event]:
        if any(style.name == "nobody-knows-it" for style in task.recipe.styles):
            raise VelaturaError("unknown_style", "no style of that name", "recipe.styles[0].name")
        source = task.content
        if source is None:
            assert isinstance(task.recipe, Texture)
            layout = Layout(task.recipe.width, task.recipe.height, "RGB")
            source = Slot(layout, memoryview(bytes(layout.nbytes)))
        if isinstance(task.recipe, Upscale):
            layout = task.recipe.result_layout(source.layout)
            source = Slot(layout, memoryview(bytes(layout.nbytes)))
        if isinstance(task.recipe, Refine):
            yield from self._steps(task, source, task.recipe.iterations)
        out = self._inverted(task, source)
        yield Finished(source.layout, out, task.recipe, {"build": "plain"})

    def _steps(self, task: Task, source: Slot, steps: int) -> Iterator[Event]:
        for step in range(1, steps + 1):
            if task.stopping():
                return
            time.sleep(0.005)
            yield Progressed(step, steps, {"style": 1.0 / step})
            if task.preview_every:
                yield Previewed(step, source.layout, self._inverted(task, source))

    @staticmethod
    def _inverted(task: Task, source: Slot) -> memoryview:
        out = task.output(source.layout)
        out[:] = bytes(source.data).translate(bytes(range(255, -1, -1)))
        return out

    def idle(self) -> bool:
        return False

    def trim(self) -> None:
        self.warmed = False

    def status(self) -> dict[str, Any]:
        return {"device": "none"}
