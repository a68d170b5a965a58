"""Shapes that move: gradients, modes, what holds them, and the walk's promises."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from velatura_models.networks.encoder import Encoder
from velatura_models.optimise.deform import Deform, Shaped
from velatura_models.optimise.gram import Gram
from velatura_models.optimise.neighbours import Neighbours
from velatura_models.optimise.objective import Objective, RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.scene import Scene
from velatura_models.optimise.strotss import Strotss
from velatura_models.optimise.terms import Terms
from velatura_models.optimise.variable import Variable

from .conftest import box_mask, finished, random_encoder, random_picture

SIZE = (64, 72)
CONTENT, STYLE = (
    F.interpolate(random_picture(12, 14, seed).float(), SIZE, mode="bicubic").clamp(0, 1) for seed in (1, 5)
)
PROBLEM = Problem(SIZE, [StyleSource(STYLE)], CONTENT)
PAIRS = ((0.2, 0.3, 0.3, 0.35), (0.7, 0.3, 0.62, 0.3), (0.3, 0.7, 0.3, 0.6), (0.7, 0.75, 0.7, 0.8))
INNER: dict[str, Objective] = {"gram": Gram(tv_weight=0.1), "neighbours": Neighbours(), "strotss": Strotss()}
OPTIONS = RefineOptions(Deform(Gram(), PAIRS), 12, "adam", learning_rate=5e-3, levels=2)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder(pool="max").float()


def walked(encoder: Encoder, objective: Objective, problem: Problem = PROBLEM, **more) -> Refinement:
    walk = Refinement(encoder, problem, replace(OPTIONS, objective=objective, **more))
    for _ in walk.run():
        pass
    return walk


def way_left(walk: Refinement) -> float:
    """How far points are from all of the way, as a share of it."""
    deform, shape = walk.objective, walk._variable.shape(walk._best)
    assert isinstance(deform, Deform) and shape is not None
    points, goals = deform.points(walk.problem)
    return float((points + shape - goals).norm(dim=1).mean() / (goals - points).norm(dim=1).mean())


@pytest.mark.parametrize("inner", INNER)
def test_points_go_towards_their_goals_and_the_marks_are_found(encoder: Encoder, inner: str) -> None:
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, objective=Deform(INNER[inner], PAIRS, reach=0.9)))
    course = [dict(step.losses) for step in walk.run() if step.whole]
    assert {"bent", "points", "bending"} < set(course[0])
    assert way_left(walk) < 0.9
    base = walk._variable.base(walk._best)
    assert float((base - walk.picture()).abs().max()) > 0.05


@pytest.mark.parametrize("reach", [0.0, 0.4, 1.0])
def test_the_reach_says_how_far(encoder: Encoder, reach: float) -> None:
    walk = walked(encoder, Deform(Gram(), PAIRS, "after", reach), levels=1, iterations=1)
    assert way_left(walk) == pytest.approx(1 - reach, abs=1e-6)


def test_bent_afterwards_is_the_picture_without_bent(encoder: Encoder) -> None:
    deform = Deform(Strotss(), PAIRS, "after", 1.0)
    walk, plain = walked(encoder, deform), walked(encoder, deform.inner)
    variable = walk._variable
    assert isinstance(variable, Shaped)
    assert torch.equal(variable.base(walk._best), plain.picture())
    assert way_left(walk) < 1e-6
    shape = variable.shape(walk._best)
    np.testing.assert_allclose(walk.picture(), variable.warp.bent(plain.picture(), shape), atol=1e-6)


def test_without_marks_the_content_is_bent(encoder: Encoder) -> None:
    walk = walked(encoder, Deform(Neighbours(), PAIRS, "only", 1.0), levels=1)
    np.testing.assert_allclose(walk._variable.base(walk._best), CONTENT, atol=2e-3)  # half precision
    assert way_left(walk) < 1 and float((walk.picture() - CONTENT).abs().max()) > 0.05


def test_a_picture_that_is_bent_alone_keeps_its_detail_over_all_levels(encoder: Encoder) -> None:
    at_rest = tuple((x, y, x, y) for x, y, *_ in PAIRS)
    fine = random_picture(144, 160, 3).float()
    problem = Problem((144, 160), [StyleSource(fine)], fine)
    walk = walked(encoder, Deform(Gram(), at_rest, "only", 1.0), problem, init="content", levels=3)
    assert float((walk.picture() - fine).abs().mean()) < 0.01


@pytest.mark.parametrize("mode", ["joint", "after", "only"])
def test_outside_of_the_mask_nothing_moves(encoder: Encoder, mode: str) -> None:
    mask = box_mask(*SIZE, 8, 6, 60, 68).float()
    options = replace(OPTIONS, objective=Deform(Gram(), PAIRS, mode, 1.0), levels=1, iterations=10)
    walk = Refinement(encoder, replace(PROBLEM, mask=mask), options)
    for step in walk.run():
        if step.whole:
            changed = (walk.picture() - CONTENT).abs().amax(1, keepdim=True) > 1e-6
            assert not bool((changed & (mask == 0)).any())
    assert way_left(walk) < 1


def test_too_few_pairs_are_told_and_nothing_is_bent(encoder: Encoder) -> None:
    mask = box_mask(*SIZE, 0, 0, 32, 72).float()  # two of the four
    problem = replace(PROBLEM, mask=mask)
    walk = walked(encoder, Deform(Strotss(), PAIRS), problem)
    assert any("shapes stay: it takes 3 pairs" in note and "not 2" in note for note in walk.notes)
    assert torch.equal(walk.picture(), walked(encoder, Strotss(), problem).picture())


def test_a_walk_that_resumes_goes_on_from_its_shape(encoder: Encoder) -> None:
    options = replace(OPTIONS, objective=Deform(Strotss(), PAIRS))
    whole = walked(encoder, options.objective)
    half = Refinement(encoder, PROBLEM, options)
    for step in half.run():
        if step.step == 6 and not step.whole:  # the second level has begun
            break
    checkpoint = half.checkpoint()
    assert checkpoint["shape"].abs().max() > 0
    resumed = Refinement(encoder, PROBLEM, options, checkpoint)
    for _ in resumed.run():
        pass
    assert torch.equal(whole.picture(), resumed.picture())


@pytest.mark.parametrize("inner", ["gram", "strotss"])
def test_losses_that_are_not_finite_end_it_with_the_last_good_shape(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    real, calls = Terms.evaluate, []

    def breaks(self: Terms, picture: Tensor):
        found = yield from real(self, picture)
        calls.append(found)
        if len(calls) > 7:  # two a step
            found.losses["total"] = math.nan
            found.gradient.fill_(math.nan)
        return found

    monkeypatch.setattr(Terms, "evaluate", breaks)
    walk = walked(encoder, Deform(INNER[inner], PAIRS), iterations=100, levels=1)
    assert "not finite 5 times" in walk.notes[-1] and len(calls) < 20
    assert bool(torch.isfinite(walk.picture()).all()) and 0.5 < way_left(walk) < 1


@pytest.mark.parametrize("inner", ["gram", "strotss"])
def test_a_style_smaller_than_the_deepest_layer_is_told(encoder: Encoder, inner: str) -> None:
    problem = replace(PROBLEM, styles=[StyleSource(STYLE[:, :, :40, :33])])
    walk = walked(encoder, Deform(INNER[inner], PAIRS), problem, iterations=2, levels=1)
    assert any("a style of 33 x 40 pixels" in note for note in walk.notes)
    assert bool(torch.isfinite(walk.picture()).all())


def test_points_on_the_border_stay(encoder: Encoder) -> None:
    edges = ((0.0, 0.0, 0.1, 0.2), (1.0, 0.5, 0.9, 0.4), (0.5, 1.0, 0.6, 0.9))
    walk = walked(encoder, Deform(Gram(), (*PAIRS, *edges)), iterations=2, levels=1)
    shape = walk._variable.shape(walk._best)
    assert shape is not None and len(shape) == len(PAIRS)


def test_a_step_that_folds_is_halved(encoder: Encoder) -> None:
    crossed = ((0.3, 0.5, 0.9, 0.5), (0.7, 0.5, 0.1, 0.5), (0.5, 0.2, 0.5, 0.2), (0.5, 0.8, 0.5, 0.8))
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, objective=Deform(Gram(), crossed, "only", 1.0)))
    for step in walk.run():
        if step.whole:
            variable = walk._variable
            assert isinstance(variable, Shaped)
            assert not variable.warp.folds(variable.shape(walk._best) * variable.ratio)


def a_place(encoder: Encoder, size: tuple[int, int], side: int | None = None) -> tuple[Variable, Any, Tensor]:
    """What is moved, its loss, and parameters in the middle of a walk, in float64."""
    problem = Problem(size, [StyleSource(STYLE.double())], random_picture(*size, 1))
    deform = Deform(Gram(tv_weight=0.1), PAIRS)
    walk = Refinement(encoder, problem, replace(OPTIONS, objective=deform, levels=1, side=side))
    scene = Scene(walk.problem, walk.options, walk.levels[0], walk.subject, walk.device)
    content = scene.content()
    assert content is not None
    joint = finished(deform.targets(encoder, scene, content))
    variable = deform.variable(scene)
    shape = 0.02 * torch.ones(4, 2, dtype=torch.float64)
    return variable, joint, variable.begin(0.2 + 0.6 * random_picture(*size, 7), shape)


def test_gradients_by_finite_differences() -> None:
    variable, joint, x = a_place(random_encoder(), SIZE)
    gradient = finished(variable.evaluate(joint, x)).gradient
    for place in (-1, -4, 30 * 72 + 30, len(x) - 20):
        ends = []
        for sign in (1, -1):
            moved = x.clone()
            moved[place] += sign * 1e-5
            ends.append(finished(variable.evaluate(joint, moved)).losses["total"])
        assert float(gradient[place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=0.02, abs=1e-8)


def test_tiles_are_the_whole() -> None:
    found = []
    for side in (None, 110):
        variable, joint, x = a_place(random_encoder(), (75, 301), side)
        assert (len(joint.whole.tiles) > 1) == (side is not None)
        found.append(finished(variable.evaluate(joint, x)))
    assert found[0].losses == pytest.approx(found[1].losses)
    torch.testing.assert_close(found[0].gradient, found[1].gradient, rtol=1e-6, atol=1e-9)


def test_what_cannot_be_moved_is_said_in_words(encoder: Encoder) -> None:
    options = replace(OPTIONS, objective=Deform(Gram(), PAIRS, "sideways"))
    with pytest.raises(ValueError, match="mode must be one of joint, after, only"):
        Refinement(encoder, PROBLEM, options)
    grams: dict[str, Tensor] = {}
    with pytest.raises(ValueError, match="needs a style's picture"):
        Refinement(encoder, replace(PROBLEM, styles=[StyleSource(grams=grams)]), OPTIONS)
