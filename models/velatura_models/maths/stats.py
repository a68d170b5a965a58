"""Channel statistics: the mean and deviation that AdaIN swaps.

Plain functions on feature maps `(N, C, H, W)`. Sums run in float32 whatever the maps' dtype.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

EPS = 1e-5
"""Added to the variance, as in the published AdaIN code."""

SUMS, PRODUCTS, MANY = 1 << 18, 4 << 20, 1 << 26
"""Numbers widened at a time: as many as stay in a processor's cache, or make a product worth while, or keep a
card busy."""


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


class Moments:
    """Running weighted sums of features, and of their squares or products, over any number of tiles.

    Totals are float64: a variance is a small difference of large sums.

    Args:
        joint: whether channels are multiplied with each other, for covariances, or with themselves alone.
    """

    def __init__(self, joint: bool = False) -> None:
        self.joint = joint
        self.count, self.first, self.second = 0.0, torch.zeros(1), torch.zeros(1)

    def add(self, maps: Tensor, weight: Tensor | None = None) -> None:
        """Adds positions.

        Args:
            maps: `(1, C, h, w)`.
            weight: `(1, 1, h, w)`: how much each position counts; None for 1.
        """
        for part, counts in self._parts(maps, weight):
            weighted = part if counts is None else part * counts
            self.count += len(part) if counts is None else float(counts.sum(dtype=torch.float64))
            second = weighted.T @ part if self.joint else (weighted * part).sum(0)
            home = part.device if part.device.type != "mps" else "cpu"  # which has no float64
            self.first = self.first.to(home) + weighted.sum(0).to(home).double()
            self.second = self.second.to(home) + second.to(home).double()

    def mean_std(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of every channel, `(C,)` float32, as the function `mean_std` gives them."""
        mean = self.first / self.count
        variance = (self.second / self.count - mean.square()).clamp_min(0)
        return mean.float(), (variance + EPS).sqrt().float()

    def mean_covariance(self) -> tuple[Tensor, Tensor]:
        """Mean `(C,)` and, of joint moments, covariance `(C, C)`, float64; the biased one: divided by the sum
        of the weights."""
        mean = self.first / self.count
        return mean, self.second / self.count - torch.outer(mean, mean)

    def _parts(self, maps: Tensor, weight: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Positions as rows `(n, C)` with their weights `(n, 1)`, some at a time: in float32, for products in
        float64."""
        rows = maps[0].flatten(1).T
        counts = None if weight is None else weight.reshape(-1, 1)
        wide = torch.float64 if self.joint else torch.float32
        home = torch.device("cpu") if self.joint and maps.device.type == "mps" else maps.device
        most = PRODUCTS if self.joint else SUMS if maps.device.type == "cpu" else MANY
        step = max(most // rows.shape[1], 1)
        for start in range(0, len(rows), step):
            some = slice(start, start + step)
            yield rows[some].to(home, wide), None if counts is None else counts[some].to(home, wide)
