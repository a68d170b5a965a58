"""A refinement as a walk: it gets better, stays displayable, can stop, resume, and repeats itself."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from velatura_models.networks.encoder import Encoder
from velatura_models.optimise.gram import Gram, GramTarget, gram_loss, picture_grams
from velatura_models.optimise.objective import RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.terms import Terms

from .conftest import box_mask, finished, random_encoder, random_picture

CONTENT = random_picture(80, 100, 1).float()
STYLE = random_picture(70, 90, 5).float().flip(1)
PROBLEM = Problem((80, 100), [StyleSource(STYLE)], CONTENT)
GRAM = Gram(1.0, 100.0)
OPTIONS = RefineOptions(GRAM, 12, levels=1)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder().float()


def losses(walk: Refinement) -> list[float]:
    return [step.losses["total"] for step in walk.run() if step.whole]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("init", ["content", "noise"])
def test_the_loss_of_the_displayable_picture_falls(encoder: Encoder, optimizer: str, init: str) -> None:
    options = replace(OPTIONS, optimizer=optimizer, init=init, iterations=25)
    walk = Refinement(encoder, PROBLEM, options)
    course = losses(walk)
    assert len(course) == 25
    assert min(course) < 0.6 * course[0]
    picture = walk.picture()
    assert picture.shape == CONTENT.shape
    assert float(picture.min()) >= 0
    assert float(picture.max()) <= 1
    grams = finished(picture_grams(encoder, STYLE, list(GRAM.style_layers)))
    loss = gram_loss(encoder, (80, 100), GRAM, CONTENT, [GramTarget(grams)])
    assert finished(loss.evaluate(picture)).losses["total"] == pytest.approx(min(course), rel=1e-4)


def test_coarse_to_fine_goes_through_all_levels(encoder: Encoder) -> None:
    problem = Problem((256, 280), [StyleSource(STYLE)], random_picture(256, 280, 1).float())
    walk = Refinement(encoder, problem, replace(OPTIONS, levels=3, iterations=7))
    steps = [step for step in walk.run() if step.whole]
    assert [level.size for level in walk.levels] == [(64, 70), (128, 140), (256, 280)]
    assert [level.evaluations for level in walk.levels] == [3, 2, 2]
    assert [step.step for step in steps] == list(range(1, 8))
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[2].fraction < 0.2  # a quarter of the side is a sixteenth of the cost
    assert steps[-1].fraction == pytest.approx(1)


def test_the_same_seed_gives_the_same_picture_and_another_one_does_not(encoder: Encoder) -> None:
    def made(seed: int) -> Tensor:
        walk = Refinement(encoder, PROBLEM, replace(OPTIONS, init="noise", seed=seed, iterations=4))
        losses(walk)
        return walk.picture()

    assert torch.equal(made(1), made(1))
    assert not torch.equal(made(1), made(2))


def test_stopping_at_any_step_keeps_the_best_so_far(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, learning_rate=0.3, iterations=30))
    best = math.inf
    for step in walk.run():
        best = min(best, step.losses.get("total", math.inf))
        if step.step == 9:
            break
    loss = finished(walk.objective.targets(walk.encoder, walk._scene, walk._start.float()))
    assert finished(loss.evaluate(walk.picture())).losses["total"] == pytest.approx(best, rel=1e-4)


def test_a_walk_that_is_closed_leaves_the_picture_usable(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, OPTIONS)
    steps = walk.run()
    next(steps)
    steps.close()
    assert list(steps) == []
    assert walk.picture().shape == CONTENT.shape


def test_a_walk_resumes_from_its_checkpoint(encoder: Encoder) -> None:
    problem = Problem((130, 140), [StyleSource(STYLE)], random_picture(130, 140, 1).float())
    options = replace(OPTIONS, levels=2, iterations=12)
    first = Refinement(encoder, problem, options)
    for step in first.run():
        if step.whole and step.step == 8:
            break
    resumed = Refinement(encoder, problem, options, first.checkpoint())
    assert resumed.step == 8
    np.testing.assert_allclose(resumed.picture(), first.picture(), atol=1e-3)  # half precision
    steps = [step for step in resumed.run() if step.whole]
    assert steps[0].step == 9
    assert steps[-1].step == 12
    assert steps[-1].losses["total"] < step.losses["total"]


def test_a_checkpoint_of_another_picture_is_refused(encoder: Encoder) -> None:
    other = replace(PROBLEM, size=(90, 90), content=random_picture(90, 90).float())
    with pytest.raises(ValueError, match="does not belong"):
        Refinement(encoder, PROBLEM, OPTIONS, Refinement(encoder, other, OPTIONS).checkpoint())


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_mask_confines_the_change_and_the_work(encoder: Encoder, optimizer: str) -> None:
    content = random_picture(330, 411, 1).float()
    mask = box_mask(330, 411, 150, 170, 190, 201).float()
    problem = Problem((330, 411), [StyleSource(STYLE)], content, mask)
    walk = Refinement(encoder, problem, replace(OPTIONS, iterations=3, optimizer=optimizer))
    losses(walk)
    assert walk.levels[0].box.height * walk.levels[0].box.width < 330 * 411 / 2
    changed = (walk.picture() != content).any(1, keepdim=True)
    assert not bool((changed & (mask == 0)).any())
    assert bool((changed & (mask > 0)).any())


def test_a_mask_of_one_pixel_changes_that_pixel(encoder: Encoder) -> None:
    mask = box_mask(80, 100, 79, 99, 80, 100).float()
    walk = Refinement(encoder, replace(PROBLEM, mask=mask), replace(OPTIONS, iterations=3))
    losses(walk)
    changed = (walk.picture() != CONTENT).any(1)[0].nonzero().tolist()
    assert changed == [[79, 99]]


def test_a_mask_of_one_pixel_survives_all_levels(encoder: Encoder) -> None:
    content, mask = random_picture(256, 300, 1).float(), box_mask(256, 300, 130, 7, 131, 8).float()
    walk = Refinement(
        encoder,
        Problem((256, 300), [StyleSource(STYLE)], content, mask),
        replace(OPTIONS, levels=3, iterations=6),
    )
    assert all(math.isfinite(loss) for loss in losses(walk))
    assert len(walk.levels) == 3
    assert (walk.picture() != content).any(1)[0].nonzero().tolist() == [[130, 7]]


@pytest.mark.parametrize("color", ["style", "luminance", "statistics"])
def test_outside_of_the_mask_is_the_content_at_every_step(encoder: Encoder, color: str) -> None:
    """Also while a coarse level is at work, and where a card's colours are fitted at the end."""
    content, mask = random_picture(140, 150, 1).float(), box_mask(140, 150, 40, 40, 90, 100).float()
    grams = finished(picture_grams(encoder, STYLE, list(GRAM.style_layers)))
    problem = Problem((140, 150), [StyleSource(grams=grams)], content, mask)
    walk = Refinement(encoder, problem, replace(OPTIONS, levels=2, iterations=4, color=color))
    for step in walk.run():
        if step.whole:
            changed = (walk.picture() - content).abs().amax(1, keepdim=True) > 1e-6
            assert not bool((changed & (mask == 0)).any())
    assert bool((changed & (mask > 0)).any())


def test_statistics_are_those_inside_the_mask(encoder: Encoder) -> None:
    """A small red area of a blue picture stays red, whatever the card's colours are."""
    content = 0.2 + 0.2 * random_picture(80, 100, 1).float()
    mask = box_mask(80, 100, 20, 20, 60, 60).float()
    content = torch.where(mask > 0, content + torch.tensor([0.5, 0, 0]).view(1, 3, 1, 1), content)
    grams = finished(picture_grams(encoder, STYLE, list(GRAM.style_layers)))
    problem = Problem((80, 100), [StyleSource(grams=grams)], content, mask)
    walk = Refinement(encoder, problem, replace(OPTIONS, color="statistics"))
    losses(walk)
    inside = slice(20, 60)
    made, kept = (p[:, :, inside, inside].mean((2, 3)) for p in (walk.picture(), content))
    np.testing.assert_allclose(made, kept, atol=0.02)


def test_regions_take_their_own_styles(encoder: Encoder) -> None:
    """A bright style on the left, a dark one on the right."""
    left, right = box_mask(80, 100, 0, 0, 80, 50).float(), box_mask(80, 100, 0, 50, 80, 100).float()
    styles = [StyleSource(0.5 + 0.5 * STYLE, mask=left), StyleSource(0.2 * STYLE, mask=right)]
    options = replace(OPTIONS, objective=Gram(0.0, 100.0), iterations=30)
    walk = Refinement(encoder, replace(PROBLEM, styles=styles), options)
    losses(walk)
    bright, dark = (walk.picture()[..., half].mean() for half in (slice(0, 50), slice(50, 100)))
    assert float(bright) > float(dark) + 0.25


def test_a_style_known_by_its_gram_matrices_alone(encoder: Encoder) -> None:
    grams = finished(picture_grams(encoder, STYLE, list(GRAM.style_layers)))
    by_picture = losses(Refinement(encoder, PROBLEM, OPTIONS))
    by_card = losses(Refinement(encoder, replace(PROBLEM, styles=[StyleSource(grams=grams)]), OPTIONS))
    np.testing.assert_allclose(by_card, by_picture, rtol=1e-3)


def test_luminance_keeps_the_chroma_and_statistics_the_colours(encoder: Encoder) -> None:
    style = StyleSource(STYLE * torch.tensor([1.0, 0.2, 0.1]).view(1, 3, 1, 1))
    problem = replace(PROBLEM, styles=[style], content=0.3 + 0.4 * CONTENT)
    made = {}
    for color in ("style", "luminance", "statistics"):
        walk = Refinement(encoder, problem, replace(OPTIONS, color=color, iterations=20))
        course = losses(walk)
        assert min(course) < course[0]
        made[color] = walk.picture()
    content = problem.content
    assert content is not None
    chroma = (made["luminance"][:, 0] - made["luminance"][:, 2]) - (content[:, 0] - content[:, 2])
    assert float(chroma.abs().max()) < 1e-5
    far = (made["style"].mean((2, 3)) - content.mean((2, 3))).abs().sum()
    near = (made["statistics"].mean((2, 3)) - content.mean((2, 3))).abs().sum()
    assert float(near) < 0.5 * float(far)


def test_a_loss_that_is_not_finite_halves_the_step_then_stops_with_the_last_good_picture(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Terms.evaluate, []

    def breaks(self: Terms, picture: Tensor):
        calls.append(picture.clone())
        found = yield from real(self, picture)
        if len(calls) > 4:
            found.losses["total"] = math.nan
        return found

    monkeypatch.setattr(Terms, "evaluate", breaks)
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, iterations=100))
    steps = [step for step in walk.run() if step.whole]
    assert len(steps) == 4 + 5 - 1
    assert "not finite 5 times" in walk.notes[-1]
    np.testing.assert_allclose(walk.picture(), calls[3], atol=1e-6)
    assert all(math.isfinite(step.losses["total"]) for step in steps)


def test_one_loss_that_is_not_finite_is_survived(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Terms.evaluate, []

    def breaks_once(self: Terms, picture: Tensor):
        calls.append(picture)
        found = yield from real(self, picture)
        if len(calls) == 3:
            found.gradient[0, 0, 0, 0] = math.nan
        return found

    monkeypatch.setattr(Terms, "evaluate", breaks_once)
    walk = Refinement(encoder, PROBLEM, OPTIONS)
    course = losses(walk)
    assert len(course) == OPTIONS.iterations
    assert min(course) < course[0]
    assert not any("finite" in note for note in walk.notes)


def test_the_total_variation_weight_takes_high_frequencies_away(encoder: Encoder) -> None:
    spectra = []
    for weight in (0.0, 0.3, 30.0):
        options = replace(OPTIONS, objective=Gram(1.0, 100.0, weight), iterations=25)
        walk = Refinement(encoder, PROBLEM, options)
        losses(walk)
        amplitude = torch.fft.fft2(walk.picture()[0].mean(0)).abs()
        spectra.append(float(amplitude[20:60, 25:75].mean()))
    assert spectra[0] > 1.1 * spectra[1]
    assert spectra[1] > 1.3 * spectra[2]


def test_a_style_smaller_than_the_receptive_field_is_said(encoder: Encoder) -> None:
    shallow = replace(OPTIONS, objective=Gram(style_layers={"relu1_1": 1.0, "relu5_1": 0.0}))
    assert Refinement(encoder, PROBLEM, shallow).notes == []
    (note,) = Refinement(encoder, PROBLEM, OPTIONS).notes
    assert "90 x 70 pixels" in note and "156" in note and "relu5_1" in note


@pytest.mark.parametrize("size", [(3, 5), (20, 150), (31, 31)])
def test_tiny_pictures_are_refined_too(encoder: Encoder, size: tuple[int, int]) -> None:
    content = random_picture(*size, 1).float()
    walk = Refinement(encoder, Problem(size, [StyleSource(STYLE)], content), replace(OPTIONS, iterations=3))
    assert all(math.isfinite(loss) for loss in losses(walk))
    assert walk.picture().shape == content.shape
    assert not torch.equal(walk.picture(), content)


@pytest.mark.parametrize("size", [(64, 96), (50, 75)])
def test_a_tileable_texture_has_no_seam(encoder: Encoder, size: tuple[int, int]) -> None:
    """Across the border neighbours differ no more than somewhere inside; without wrapping they do."""

    def seam(wrap: bool) -> bool:
        options = RefineOptions(Gram(0.0, 100.0, 300.0), 60, learning_rate=0.05, levels=1, init="noise")
        walk = Refinement(encoder, Problem(size, [StyleSource(STYLE)], wrap=wrap), options)
        losses(walk)
        picture = walk.picture()
        assert tuple(picture.shape[-2:]) == size
        inside = (picture[..., 1:] - picture[..., :-1]).abs().mean((0, 1, 2))
        return float((picture[..., 0] - picture[..., -1]).abs().mean()) > float(inside.max())

    assert not seam(True)
    assert seam(False)


def test_a_texture_takes_the_gram_matrices_of_its_source(encoder: Encoder) -> None:
    options = RefineOptions(Gram(0.0, 100.0), 80, learning_rate=0.05, levels=1, init="noise")
    walk = Refinement(encoder, Problem((64, 120), [StyleSource(STYLE)]), options)
    course = losses(walk)
    assert min(course) < 0.05 * course[0]


def test_what_cannot_be_optimised_is_said_in_words(encoder: Encoder) -> None:
    def refuse(words: str, problem: Problem = PROBLEM, **changed) -> None:
        with pytest.raises(ValueError, match=words):
            losses(Refinement(encoder, problem, replace(OPTIONS, **changed)))

    refuse("all weights are 0", objective=Gram(0.0, 0.0))
    refuse("all weights are 0", objective=Gram(0.0, 1.0, style_layers={"relu1_1": 0.0}))
    refuse("unknown layer.*relu7_1", objective=Gram(style_layers={"relu7_1": 1.0}))
    refuse("iterations is 0", iterations=0)
    refuse("init must be", init="photo")
    refuse("needs at least|at least 32 a side", replace(PROBLEM, styles=[StyleSource(STYLE[..., :20])]))
    refuse("the mask is empty", replace(PROBLEM, mask=torch.zeros(1, 1, 80, 100)))
    refuse("neither a picture nor Gram", replace(PROBLEM, styles=[StyleSource()]))
    refuse("no stylized picture", init="stylized")
