"""Whitening and colouring: mean and covariance of features, taken off and put on (Li et al. 2017, 3.2).

    whitening   f_w  = E_c D_c^(-1/2) E_c^T (f_c - m_c)          (eq. 2)
    colouring   f_cs = E_s D_s^(1/2)  E_s^T f_w + m_s            (eq. 3)

Both are one affine map of the features. Sums, covariances and eigenvalues are float64: small eigenvalues
decide how much noise whitening amplifies. Directions in which there is next to nothing are dropped
rather than regularised, as the authors do: adding to the diagonal changes every direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1e-5
"""Eigenvalues below this share of the largest are dropped: below it lies what half precision rounds off."""

CHUNK = 4 << 20
"""Numbers that are made float64 at a time."""


@dataclass(frozen=True)
class Gaussian:
    """Mean `(C,)` and covariance `(C, C)` of features over positions, float64."""

    mean: Tensor
    covariance: Tensor


class Moments:
    """Running weighted sums of features and of their products, over any number of tiles."""

    def __init__(self) -> None:
        self.count, self.first, self.second = 0.0, torch.zeros(1), torch.zeros(1)

    def add(self, maps: Tensor, weight: Tensor | None = None) -> None:
        """Adds positions.

        Args:
            maps: `(1, C, h, w)`.
            weight: `(1, 1, h, w)`: how much each position counts; None for 1.
        """
        home = torch.device("cpu") if maps.device.type == "mps" else maps.device  # which has no float64
        rows = maps[0].flatten(1).T.to(home)
        share = torch.ones(len(rows), 1, device=home) if weight is None else weight.reshape(-1, 1).to(home)
        step = max(CHUNK // rows.shape[1], 1)
        for start in range(0, len(rows), step):
            part, counts = rows[start : start + step].double(), share[start : start + step].double()
            weighted = part * counts
            self.count += float(counts.sum())
            self.first = self.first.to(part) + weighted.sum(0)
            self.second = self.second.to(part) + weighted.T @ part

    def result(self) -> Gaussian:
        """Mean and covariance, the biased one: divided by the sum of the weights."""
        mean = self.first / self.count
        return Gaussian(mean, self.second / self.count - torch.outer(mean, mean))


def power(covariance: Tensor, exponent: float, least: float = LEAST) -> Tensor:
    """E D^exponent E^T over the eigenvalues that are not next to nothing: -1/2 whitens, 1/2 colours.

    Args:
        covariance: `(C, C)`, symmetric but for rounding.
        least: share of the largest eigenvalue below which a direction is dropped.
    """
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    kept = values > max(float(values[-1]) * least, torch.finfo(values.dtype).tiny)
    values, vectors = values[kept], vectors[:, kept]
    return (vectors * values**exponent) @ vectors.T


def affine(content: Gaussian, mean: Tensor, coloring: Tensor) -> tuple[Tensor, Tensor]:
    """The map f -> A f + b that whitens with the content's statistics and colours with the style's.

    Args:
        mean, coloring: the style's mean, and `power(covariance, 1/2)`.

    Returns:
        A `(C, C)` and b `(C,)`, float64.
    """
    matrix = coloring @ power(content.covariance, -0.5)
    return matrix, mean - matrix @ content.mean
