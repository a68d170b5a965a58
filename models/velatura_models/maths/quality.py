"""How good a stylization is, measured with the real VGG-19.

Two numbers for a result, each relative so that pairs can be averaged:

- style: squared distance of channel means and deviations to the style's, over relu1_1 ... relu4_1
  (the style loss of Huang & Belongie 2017, eq. 13), as a share of the untouched photo's own;
- content: mean squared difference of instance-normalised relu4_1 to the photo's; 0 is the same, 2
  unrelated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..networks.encoder import Encoder
from .stats import mean_std, normalise

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@dataclass(frozen=True)
class Quality:
    """Of one result: `style` and `photo` are raw style losses, of the result and of the untouched photo."""

    style: float
    photo: float
    content: float


def style_loss(features: dict[str, Tensor], target: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
    """Eq. 13 of the AdaIN paper: squared distances of means and deviations, averaged over channels and
    batch, summed over layers.

    Args:
        features: maps of the result at `STYLE_LAYERS`.
        target: mean and deviation `(N, C, 1, 1)` of the style at the same layers.
    """
    total = torch.zeros(())
    for layer, (mean, std) in target.items():
        own_mean, own_std = mean_std(features[layer])
        total = total + (own_mean - mean).square().mean() + (own_std - std).square().mean()
    return total


def measure(vgg: Encoder, photo: Tensor, style: Tensor, result: Tensor) -> Quality:
    """Measures one result.

    Args:
        vgg: the real VGG-19, in any dtype.
        photo, style, result: `(1, 3, H, W)` RGB in 0..1; the style may differ in size.
    """
    dtype = next(vgg.parameters()).dtype
    with torch.inference_mode():
        before, painted, after = (
            vgg(t.to(dtype).contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
            for t in (photo, style, result.clamp(0, 1))
        )
        target = {layer: mean_std(painted[layer]) for layer in STYLE_LAYERS}
        moved = normalise(after["relu4_1"]) - normalise(before["relu4_1"])
        return Quality(
            float(style_loss(after, target)), float(style_loss(before, target)), float(moved.square().mean())
        )
