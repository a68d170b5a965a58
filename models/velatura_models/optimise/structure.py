"""The content's forms, whatever their contrast and colours: what a slider from paint to photo holds on to."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Mapping

import torch
from torch import Tensor

from ..maths.gram_matrix import layer_mask, wide
from ..maths.tiling import Box
from ..networks.encoder import Encoder
from .pyramid import crop, cut, layer_stride, receptive_margin
from .terms import as_input, more

LAYER = "relu4_1"

EPSILON = 1e-5
"""Of a channel's variance."""


class Structure:
    """The mean squared difference of a layer's maps from the content's, each channel of both with mean 0 and
    deviation 1; a sum term.

    Args:
        target: the content's maps `(1, C, h, w)`.
        weight: positive.
        mask: `(1, 1, H, W)`, how much each pixel counts.
    """

    name, steady = "content", True
    layers = (LAYER,)

    def __init__(self, target: Tensor, weight: float, mask: Tensor | None) -> None:
        self.weight = weight
        target = wide(target)
        counts = torch.ones_like(target[:, :1])
        if mask is not None:
            counts = layer_mask(mask.to(counts), layer_stride(LAYER))
        self.counts = counts / counts.sum()
        mean = (self.counts * target).sum((2, 3), keepdim=True)
        variance = (self.counts * (target - mean).square()).sum((2, 3), keepdim=True)
        self.target = (target - mean) / (variance + EPSILON).sqrt()
        self.square = (variance / (variance + EPSILON)).flatten(1)

    def share(self, maps: Tensor, layer: str, core: Box) -> dict[Hashable, Tensor]:
        """A core's share of every channel's mean, of its square's, and of its product with the target's."""
        down, across = core.slices(layer_stride(layer))
        maps = maps.to(self.target.dtype)
        counted = self.counts[:, :, down, across] * maps
        return {
            "mean": counted.sum((2, 3)),
            "square": (counted * maps).sum((2, 3)),
            "product": (counted * self.target[:, :, down, across]).sum((2, 3)),
        }

    def value(self, sums: Mapping[Hashable, Tensor]) -> Tensor:
        """See `terms.SumTerm`: the mean of (a - b)^2 over positions is that of a^2, of b^2 and of -2 a b, and
        as the target's mean is 0, that of a b needs no mean of a."""
        variance = sums["square"] - sums["mean"].square()
        wide = variance + EPSILON
        return self.weight * (variance / wide + self.square - 2 * sums["product"] / wide.sqrt()).mean()


def layer_maps(encoder: Encoder, picture: Tensor, side: int | None) -> Generator[float, None, Tensor]:
    """The layer's maps of a picture, `(1, C, H // 8, W // 8)`, in tiles where it is large; yields after every
    convolution."""
    stride = layer_stride(LAYER)
    height, width = picture.shape[-2:]
    whole: Tensor | None = None
    for tile in cut(height, width, side, receptive_margin([LAYER])):
        features: dict[str, Tensor] = {}
        running = encoder.steps(as_input(crop(picture, tile.outer), encoder), [LAYER], features)
        while more(running):
            yield 0.0
        maps = features[LAYER]
        if whole is None:
            whole = maps.new_empty(1, maps.shape[1], height // stride, width // stride)
        here, there = tile.core.slices(stride), tile.core.within(tile.outer).slices(stride)
        whole[:, :, here[0], here[1]] = maps[:, :, there[0], there[1]]
    assert whole is not None  # a picture is at least one tile
    return whole
