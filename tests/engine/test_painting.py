"""A picture at each quality: the result's recipe says which it was; strength and mask hold as in one pass."""

from dataclasses import replace

import numpy as np
import pytest
from engines import CONTENT, STYLE, pixels, run, slot
from velatura import recipe
from velatura.errors import FieldError
from velatura.recipe import Style, Stylize, check_recipe

FINE = Stylize((STYLE,), quality="fine")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(recipe, "EVALUATIONS", {"fine": 8, "finest": 12})


def test_fine_paints_step_by_step_and_says_so(engine):
    fine = run(engine, FINE)
    assert fine.recipe == replace(FINE, backbone="slim", networks=fine.recipe.networks)
    assert fine.record["steps"] == 8
    assert bytes(fine.data) != bytes(run(engine, Stylize((STYLE,))).data)
    assert bytes(run(engine, fine.recipe).data) == bytes(fine.data)  # the recipe makes it again


def test_strength_and_mask_lay_a_fine_picture_over_the_photo(engine):
    before = np.frombuffer(CONTENT.data, "u1").astype(int)
    assert bytes(run(engine, replace(FINE, strength=0.0)).data) == bytes(CONTENT.data)
    full, half = (pixels(run(engine, replace(FINE, strength=s))).astype(int) for s in (1.0, 0.5))
    assert np.abs(half - (full + before.reshape(full.shape)) / 2).max() <= 1
    mask = np.zeros((72, 104), np.uint8)
    mask[20:60, 30:90] = 255
    after = pixels(run(engine, FINE, mask=slot(mask, "GRAY"))).astype(int)
    changed = (after != before.reshape(after.shape)).any(-1)
    assert not changed[mask == 0].any() and changed[mask > 0].mean() > 0.5


@pytest.mark.parametrize("quality", ["auto", "fine", "finest"])
def test_strength_0_is_the_photo_at_every_quality_and_takes_one_pass(engine, quality):
    made = run(engine, Stylize((Style(name="great-wave"),), strength=0.0, quality=quality))
    assert bytes(made.data) == bytes(CONTENT.data) and made.recipe.quality == "fast"
    check_recipe(made.recipe, "")


def test_auto_is_fine_where_the_last_one_was_quick_enough_here(engine):
    auto = Stylize((STYLE,), quality="auto")
    engine.resources.pace["neighbours slim"] = 1.0
    assert run(engine, auto).recipe.quality == "fast"
    assert run(engine, replace(auto, method="adain")).recipe.quality == "fast"
    engine.resources.pace["neighbours slim"] = 1e-9
    assert run(engine, auto).recipe.quality == "fine"
    work = Stylize((Style(name="great-wave"),), quality="auto", scale=0.5)
    assert run(engine, work).recipe.quality == "fine"
    assert engine.status()["pace"]["neighbours slim"] > 1e-9  # measured since


def test_a_way_of_painting_in_one_pass_is_no_fine_one():
    with pytest.raises(FieldError, match=r"method: is 'wct', which paints in one pass"):
        check_recipe(replace(FINE, method="wct"), "")


def test_only_more_than_one_pass_is_long_and_may_be_stopped():
    assert [(r.facts.long, r.facts.stops) for r in (Stylize(), FINE)] == [(False, False), (True, True)]
