"""Neighbours and statistics: every term by an independent formula, and the walk's promises."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from velatura_models.maths.color import color_stats, mixture, transport
from velatura_models.maths.tiling import Box
from velatura_models.networks.encoder import Encoder
from velatura_models.optimise import hypercolumns, neighbours
from velatura_models.optimise.hypercolumns import allotted, directions, nearest, on_grid, style_pool
from velatura_models.optimise.matching import COLUMN
from velatura_models.optimise.neighbours import GRAM_LAYERS, Neighbours
from velatura_models.optimise.objective import RefineOptions
from velatura_models.optimise.palette import Palette
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.pyramid import share_evaluations
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.scene import Region, Scene
from velatura_models.optimise.terms import Terms

from .conftest import box_mask, finished, random_encoder, random_picture

CONTENT = random_picture(72, 100, 1).float()
STYLE = random_picture(64, 88, 5).float().flip(1)
PROBLEM = Problem((72, 100), [StyleSource(STYLE)], CONTENT)
OPTIONS = RefineOptions(Neighbours(), 14, "adam", learning_rate=5e-3, levels=2)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder(pool="max").float()


def run(walk: Refinement) -> list[dict[str, float]]:
    return [dict(step.losses) for step in walk.run() if step.whole]


def loss_of(walk: Refinement, level: int) -> tuple[Terms, Scene]:
    """The loss of a level that begins with the content, as the walk would make it."""
    scene = Scene(walk.problem, walk.options, walk.levels[level], walk.subject, walk.device)
    start = scene.content()
    assert start is not None
    return finished(walk.objective.targets(walk.encoder, scene, start)), scene


def numpy_columns(encoder: Encoder, picture: Tensor) -> dict[str, np.ndarray]:
    """Hypercolumns by layer, plainly: means over squares of 4 pixels, relu4_1 repeated."""
    found = {}
    for layer, maps in encoder(picture, COLUMN).items():
        grid = maps[0].double().numpy() / maps.shape[1]
        factor = {1: 4, 2: 2, 3: 1}.get(int(layer[4]))
        height, width = picture.shape[-2] // 4, picture.shape[-1] // 4
        if factor is None:
            grid = np.kron(grid, np.ones((1, 2, 2)))
            missing = (height - grid.shape[1], width - grid.shape[2])
            grid = np.pad(grid, ((0, 0), (0, missing[0]), (0, missing[1])), mode="edge")
        else:
            grid = grid[:, : height * factor, : width * factor]
            grid = grid.reshape(len(grid), height, factor, width, factor).mean((2, 4))
        found[layer] = grid.reshape(len(grid), -1).T
    return found


def test_the_nearest_is_that_of_the_largest_centred_cosine() -> None:
    encoder = random_encoder(pool="max")
    mine = numpy_columns(encoder, random_picture(32, 48, 2))
    pool = finished(style_pool(encoder, random_picture(32, 40, 3), COLUMN, GRAM_LAYERS, 10**6, turns=1))
    rows = {layer: part.double() for layer, part in pool.rows.items()}
    queries = {layer: torch.from_numpy(part) for layer, part in mine.items()}
    index, cosine = finished(nearest(directions(queries, COLUMN), directions(rows, COLUMN)))

    a, b = (np.concatenate([np.asarray(part[layer]) for layer in COLUMN], 1) for part in (mine, rows))
    a, b = a - a.mean(0), b - b.mean(0)
    cosines = (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    np.testing.assert_array_equal(index, cosines.argmax(1))
    np.testing.assert_allclose(cosine, cosines.max(1), rtol=1e-6)


def test_a_pool_is_the_style_turned_by_quarters(encoder: Encoder) -> None:
    pool = finished(style_pool(encoder, STYLE, COLUMN, GRAM_LAYERS, 10**6))
    turned = [numpy_columns(encoder, torch.rot90(STYLE, k, (2, 3))) for k in range(4)]
    for layer in COLUMN:
        expected = np.concatenate([part[layer] for part in turned])
        got = pool.rows[layer].double().numpy()
        np.testing.assert_allclose(np.sort(got, 0), np.sort(expected, 0), rtol=1e-4, atol=1e-6)
    few = finished(style_pool(encoder, STYLE, COLUMN, GRAM_LAYERS, 100))
    assert len(few.rows["relu1_1"]) == 100


@pytest.mark.parametrize("size", [(16, 24), (19, 26)])
def test_maps_on_the_grid_are_means_with_their_gradient(size: tuple[int, int]) -> None:
    maps = torch.randn(1, 3, *size, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    whole = Box(0, 0, *size)
    np.testing.assert_allclose(on_grid(maps, "relu1_1", whole), F.avg_pool2d(maps, 4) / 3)
    torch.autograd.gradcheck(lambda m: on_grid(m, "relu1_1", whole), maps.requires_grad_())


def test_coarse_scales_are_given_more_evaluations_which_cost_less_there() -> None:
    assert share_evaluations(48, 4, 0.8) == [16, 13, 11, 8]
    assert share_evaluations(50, 4) == [13, 13, 12, 12] and share_evaluations(3, 4, 0.8) == [0, 1, 1, 1]


def test_out_of_memory_makes_the_blocks_smaller() -> None:
    class Hungry(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func is torch.Tensor.matmul and len(args[0]) > 70:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
            return super().__torch_function__(func, types, args, kwargs or {})

    queries, pool = (F.normalize(random_picture(n, 6, n)[0, 0], dim=1) for n in (300, 40))
    expected = (queries @ pool.T).argmax(1)
    index, _ = finished(nearest(queries.as_subclass(Hungry), pool))
    assert torch.equal(index.as_subclass(torch.Tensor), expected)
    with pytest.raises(RuntimeError, match="memory"):
        finished(nearest(queries.as_subclass(Hungry), pool.as_subclass(_Starved)))


class _Starved(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.Tensor.matmul:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return super().__torch_function__(func, types, args, kwargs or {})


def test_every_style_gets_its_share_of_the_places_where_it_fits_best() -> None:
    cosines = random_picture(1, 200, 3)[0, :, 0]
    choice = allotted(cosines, [2.0, 1.0, 1.0])
    assert torch.bincount(choice).tolist() == [100, 50, 50]
    taken = (cosines[0] - cosines[1:].amax(0))[choice == 0].min()
    left = (cosines[0] - cosines[1:].amax(0))[choice != 0].max()
    assert float(taken) >= float(left)


def test_the_palette_has_the_styles_mean_and_covariance() -> None:
    content, style = 0.3 + 0.2 * random_picture(40, 50, 1), random_picture(30, 60, 2)
    matrix, offset = transport(color_stats(content), color_stats(style))
    moved = (matrix.double() @ content[0].flatten(1) + offset.double()[:, None]).numpy()
    target = style[0].flatten(1).numpy()
    np.testing.assert_allclose(moved.mean(1), target.mean(1), atol=1e-6)
    np.testing.assert_allclose(np.cov(moved, bias=True), np.cov(target, bias=True), atol=1e-6)
    assert torch.allclose(matrix, matrix.T, atol=1e-6)  # the optimal map is the gradient of a convex function


def test_a_mixture_of_palettes_is_that_of_its_pixels() -> None:
    one, other = random_picture(20, 20, 1), random_picture(20, 20, 2)
    got = mixture([color_stats(one), color_stats(other)], [3.0, 1.0])
    pixels = torch.cat([one, one, one, other], 3)[0].flatten(1).numpy()
    np.testing.assert_allclose(got.mean, pixels.mean(1), atol=1e-9)
    np.testing.assert_allclose(got.cov, np.cov(pixels, bias=True), atol=1e-9)


def test_the_palette_term_is_the_distance_of_sorted_colours() -> None:
    picture, style = random_picture(64, 64, 2), random_picture(64, 64, 3).flip(1)
    term = Palette([(Region(None, [StyleSource(style)], 1.0), [style])], 5.0)
    value, gradient = finished(term.value(picture))
    a, b = (torch.einsum("lc,cn->ln", term.lines, p[0].flatten(1)).sort(1).values for p in (picture, style))
    expected = 5.0 * float((a - b).square().mean())
    assert value == pytest.approx(expected, rel=0.02)
    direction = random_picture(64, 64, 4) - 0.5
    step = 1e-3
    slopes = []
    for sign in (1, -1):
        moved = picture + sign * step * direction
        a = torch.einsum("lc,cn->ln", term.lines, moved[0].flatten(1)).sort(1).values
        slopes.append(5.0 * float((a - b).square().mean()))
    assert float((gradient * direction).sum()) == pytest.approx((slopes[0] - slopes[1]) / 2 / step, rel=0.05)


@pytest.mark.parametrize("level", [1, 2])
def test_the_loss_is_its_formula(encoder: Encoder, level: int) -> None:
    """Level 1 is a whole hypercolumn's distance, level 2, the last pass, every layer's own."""
    objective = Neighbours(0.7, 0.0, 0.3)
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, objective=objective))
    loss, scene = loss_of(walk, level)
    x = random_picture(72, 100, 9).float()
    got = finished(loss.evaluate(x)).losses

    (term,) = loss.locals
    mine = numpy_columns(encoder, x)
    rows = {layer: part.double().numpy() for layer, part in term.rows.items()}  # type: ignore[attr-defined]  # Neighbours' own
    groups = [list(COLUMN)] if level == 1 else [[layer] for layer in COLUMN]
    expected = 0.0
    for group, index in zip(groups, term.indices, strict=True):  # type: ignore[attr-defined]  # as above
        a = np.concatenate([mine[layer] for layer in group], 1)
        b = np.concatenate([rows[layer] for layer in group], 1)[index.flatten()]
        cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        expected += 1 - cosines.mean()
    assert got["neighbours"] == pytest.approx(expected, rel=1e-4)

    style = scene.style(PROBLEM.styles[0])
    seen, painted = encoder(x, GRAM_LAYERS), encoder(style, GRAM_LAYERS)
    distances = []
    for layer in GRAM_LAYERS:
        f, s = (maps[layer][0].flatten(1).double().numpy() for maps in (seen, painted))
        g, a = f @ f.T / f.shape[1], s @ s.T / s.shape[1]
        distances.append(((g - a) ** 2).sum() / (a**2).sum())
    assert got["style"] == pytest.approx(0.7 * np.mean(distances), rel=1e-4)

    content = scene.content()
    assert content is not None
    y, c = (encoder(p, ["relu4_1"])["relu4_1"][0].flatten(1).double().numpy() for p in (x, content))
    y, c = ((m - m.mean(1)[:, None]) / np.sqrt(m.var(1)[:, None] + 1e-5) for m in (y, c))
    assert got["content"] == pytest.approx(0.3 * ((y - c) ** 2).mean(), rel=1e-3)


def masked_problem() -> Problem:
    left, right = box_mask(75, 301, 0, 0, 75, 170), box_mask(75, 301, 0, 130, 75, 301)
    styles = [
        StyleSource(STYLE.double()),
        StyleSource(STYLE.double().flip(2), weight=2.0),
        StyleSource(1 - STYLE.double(), mask=left),
        StyleSource(STYLE.double().flip(3), mask=right),
    ]
    return Problem((75, 301), styles, random_picture(75, 301, 1), box_mask(75, 301, 5, 90, 75, 290))


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_tiles_give_the_targets_and_the_gradient_of_the_whole(masked: bool, level: int) -> None:
    encoder = random_encoder(pool="max")
    problem = masked_problem()
    if not masked:
        problem = replace(problem, styles=problem.styles[:2], mask=None)
    options = RefineOptions(Neighbours(content_weight=0.5, tv_weight=0.1), 8, "adam", levels=1)
    x = random_picture(75, 301, 7)
    evaluations = []
    for side in (None, 110):
        walk = Refinement(encoder, problem, replace(options, side=side))
        loss, scene = loss_of(walk, level)
        rows, columns = scene.level.box.slices()
        evaluations.append(finished(loss.evaluate(x[:, :, rows, columns])))
        assert (len(loss.tiles) > 2) == (side is not None)
    one, many = evaluations
    for term, value in one.losses.items():
        assert many.losses[term] == pytest.approx(value, rel=1e-6)
    largest = float(one.gradient.abs().max())
    np.testing.assert_allclose(many.gradient, one.gradient, rtol=1e-4, atol=1e-6 * largest)


@pytest.mark.parametrize("level", [0, 1])
def test_gradient_by_finite_differences(level: int) -> None:
    encoder = random_encoder(pool="avg")
    options = RefineOptions(Neighbours(0.7, 0.0, 0.5, 0.1), 8, "adam", levels=1)
    loss, scene = loss_of(Refinement(encoder, masked_problem(), options), level)
    x = random_picture(*scene.size, 7)
    gradient = finished(loss.evaluate(x)).gradient
    steepest = gradient.abs().flatten().argsort(descending=True)
    for place in steepest[[0, 50, 500]]:
        at = tuple(int(v) for v in np.unravel_index(int(place), gradient.shape))
        up, down = x.clone(), x.clone()
        up[at] += 1e-6
        down[at] -= 1e-6
        totals = [finished(loss.evaluate(p)).losses["total"] for p in (up, down)]
        assert float(gradient[at]) == pytest.approx((totals[0] - totals[1]) / 2e-6, rel=1e-3, abs=1e-9)


def test_the_loss_falls_and_the_last_pass_keeps_the_best(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, replace(OPTIONS, iterations=40))
    assert [(level.size, level.evaluations) for level in walk.levels] == [
        ((36, 50), 21),
        ((72, 100), 16),
        ((72, 100), 3),
    ]
    courses = [[step["total"] for step in steps] for steps in _by_level(walk)]
    assert all(min(course) < 0.5 * course[0] for course in courses[:2])
    last = finished(walk.objective.targets(walk.encoder, walk._scene, walk._start.float()))
    assert finished(last.evaluate(walk.picture())).losses["total"] == pytest.approx(min(courses[2]), rel=1e-4)
    picture = walk.picture()
    assert picture.shape == CONTENT.shape
    assert float(picture.min()) >= 0 and float(picture.max()) <= 1
    assert walk.fraction == 1


def test_a_finer_scale_begins_with_the_finest_details_of_the_content(encoder: Encoder) -> None:
    walk = Refinement(encoder, PROBLEM, OPTIONS)
    before = CONTENT
    for step in walk.run():
        if walk._level == 1:
            break
        if step.whole:
            before = walk.picture((36, 50))
    assert walk.subject is not None
    lost = walk.subject - resize(resize(walk.subject, (36, 50), "bilinear", True), (72, 100), "bilinear")
    expected = (resize(before, (72, 100), "bicubic", True).clamp(0, 1) + lost).clamp(0, 1)
    np.testing.assert_allclose(walk._start.float(), expected, atol=1e-3)  # half precision


def resize(picture: Tensor, size: tuple[int, int], mode: str, antialias: bool = False) -> Tensor:
    return F.interpolate(picture, size, mode=mode, antialias=antialias)


def _by_level(walk: Refinement) -> list[list[dict[str, float]]]:
    found: list[list[dict[str, float]]] = [[] for _ in walk.levels]
    for step in walk.run():
        if step.whole:
            found[walk._level].append(dict(step.losses))
    return found


def test_others_may_run_after_every_convolution(encoder: Encoder) -> None:
    """9 up to relu4_1: of the content to look up, of its forms, of the style's Gram matrices and its four
    turns, and of every evaluation. Of the forms' 4 and of the matrices' 2 that are near full size and not
    asked for go with the next, in bands."""
    problem = replace(PROBLEM, styles=[StyleSource(STYLE)])
    walk = Refinement(encoder, problem, replace(OPTIONS, levels=1, iterations=2))
    assert len(walk.levels) == 1
    steps = list(walk.run())
    searching, palette = 1, 12
    assert len(steps) == 9 * (1 + 1 + 1 + 4) - 4 - 2 + searching + 2 * (9 + 1 + palette + 1)


def test_the_same_seed_gives_the_same_picture_and_another_one_does_not(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "MOST", 200)

    def made(seed: int) -> Tensor:
        walk = Refinement(encoder, PROBLEM, replace(OPTIONS, seed=seed, iterations=6))
        run(walk)
        return walk.picture()

    assert torch.equal(made(1), made(1))
    assert not torch.equal(made(1), made(2))


def test_a_walk_that_resumes_gives_the_picture_of_one_that_was_not_interrupted(encoder: Encoder) -> None:
    whole = Refinement(encoder, PROBLEM, OPTIONS)
    run(whole)
    for stop, tolerance in ((0, 0.0), (8, 0.0), (10, 0.04), (13, 0.02)):
        first = Refinement(encoder, PROBLEM, OPTIONS)
        for step in first.run():
            if step.step == stop and (step.whole or not stop):
                break
        if stop == 8:  # the first evaluation of the second level is not yet done, but the level has begun
            first = Refinement(encoder, PROBLEM, OPTIONS)
            for step in first.run():
                if step.step == stop and not step.whole:
                    break
        resumed = Refinement(encoder, PROBLEM, OPTIONS, first.checkpoint())
        assert resumed.step == stop
        run(resumed)
        difference = (resumed.picture() - whole.picture()).abs()
        assert float(difference.mean()) <= tolerance


@pytest.mark.parametrize("color", ["style", "luminance", "statistics"])
def test_outside_of_the_mask_is_the_content_at_every_step(encoder: Encoder, color: str) -> None:
    content, mask = random_picture(140, 150, 1).float(), box_mask(140, 150, 40, 40, 90, 100).float()
    problem = Problem((140, 150), [StyleSource(STYLE)], content, mask)
    walk = Refinement(encoder, problem, replace(OPTIONS, iterations=6, color=color))
    steps = 0
    for step in walk.run():
        if step.whole:
            changed = (walk.picture() - content).abs().amax(1, keepdim=True) > 1e-6
            assert not bool((changed & (mask == 0)).any())
            assert bool((changed & (mask > 0)).any())
            steps += 1
    assert steps == 6


def test_what_lies_outside_of_the_mask_does_not_matter_within(encoder: Encoder) -> None:
    """Palette and statistics are those inside: a far corner painted red changes nothing, but that later steps
    may take another of two equal neighbours by rounding."""
    content, mask = random_picture(250, 260, 1).float(), box_mask(250, 260, 30, 30, 60, 70).float()
    corner = content.clone()
    corner[:, :, 200:, 200:] = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)

    def inside(picture: Tensor, steps: int) -> Tensor:
        problem = Problem((250, 260), [StyleSource(STYLE)], picture, mask)
        walk = Refinement(encoder, problem, replace(OPTIONS, iterations=steps, levels=1))
        run(walk)
        return walk.picture()[:, :, 30:60, 30:70]

    np.testing.assert_allclose(inside(content, 1), inside(corner, 1), atol=1e-3)
    assert float((inside(content, 4) - inside(corner, 4)).abs().mean()) < 1e-3


def test_regions_take_their_own_styles(encoder: Encoder) -> None:
    """A bright style on the left, a dark one on the right."""
    left, right = box_mask(72, 100, 0, 0, 72, 50).float(), box_mask(72, 100, 0, 50, 72, 100).float()
    styles = [StyleSource(0.5 + 0.5 * STYLE, mask=left), StyleSource(0.3 * STYLE, mask=right)]
    walk = Refinement(encoder, replace(PROBLEM, styles=styles), OPTIONS)
    run(walk)
    bright, dark = (walk.picture()[..., half].mean() for half in (slice(0, 46), slice(54, 100)))
    assert float(bright) > float(dark) + 0.25


def test_neighbours_come_from_every_styles_share(encoder: Encoder) -> None:
    styles = [StyleSource(STYLE, weight=3.0), StyleSource(STYLE.flip(1), weight=1.0)]
    loss, _ = loss_of(Refinement(encoder, replace(PROBLEM, styles=styles), OPTIONS), 1)
    (term,) = loss.locals
    (index,) = term.indices  # type: ignore[attr-defined]  # Neighbours' own
    first = len(term.rows["relu1_1"]) // 2  # type: ignore[attr-defined]  # both pools are as large
    assert float((index < first).double().mean()) == pytest.approx(0.75, abs=0.01)


def test_luminance_keeps_the_chroma_and_statistics_the_colours(encoder: Encoder) -> None:
    style = StyleSource(STYLE * torch.tensor([1.0, 0.2, 0.1]).view(1, 3, 1, 1))
    content = 0.3 + 0.4 * CONTENT
    made = {}
    for color in ("style", "luminance", "statistics"):
        problem = replace(PROBLEM, styles=[style], content=content)
        walk = Refinement(encoder, problem, replace(OPTIONS, color=color))
        run(walk)
        made[color] = walk.picture()
    chroma = (made["luminance"][:, 0] - made["luminance"][:, 2]) - (content[:, 0] - content[:, 2])
    assert float(chroma.abs().max()) < 1e-5
    far = (made["style"].mean((2, 3)) - content.mean((2, 3))).abs().sum()
    near = (made["statistics"].mean((2, 3)) - content.mean((2, 3))).abs().sum()
    assert float(near) < 0.3 * float(far)


def test_what_was_seen_of_a_style_is_kept_with_it(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {}
    problem = replace(PROBLEM, styles=[StyleSource(STYLE, kept=kept)])
    first = Refinement(encoder, problem, OPTIONS)
    run(first)
    assert len(kept) == 2  # one a size: the last pass sees it as the finest level does
    monkeypatch.setattr(neighbours, "style_pool", None)
    again = Refinement(encoder, problem, OPTIONS)
    run(again)
    assert torch.equal(first.picture(), again.picture())


def test_a_style_equal_to_the_content_changes_little(encoder: Encoder) -> None:
    same = F.interpolate(random_picture(9, 12, 3), (72, 100), mode="bicubic").clamp(0, 1).float()
    walk = Refinement(encoder, Problem((72, 100), [StyleSource(same)], same), OPTIONS)
    assert all(math.isfinite(loss["total"]) for loss in run(walk))
    assert float((walk.picture() - same).abs().mean()) < 0.02


@pytest.mark.parametrize(
    "style",
    [
        pytest.param(torch.full((1, 3, 40, 40), 0.5), id="of one colour"),
        pytest.param(torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1), id="of one pixel"),
        pytest.param(torch.zeros(1, 3, 50, 50), id="black"),
    ],
)
def test_styles_of_little_or_nothing_new(encoder: Encoder, style: Tensor) -> None:
    walk = Refinement(encoder, replace(PROBLEM, styles=[StyleSource(style)]), OPTIONS)
    assert all(math.isfinite(loss["total"]) for loss in run(walk))
    assert bool(torch.isfinite(walk.picture()).all())
    if float(style.std()) == 0:
        assert float((walk.picture().mean((2, 3)) - style.mean((2, 3))).abs().max()) < 0.1


@pytest.mark.parametrize("size", [(16, 16), (3, 5), (20, 150), (33, 37)])
def test_small_pictures(encoder: Encoder, size: tuple[int, int]) -> None:
    content = random_picture(*size, 1).float()
    walk = Refinement(encoder, Problem(size, [StyleSource(STYLE)], content), OPTIONS)
    assert all(math.isfinite(loss["total"]) for loss in run(walk))
    assert walk.picture().shape == content.shape
    assert bool((walk.picture() != content).any())


def test_what_cannot_be_painted_is_said_in_words(encoder: Encoder) -> None:
    for words, problem in (
        ("but there is none", Problem((72, 100), [StyleSource(STYLE)])),
        ("at least one style", Problem((72, 100), [], CONTENT)),
        ("needs a style's picture", Problem((72, 100), [StyleSource(grams={})], CONTENT)),
    ):
        with pytest.raises(ValueError, match=words):
            Refinement(encoder, problem, replace(OPTIONS, init="noise"))


def test_blocks_are_searched_in_turn() -> None:
    queries, pool = (F.normalize(random_picture(n, 6, n)[0, 0], dim=1) for n in (2500, 40))
    shares = list(nearest(queries, pool))
    assert shares == [hypercolumns.BLOCK / 2500, 2 * hypercolumns.BLOCK / 2500, 1.0]
