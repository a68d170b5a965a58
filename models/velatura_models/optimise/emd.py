"""The distances of Kolkin, Salavon & Shakhnarovich, "Style Transfer by Relaxed Optimal Transport and
Self-Similarity" (STROTSS, CVPR 2019), as plain functions of rows: places of a picture, one vector each.

Rows in half precision are compared in it, and what comes out is float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..maths.gram_matrix import gram_sum, wide

DECORRELATED = (
    (0.577350, 0.577350, 0.577350),
    (-0.577350, 0.788675, -0.211325),
    (-0.577350, -0.211325, 0.788675),
)
"""Grey, and two axes of colour at right angles to it and to each other: RGB in them has little correlation
in natural pictures (rows of the rotation that takes red to grey along the shortest way)."""

PAIR = 5.0
"""How much more than another place one counts that the user has paired with a place of the style."""

BLOCK = 256
"""Rows of a covariance that are compared at once."""

Distance = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
"""Between all rows of two sets, `(n, d)` and `(m, d)` to `(n, m)`, and between those of the same number."""

Moments = tuple[Tensor, Tensor]
"""Mean `(d,)` and covariance `(d, d)` of rows."""


def decorrelated(colors: Tensor) -> Tensor:
    """RGB `(n, 3)` in the axes of `DECORRELATED`; lengths stay."""
    return colors @ torch.tensor(DECORRELATED).to(colors).T


def directions(rows: Tensor) -> Tensor:
    """Rows `(n, d)` with the length 1, in their dtype."""
    return F.normalize(rows, dim=1)


def cosine_distances(x: Tensor, y: Tensor) -> Tensor:
    """1 - cosine of every direction of `(n, d)` with every one of `(m, d)`: `(n, m)`."""
    return 1 - wide(x @ y.T)


def cosine_apart(x: Tensor, y: Tensor) -> Tensor:
    """1 - cosine of every direction of `(n, d)` with that of the same number: `(n,)`."""
    return 1 - (wide(x) * wide(y)).sum(1)


def euclidean_distances(x: Tensor, y: Tensor) -> Tensor:
    """Of every row of `(n, d)` from every row of `(m, d)`: `(n, m)`."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    return squares.clamp_min(1e-10).sqrt()


def euclidean_apart(x: Tensor, y: Tensor) -> Tensor:
    """Of every row of `(n, d)` from that of the same number: `(n,)`. Its slope at 0 is 0."""
    return (x - y).square().sum(1).clamp_min(1e-10).sqrt()


COSINE: Distance = (cosine_distances, cosine_apart)
EUCLIDEAN: Distance = (euclidean_distances, euclidean_apart)


def relaxed_emd(x: Tensor, y: Tensor, distance: Distance, pairs: int = 0) -> Tensor:
    """Equation 6: the larger of what it costs to move every row of x to its nearest of y, and every row of y
    to its nearest of x, each a mean. Both are bounds of the earth mover's distance from below.

    As only the distances between nearest ones have a gradient, they alone are taken with one.

    Args:
        x, y: `(n, d)` and `(m, d)`.
        pairs: how many of the last rows belong together; see `guided`.
    """
    between, apart = distance
    with torch.no_grad():
        costs = guided(between(x, y), pairs)
        to_y, to_x = costs.min(1), costs.min(0)
        if to_y.values.mean() >= to_x.values.mean():
            here, there = torch.arange(len(x), device=x.device), to_y.indices
        else:
            here, there = to_x.indices, torch.arange(len(y), device=x.device)
    weight = torch.where(here < len(x) - pairs, 1.0, PAIR)
    return (apart(x[here], y[there]) * weight).mean()


def guided(costs: Tensor, pairs: int) -> Tensor:
    """Costs `(n, m)` in which the last `pairs` rows can go to their own column only, which are the last ones
    in the same order, and count `PAIR` times (section 3.3)."""
    if not pairs:
        return costs
    own = torch.full_like(costs[-pairs:], torch.inf)
    own[:, -pairs:].fill_diagonal_(0)
    return torch.cat([costs[:-pairs], own + PAIR * costs[-pairs:]])


def moments(rows: Tensor) -> Moments:
    """Mean `(d,)` and covariance `(d, d)` of rows `(n, d)`, divided by n."""
    mean = rows.mean(0)
    apart = rows - mean
    return wide(mean), wide(apart.T @ apart) / len(rows)


def mixed(weights: Sequence[float], parts: Sequence[Moments]) -> Moments:
    """Moments of several sets of rows at once, each counting by its weight."""
    whole = sum(weights)
    mean = torch.stack([weight / whole * own for weight, (own, _) in zip(weights, parts, strict=True)]).sum(0)
    covariance = torch.zeros_like(parts[0][1])
    for weight, (own, apart) in zip(weights, parts, strict=True):
        covariance += weight / whole * (apart + torch.outer(own - mean, own - mean))
    return mean, covariance


def moments_apart(rows: Tensor, goal: Moments) -> Tensor:
    """Equation 7: the mean difference of the mean of rows `(n, d)` from another, and of their covariances."""
    return _MomentsApart.apply(rows, *goal)  # type: ignore[no-any-return]  # apply is untyped


class _MomentsApart(torch.autograd.Function):
    """The covariance is symmetric, so half of it tells all; and its slopes are signs, so half precision holds
    them. Block by block it stays near the processor."""

    @staticmethod
    def forward(ctx, rows: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:  # type: ignore[override]  # named
        count, width = rows.shape
        own = rows.mean(0)
        shift, centred = wide(own) - mean, rows - own
        signs = torch.empty(width, width, dtype=rows.dtype, device=rows.device)
        loss = shift.abs().mean()
        for first in range(0, width, BLOCK):
            last = min(first + BLOCK, width)
            block = wide(centred[:, first:last].T @ centred[:, first:]) / count
            block -= covariance[first:last, first:]
            sizes = block.abs()
            loss += (2 * sizes.sum() - sizes[:, : last - first].sum()) / width**2
            signs[first:last, first:] = block.sign_()
            signs[last:, first:last] = signs[first:last, last:].T
        ctx.save_for_backward(centred, shift.sign(), signs)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]  # named
        centred, shift, signs = ctx.saved_tensors
        count, width = centred.shape
        slopes = (centred @ signs) * (2 * grad / (count * width**2)).to(centred)
        return slopes + (grad * shift / (count * width)).to(centred), None, None


def similarities(rows: Tensor) -> Tensor:
    """Distances between all directions `(n, d)`, each column with the sum 1: `(n, n)`."""
    distances = (1 - gram_sum(rows[None, :, :, None])).clamp_min(0)
    return distances / distances.sum(0).clamp_min(1e-9)


def self_similarity_apart(one: Tensor, other: Tensor) -> Tensor:
    """Equation 8: the difference of two matrices of `similarities`, of the same places of two pictures; the
    sum over both sides, divided by the number of places."""
    return (one - other).abs().sum() / len(one)
