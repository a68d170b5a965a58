"""An engine without networks, for tests of everything around the engine: it inverts pictures.

The name of a job's first style says how it behaves:

    invert      one pass, done at once (so does any other name)
    gate        yields until the file `open` appears in VELATURA_HOME, then inverts
    fail        raises an error about a field
    error-CODE  raises an error of that code
    memory      is out of memory until the worker has called `trim`
    crash       ends the process
    crash-once  ends the process after its first checkpoint, unless it resumes from one
    hang        never yields again
    nonsense    says that it ran a recipe that none may be
    slow-close  takes longer than any grace to be cancelled

What optimises (`auto` is fast here) makes as many steps as it evaluates, of `STEP` seconds with progress at
each, previews as asked for, and a checkpoint every fourth step; `stop` gives what is there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from velatura.errors import FieldError, VelaturaError
from velatura.pixels import Layout
from velatura.recipe import Learn, Stylize, Texture, Upscale
from velatura_daemon.engine.tasks import Checkpointed, EngineTask, Event, Finished, Previewed, Progressed
from velatura_daemon.settings import Settings

STEP = 0.01
CHECKPOINT_EVERY = 4


def invert(data: memoryview | bytes) -> bytes:
    """What this engine makes of a picture."""
    return (255 - np.frombuffer(data, np.uint8)).tobytes()


class FakeEngine:
    """See `velatura_daemon.engine.tasks.Engine`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = Path(os.environ["VELATURA_HOME"])
        self.warmed = False
        self.trimmed = self.rested = 0
        self.idled = 0

    def warm(self) -> None:
        self.warmed = True

    def idle(self) -> bool:
        self.idled += 1
        return self.idled < 3

    def trim(self) -> None:
        self.trimmed += 1

    def rest(self) -> None:
        self.rested += 1

    def status(self) -> dict[str, Any]:
        return {
            "device": device.read_text() if (device := self.home / "device").exists() else "cpu",
            "device_reason": "the fake engine knows no other",
            "warmed": self.warmed,
            "trimmed": self.trimmed,
            "idled": self.idled,
        }

    def run(self, task: EngineTask) -> Iterator[Event]:
        how = task.recipe.styles[0].name if task.recipe.styles else ""
        if how == "fail":
            raise FieldError("recipe.styles[0].name", "is 'fail'")
        if how.startswith("error-"):
            raise VelaturaError(how.removeprefix("error-"), "as asked")
        if how == "memory" and not self.trimmed:
            raise VelaturaError("out_of_memory", "no memory before a trim")
        if how == "crash":
            os._exit(7)
        while how == "hang":
            time.sleep(1)
        while how == "gate" and not (self.home / "open").exists():
            time.sleep(0.002)
            yield None
        if how == "slow-close":
            yield from self._slow_close()
        if self.steps(task):
            yield from self._many_steps(task, how)
        done = self._finish(task, {})
        yield replace(done, recipe=replace(task.recipe, strength=7.0)) if how == "nonsense" else done

    def steps(self, task: EngineTask) -> int:
        """How many it takes; 0 for a single pass."""
        recipe = task.recipe
        if isinstance(recipe, Learn):
            return recipe.steps
        auto = isinstance(recipe, Stylize) and recipe.quality == "auto"
        return 0 if recipe.effort is None or auto else recipe.effort.evaluations

    def _slow_close(self) -> Iterator[Event]:
        try:
            while True:
                time.sleep(0.002)
                yield None
        finally:
            time.sleep(60)

    def _many_steps(self, task: EngineTask, how: str) -> Iterator[Event]:
        done = first = int(task.checkpoint or b"0")
        previewed = time.monotonic()
        of = self.steps(task)
        while done < of and not task.stopping():
            time.sleep(STEP)
            done += 1
            yield Progressed(done, of, {"total": 1.0 / done}, (of - done) * STEP)
            if done % CHECKPOINT_EVERY == 0:
                yield Checkpointed(done, str(done).encode())
                if how == "crash-once" and not first:
                    os._exit(7)
            if task.preview_every and time.monotonic() - previewed >= task.preview_every:
                previewed = time.monotonic()
                layout, data = self._picture(task, done)
                yield Previewed(done, layout, data)
        yield self._finish(task, {"steps": done, "resumed_from": first})

    def _finish(self, task: EngineTask, record: dict[str, Any]) -> Finished:
        layout, data = self._picture(task, 0)
        about = {"engine": "fake", "pid": os.getpid(), "slider": task.slider}
        return Finished(layout, data, task.recipe, {**about, **record})

    def _picture(self, task: EngineTask, mark: int) -> tuple[Layout, memoryview]:
        """The content inverted (a texture: one grey, an enlargement: white); previews differ in their first
        byte, the `mark`."""
        if isinstance(task.recipe, Texture):
            layout = Layout(task.recipe.width, task.recipe.height, "RGB")
            made = bytes([task.recipe.seed % 256]) * layout.nbytes
        elif isinstance(task.recipe, Learn):
            layout = task.recipe.result_layout(task.content.layout if task.content else None)
            made = bytes([128]) * layout.nbytes
        elif isinstance(task.recipe, Upscale):
            assert task.content is not None
            layout = task.recipe.result_layout(task.content.layout)
            made = bytes([255]) * layout.nbytes
        else:
            assert task.content is not None
            layout = task.content.layout
            made = invert(task.content.data)
        data = task.output(layout)
        data[:] = made
        if mark:
            data[0] = mark % 256
        return layout, data
