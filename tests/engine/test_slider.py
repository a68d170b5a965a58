"""A strength slider over a picture: what is kept at a few strengths, and mixed while the hand moves."""

import numpy as np
import pytest
from engines import CONTENT, STYLE, pixels, run, scene, slot
from velatura.recipe import Style, Stylize
from velatura_daemon.engine import slider


@pytest.fixture(autouse=True)
def worthwhile(monkeypatch, engine):
    """Pictures of this size are painted sooner than mixed."""
    monkeypatch.setattr(slider, "QUICK", 0.0)
    engine.trim()


def at(strength, **more):
    return Stylize((STYLE,), strength=strength, **more)


def idle(engine):
    for _ in range(1000):
        if not engine.idle():
            return
    raise AssertionError("the engine never comes to rest")


def test_a_move_is_the_mean_of_two_exact_pictures_a_quarter_apart(engine):
    run(engine, at(1.0), slider="ahead")
    idle(engine)
    moved = run(engine, at(0.7), slider="mixed")
    assert moved.record["mixed"] == [0.5, 0.75]
    assert isinstance(moved.recipe, Stylize) and moved.recipe.strength == 0.7
    half, more = (pixels(run(engine, at(s))).astype(float) for s in (0.5, 0.75))
    assert np.abs(pixels(moved) - (0.2 * half + 0.8 * more)).max() <= 0.5001


@pytest.mark.parametrize("first", [0.0, 1.0])
def test_the_painter_is_helped_too_though_its_ends_are_quick_and_strength_0_needs_no_network(engine, first):
    painted = (Style(name="mosaic"),)
    run(engine, Stylize(painted, strength=first), slider="ahead")
    idle(engine)
    moved = run(engine, Stylize(painted, strength=0.7), slider="mixed")
    assert moved.record["mixed"] == [0.5, 0.75]
    assert moved.recipe.networks == run(engine, Stylize(painted, strength=0.7)).recipe.networks


def test_once_the_hand_has_moved_they_are_an_eighth_apart_nearest_first(engine):
    run(engine, at(0.9), slider="ahead")
    idle(engine)
    assert run(engine, at(0.9), slider="mixed").record.get("mixed") is None, "it was painted itself"
    assert run(engine, at(0.8), slider="mixed").record["mixed"] == [pytest.approx(0.675), 0.9]
    idle(engine)
    found = [run(engine, at(s), slider="mixed").record["mixed"] for s in (0.05, 0.3, 0.7)]
    assert all(above - below <= 1 / 8 for below, above in found)


def test_what_is_asked_for_exactly_is_never_mixed(engine):
    exact = run(engine, at(0.7))
    run(engine, at(1.0), slider="ahead")
    idle(engine)
    for how in ("exact", "ahead"):
        made = run(engine, at(0.7), slider=how)
        assert bytes(made.data) == bytes(exact.data) and "mixed" not in made.record


def test_where_nothing_is_near_a_move_is_painted(engine):
    made = run(engine, at(0.7), slider="mixed")
    assert "mixed" not in made.record
    assert bytes(made.data) == bytes(run(engine, at(0.7)).data)


@pytest.mark.parametrize("other", [{"scale": 0.7}, {"color": "luminance"}])
def test_other_recipes_and_contents_are_not_mixed_of_these(engine, other):
    run(engine, at(1.0), slider="ahead")
    idle(engine)
    assert "mixed" not in run(engine, at(0.7, **other), slider="mixed").record
    assert "mixed" not in run(engine, at(0.7), slot(scene(seed=3), "RGBA"), slider="mixed").record
    mask = slot(np.full((72, 104), 99, np.uint8), "GRAY")
    assert "mixed" not in run(engine, at(0.7), mask=mask, slider="mixed").record


def test_outside_the_mask_no_byte_changes_in_any_depth(engine):
    mask = np.zeros((72, 104), np.uint8)
    mask[20:40, 30:60] = 200
    floats, deep = slot(scene(channels=3).astype("<f4") / 255), slot(scene().astype("<u2") * 257, "RGBA")
    for content in (CONTENT, floats, deep):
        for strength, how in ((1.0, "ahead"), (0.6, "mixed")):
            made = run(engine, at(strength), content, slot(mask, "GRAY"), slider=how)
            idle(engine)
        before = pixels(content)
        assert made.record["mixed"] == [0.5, 0.75]
        assert (pixels(made)[mask == 0] == before[mask == 0]).all()
        assert (pixels(made)[mask > 0] != before[mask > 0]).any()


def test_the_room_for_them_is_bounded(engine, monkeypatch):
    monkeypatch.setattr(slider, "ROOM", 4 * len(CONTENT.data))
    run(engine, at(1.0), slider="ahead")
    idle(engine)
    assert engine.resources.store.bytes_by_kind()["slider"] == 4 * len(CONTENT.data)
    run(engine, at(0.99), slider="mixed")
    idle(engine)
    assert engine.resources.store.bytes_by_kind()["slider"] == 4 * len(CONTENT.data)
    assert run(engine, at(0.8), slider="mixed").record["mixed"] == [0.75, 1.0]


def test_without_the_addition_that_makes_strength_0_exact_all_is_painted(engine):
    run(engine, at(1.0, residual=False), slider="ahead")
    idle(engine)
    assert "mixed" not in run(engine, at(0.7, residual=False), slider="mixed").record


def test_a_pass_that_takes_no_longer_needs_no_help(engine, monkeypatch):
    for quick, helped in ((0.0, True), (60.0, False)):
        engine.trim()
        monkeypatch.setattr(slider, "QUICK", quick)
        run(engine, at(1.0), slider="ahead")
        idle(engine)
        assert ("mixed" in run(engine, at(0.7), slider="mixed").record) is helped
