"""A picture bent by points: they arrive, the border stays, masks hold, folds are undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch import Tensor
from velatura_models.optimise.warp import Warp, free_points

from .conftest import box_mask, random_picture

SIZE = (96, 128)
POINTS = torch.tensor([[40.0, 30.0], [90.0, 40.0], [60.0, 70.0], [64.0, 48.0]], dtype=torch.float64)
THETA = torch.tensor([[6.0, -4.0], [-5.0, 5.0], [3.0, 8.0], [0.0, 0.0]], dtype=torch.float64) / 128


def test_the_field_is_scipy_s_spline_with_its_border_pinned() -> None:
    warp = Warp(SIZE, POINTS)
    knots = np.concatenate([warp.points + THETA, warp.pins])
    values = np.concatenate([THETA, np.zeros(warp.pins.shape)])
    theirs = RBFInterpolator(knots, values, kernel="thin_plate_spline", degree=1)
    expected = theirs(warp.nodes.flatten(0, 1).numpy()).T.reshape(2, *warp.nodes.shape[:2])
    np.testing.assert_allclose(warp.field(THETA), expected, atol=1e-8)


def dots(places: Tensor) -> Tensor:
    """A soft dot at every place, one channel each."""
    y, x = torch.meshgrid(torch.arange(SIZE[0]) + 0.5, torch.arange(SIZE[1]) + 0.5, indexing="ij")
    squares = (x - places[:, 0].view(-1, 1, 1)) ** 2 + (y - places[:, 1].view(-1, 1, 1)) ** 2
    return torch.exp(-squares / 8)[None].double()


def centres(picture: Tensor) -> Tensor:
    weights = (picture[0] / picture[0].amax((1, 2), keepdim=True) - 0.3).clamp_min(0)
    y, x = torch.meshgrid(torch.arange(SIZE[0]) + 0.5, torch.arange(SIZE[1]) + 0.5, indexing="ij")
    whole = weights.sum((1, 2))
    return torch.stack([(weights * x).sum((1, 2)) / whole, (weights * y).sum((1, 2)) / whole], 1)


def test_what_stood_at_a_point_stands_where_it_moved_to() -> None:
    moved = centres(Warp(SIZE, POINTS).bent(dots(POINTS), THETA))
    np.testing.assert_allclose(moved, POINTS + 128 * THETA, atol=0.3)


def test_no_displacement_is_no_change() -> None:
    picture = random_picture(*SIZE, 1)
    np.testing.assert_allclose(Warp(SIZE, POINTS).bent(picture, torch.zeros_like(THETA)), picture, atol=1e-9)


def test_outside_of_a_mask_nothing_moves_and_its_border_is_pinned() -> None:
    picture, mask = random_picture(*SIZE, 1), box_mask(*SIZE, 10, 20, 90, 110)
    warp = Warp(SIZE, POINTS, mask)
    made = warp.bent(picture, THETA)
    np.testing.assert_allclose(made * (1 - mask), picture * (1 - mask), atol=1e-9)
    assert float((made - picture).abs().max()) > 0.1
    border = box_mask(*SIZE, 10, 20, 90, 110) - box_mask(*SIZE, 11, 21, 89, 109)
    apart = (Warp(SIZE, POINTS, mask).bent(dots(POINTS), THETA) - dots(POINTS)).abs()
    assert float((apart * border).max()) < 0.02


def test_gradients_are_those_of_finite_differences() -> None:
    warp = Warp((24, 32), POINTS / 4)
    picture = random_picture(24, 32, 2).requires_grad_()
    theta = THETA.clone().requires_grad_()
    torch.autograd.gradcheck(lambda t: warp.variation(t), (theta,))
    value = (warp.bent(picture, theta) * random_picture(24, 32, 3)).sum()
    slope, direction = torch.autograd.grad(value, theta)[0], torch.tensor([[1.0, 2.0]] * 4).double()
    ends = [
        (warp.bent(picture, THETA + sign * 1e-7 * direction) * random_picture(24, 32, 3)).sum()
        for sign in (1, -1)
    ]
    assert float((slope * direction).sum()) == pytest.approx(float(ends[0] - ends[1]) / 2e-7, rel=1e-3)


def test_a_fold_is_found_and_its_way_halved() -> None:
    warp = Warp(SIZE, POINTS)
    assert not warp.folds(THETA)
    far = torch.zeros_like(THETA)
    far[0], far[1] = torch.tensor([0.5, 0.0]), torch.tensor([-0.5, 0.0])  # past each other
    assert warp.folds(far)
    kept = warp.unfolded(far)
    assert not warp.folds(kept)
    share = float(kept[0, 0] / far[0, 0])
    assert share in [0.5**k for k in range(1, 8)] and warp.folds(2 * kept)
    assert torch.equal(warp.unfolded(far, THETA), torch.lerp(THETA, far, share)) or not warp.folds(
        warp.unfolded(far, THETA)
    )
    assert torch.equal(warp.unfolded(THETA), THETA)


def test_pairs_that_begin_outside_are_none() -> None:
    mask = box_mask(*SIZE, 0, 0, 50, 50)
    pairs = [(10.0, 10.0, 0, 0), (60.0, 10.0, 0, 0), (130.0, 10.0, 0, 0), (-1.0, 5.0, 0, 0)]
    pairs += [(0.0, 0.0, 0, 0), (128.0, 48.0, 0, 0)]  # the border stays, and has points of the spline
    assert free_points(pairs, mask, SIZE) == [0]
    assert free_points(pairs, None, SIZE) == [0, 1]
