"""Gram matrices, plain and guided: which features occur together, wherever they are.

Equation 3 of Gatys et al. (CVPR 2016), divided by the number of positions, and the guided Gram matrix
of Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer" (CVPR 2017, section 5.1),
that counts positions by a mask. Both are one matrix product on the maps as they lie in memory
(channels_last maps are a `(positions, channels)` matrix already) in the maps' own dtype; the result
is float32.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def gram(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """G = F F^T / M, or with a guide T of unit norm the guided G = (T o F)(T o F)^T.

    Args:
        features: `(1, N, h, w)`.
        guide: `(1, 1, h, w)` from `guidance`, or None: T = 1 / sqrt(M) everywhere.

    Returns:
        `(N, N)` float32 (float64 for float64 maps), differentiable once in `features`.
    """
    if guide is None:
        return gram_sum(features) / (features.shape[2] * features.shape[3])
    return gram_sum(features, guide)


def gram_sum(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Sum of t^2 f f^T over positions, not divided: what tiles of one picture add up."""
    return _GramSum.apply(features, guide)  # type: ignore[no-any-return]  # apply is untyped


class _GramSum(torch.autograd.Function):
    """X^T X with one product in the backward pass, d = X (g + g^T), where autograd would take two."""

    @staticmethod
    def forward(ctx, features: Tensor, guide: Tensor | None) -> Tensor:  # type: ignore[override]  # named
        ctx.save_for_backward(features, guide)
        rows = _rows(features, guide)
        return wide(rows.t() @ rows)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]  # named
        features, guide = ctx.saved_tensors
        _, channels, height, width = features.shape
        rows = _rows(features, guide)
        out = rows @ (grad + grad.t()).to(features.dtype)
        if guide is not None:
            out *= guide.reshape(-1, 1).to(out.dtype)
        return out.reshape(1, height, width, channels).permute(0, 3, 1, 2), None


def _rows(features: Tensor, guide: Tensor | None) -> Tensor:
    """`(positions, channels)`; a view when the maps are channels_last and unguided."""
    rows = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
    return rows if guide is None else rows * guide.reshape(-1, 1).to(rows.dtype)


def layer_mask(mask: Tensor, stride: int) -> Tensor:
    """A mask at a layer's resolution: the mean over each position's pixels, so that not even one
    pixel is lost.

    Args:
        mask: `(1, 1, H, W)` in 0..1.
        stride: pixels per position, 1, 2, ... 16.

    Returns:
        `(1, 1, H // stride, W // stride)`. Rows and columns of pixels that pooling leaves over count
        for the last position.
    """
    height, width = mask.shape[2] // stride, mask.shape[3] // stride
    pooled = F.avg_pool2d(mask, stride, ceil_mode=True)
    if pooled.shape[2] > height:
        pooled = torch.cat([pooled[:, :, : height - 1], pooled[:, :, height - 1 :].amax(2, keepdim=True)], 2)
    if pooled.shape[3] > width:
        pooled = torch.cat([pooled[..., : width - 1], pooled[..., width - 1 :].amax(3, keepdim=True)], 3)
    return pooled


def guidance(mask: Tensor, stride: int) -> Tensor:
    """The guidance channel T of a layer, normalised to sum T^2 = 1 (CVPR 2017, section 5.1).

    Raises:
        ValueError: for a mask that is 0 everywhere.
    """
    pooled = layer_mask(mask, stride)
    norm = pooled.double().square().sum().sqrt()
    if not norm > 0:
        raise ValueError("the mask is empty: no pixel is above 0")
    return pooled / norm.to(pooled.dtype)


def wide(features: Tensor) -> Tensor:
    """Half-precision maps as float32; wider ones as they are."""
    return features if features.dtype in (torch.float32, torch.float64) else features.float()
