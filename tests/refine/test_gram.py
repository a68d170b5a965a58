"""The whole loss: as published, its gradient exact, in tiles as in one piece, confined by masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from velatura_models.networks.encoder import Encoder, prepared
from velatura_models.optimise.gram import Gram, GramTarget, gram_loss, picture_grams
from velatura_models.optimise.losses import Evaluation, Loss
from velatura_models.optimise.pyramid import crop, cut, receptive_field, receptive_margin, region_of_interest

from .conftest import box_mask, finished, random_encoder, random_picture

LAYERS = [f"relu{b}_1" for b in range(1, 6)]


def target(encoder: Encoder, seed: int = 5, mask: Tensor | None = None, weight: float = 1.0) -> GramTarget:
    grams = finished(picture_grams(encoder, random_picture(48, 64, seed), LAYERS))
    return GramTarget(grams, weight, mask)


def evaluate(loss: Loss, picture: Tensor) -> Evaluation:
    return finished(loss.evaluate(picture))


def test_the_loss_is_equations_5_and_7(encoder: Encoder) -> None:
    content, picture, style = random_picture(48, 64, 1), random_picture(48, 64, 2), random_picture(32, 80, 3)
    weights = Gram(3.0, 7.0, 0.0, {"conv3_1": 0.5, "relu4_2": 2.0}, {"relu1_1": 0.7, "relu3_1": 0.3})
    grams = finished(picture_grams(encoder, style, ["relu1_1", "relu3_1"]))
    got = evaluate(gram_loss(encoder, (48, 64), weights, content, [GramTarget(grams)]), picture)

    seen = {name: encoder(p, ["conv3_1", "relu4_2", "relu1_1", "relu3_1"]) for name, p in
            (("c", content), ("x", picture), ("s", style))}  # fmt: skip
    rows = {
        (who, layer): maps[0].flatten(1).numpy() for who, all_ in seen.items() for layer, maps in all_.items()
    }
    content_term = sum(
        weight * 0.5 * ((rows["x", layer] - rows["c", layer]) ** 2).mean()
        for layer, weight in weights.content_layers.items()
    )
    style_term = 0.0
    for layer, weight in weights.style_layers.items():
        f, s = rows["x", layer], rows["s", layer]
        difference = f @ f.T / f.shape[1] - s @ s.T / s.shape[1]
        style_term += weight * (difference**2).sum() / (4 * len(f) ** 2)
    assert got.losses["content"] == pytest.approx(3 * content_term, rel=1e-6)
    assert got.losses["style"] == pytest.approx(7 * style_term, rel=1e-6)
    assert got.losses["total"] == pytest.approx(3 * content_term + 7 * style_term, rel=1e-6)


def test_matrices_are_compared_through_the_encoder_s_metric(encoder: Encoder) -> None:
    picture, wanted = random_picture(48, 64, 2), target(encoder).grams
    weights = Gram(0.0, 1.0, style_layers={"relu2_1": 1.0})
    maps = encoder(picture, ["relu2_1"])["relu2_1"][0].flatten(1)
    matrix = torch.randn(len(maps), len(maps), generator=torch.Generator().manual_seed(0)).to(maps)
    difference = matrix @ (maps @ maps.T / maps.shape[1] - wanted["relu2_1"]) @ matrix.T
    twin = encoder.variant()
    twin.metric = {"relu2_1": matrix}
    got = evaluate(gram_loss(twin, (48, 64), weights, styles=[GramTarget(wanted)]), picture)
    assert got.losses["style"] == pytest.approx(
        float(difference.square().sum() / (4 * len(maps) ** 2)), rel=1e-4
    )


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_gradient_by_finite_differences(pool: str) -> None:
    encoder = random_encoder(pool=pool)
    weights = Gram(1.0, 100.0, 0.3)
    left, right = box_mask(48, 64, 0, 0, 48, 30), box_mask(48, 64, 0, 30, 48, 64)
    styles = [target(encoder, 5, left), target(encoder, 6, right, 2.0)]
    mask = box_mask(48, 64, 4, 6, 44, 60)
    loss = gram_loss(encoder, (48, 64), weights, random_picture(48, 64, 1), styles, mask)
    x = random_picture(48, 64, 2)
    gradient = evaluate(loss, x).gradient
    for place in ((0, 0, 20, 20), (0, 1, 43, 59), (0, 2, 4, 6), (0, 0, 25, 31)):
        up, down = x.clone(), x.clone()
        up[place] += 1e-6
        down[place] -= 1e-6
        slope = (evaluate(loss, up).losses["total"] - evaluate(loss, down).losses["total"]) / 2e-6
        assert float(gradient[place]) == pytest.approx(slope, rel=1e-4, abs=1e-9)
    assert float(gradient[0, 0, 0, 0]) == 0  # outside of the mask


@pytest.mark.parametrize(("size", "side", "depth"), [((75, 301), 110, 5), ((100, 91), 60, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_tiles_give_the_gradient_of_the_whole(
    encoder: Encoder, size: tuple[int, int], side: int, depth: int, masked: bool
) -> None:
    height, width = size
    content, x = random_picture(*size, 1), random_picture(*size, 2)
    mask = box_mask(*size, 5, width // 3, height, width) if masked else None
    region = box_mask(*size, 0, 0, height, width * 2 // 3) if masked else None
    styles = [target(encoder, 5), target(encoder, 6, region)]
    layers = {f"relu{b}_1": 0.2 for b in range(1, depth + 1)}
    weights = Gram(1.0, 50.0, 0.2, {f"conv{depth - 1}_1": 1.0}, layers)
    whole = gram_loss(encoder, size, weights, content, styles, mask)
    tiled = gram_loss(encoder, size, weights, content, styles, mask, side=side)
    assert len(whole.tiles) == 1
    assert len(tiled.tiles) > 3
    one, many = evaluate(whole, x), evaluate(tiled, x)
    for term, value in one.losses.items():
        assert many.losses[term] == pytest.approx(value, rel=1e-9)
    largest = float(one.gradient.abs().max())
    np.testing.assert_allclose(many.gradient, one.gradient, rtol=1e-6, atol=1e-9 * largest)


def test_tiles_of_a_picture_that_wraps(encoder: Encoder) -> None:
    x = random_picture(96, 256, 2)
    weights = Gram(0.0, 50.0, 0.2)
    one = evaluate(gram_loss(encoder, (96, 256), weights, None, [target(encoder)], wrap=True), x)
    tiled = gram_loss(encoder, (96, 256), weights, None, [target(encoder)], side=110, wrap=True)
    many = evaluate(tiled, x)
    assert len(tiled.tiles) > 3
    np.testing.assert_allclose(
        many.gradient, one.gradient, rtol=1e-6, atol=1e-9 * float(one.gradient.abs().max())
    )
    # on a torus, rolling the picture rolls the gradient (by the grid, so that pooling falls alike)
    rolled = evaluate(
        gram_loss(encoder, (96, 256), weights, None, [target(encoder)], wrap=True), x.roll((32, 48), (2, 3))
    )
    np.testing.assert_allclose(rolled.gradient, one.gradient.roll((32, 48), (2, 3)), rtol=1e-6, atol=1e-12)


def test_others_may_run_after_every_convolution_forward_and_every_backward_pass(encoder: Encoder) -> None:
    tiled = gram_loss(encoder, (64, 320), Gram(), random_picture(64, 320), [target(encoder)], side=110)
    shares = list(tiled.evaluate(random_picture(64, 320, 2)))
    convolutions = 13  # up to conv5_1
    sums = convolutions - 2  # without a gradient, near full size, what is not asked for goes with the next
    content = 10 - 4  # up to conv4_2
    assert len(shares) == len(tiled.tiles) * (sums + content + convolutions + 1)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    whole = gram_loss(encoder, (64, 320), Gram(), random_picture(64, 320), [target(encoder)])
    assert len(list(whole.evaluate(random_picture(64, 320, 2)))) == content + convolutions + 1
    forward = [k / 26 for k in range(1, 14)]
    assert list(whole.evaluate(random_picture(64, 320, 2))) == pytest.approx([*forward, 1.0])


@pytest.mark.parametrize("wrap", [False, True])
def test_cores_cover_the_picture_once_and_outer_boxes_keep_to_the_side(wrap: bool) -> None:
    for height, width, side in ((512, 512, 400), (1024, 608, 480), (96, 1744, 368), (336, 368, 240)):
        tiles = cut(height, width, side, 80, wrap)
        counts = torch.zeros(height, width)
        for tile in tiles:
            counts[tile.core.slices()] += 1
            assert tile.outer.height <= max(side, min(height, side)) and tile.outer.width <= side
        assert bool((counts == 1).all())
    # two tiles that each lack a margin on the border's side are enough where both fit
    assert len(cut(512, 512, 400, 80)) == 4


def test_the_receptive_field_is_what_changes_a_position() -> None:
    """relu5_1 of VGG-19 sees 156 pixels; found here by where its gradient is not 0."""
    encoder = random_encoder((2, 2, 2, 2, 2), pool="avg")
    for layer, side in (("relu1_1", 3), ("relu3_1", 24), ("relu5_1", 156)):
        assert receptive_field([layer, "relu1_1"]) == side
        x = random_picture(480, 16).repeat(1, 1, 1, 2).requires_grad_()
        maps = encoder(x, [layer.replace("relu", "conv")])[layer.replace("relu", "conv")]
        (slope,) = torch.autograd.grad(maps[0, :, maps.shape[2] // 2].sum(), x)
        rows = slope.abs().sum((0, 1, 3)).nonzero().flatten()
        assert int(rows[-1] - rows[0]) + 1 <= side
        assert int(rows[-1] - rows[0]) + 1 > side / 2


def test_a_region_of_interest_gives_the_gradient_of_the_whole(encoder: Encoder) -> None:
    size = (330, 411)
    content, x = random_picture(*size, 1), random_picture(*size, 2)
    mask = box_mask(*size, 150, 170, 190, 201)
    x = torch.where(mask > 0, x, content)
    weights = Gram(1.0, 50.0, 0.2)
    box = region_of_interest(mask, receptive_margin([*LAYERS, "relu4_2"]))
    assert box.height * box.width < 0.5 * size[0] * size[1]
    whole = evaluate(gram_loss(encoder, size, weights, content, [target(encoder)], mask), x)
    part = gram_loss(
        encoder, (box.height, box.width), weights, crop(content, box), [target(encoder)], crop(mask, box)
    )
    cropped = evaluate(part, crop(x, box))
    for term, value in whole.losses.items():
        assert cropped.losses[term] == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(
        cropped.gradient, crop(whole.gradient, box), rtol=1e-6, atol=1e-9 * float(whole.gradient.abs().max())
    )


@pytest.mark.parametrize("place", [(0, 0), (32, 49), (63, 94)])
def test_a_mask_of_one_pixel_gives_numbers(encoder: Encoder, place: tuple[int, int]) -> None:
    row, column = place
    mask = box_mask(64, 95, row, column, row + 1, column + 1)
    loss = gram_loss(encoder, (64, 95), Gram(), random_picture(64, 95), [target(encoder)], mask)
    got = evaluate(loss, random_picture(64, 95, 2))
    assert all(np.isfinite(value) for value in got.losses.values())
    assert bool(torch.isfinite(got.gradient).all())
    assert float(got.gradient[0, :, row, column].abs().sum()) > 0
    assert int((got.gradient.abs().sum(1) > 0).sum()) == 1


def test_a_small_region_is_painted_as_strongly_as_a_large_one(encoder: Encoder) -> None:
    """Per pixel, the style's pull does not depend on how the picture is divided into regions."""
    picture = random_picture(64, 64, 2).repeat(1, 1, 1, 4)
    weights = Gram(0.0, 1.0, 0.0, {}, {"relu1_1": 1.0})
    small, rest = box_mask(64, 256, 0, 0, 64, 64), box_mask(64, 256, 0, 64, 64, 256)
    split = gram_loss(
        encoder, (64, 256), weights, None, [target(encoder, 5, small), target(encoder, 5, rest)]
    )
    whole = gram_loss(encoder, (64, 256), weights, None, [target(encoder, 5)])
    divided, one = (evaluate(o, picture).gradient[:, :, 8:56, 8:56] for o in (split, whole))
    np.testing.assert_allclose(divided, one, rtol=0.05, atol=0.02 * float(one.abs().max()))


def test_two_styles_pull_by_their_weights(encoder: Encoder) -> None:
    x = random_picture(48, 64, 2)
    size, weights = (48, 64), Gram(0.0, 1.0)
    a, b = target(encoder, 5), target(encoder, 6)
    alone = [evaluate(gram_loss(encoder, size, weights, None, [s]), x).losses["style"] for s in (a, b)]
    both = gram_loss(
        encoder, size, weights, None, [target(encoder, 5, weight=1), target(encoder, 6, weight=3)]
    )
    assert evaluate(both, x).losses["style"] == pytest.approx(0.25 * alone[0] + 0.75 * alone[1], rel=1e-6)


def test_styles_of_one_region_pull_by_their_weights_too(encoder: Encoder) -> None:
    """Equal masks are one region, also where each style brings its own copy."""
    x, size, weights = random_picture(48, 64, 2), (48, 64), Gram(0.0, 1.0)
    left, right = box_mask(48, 64, 0, 0, 48, 24), box_mask(48, 64, 0, 24, 48, 64)

    def loss(*styles: tuple[int, Tensor, float]) -> float:
        targets = [target(encoder, seed, mask.clone(), weight) for seed, mask, weight in styles]
        return evaluate(gram_loss(encoder, size, weights, None, targets), x).losses["style"]

    both = loss((5, left, 1), (6, left, 3), (7, right, 1))
    expected = 0.25 * loss((5, left, 1), (7, right, 1)) + 0.75 * loss((6, left, 1), (7, right, 1))
    assert both == pytest.approx(expected, rel=1e-6)


def test_grams_of_a_large_style_are_those_of_the_whole(encoder: Encoder) -> None:
    style = random_picture(80, 300, 4)
    one = finished(picture_grams(encoder, style, LAYERS))
    many = finished(picture_grams(encoder, style, LAYERS, side=110))
    for layer in LAYERS:
        np.testing.assert_allclose(many[layer], one[layer], rtol=1e-5)


def test_what_cannot_be_weighed_is_refused(encoder: Encoder) -> None:
    style = target(encoder)
    with pytest.raises(ValueError, match="unknown layer"):
        gram_loss(encoder, (48, 48), Gram(style_layers={"relu9_1": 1.0}), None, [style])
    with pytest.raises(ValueError, match="the mask is empty"):
        gram_loss(encoder, (48, 48), Gram(), None, [style], torch.zeros(1, 1, 48, 48))
    with pytest.raises(ValueError, match="all masks together are empty"):
        outside = [target(encoder, 5, box_mask(48, 48, 0, 0, 10, 48))]
        gram_loss(encoder, (48, 48), Gram(), None, outside, box_mask(48, 48, 20, 0, 48, 48))
    with pytest.raises(ValueError, match="no Gram matrix for relu2_2"):
        gram_loss(encoder, (48, 48), Gram(style_layers={"relu2_2": 1.0}), None, [style])
    with pytest.raises(ValueError, match="at least 32"):
        gram_loss(encoder, (16, 48), Gram(), None, [style])


def test_folding_the_preprocessing_changes_nothing() -> None:
    encoder = Encoder((4, 4, 4, 4, 4), preprocess=True).eval()
    x = random_picture(32, 48).float()
    with torch.no_grad():
        before, after = encoder(x, LAYERS), prepared(encoder)(x, LAYERS)
    for layer in LAYERS:
        np.testing.assert_allclose(after[layer], before[layer], rtol=1e-4, atol=1e-5)
