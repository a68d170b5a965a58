"""STROTSS: every distance by an independent formula, and the walk's promises."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist
from torch import Tensor
from torch.nn import functional as F
from velatura_models.networks.encoder import Encoder
from velatura_models.optimise import emd
from velatura_models.optimise.emd import (
    COSINE,
    DECORRELATED,
    EUCLIDEAN,
    Distance,
    cosine_distances,
    directions,
    guided,
    mixed,
    moments,
    moments_apart,
    relaxed_emd,
    self_similarity_apart,
    similarities,
)
from velatura_models.optimise.objective import RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.pyramid import finest, resize
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.sampled import columns_at, drawn
from velatura_models.optimise.scene import Scene
from velatura_models.optimise.strotss import COLUMN, Sampled, Strotss

from .conftest import box_mask, finished, random_encoder, random_picture

CONTENT = random_picture(72, 100, 1).float()
STYLE = random_picture(64, 88, 5).float().flip(1)
PROBLEM = Problem((72, 100), [StyleSource(STYLE)], CONTENT)
OPTIONS = RefineOptions(Strotss(), 12, "rmsprop", learning_rate=2e-3, levels=2)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder(pool="max").float()


def rows(n: int, d: int, seed: int) -> Tensor:
    return torch.rand(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("ours", "theirs"), [(COSINE, "cosine"), (EUCLIDEAN, "euclidean")])
def test_the_relaxed_distance_is_no_more_than_the_exact_one(ours: Distance, theirs: str) -> None:
    between, apart = ours
    for seed in range(20):
        x, y = directions(rows(24, 7, seed)), directions(rows(24, 7, seed + 100))
        exact = cdist(x, y, theirs)  # type: ignore[call-overload]  # a name
        np.testing.assert_allclose(between(x, y), exact, atol=1e-9)
        np.testing.assert_allclose(apart(x, y), exact.diagonal(), atol=1e-9)
        one, other = exact.min(1).mean(), exact.min(0).mean()
        moved = exact[linear_sum_assignment(exact)].mean()
        relaxed = float(relaxed_emd(x, y, ours))
        assert relaxed == pytest.approx(max(one, other))
        assert min(one, other) - 1e-12 <= relaxed <= moved + 1e-12
        assert float(relaxed_emd(x, x[torch.randperm(24)], ours)) == pytest.approx(0, abs=2e-5)


def test_between_sets_of_two_sizes_too() -> None:
    """Against the transport itself, a linear programme: rows give 1/n each, columns take 1/m each."""
    for seed in range(4):
        x, y = directions(rows(11, 5, seed)), directions(rows(7, 5, seed + 100))
        costs = cosine_distances(x, y)
        n, m = costs.shape
        gives, takes = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
        amounts = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
        moved = linprog(costs.flatten().numpy(), A_eq=np.concatenate([gives, takes]), b_eq=amounts).fun
        assert 0.3 * moved < float(relaxed_emd(x, y, COSINE)) <= moved + 1e-9


@pytest.mark.parametrize("block", [4, 6, 256])
def test_moments_are_those_of_numpy(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emd, "BLOCK", block)
    x, y = rows(50, 6, 1), rows(31, 6, 2)
    means = np.abs(x.numpy().mean(0) - y.numpy().mean(0)).sum() / 6
    covariances = np.abs(np.cov(x.T, bias=True) - np.cov(y.T, bias=True)).sum() / 36
    assert float(moments_apart(x, moments(y))) == pytest.approx(means + covariances)


def test_moments_of_a_blend_are_those_of_its_rows() -> None:
    x, y = rows(50, 6, 1), rows(30, 6, 2)
    every = torch.cat([x] * 9 + [y] * 5)  # 450 to 150 rows
    for ours, theirs in zip(mixed([3.0, 1.0], [moments(x), moments(y)]), moments(every), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_self_similarity_compares_distances_by_columns() -> None:
    x, y = rows(20, 6, 1), rows(20, 6, 2)
    one, other = (cdist(p, p, "cosine") for p in (x, y))
    expected = np.abs(one / one.sum(0) - other / other.sum(0)).sum() / 20
    ours, theirs, longer = (similarities(directions(p)) for p in (x, y, 3 * x))
    assert float(self_similarity_apart(ours, theirs)) == pytest.approx(expected)
    assert float(self_similarity_apart(ours, longer)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "distance",
    [
        lambda x, y: relaxed_emd(directions(x), directions(y), COSINE),
        lambda x, y: relaxed_emd(directions(x), directions(y[:4]), COSINE),
        lambda x, y: relaxed_emd(x, y, EUCLIDEAN),
        lambda x, y: moments_apart(x, moments(y)),
        lambda x, y: self_similarity_apart(*(similarities(directions(p)) for p in (x, y))),
        lambda x, y: relaxed_emd(directions(x), directions(y), COSINE, pairs=3),
    ],
)
def test_gradients_of_the_distances(distance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emd, "BLOCK", 2)
    y = rows(9, 5, 2)
    assert torch.autograd.gradcheck(lambda x: distance(x, y), rows(9, 5, 1).requires_grad_())


def test_the_axes_of_colour_are_at_right_angles_and_the_first_is_grey() -> None:
    axes = np.array(DECORRELATED)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(axes[0], np.full(3, 1 / math.sqrt(3)), atol=1e-5)


def test_a_pair_of_points_goes_nowhere_else() -> None:
    costs = rows(6, 5, 3)
    got = guided(costs, 2)
    assert torch.equal(got[:4], costs[:4])
    assert bool(torch.isinf(got[4:, :3]).all()) and bool(torch.isinf(got[[4, 5], [4, 3]]).all())
    np.testing.assert_allclose(got[[4, 5], [3, 4]], 5 * costs[[4, 5], [3, 4]])
    x, y = rows(6, 7, 1), rows(5, 7, 2)
    found = guided(torch.cdist(x, y), 2)
    expected = max(found.amin(dim).mean() for dim in (0, 1))
    assert float(relaxed_emd(x, y, EUCLIDEAN, pairs=2)) == pytest.approx(float(expected))


def test_a_wall_in_the_styles_rarest_colour_is_dear_however_strong_the_content(encoder: Encoder) -> None:
    """The relaxed distance sees no amounts: moments do, by a weight that alpha does not lessen."""
    style = torch.full((1, 3, 40, 40), 0.8)
    style[:, :, :4], style[:, 0, :, 0] = 0.1, 0.3
    options = replace(OPTIONS, objective=Strotss(50.0), levels=1)
    loss, _ = loss_of(Refinement(encoder, Problem((40, 40), [StyleSource(style)], style), options))
    evaluation = finished(loss.evaluate(style))
    places, goal, axes = loss._places[loss._draw - 1], loss._goals[0], np.array(DECORRELATED)
    colors = style[0][:, places[:, 0], places[:, 1]].T.numpy() @ axes.T
    costs = cdist(colors, goal.colors)
    mean, covariance = goal.color_moments
    expected = max(costs.min(0).mean(), costs.min(1).mean()) / 50
    expected += np.abs(colors.mean(0) - mean.numpy()).mean()
    expected += np.abs(np.cov(colors.T, bias=True) - covariance.numpy()).mean()
    assert evaluation.losses["palette"] == pytest.approx(expected, rel=1e-3)
    wall = finished(loss.evaluate(torch.full((1, 3, 40, 40), 0.1)))
    assert wall.losses["palette"] > 5 * expected


def test_finer_scales_do_without_the_deepest_layer(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, OPTIONS)
    seen = []
    for level in walk.levels:
        scene = Scene(walk.problem, walk.options, level, walk.subject, walk.device)
        seen.append(finished(walk.objective.targets(encoder, scene, CONTENT)).terms.layers)
    assert seen == [sorted(COLUMN), sorted(COLUMN[:-1])]


def test_hypercolumns_are_interpolated_between_positions() -> None:
    encoder = random_encoder(pool="max")
    picture = random_picture(48, 64, 2)
    places = torch.tensor([[0, 0], [13, 22], [47, 63], [30, 5]])
    got = finished(columns_at(encoder, picture, COLUMN, places, None))
    expected = []
    for layer, maps in encoder(picture, COLUMN).items():
        stride = 48 // maps.shape[2]
        last = torch.tensor([maps.shape[3] - 1, maps.shape[2] - 1])
        at = ((places + 0.5) / stride - 0.5).flip(1) * 2 / last - 1
        taken = F.grid_sample(maps, at[None, None].double(), padding_mode="border", align_corners=True)
        expected.append(taken[0, :, 0].T)
        assert layer in COLUMN
    np.testing.assert_allclose(got, torch.cat(expected, 1), rtol=1e-4, atol=1e-5)


def test_places_are_drawn_where_the_weight_is() -> None:
    weight = box_mask(30, 40, 10, 5, 12, 9)
    weight[:, :, 10, 5] = 3.0
    places = drawn(4000, (30, 40), weight, torch.Generator().manual_seed(1))
    assert places.amin(0).tolist() == [10, 5] and places.amax(0).tolist() == [11, 8]
    heavy = (places == torch.tensor([10, 5])).all(1).double().mean()
    assert float(heavy) == pytest.approx(3 / 10, abs=0.03)


def loss_of(walk: Refinement) -> tuple[Sampled, Scene]:
    scene = Scene(walk.problem, walk.options, walk.levels[-1], walk.subject, walk.device)
    start = scene.content()
    assert start is not None
    return finished(walk.objective.targets(walk.encoder, scene, start)), scene


def masked_problem() -> Problem:
    left, right = box_mask(75, 301, 0, 0, 75, 170), box_mask(75, 301, 0, 130, 75, 301)
    styles = [
        StyleSource(STYLE.double(), mask=left),
        StyleSource(STYLE.double().flip(2), weight=2.0, mask=left),
        StyleSource(STYLE.double().flip(3), mask=right),
    ]
    return Problem((75, 301), styles, random_picture(75, 301, 1), box_mask(75, 301, 5, 90, 75, 290))


PAIRED = Strotss(tv_weight=0.1, pairs=((0.4, 0.5, 0.2, 0.3), (0.45, 0.2, 0.9, 0.9), (0.01, 0.01, 0.5, 0.5)))


def test_tiles_give_the_loss_and_the_gradient_of_the_whole() -> None:
    encoder, x = random_encoder(pool="max"), random_picture(75, 301, 7)
    options = replace(OPTIONS, objective=PAIRED, levels=1)
    evaluations = []
    for side in (None, 110):
        loss, scene = loss_of(Refinement(encoder, masked_problem(), replace(options, side=side)))
        down, across = scene.level.box.slices()
        evaluations.append(finished(loss.evaluate(x[:, :, down, across])))
        assert (len(loss.terms.tiles) > 1) == (side is not None)
        assert len(loss.paired) == 2  # the third pair lies outside of the mask
    one, many = evaluations
    assert set(one.losses) == {"transport", "moments", "content", "palette", "tv", "total"}
    for term, value in one.losses.items():
        assert many.losses[term] == pytest.approx(value, rel=1e-5)
    largest = float(one.gradient.abs().max())
    np.testing.assert_allclose(many.gradient, one.gradient, rtol=1e-3, atol=1e-4 * largest)


def test_gradient_by_finite_differences() -> None:
    encoder = random_encoder(pool="avg")
    problem, options = masked_problem(), replace(OPTIONS, objective=PAIRED, levels=1)
    _, scene = loss_of(Refinement(encoder, problem, options))
    x = random_picture(*scene.size, 7)

    def first(picture: Tensor):  # a new loss draws the same places
        return finished(loss_of(Refinement(encoder, problem, options))[0].evaluate(picture))

    gradient = first(x).gradient
    steepest = gradient.abs().flatten().argsort(descending=True)
    for place in steepest[[0, 20]]:
        at = tuple(int(v) for v in np.unravel_index(int(place), gradient.shape))
        up, down = x.clone(), x.clone()
        up[at] += 1e-6
        down[at] -= 1e-6
        totals = [first(p).losses["total"] for p in (up, down)]
        assert float(gradient[at]) == pytest.approx((totals[0] - totals[1]) / 2e-6, rel=1e-3, abs=1e-7)


def test_alpha_is_halved_from_scale_to_scale(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, OPTIONS)
    alphas = []
    for level in walk.levels:
        scene = Scene(walk.problem, walk.options, level, walk.subject, walk.device)
        alphas.append(finished(walk.objective.targets(encoder, scene, CONTENT)).alpha)
    assert alphas == [4.0, 2.0]


def test_a_finer_scale_begins_with_the_finest_details_of_the_content(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, OPTIONS)
    size, before = walk.levels[0].size, CONTENT
    for step in walk.run():
        if walk._level == 1:
            break
        if step.whole:
            before = walk.picture(size)
    assert walk.subject is not None
    expected = (resize(before, (72, 100)) + finest(walk.subject)).clamp(0, 1)
    np.testing.assert_allclose(walk._start.float(), expected, atol=1e-3)  # half precision


def test_the_loss_falls_and_places_are_drawn_anew(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, iterations=30, levels=1, learning_rate=0.01))
    course = [step.losses["total"] for step in walk.run() if step.whole]
    assert np.mean(course[-5:]) < 0.8 * np.mean(course[:3])
    assert len(set(course)) == len(course)
    picture = walk.picture()
    assert picture.shape == CONTENT.shape and float(picture.min()) >= 0 and float(picture.max()) <= 1


def test_the_same_seed_gives_the_same_picture_also_where_it_resumes(encoder: Encoder) -> None:
    options = replace(OPTIONS, learning_rate=5e-4)  # it begins near its goal: every level must get nearer

    def made(seed: int, checkpoint=None) -> Tensor:
        walk = Refinement(encoder, PROBLEM, replace(options, seed=seed), checkpoint)
        for _ in walk.run():
            pass
        return walk.picture()

    whole = made(1)
    assert torch.equal(whole, made(1))
    assert not torch.equal(whole, made(2))
    half = Refinement(encoder, PROBLEM, replace(options, seed=1))
    for step in half.run():
        if step.step == 6 and not step.whole:  # the second level has begun
            break
    assert torch.equal(whole, made(1, half.checkpoint()))


@pytest.mark.parametrize("color", ["style", "luminance"])
def test_outside_of_the_mask_nothing_changes(encoder: Encoder, color: str) -> None:
    content, mask = random_picture(140, 150, 1).float(), box_mask(140, 150, 40, 40, 90, 100).float()
    problem = Problem((140, 150), [StyleSource(STYLE)], content, mask)
    walk = Refinement(encoder, problem, replace(OPTIONS, color=color, iterations=4))
    for _ in walk.run():
        pass
    changed = (walk.picture() - content).abs().amax(1, keepdim=True) > 1e-6
    assert not bool((changed & (mask == 0)).any())
    assert bool((changed & (mask > 0)).any())


@pytest.mark.parametrize(
    ("size", "style"),
    [
        ((3, 5), STYLE),
        ((40, 40), torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1)),
        ((40, 60), torch.zeros(1, 3, 50, 50)),
    ],
)
def test_small_pictures_and_styles_of_little(encoder: Encoder, size: tuple[int, int], style: Tensor) -> None:
    content = random_picture(*size, 1).float()
    walk = Refinement(encoder, Problem(size, [StyleSource(style)], content), replace(OPTIONS, iterations=4))
    assert all(math.isfinite(step.losses["total"]) for step in walk.run() if step.whole)
    assert walk.picture().shape == content.shape and bool(torch.isfinite(walk.picture()).all())
    assert any("large forms are lost" in note for note in walk.notes)


def test_what_cannot_be_painted_is_said_in_words(encoder: Encoder) -> None:
    for words, problem in (
        ("but there is none", Problem((72, 100), [StyleSource(STYLE)])),
        ("at least one style", Problem((72, 100), [], CONTENT)),
        ("needs a style's picture", Problem((72, 100), [StyleSource(grams={})], CONTENT)),
    ):
        with pytest.raises(ValueError, match=words):
            Refinement(encoder, problem, replace(OPTIONS, init="noise"))
