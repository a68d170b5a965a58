"""Whoever waits for a large picture is told from the first moment, in every pass of every method."""

from __future__ import annotations

import numpy as np
import pytest
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize
from velatura_daemon.engine import stylize as stylizing
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Finished, Progressed, Slot, Task
from velatura_daemon.settings import Settings

SIDE, TILE = 240, 64
NOISE = np.random.default_rng(3)


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VELATURA_HOME", str(tmp_path_factory.mktemp("home")))
        return TorchEngine(Settings(dtype="float32", threads=1, tile=TILE))


@pytest.mark.parametrize(
    ("method", "exact", "depth"),
    [("adain-skip", False, "u16"), ("multi", False, "u8"), ("multi", True, "u16")],
)
def test_the_first_event_and_each_tile_of_each_pass_tell(
    tiled: TorchEngine, monkeypatch: pytest.MonkeyPatch, method: str, exact: bool, depth: str
):
    monkeypatch.setattr(stylizing, "LARGE", 0)
    layout = Layout(SIDE, SIDE, "RGB", depth)
    data = memoryview(NOISE.bytes(layout.nbytes))
    content = Slot(layout, data, digest(layout, [data]))
    recipe = Stylize((Style(name="mosaic"),), method=method, exact=exact)
    task = Task("job", recipe, content, None, {}, lambda layout: memoryview(bytearray(layout.nbytes)))
    events = list(tiled.run(task))
    assert events[0] == Progressed(0, 1), "before anything is read"
    told = [event for event in events[1:] if isinstance(event, Progressed)]
    tiles = events[-1].record["tiles"] if isinstance(events[-1], Finished) else 0
    assert tiles > 1
    steps, of = [event.step for event in told], told[-1].of
    assert steps == list(range(steps[0], of + 1)) and steps[0] <= 1, "each tile of each pass"
    assert {event.of for event in told} == {of} and of % tiles == 0
