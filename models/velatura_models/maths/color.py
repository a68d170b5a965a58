"""Colour: keeping the content's, what a style's colours are, and how far colours look apart.

Both ways of Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer": luminance only,
and matching mean and covariance. Pictures are sRGB-encoded RGB in 0..1, `(..., 3, H, W)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Rec. 601 luma weights, the Y of YIQ as in the paper; `velatura.pixels` says the same without torch."""

TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
"""OKLab's two matrices: linear RGB to cone responses, their cube roots to L, a, b."""


@dataclass(frozen=True)
class ColorStats:
    """Mean `(3,)` and covariance `(3, 3)` of a picture's colours, float64, on the CPU."""

    mean: Tensor
    cov: Tensor


ONE_COLOR = 1 / 255
"""Standard deviation of each channel below which a picture has one colour."""
BAND = 512
"""Rows that are summed at a time."""


def color_stats(rgb: Tensor, weight: Tensor | None = None) -> ColorStats:
    """Colour statistics of `(1, 3, H, W)`; `weight` `(1, 1, H, W)` says how much each pixel counts."""
    total, first, second = torch.zeros(()).double(), torch.zeros(3).double(), torch.zeros(3, 3).double()
    near = rgb[0, :, :1, 0]  # sums of squares of what is far from 0 would round variances away
    for top in range(0, rgb.shape[2], BAND):  # a large picture is not to be held several times
        pixels = rgb[0, :, top : top + BAND].reshape(3, -1) - near
        weighted = pixels
        if weight is None:
            total = total + pixels.shape[1]
        else:
            share = weight[:, :, top : top + BAND].reshape(1, -1).to(pixels) + 1e-9
            total, weighted = total + share.sum(dtype=torch.float64).cpu(), pixels * share
        first = first + weighted.sum(1, dtype=torch.float64).cpu()
        second = second + (weighted @ pixels.T).double().cpu()
    mean = first / total
    return ColorStats(mean + near[:, 0].double().cpu(), second / total - mean[:, None] * mean[None, :])


def is_one_color(color: ColorStats) -> bool:
    """Whether a picture has one colour, as far as one can see."""
    return float(color.cov.diagonal().max()) < ONE_COLOR**2


def encode_srgb(linear: Tensor) -> Tensor:
    """Linear light to sRGB numbers (IEC 61966-2-1)."""
    linear = linear.clamp_min(0)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.pow(1 / 2.4) - 0.055)


def decode_srgb(encoded: Tensor) -> Tensor:
    """sRGB numbers to linear light."""
    encoded = encoded.clamp_min(0)
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055).pow(2.4))


def oklab(rgb: Tensor) -> Tensor:
    """OKLab (Ottosson 2020) of sRGB in 0..1, `(..., 3, H, W)`: lightness 0..1, green to red, blue to yellow;
    distances are about as large as they look."""
    cones = torch.einsum("ij,...jhw->...ihw", torch.tensor(TO_CONES).to(rgb), decode_srgb(rgb))
    return torch.einsum("ij,...jhw->...ihw", torch.tensor(TO_LAB).to(rgb), cones.clamp_min(0) ** (1 / 3))


def luma(rgb: Tensor) -> Tensor:
    """Luma `(..., 1, H, W)` of `(..., 3, H, W)`."""
    return (rgb * torch.tensor(LUMA, dtype=rgb.dtype, device=rgb.device).view(3, 1, 1)).sum(-3, keepdim=True)


def keep_luminance(content: Tensor, stylized: Tensor) -> Tensor:
    """The content's chroma with the stylized picture's luma (section 3.2 of the paper).

    In YIQ that swaps Y alone, which in RGB adds one number to all three channels.
    """
    return content + luma(stylized - content)


def matching(source: ColorStats, target: ColorStats) -> tuple[Tensor, Tensor]:
    """`A (3, 3)` and `b (3,)` so that colours A x + b have the target's mean and covariance.

    The symmetric solution with square roots of the covariances (section 3.1, "image analogies" form),
    A = C_t^(1/2) C_s^(-1/2). The paper transforms the style picture before the transfer; here the same
    map is applied to the result, which works for styles known by their card alone.
    """
    forward = _root(target.cov, 0.5) @ _root(source.cov, -0.5)
    return forward.float(), (target.mean - forward @ source.mean).float()


def transport(source: ColorStats, target: ColorStats) -> tuple[Tensor, Tensor]:
    """`matching` by the optimal map between two normal distributions, which of all such maps moves colours
    least: A = C_s^(-1/2) (C_s^(1/2) C_t C_s^(1/2))^(1/2) C_s^(-1/2) (Pitie & Kokaram 2007, section 2.4)."""
    root, back = _root(source.cov, 0.5), _root(source.cov, -0.5)
    forward = back @ _root(root @ target.cov @ root, 0.5, 0.0) @ back
    return forward.float(), (target.mean - forward @ source.mean).float()


def mixture(parts: Sequence[ColorStats], weights: Sequence[float]) -> ColorStats:
    """Colour statistics of several pictures at once, each counting by its weight."""
    shares = [weight / sum(weights) for weight in weights]
    mean = torch.stack([w * part.mean for w, part in zip(shares, parts, strict=True)]).sum(0)
    apart = [part.mean - mean for part in parts]
    moments = [w * (p.cov + torch.outer(d, d)) for w, p, d in zip(shares, parts, apart, strict=True)]
    return ColorStats(mean, torch.stack(moments).sum(0))


def apply_matching(rgb: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """A x + b on every pixel of `(1, 3, H, W)`."""
    return torch.einsum("ij,njhw->nihw", matrix.to(rgb), rgb) + offset.to(rgb).view(1, 3, 1, 1)


def _root(matrix: Tensor, power: float, least: float = 1 / 255) -> Tensor:
    """A power of a symmetric positive matrix; flat directions count as `least` deep, so that a picture
    of one colour does not amplify its noise."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(least**2) ** power) @ vectors.T
