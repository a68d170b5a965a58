"""The distances of Kolkin, Salavon & Shakhnarovich, "Style Transfer by Relaxed Optimal Transport and
Self-Similarity" (STROTSS, CVPR 2019), as plain functions of rows: places of a picture, one vector each.

Rows in half precision are compared in it, and what comes out is float32."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.gram import gram_sum, wide

DECORRELATED = (
    (0.577350, 0.577350, 0.577350),
    (-0.577350, 0.788675, -0.211325),
    (-0.577350, -0.211325, 0.788675),
)
"""Grey, and two axes of colour at right angles to it and to each other: RGB in them has little correlation
in natural pictures (rows of the rotation that takes red to grey along the shortest way)."""


def decorrelated(colors: Tensor) -> Tensor:
    """RGB `(n, 3)` in the axes of `DECORRELATED`; lengths stay."""
    return colors @ torch.tensor(DECORRELATED).to(colors).T


def cosine_distances(x: Tensor, y: Tensor) -> Tensor:
    """1 - cosine of every row of `(n, d)` with every row of `(m, d)`: `(n, m)`."""
    return 1 - wide(_directions(x) @ _directions(y).T)


def euclidean_distances(x: Tensor, y: Tensor) -> Tensor:
    """Of every row of `(n, d)` from every row of `(m, d)`: `(n, m)`. Its slope at 0 is 0."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return squares.clamp_min(1e-10).sqrt()


def relaxed_emd(costs: Tensor) -> Tensor:
    """Equation 6: the larger of what it costs to move every row to its nearest column, and every column to
    its nearest row, each a mean. Both are bounds of the earth mover's distance from below.

    Args:
        costs: `(n, m)`, of moving a row to a column.
    """
    return torch.maximum(costs.amin(1).mean(), costs.amin(0).mean())


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean `(d,)` and covariance `(d, d)` of rows `(n, d)`, divided by n."""
    mean = rows.mean(0)
    return wide(mean), _products(rows - mean) / len(rows)


def moments_apart(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """Equation 7: the mean difference of two means, and that of two covariances."""
    return sum(((a - b).abs().mean() for a, b in zip(one, other, strict=True)), torch.zeros(()))


def self_similarity_apart(x: Tensor, y: Tensor) -> Tensor:
    """Equation 8: the difference of two matrices of distances, those between all rows of x and those between
    all rows of y, each column with the sum 1; the sum over both sides, divided by the number of rows.

    Args:
        x, y: `(n, d)`, the same places of two pictures.
    """
    one, other = (_similarities(rows) for rows in (x, y))
    return (one - other).abs().sum() / len(x)


def _similarities(rows: Tensor) -> Tensor:
    distances = (1 - _products(_directions(rows).T)).clamp_min(0)
    return distances / distances.sum(0).clamp_min(1e-9)


def _products(rows: Tensor) -> Tensor:
    """rows^T rows, whose gradient takes one product instead of two."""
    return gram_sum(rows.T[None, :, :, None])


def _directions(rows: Tensor) -> Tensor:
    return F.normalize(rows, dim=1)
