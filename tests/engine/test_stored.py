"""A recipe that the last version stored in a picture paints that picture again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from velatura.pictures import images
from velatura.pictures.files import recipe_of
from velatura.pixels import digest
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Finished, Slot, Task
from velatura_daemon.settings import Settings

STORED = Path(__file__).parents[1] / "protocol" / "stored"


@pytest.mark.parametrize("kind", ["stylize", "upscale"])
def test_the_same_picture_within_one_step_of_8_bits(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    content, then = images.read(STORED / "content.png"), images.read(STORED / f"{kind}.png")
    data = memoryview(np.ascontiguousarray(content.array)).cast("B")
    slot = Slot(content.layout, data, digest(content.layout, [data]))
    recipe = recipe_of(STORED / f"{kind}.png")
    task = Task("job", recipe, slot, None, {}, lambda layout: memoryview(bytearray(layout.nbytes)))
    last = None
    for event in TorchEngine(Settings(dtype="float32", threads=1)).run(task):
        last = event or last
    assert isinstance(last, Finished) and last.recipe == recipe
    now = np.frombuffer(last.data, np.uint8).reshape(then.array.shape).astype(int)
    assert np.abs(now - then.array).max() <= 1
