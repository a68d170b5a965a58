"""Thin-plate splines against scipy's, and what cannot be interpolated."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch import Tensor
from velatura_models.maths.spline import similarity, spline_through, transformed


def some(n: int, seed: int) -> Tensor:
    return torch.rand(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 100


@pytest.mark.parametrize("n", [3, 4, 30])
def test_the_spline_is_scipy_s(n: int) -> None:
    points, values, at = some(n, 1), some(n, 2), some(50, 3)
    theirs = RBFInterpolator(points.numpy(), values.numpy(), kernel="thin_plate_spline", degree=1)
    np.testing.assert_allclose(spline_through(points, values, at), theirs(at.numpy()), atol=1e-6)
    np.testing.assert_allclose(spline_through(points, values, points), values, atol=1e-7)


def test_the_spline_is_differentiable_by_points_and_values() -> None:
    at = some(7, 3) / 50
    inputs = ((some(6, 1) / 50).requires_grad_(), (some(6, 2) / 50).requires_grad_())
    assert torch.autograd.gradcheck(lambda points, values: spline_through(points, values, at), inputs)


@pytest.mark.parametrize(
    "points",
    [
        torch.tensor([[0.0, 0], [1, 1]]),
        torch.tensor([[0.0, 0], [1, 1], [2, 2], [5, 5]]),
        torch.tensor([[0.0, 0], [1, 1], [1, 1], [5, 2]]),
    ],
)
def test_points_without_a_spline_are_refused(points: Tensor) -> None:
    with pytest.raises(ValueError, match="spline"):
        spline_through(points.double(), points.double(), points.double())


def test_a_similarity_is_found_again() -> None:
    points, angle = some(9, 4), 0.7
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = 1.7 * points @ turn.T + torch.tensor([3.0, -8.0])
    np.testing.assert_allclose(transformed(points, similarity(points, moved)), moved, atol=1e-9)
    mirrored = points * torch.tensor([-1.0, 1.0])
    assert float(torch.linalg.det(similarity(points, mirrored)[:, :2])) > 0  # never a reflection
