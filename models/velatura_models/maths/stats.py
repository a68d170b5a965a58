"""Channel statistics: the mean and deviation that AdaIN swaps.

Plain functions on feature maps `(N, C, H, W)`. Sums run in float32 whatever the maps' dtype.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

EPS = 1e-5
"""Added to the variance, as in the published AdaIN code."""


class _MeanStd(torch.autograd.Function):
    """Mean and deviation with a backward pass of one multiply-add in the maps' own dtype: the one that
    autograd derives walks float32 copies of the maps several times, half the cost of a training step."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:
        wide = features.float()
        mean = wide.mean(dim=(2, 3), keepdim=True)
        var = (wide - mean).square().mean(dim=(2, 3), keepdim=True)
        std = (var + EPS).sqrt()
        ctx.save_for_backward(features, mean, std)
        return mean, std

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        features, mean, std = ctx.saved_tensors
        count = features.shape[2] * features.shape[3]
        slope = grads[1] / std / count
        level = grads[0] / count - slope * mean
        return torch.addcmul(level.to(features.dtype), features, slope.to(features.dtype))


def mean_std(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel over its positions (Huang & Belongie 2017, eq. 5-6).

    Args:
        features: `(N, C, H, W)`.

    Returns:
        Two float32 tensors `(N, C, 1, 1)`. The deviation is the biased one: the mean over positions,
        as the equation says.
    """
    return _MeanStd.apply(features)  # type: ignore[return-value]  # apply is untyped


def normalise(features: Tensor) -> Tensor:
    """Instance-normalised features: zero mean and unit deviation in every channel."""
    mean, std = mean_std(features)
    return (features.float() - mean) / std
