"""What is moved: the numbers that an optimiser walks on, and the picture that they stand for.

Either the pixels themselves, or the levels of a Laplacian pyramid (Burt & Adelson 1983), where one step
changes large areas as easily as single pixels (Kolkin et al., "Neural Neighbor Style Transfer", 2022,
section 3.3). Where only lightness is to change, both have one channel.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.color import luma
from .losses import Evaluation

DEPTH = 7
"""Levels of a Laplacian pyramid, at most."""

COARSEST = 4
"""Shortest side, in pixels, of a pyramid level that is still halved."""


class Variable(Protocol):
    """One tensor of parameters for a picture of one size."""

    bounds: tuple[float, float]
    """What the optimiser keeps every parameter within."""

    def picture(self, parameters: Tensor) -> Tensor:
        """The picture `(1, 3, H, W)` in 0..1 of some parameters."""
        ...

    def begin(self, picture: Tensor, shape: Tensor | None) -> Tensor:
        """The parameters that a level begins with.

        Args:
            picture: `base` of the level before.
            shape: and its `shape`; None where there is none.
        """
        ...

    def base(self, parameters: Tensor) -> Tensor:
        """The picture that a finer level begins with; another than is shown where that is bent."""
        ...

    def shape(self, parameters: Tensor) -> Tensor | None:
        """What is moved besides the picture, and carried on to a finer level: displacements."""
        ...

    def evaluate(self, loss: Any, parameters: Tensor) -> Generator[float, None, Evaluation]:
        """The loss, and its gradient by the parameters; yields as `Loss.evaluate`."""
        ...

    def kept(self, before: Tensor, after: Tensor) -> Tensor:
        """Where a step from one point to another may lead."""
        ...


class PictureVariable(Variable, Protocol):
    """A variable that is a picture and nothing else."""

    def parameters(self, picture: Tensor) -> Tensor:
        """The parameters of a picture `(1, 3, H, W)` in 0..1."""
        ...

    def gradient(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        """The gradient by the parameters, from that by the picture `(1, 3, H, W)`."""
        ...

    def begin(self, picture: Tensor, shape: Tensor | None) -> Tensor:
        del shape
        return self.parameters(picture)

    def base(self, parameters: Tensor) -> Tensor:
        return self.picture(parameters)

    def shape(self, parameters: Tensor) -> Tensor | None:
        del parameters
        return None

    def evaluate(self, loss: Any, parameters: Tensor) -> Generator[float, None, Evaluation]:
        evaluation = yield from loss.evaluate(self.picture(parameters))
        return Evaluation(evaluation.losses, self.gradient(parameters, evaluation.gradient))

    def kept(self, before: Tensor, after: Tensor) -> Tensor:
        del before
        return after


class FreePixels(PictureVariable):
    """The pixels themselves.

    Args:
        gray: whether all three channels are one.
    """

    bounds = (0.0, 1.0)

    def __init__(self, gray: bool = False) -> None:
        self.gray = gray

    def parameters(self, picture: Tensor) -> Tensor:
        return luma(picture) if self.gray else picture

    def picture(self, parameters: Tensor) -> Tensor:
        return parameters.expand(1, 3, *parameters.shape[-2:])

    def gradient(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        del parameters
        return gradient.sum(1, keepdim=True) if self.gray else gradient


class Laplacian(PictureVariable):
    """The levels of a Laplacian pyramid, fine to coarse, in one vector.

    The finest `plain` levels have lightness only, as in an encoded photo: colour that changes from pixel to
    pixel is grain that nothing in the loss tells from paint.

    The picture is clamped to 0..1; what a pixel at a bound is pushed outward by does not count, so that
    parameters do not run away behind it.

    Args:
        size: height and width.
        gray: whether all three channels are one.
        fixed: what pixels outside of `free` are, `(1, 3, H, W)`.
        free: `(1, 1, H, W)`, above 0 where pixels may change; None is everywhere.
        plain: how many of the finest levels are lightness only.
        strides: how many times as far a step goes in the finest levels, the finest first; 1 in the others.
            All levels can make a large area lighter; a fine line is the finest's alone.
    """

    bounds = (-math.inf, math.inf)

    def __init__(
        self,
        size: tuple[int, int],
        gray: bool = False,
        fixed: Tensor | None = None,
        free: Tensor | None = None,
        plain: int = 0,
        strides: Sequence[float] = (),
    ) -> None:
        self.channels, self.fixed, self.free = 1 if gray else 3, fixed, free
        self.sizes = [size]
        while len(self.sizes) < DEPTH and min(self.sizes[-1]) > COARSEST:
            self.sizes.append((self.sizes[-1][0] // 2, self.sizes[-1][1] // 2))
        self.plain = min(plain, len(self.sizes) - 1)
        self.strides = [*strides, *[1.0] * len(self.sizes)][: len(self.sizes)]

    def parameters(self, picture: Tensor) -> Tensor:
        picture = luma(picture) if self.channels == 1 else picture
        levels = []
        for smaller in self.sizes[1:]:
            small = F.interpolate(picture, smaller, mode="bilinear", antialias=True)
            levels.append(picture - _up(small, (picture.shape[-2], picture.shape[-1])))
            picture = small
        if self.channels == 3:
            levels[: self.plain] = [luma(level) for level in levels[: self.plain]]
        scaled = zip((*levels, picture), self.strides, strict=True)
        return torch.cat([(level / stride).flatten() for level, stride in scaled])

    def picture(self, parameters: Tensor) -> Tensor:
        made = self._sum(parameters).clamp(0, 1)
        made = made.expand(1, 3, *made.shape[-2:])
        if self.free is None or self.fixed is None:
            return made
        return torch.where(self.free.to(made.device) > 0, made, self.fixed.to(made))

    def gradient(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        if self.free is not None:
            gradient = gradient * (self.free > 0).to(gradient)
        if self.channels == 1:
            gradient = gradient.sum(1, keepdim=True)
        leaf = parameters.detach().requires_grad_()
        with torch.enable_grad():
            made = self._sum(leaf)
        seen = made.detach()
        outward = ((seen <= 0) & (gradient > 0)) | ((seen >= 1) & (gradient < 0))
        return torch.autograd.grad(made, leaf, gradient.masked_fill(outward, 0))[0]

    def _sum(self, parameters: Tensor) -> Tensor:
        channels = [1 if k < self.plain else self.channels for k in range(len(self.sizes))]
        counts = [c * height * width for c, (height, width) in zip(channels, self.sizes, strict=True)]
        levels = [
            part.view(1, c, *size) * stride
            for part, c, size, stride in zip(
                parameters.split(counts), channels, self.sizes, self.strides, strict=True
            )
        ]
        picture = levels[-1]
        for level, size in zip(levels[-2::-1], self.sizes[-2::-1], strict=True):
            picture = level + _up(picture, size)
        return picture


def _up(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(picture, size, mode="bilinear", align_corners=False)
