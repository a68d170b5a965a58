"""Whoever waits for a large picture is told from the first moment, in every pass of every method."""

from __future__ import annotations

import numpy as np
import pytest
from engines import engine_at, slot, task
from velatura.recipe import Style, Stylize
from velatura_daemon.engine import stylize as stylizing
from velatura_daemon.engine.compose import DTYPES
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Finished, Progressed

SIDE, TILE = 288, 64
NOISE = np.random.default_rng(3)


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    with engine_at(tmp_path_factory.mktemp("home"), tile=TILE) as made:
        return made


@pytest.mark.parametrize(
    ("method", "exact", "depth"),
    [("adain-skip", False, "u16"), ("multi", False, "u8"), ("multi", True, "u16")],
)
def test_the_first_event_and_each_tile_of_each_pass_tell(
    tiled: TorchEngine, monkeypatch: pytest.MonkeyPatch, method: str, exact: bool, depth: str
):
    monkeypatch.setattr(stylizing, "LARGE", 0)
    dtype = DTYPES[depth]
    content = slot(NOISE.integers(0, 1 << 8 * dtype.itemsize, (SIDE, SIDE, 3), dtype))
    recipe = Stylize((Style(name="mosaic"),), method=method, exact=exact)
    events = list(tiled.run(task(recipe, content)))
    assert events[0] == Progressed(0, 1), "before anything is read"
    told = [event for event in events[1:] if isinstance(event, Progressed)]
    tiles = events[-1].record["tiles"] if isinstance(events[-1], Finished) else 0
    assert tiles > 1
    steps, of = [event.step for event in told], told[-1].of
    assert steps == list(range(steps[0], of + 1)) and steps[0] <= 1, "each tile of each pass"
    assert {event.of for event in told} == {of} and of % tiles == 0
