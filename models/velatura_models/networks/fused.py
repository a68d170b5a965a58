"""Whole networks as a CUDA card computes them fastest: by kernels that leave nothing between convolutions.

`takes` says whether a card can: it is of the kind that kernels were tried on, Triton is there, and the first
kernel gives what the library gives. Where it cannot, networks compute as elsewhere (`cuda`), and the log says
why. Kernels are compiled when a network first computes, as a worker warms up, which takes some ten seconds
once: Triton keeps them on disk.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .fused_layers import (
    SLOTS,
    convolved,
    in_two,
    maps_like,
    normalised,
    of_cells,
    of_doubled,
    of_pixels,
    pictured,
    plain,
    sloped,
)

logger = logging.getLogger(__name__)

TRIED = (9, 0)
"""Compute capability of the cards that kernels were tried on and are cut for, H100 and H200: others have less
memory for a program."""


@functools.cache
def usable(device: torch.device) -> bool:
    """Whether kernels run on a device and give what the library gives; tried once, and told where not."""
    if device.type != "cuda" or torch.version.hip is not None:
        return False
    try:
        if (here := torch.cuda.get_device_capability(device)) != TRIED:
            raise RuntimeError(f"its compute capability is {here}, and they were tried with {TRIED} alone")
        with torch.inference_mode(False), torch.no_grad():
            x = torch.randn(1, 64, 20, 24, device=device).half().contiguous(memory_format=torch.channels_last)
            weight = torch.randn(64, 64, 3, 3, device=device).half()
            made, _ = convolved(x, plain(weight))
            assert made is not None
            wanted = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight).float()
            off = float((made - wanted).norm() / wanted.norm())
        if off > 0.01:
            raise RuntimeError(f"a convolution is off by {off:.2g}")
    except Exception as error:  # a compiler may fail in any way
        logger.warning("networks compute without kernels of their own on %s: %s", device, error)
        return False
    return True


def takes(x: Tensor, conv: Any, *widths: int) -> bool:
    """Whether kernels take a picture, or its maps, and frozen convolutions of some widths like this one."""
    weight: Tensor = conv.weight
    return (
        x.device.type == "cuda"
        and len(x) == 1
        and weight.dtype in (torch.bfloat16, torch.float16)
        and not weight.requires_grad
        and not torch.is_autocast_enabled("cuda")
        and not any(width % 16 for width in widths)
        and usable(x.device)
    )


Convs = Sequence[tuple[str, Any]]
"""Convolutions `Conv3x3` with their names."""


def first_layer(conv: Any, before: nn.Conv2d | None) -> tuple[Tensor, Tensor]:
    """Weight `(O, 3, 3, 3)` and bias of a first convolution, float32, with a 1x1 one before it folded in."""
    weight, bias = conv.weight.float(), conv.bias.float()
    if before is None:
        return weight, bias
    mix, shift = before.weight[:, :, 0, 0].float(), before.bias.float()  # type: ignore[union-attr]  # it has one
    return torch.einsum("oikl,ij->ojkl", weight, mix), bias + torch.einsum("oikl,i->o", weight, shift)


def first_rows(conv: Any, before: nn.Conv2d | None) -> Tensor:
    weight, bias = first_layer(conv, before)
    return of_pixels(weight, 16, bias).to(conv.weight.dtype)


def encoded(
    x: Tensor, convs: Convs, wanted: Sequence[str], before: nn.Conv2d | None = None, all_kept: bool = False
) -> dict[str, Tensor]:
    """Maps after the ReLUs of a VGG-shaped encoder, by name of the convolution.

    Args:
        x: `(1, 3, H, W)`.
        convs: with their names `b_i`, as deep as is asked for.
        wanted: names that are asked for; all of them with `all_kept`.
        before: a 1x1 convolution of the pixels.

    Returns:
        `(1, C, h, w)` each, differentiable by `x` where gradients are asked for.
    """
    if torch.is_grad_enabled() and x.requires_grad:
        return dict(zip(wanted, EncoderFunction.apply(x, convs, wanted, before), strict=True))
    out: dict[str, Tensor] = {}
    size = (x.shape[2], x.shape[3])
    maps: Any = pictured(x, 1, convs[0][1].weight.dtype)
    for index, (name, conv) in enumerate(convs):
        last = index == len(convs) - 1
        pool = not last and convs[index + 1][0][0] != name[0]
        keep = all_kept or last or not pool or name in wanted
        first: dict[str, Any] = {}
        if index == 0:
            weight, bias = conv.kept_as(lambda _, conv=conv: first_rows(conv, before)), None
            first = {"side": (3, 1), "before": 0, "continued": "", "size": size, "run": 16}
        else:
            weight, bias = plain(conv.weight), conv.bias
        made, pooled = convolved(maps, weight, bias, relu=True, keep=keep, pool=pool, **first)
        if keep and (all_kept or name in wanted):
            assert made is not None
            out[name] = made
        maps = pooled if pool else made
    return out


class EncoderFunction(torch.autograd.Function):
    """`encoded` of a frozen encoder, differentiable by the picture."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, convs: Convs, names: Sequence[str], before: Any) -> tuple[Tensor, ...]:
        found = encoded(x, convs, names, all_kept=True, before=before)
        ctx.save_for_backward(*(found[name] for name, _ in convs))
        ctx.convs, ctx.names, ctx.before, ctx.like = convs, list(names), before, x.detach()
        return tuple(found[name] for name in names)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # type: ignore[override]  # named
        convs, maps = ctx.convs, ctx.saved_tensors
        given = dict(zip(ctx.names, grads, strict=True))
        grad = None
        for index in reversed(range(len(convs))):
            name, conv = convs[index]
            pooled = grad is not None and convs[index + 1][0][0] != name[0]
            more = given.get(name)
            if more is not None:
                more = more.contiguous(memory_format=torch.channels_last)
            if grad is None and more is None:
                continue
            y = maps[index]
            slope = sloped(y, grad, more, pooled, y)
            weight = conv.weight if index else first_layer(conv, ctx.before)[0].to(slope)
            grad = F.conv_transpose2d(slope, weight)
        assert grad is not None
        return sloped(None, grad, None, False, ctx.like), None, None, None


def decoded(decoder: Any, features: Mapping[str, Tensor]) -> Tensor:
    """The picture `(1, 3, 8 h, 8 w)` float32 that a `decoder.Decoder` makes of features."""
    last, dtype = decoder.convs[-1], decoder.convs[0].weight.dtype
    given = {
        level: maps.to(dtype).contiguous(memory_format=torch.channels_last)
        for level, maps in features.items()
    }
    maps: Any = given["relu4_1"]
    for index, conv in enumerate(decoder.convs):
        how: dict[str, Any] = {}
        weight = plain(conv.weight)
        level = decoder.doubled.get(index - 1, "")  # that maps are at now, still of half the size
        if level in decoder.taps:
            tap, mode = decoder.taps[level], decoder.upsampling
            taken, kernel = given[level], plain(tap.weight)
            maps, _ = convolved(taken, kernel, tap.bias, side=1, before=0, more=maps, upsampling=mode)
        elif level and decoder.upsampling == "bilinear":
            maps = F.interpolate(maps, scale_factor=2, mode="bilinear")
            maps = maps.contiguous(memory_format=torch.channels_last)
        elif level:
            weight = conv.kept_as(of_doubled)
            how = {"side": 2, "continued": "replicate", "doubled": True}
        if conv is last:
            break
        maps, _ = convolved(maps, weight, conv.bias, relu=True, **how)
    out = torch.empty((1, 3, *maps.shape[2:]), dtype=torch.float32, device=maps.device)
    weight = last.kept_as(lambda weight: in_two(plain(of_cells(weight.float())), dtype))
    convolved(maps, weight, last.bias, side=4, step=2, fold=True, split=True, out=out)
    return out


class FusedPainter:
    """A painter of a foldable architecture (`folded.foldable`), its kernels as these convolutions take them.

    Args:
        layers: weights of the convolutions, float32, in order.
        blocks: residual ones.
        dtype: half precision.
    """

    def __init__(self, layers: Sequence[Tensor], blocks: int, dtype: torch.dtype) -> None:
        from .transform_net import bilinear_kernels

        self.blocks, self.dtype, self.channels = blocks, dtype, [len(weight) for weight in layers]
        self.weights: list[Tensor] = []
        last = len(layers) - 1
        for index, weight in enumerate(layers):
            if index == 0:
                made = of_pixels(of_cells(weight), 48)
            elif index == last:
                made = plain(of_cells(weight))
            elif index >= 3 + 2 * blocks:
                made = plain(bilinear_kernels(weight).unflatten(0, (-1, 4)).transpose(0, 1).flatten(0, 1))
            else:
                made = plain(weight)
            self.weights.append(made.to(torch.float16 if index == last else dtype).contiguous())

    def __call__(self, x: Tensor, scales: Sequence[Tensor], shifts: Sequence[Tensor], eps: float) -> Tensor:
        """The picture `(1, 3, H, W)` float32 of a picture `(1, 3, H, W)`, H and W multiples of 4.

        Args:
            scales, shifts: by layer, `(C,)` float32.
        """
        height, width = x.shape[2:]
        if height % 4 or width % 4:
            raise ValueError(f"sides {width} x {height} are not multiples of 4")
        sizes = [2 * SLOTS * channels for channels in self.channels]
        sums = torch.zeros(sum(sizes), device=x.device).split(sizes)
        maps = stream = pictured(x, 4, self.dtype)
        last, after = len(self.weights) - 1, 3 + 2 * self.blocks
        for index, weight in enumerate(self.weights):
            out: Tensor | None = None
            if index == 0:
                how: dict[str, Any] = {
                    "side": (10, 1), "step": 2, "before": 0, "continued": "", "fold": True, "run": 48,
                    "size": (height // 2, width // 2),
                }  # fmt: skip
            elif index == last:
                out = torch.empty((1, 3, height, width), device=x.device)
                how = {"side": 10, "step": 2, "before": 4, "fold": True, "out": out}
            elif index >= after:
                how = {"continued": "replicate", "fold": True}
            else:
                how = {"step": 2 if index < 3 else 1}
            y, _ = convolved(maps, weight, sums=sums[index], **how)
            assert y is not None
            added = index >= 3 and index < after and index % 2 == 0
            exact = maps_like(y, *y.shape[1:], dtype=torch.float16) if index == last - 1 else None
            maps = normalised(
                y, sums[index], scales[index], shifts[index], eps, relu=not added and index != last,
                stream=stream if added else None, sigmoid=index == last, out=exact,
            )  # fmt: skip
            if added or index == 2:
                stream = maps
        return maps
