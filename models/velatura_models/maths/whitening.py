"""Whitening and colouring: mean and covariance of features, taken off and put on (Li et al. 2017, 3.2).

    whitening   f_w  = E_c D_c^(-1/2) E_c^T (f_c - m_c)          (eq. 2)
    colouring   f_cs = E_s D_s^(1/2)  E_s^T f_w + m_s            (eq. 3)

Both are one affine map of the features. Sums, covariances and eigenvalues are float64: small eigenvalues
decide how much noise whitening amplifies. Directions in which there is next to nothing are dropped
rather than regularised, as the authors do: adding to the diagonal changes every direction.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-5
"""Eigenvalues below this share of the largest are dropped: below it lies what half precision rounds off."""


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


def affine(content: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The map f -> A f + b that whitens with the content's statistics and colours with the style's.

    Args:
        content: mean, and `power(covariance, -1/2)`.
        style: mean, and `power(covariance, 1/2)`.

    Returns:
        A `(C, C)` and b `(C,)`, float64.
    """
    mean, coloring = (t.to(content[0]) for t in style)
    matrix = coloring @ content[1]
    return matrix, mean - matrix @ content[0]
