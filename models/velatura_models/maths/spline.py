"""Thin-plate splines: the smoothest field through values given at some points (Duchon 1977; Bookstein 1989).

    f(q) = sum_j w_j phi(|q - z_j|) + a + B q,  phi(r) = r^2 log r,

where the w are at right angles to all that is affine. Everything is differentiable, by the points too, as
joint optimisation asks for: scipy's interpolator is not (tests compare with it), and to depend on a library
of differentiable vision for these lines would be a poor trade.
"""

from __future__ import annotations

import torch
from torch import Tensor


def spline_through(points: Tensor, values: Tensor, at: Tensor) -> Tensor:
    """The thin-plate spline through values, elsewhere.

    Args:
        points: `(n, 2)`, at least three that do not lie on a line, no two alike.
        values: `(n, c)`, at the points.
        at: `(m, 2)`.

    Returns:
        `(m, c)`, differentiable by all three.

    Raises:
        ValueError: for points that no spline goes through.
    """
    if len(points) < 3:
        raise ValueError(
            f"a thin-plate spline needs three points that do not lie on a line; got {len(points)}"
        )
    count = len(points)
    affine = _affine(points)
    top = torch.cat([_kernel(points, points), affine], 1)
    bottom = torch.cat([affine.T, affine.new_zeros(3, 3)], 1)
    right = torch.cat([values, values.new_zeros(3, values.shape[1])])
    weights, info = torch.linalg.solve_ex(torch.cat([top, bottom]), right)
    if int(info):
        raise ValueError("no thin-plate spline goes through points that coincide or lie on a line")
    return _kernel(at, points) @ weights[:count] + _affine(at) @ weights[count:]


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """The rotation, scale and shift that bring points nearest to others in the sum of squares (Umeyama 1991):
    `(2, 3)`, to be applied to `(x, y, 1)`.

    Args:
        source, target: `(n, 2)`, at least two different ones.
    """
    mean, goal = source.mean(0), target.mean(0)
    centred, apart = source - mean, target - goal
    u, values, v = torch.linalg.svd(apart.T @ centred)
    signs = torch.ones(2, dtype=source.dtype)
    signs[1] = torch.sign(torch.linalg.det(u) * torch.linalg.det(v))
    turn = u @ torch.diag(signs) @ v
    scale = (values * signs).sum() / centred.square().sum().clamp_min(1e-12)
    return torch.cat([scale * turn, (goal - scale * turn @ mean)[:, None]], 1)


def transformed(points: Tensor, matrix: Tensor) -> Tensor:
    """Points `(n, 2)` after an affine map `(2, 3)`."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def _kernel(at: Tensor, points: Tensor) -> Tensor:
    squares = (at[:, None] - points).square().sum(2)
    return 0.5 * squares * squares.clamp_min(1e-30).log()


def _affine(at: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(at[:, :1]), at], 1)
