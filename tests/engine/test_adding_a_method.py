"""The steps of docs/methods.md, followed: a method of a few lines works through the whole engine."""

from __future__ import annotations

import re
import sys
import textwrap
import types
from pathlib import Path

import numpy as np
import pytest
from engines import pixels, slot, task
from velatura.recipe import Style, Stylize
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Finished, Progressed
from velatura_daemon.settings import Settings
from velatura_models.maths.tiling import Footprint
from velatura_models.methods import loading
from velatura_models.methods.picture_method import Painting, PictureMethod

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TorchEngine:
    """One that knows the page's method."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert code
    module = types.ModuleType("velatura_models.methods.posterise")
    vars(module).update(Footprint=Footprint, Painting=Painting, PictureMethod=PictureMethod)
    exec(textwrap.dedent(code[1]), vars(module))  # the page is ours
    monkeypatch.setitem(sys.modules, module.__name__, module)  # step 1
    monkeypatch.setitem(loading.MODULES, "posterise", "posterise")  # step 2
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    return TorchEngine(Settings(dtype="float32", threads=1, tile=64))


def test_the_method_of_the_page_paints_previews_masks_and_tiles(engine: TorchEngine):
    array = np.random.default_rng(0).integers(0, 255, (100, 160, 3), np.uint8)
    mask = np.zeros((100, 160), np.uint8)
    mask[:, :120] = 255
    recipe = Stylize((Style("any"),), method="posterise")
    events = list(engine.run(task(recipe, slot(array), slot(mask, "GRAY"))))
    finished = events[-1]
    assert isinstance(finished, Finished) and finished.record["strength_in"] == "picture"
    steps = [event.step for event in events if isinstance(event, Progressed)]
    assert steps == list(range(finished.record["tiles"] + 1)) and len(steps) == 7  # 0: the first begins
    made = pixels(finished).astype(int)
    wanted = np.rint(np.rint(array / 255 * 8) / 8 * 255)
    assert np.abs(made - wanted)[:, :120].max() <= 1
    assert np.array_equal(made[:, 120:], array[:, 120:])
