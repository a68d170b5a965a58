"""What a loss is, and the losses of optimisation-based style transfer, as published, as plain functions.

Content and style are those of Gatys, Ecker & Bethge, "Image Style Transfer Using Convolutional Neural
Networks" (CVPR 2016); total variation is Mahendran & Vedaldi's regulariser (CVPR 2015). `objective`
weighs and sums them; what it changes about the published weights it says there.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..maths.gram_matrix import wide


@dataclass(frozen=True)
class Evaluation:
    """Losses by term, weighted, with their `total`; and the gradient, float32, of the picture's shape."""

    losses: dict[str, float]
    gradient: Tensor


class Loss(Protocol):
    """What is minimised at one level."""

    def evaluate(self, picture: Tensor) -> Generator[float, None, Evaluation]:
        """The loss of a picture `(1, 3, H, W)` float32 in 0..1, and its gradient.

        A generator: it yields the share of the work that is done after every convolution forward and
        after every backward pass, so that something more urgent may run, and returns the `Evaluation`.
        """
        ...


def content_loss(features: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Equation 1: one half of the sum of squared differences of two feature maps.

    Args:
        features: `(1, N, h, w)`, the picture's maps at one layer.
        target: the content's maps, same shape.
        weight: `(1, 1, h, w)`, how much each position counts; None is the published form, all alike.

    Returns:
        A float32 scalar (float64 for float64 maps).
    """
    difference = wide(features) - wide(target)
    squares = difference.square()
    return 0.5 * (squares if weight is None else squares * weight).sum()


def style_layer_loss(gram: Tensor, target: Tensor) -> Tensor:
    """Equation 4 for Gram matrices that are divided by their number of positions M already:

        E = 1 / (4 N^2 M^2) sum (M G - M A)^2 = 1 / (4 N^2) sum (G - A)^2.

    So a style picture may have another size than the result, which the published form does not foresee.

    Args:
        gram, target: `(N, N)`, from `gram.gram`.
    """
    return (gram - target).square().sum() / (4 * gram.shape[-1] ** 2)


def total_variation(
    picture: Tensor, support: Tensor | None = None, wrap: bool = False
) -> tuple[Tensor, Tensor]:
    """Sum of squared differences of neighbouring pixels (Mahendran & Vedaldi 2015, section 3.1, beta = 2),
    divided by the number of pixels, with its gradient in closed form: it needs no network and no graph.

    Args:
        picture: `(1, C, H, W)`.
        support: `(1, 1, H, W)`, 1 where pixels are free to change; a pair counts when either of its
            pixels is. None is everywhere.
        wrap: whether the last row and column neighbour the first.

    Returns:
        The value and its gradient `(1, C, H, W)`.
    """
    count = picture.shape[-2] * picture.shape[-1] if support is None else support.sum().clamp_min(1)
    value = torch.zeros((), dtype=picture.dtype, device=picture.device)
    gradient = torch.zeros_like(picture)
    for dim in (2, 3):
        here, there = (picture, picture.roll(-1, dim)) if wrap else _neighbours(picture, dim)
        step = there - here
        if support is not None:
            a, b = (support, support.roll(-1, dim)) if wrap else _neighbours(support, dim)
            step = step * torch.maximum(a, b)
        value += step.square().sum()
        step *= 2
        if wrap:
            gradient += step.roll(1, dim) - step
        else:
            length = picture.shape[dim]
            gradient.narrow(dim, 1, length - 1).add_(step)
            gradient.narrow(dim, 0, length - 1).sub_(step)
    return value / count, gradient / count


def _neighbours(maps: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    length = maps.shape[dim] - 1
    return maps.narrow(dim, 0, length), maps.narrow(dim, 1, length)
