"""Layers as a CUDA card computes them best with what the library has, where `fused` does not compute all of a
network: without Triton, in float32, and for tiles of a painter, which are told their statistics.

Around a convolution the library's own take longer than the convolution itself, which gives up
channels_last for some and goes over the maps once more for each of the others. For 64 channels of 512 x
512 in bfloat16 an NVIDIA H200 takes 0.05 ms for a 3x3 convolution; 0.28 for continuing the maps by
reflection, in channels_last, and 0.06 for copying rows in place of it; 0.06 for bias and ReLU, and
nothing where they are part of the convolution; 0.40 for an instance norm as a group norm, and 0.10 as the
two halves of a batch norm.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def on_card(maps: Tensor) -> bool:
    """Whether maps are where this module is for: on a card of CUDA, not of ROCm, which lacks some of it."""
    return maps.device.type == "cuda" and torch.version.hip is None


def continued(x: Tensor, before: int, after: int, mode: str) -> Tensor:
    """`F.pad` of maps `(N, C, h, w)` by some positions before and after, by `reflect` or `replicate`,
    channels last; by copies of rows and columns."""
    batch, channels, height, width = x.shape
    step = int(mode == "reflect")  # an edge itself is not repeated
    out = x.new_empty(batch, height + before + after, width + before + after, channels)
    maps, target = packed(x.permute(0, 2, 3, 1), out)
    rows, columns = slice(before, before + height), slice(before, before + width)
    target[:, rows, columns] = maps
    for k in range(before):
        target[:, before - 1 - k, columns] = maps[:, (k + 1) * step]
    for k in range(after):
        target[:, rows.stop + k, columns] = maps[:, height - 1 - (k + 1) * step]
    for k in range(before):
        target[:, :, before - 1 - k] = target[:, :, before + (k + 1) * step]
    for k in range(after):
        target[:, :, columns.stop + k] = target[:, :, columns.stop - 1 - (k + 1) * step]
    return out.permute(0, 3, 1, 2)


def doubled(x: Tensor) -> Tensor:
    """Maps `(N, C, h, w)` with every position four times, `nearest` upsampling, channels last."""
    batch, channels, height, width = x.shape
    out = x.new_empty(batch, height, 2, width, 2, channels)
    maps, target = packed(x.permute(0, 2, 3, 1), out)
    target.copy_(maps[:, :, None, :, None])
    return out.view(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


def packed(*maps: Tensor) -> tuple[Tensor, ...]:
    """The same memory in the widest numbers that all of some maps `(..., C)` are made of: a copy takes as
    long for a large number as for a small one."""
    for dtype in (torch.complex128, torch.int64, torch.int32):
        places = [(*each.stride()[:-1], each.shape[-1], each.storage_offset()) for each in maps]
        whole = dtype.itemsize // maps[0].element_size()
        if whole > 1 and all(
            each.stride(-1) == 1 and not any(place % whole for place in own)
            for each, own in zip(maps, places, strict=True)
        ):
            return tuple(each.view(dtype) for each in maps)
    return maps


def moments(x: Tensor, cell: int, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / deviation of every channel of maps `(1, C, h, w)`, `(C,)` float32 each.

    Args:
        cell: how many neighbouring channels count as one.
    """
    mean, inverse = torch.batch_norm_stats(x, eps)
    if cell == 1:
        return mean, inverse
    means, variances = mean.view(-1, cell), inverse.view(-1, cell).pow(-2) - eps
    mean = means.mean(1, keepdim=True)
    inverse = ((variances + (means - mean).square()).mean(1, keepdim=True) + eps).rsqrt()
    return mean.expand_as(means).flatten(), inverse.expand_as(means).flatten()


def normalised(x: Tensor, scale: Tensor, shift: Tensor, cell: int, eps: float) -> Tensor:
    """scale (x - mean) / deviation + shift of maps `(1, C, h, w)`.

    Args:
        scale, shift: `(C / cell,)`.
        cell: as for `moments`.
    """
    gain, bias = (rows.float().repeat_interleave(cell) for rows in (scale, shift))
    return torch.batch_norm_elemt(x, gain, bias, *moments(x, cell, eps), eps)


def rectified(conv: nn.Conv2d, maps: Tensor) -> Tensor:
    """`relu(conv(maps))` of a convolution with stride 1 and no padding of its own: on a card one step, where
    nobody trains it."""
    weight = conv.weight
    if weight.requires_grad or not on_card(maps) or torch.is_autocast_enabled("cuda"):
        return F.relu(conv(maps), inplace=True)
    return _Rectified.apply(maps, weight, conv.bias)


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        y = torch.cudnn_convolution_relu(maps, weight, bias, (1, 1), (0, 0), (1, 1), 1)
        ctx.save_for_backward(y, weight)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]  # one gradient
        y, weight = ctx.saved_tensors
        slope = torch.ops.aten.threshold_backward(grad, y, 0)
        return F.conv_transpose2d(slope.contiguous(memory_format=torch.channels_last), weight), None, None
