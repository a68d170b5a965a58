"""Calls of the kernels (`kernels`), and weights in the forms that they take.

All maps are those of one picture, `(1, C, h, w)` channels last, in half precision.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

SLOTS = 32
"""Places where an instance norm's sums are added up, so that programs wait less for each other."""

Tiling = tuple[int, int, int, int, int, bool]
"""Positions, output and input channels of a program, its warps, the stages of its pipeline, and whether maps
are read by way of the first cache."""

FASTEST: dict[tuple[int, int, str], Tiling] = {
    (64, 64, "pool"): (128, 64, 64, 8, 3, False),
    (64, 64, "doubled"): (128, 64, 64, 8, 3, False),
    (64, 128, ""): (128, 128, 64, 4, 3, False),
    (128, 128, "pool"): (128, 128, 64, 4, 3, False),
    (128, 128, "doubled"): (128, 128, 64, 4, 3, False),
    (128, 64, ""): (256, 64, 64, 4, 3, False),
    (128, 256, ""): (128, 128, 64, 4, 3, False),
    (256, 256, ""): (128, 256, 64, 8, 3, True),
    (256, 256, "pool"): (128, 256, 64, 8, 4, False),
    (256, 256, "doubled"): (128, 128, 64, 4, 3, False),
    (256, 128, ""): (128, 64, 64, 4, 4, False),
    (256, 512, ""): (128, 64, 64, 4, 3, False),
    (512, 512, ""): (128, 64, 64, 4, 3, False),
    (512, 256, ""): (128, 64, 64, 4, 3, False),
    (32, 32, "pool"): (256, 32, 32, 8, 3, False),
    (32, 64, ""): (256, 64, 32, 4, 3, False),
}
"""By input and output channels, and what is done besides: of eight to fourteen that were tried on an H200."""


@functools.cache
def _kernels() -> Any:
    """The kernels, whose compiler is there only where cards are, and takes long to import."""
    from . import kernels

    return kernels


def maps_like(x: Tensor, channels: int, height: int, width: int, dtype: torch.dtype | None = None) -> Tensor:
    """Room for maps, channels last."""
    return torch.empty(
        (1, channels, height, width),
        dtype=dtype or x.dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )


def convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    side: int | tuple[int, int] = 3,
    step: int = 1,
    before: int = 1,
    continued: str = "reflect",
    size: tuple[int, int] | None = None,
    fold: bool = False,
    doubled: bool = False,
    split: bool = False,
    relu: bool = False,
    more: Tensor | None = None,
    upsampling: str = "nearest",
    keep: bool = True,
    pool: bool = False,
    sums: Tensor | None = None,
    out: Tensor | None = None,
    run: int = 0,
    cut: Tiling | None = None,
) -> tuple[Tensor | None, Tensor | None]:
    """A convolution and what follows it.

    Args:
        x: maps `(1, C, h, w)`, channels last; or with `run` rows of pixels `(rows, pitch, 4)` by `pictured`.
        weight: `(O, side * side * C)`, taps row by row, channels next to each other; `(4, O, ...)` with
            `doubled`, `(2 O, ...)` with `split`, `(O, rows * run)` with `run`.
        bias: `(O,)`.
        side, step, before: of the kernel, its stride, and how far it reaches up and left.
        continued: how maps go on outside: `reflect`, `replicate` or not at all.
        size: of the positions that come out, where it does not follow from `step`.
        fold: positions are cells of four pixels.
        doubled: maps are seen upsampled, `nearest`, by a kernel for each pixel of a cell.
        split: weights are sums of two, so that they count in double precision.
        relu: whether what is below zero becomes zero.
        more: maps of half the size, added as upsampled.
        keep, pool: whether the maps, and whether their maxima of cells are wanted.
        sums: `(SLOTS, 2, C)` float32, to which sums and squares of every channel are added.
        out: where the maps go.
        run: values next to each other that one row of the kernel takes.
        cut: how it is cut into programs, where not as was fastest.

    Returns:
        The maps and the pooled ones.

    Raises:
        ValueError: for maps too small to be continued by reflection.
    """
    rows_of, across = (side, side) if isinstance(side, int) else side
    if run:
        cin, column = run, 4
        height, pitch = x.shape[0], x.shape[1] * 4
        width = x.shape[1]
        assert size is not None
    else:
        _, cin, height, width = x.shape
        column, pitch = cin, width * cin
    if continued == "reflect" and min(height, width) <= before:
        raise ValueError(f"maps of {width} x {height} are too small to be reflected by {before}")
    rows, columns = size or (-(-height // step), -(-width // step))
    cout = weight.shape[-2]
    fine = 2 if fold or doubled else 1
    channels = out.shape[1] if out is not None else cout // (4 if fold else 1)
    if keep and out is None:
        out = maps_like(x, channels, rows * fine, columns * fine)
    pooled = maps_like(x, cout, rows // 2, columns // 2) if pool else None
    some = out if out is not None else pooled
    assert some is not None
    ychan, yrow, ycol = (out.stride(1), out.stride(2), out.stride(3)) if out is not None else (1, 0, 0)
    besides = "doubled" if doubled else "pool" if pool else ""
    bm, bn, bk, warps, stages, near = cut or tiling(cin, cout, besides)
    tiles = -(-rows // (bm // 16)) * -(-columns // 16)
    grid = (tiles * -(-cout // bn), 4 if doubled else 1)
    _kernels().convolution[grid](
        x, weight, weight if bias is None else bias, some if more is None else more,
        some, some if pooled is None else pooled, some if sums is None else sums,
        height, width, pitch, column, rows, columns, cin, cout, channels, yrow, ycol, ychan,
        SY=rows_of, SX=across, STEP=step, BEFORE=before, CONTINUED=continued, COLUMN=4 if run else 0,
        DOUBLED=doubled, FOLD=fold, SPLIT=split, BIAS=bias is not None,
        MORE="" if more is None else upsampling, RELU=relu, KEEP=keep, POOL=pool, SUMS=sums is not None,
        SLOTS=SLOTS, ACROSS=8, BM=bm, BN=bn, BK=bk, NEAR=near, num_warps=warps, num_stages=stages,
    )  # fmt: skip
    return out if keep else None, pooled


def tiling(cin: int, cout: int, besides: str) -> Tiling:
    """How a convolution is cut into programs."""
    step = next(size for size in (64, 32, 16) if cin % size == 0)
    wide = max(16, min(128, 1 << (cout - 1).bit_length()))
    usual = (128, wide, step, 8 if wide == 128 else 4, 3 if step == 64 else 4, False)
    return FASTEST.get((cin, cout, besides), usual)


def pictured(x: Tensor, before: int, dtype: torch.dtype) -> Tensor:
    """A picture `(1, 3, H, W)` of any layout as rows of pixels of four values, the last a one, continued by
    reflection: `(H + 2 before, pitch, 4)`, pitch a multiple of 4 with a run's room."""
    height, width = x.shape[2:]
    if min(height, width) <= before:
        raise ValueError(f"a picture of {width} x {height} is too small to be reflected by {before}")
    rows, pitch = height + 2 * before, -(-(width + 2 * before + 2) // 4) * 4
    out = torch.empty((rows, pitch, 4), dtype=dtype, device=x.device)
    block = 1024
    _kernels().picture[(-(-out.numel() // block),)](
        x, out, height, width, rows, pitch, x.stride(2), x.stride(3), x.stride(1), BEFORE=before, BLOCK=block
    )
    return out


def normalised(
    y: Tensor, sums: Tensor, scale: Tensor, shift: Tensor, eps: float, *, relu: bool = False,
    stream: Tensor | None = None, sigmoid: bool = False, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """scale (y - mean) / deviation + shift of maps `(1, C, h, w)` in place, then ReLU, `stream` added, or a
    sigmoid.

    Args:
        sums: from `convolved`.
        scale, shift: `(C,)` float32.
        out: of the same strides, where the values go; by default in place.
    """
    _, channels, height, width = y.shape
    wide = 1 << (channels - 1).bit_length()
    block = max(16, 4096 // wide)
    target = y if out is None else out
    _kernels().norm[(-(-height * width // block),)](
        y, sums, scale, shift, y if stream is None else stream, target, height * width, channels,
        y.stride(3), y.stride(1), eps, RELU=relu, ADDED=stream is not None, SIGMOID=sigmoid,
        SLOTS=SLOTS, CHANNELS=wide, BLOCK=block,
    )  # fmt: skip
    return target


def sloped(y: Tensor | None, grad: Tensor | None, more: Tensor | None, pooled: bool, like: Tensor) -> Tensor:
    """The gradient by what a ReLU is given.

    Args:
        y: what it gave, `(1, C, h, w)`, channels last; None for none.
        grad: by the maps that come after it, continued by one position all around, and after pooling where
            `pooled`.
        more: further gradient by `y`.
        like: maps of the shape and dtype of what comes out.
    """
    _, channels, height, width = like.shape
    out = maps_like(like, channels, height, width)
    down, across = (grad.shape[2] - 2, grad.shape[3] - 2) if grad is not None else (0, 0)
    bc = min(64, 1 << (channels - 1).bit_length())
    block = 2048 // bc
    grid = (-(-height * width // block), -(-channels // bc))
    _kernels().slope[grid](
        out if grad is None else grad, out if more is None else more, out if y is None else y, out,
        height, width, down, across, channels, height * width,
        GRAD=grad is not None, MORE=more is not None, POOLED=pooled, RELU=y is not None, BLOCK=block, BC=bc,
    )  # fmt: skip
    return out


def plain(weight: Tensor) -> Tensor:
    """`(O, k * k * C)` of a kernel `(O, C, k, k)`; no copy where it is channels last."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1).contiguous()


def of_pixels(weight: Tensor, run: int, bias: Tensor | None = None) -> Tensor:
    """Of a kernel `(O, C, k, k)` on pixels, by `pictured` rows of them: `(O, k * run)`; its bias counts the
    one that is each pixel's fourth value."""
    outputs, inputs, rows, columns = weight.shape
    out = weight.new_zeros(outputs, rows, run)
    pixels = out.view(outputs, rows, run // 4, 4)
    pixels[:, :, :columns, :inputs] = weight.permute(0, 2, 3, 1)
    if bias is not None:
        pixels[:, 0, 0, 3] = bias
    return out.flatten(1)


def of_cells(weight: Tensor) -> Tensor:
    """The kernel that gives the four pixels of a cell, place by place, of what `(O, C, k, k)` gives on
    pixels: `(4 O, C, k + 1, k + 1)`, for a step of two."""
    outputs, inputs, side, _ = weight.shape
    out = weight.new_zeros(2, 2, outputs, inputs, side + 1, side + 1)
    for p in range(2):
        for q in range(2):
            out[p, q, :, :, p : p + side, q : q + side] = weight
    return out.flatten(0, 2)


def of_doubled(weight: Tensor) -> Tensor:
    """Kernels for the four pixels of a cell on small maps of what `(O, C, 3, 3)` gives on maps upsampled
    `nearest`: `(4, O, 2 * 2 * C)`. Of three rows that a pixel sees two are copies of one."""
    wide = weight.float()
    rows = (torch.stack([wide[:, :, 0], wide[:, :, 1] + wide[:, :, 2]], 2),
            torch.stack([wide[:, :, 0] + wide[:, :, 1], wide[:, :, 2]], 2))  # fmt: skip
    made = []
    for some in rows:
        made.append(torch.stack([some[..., 0], some[..., 1] + some[..., 2]], 3))
        made.append(torch.stack([some[..., 0] + some[..., 1], some[..., 2]], 3))
    return torch.stack([plain(each) for each in made]).to(weight.dtype).contiguous()


def in_two(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Rows `(N, K)` float32 as two of half precision each that add up: `(2 M, K)`, M >= N a power of two from
    8 on."""
    room = max(8, 1 << (len(weight) - 1).bit_length())
    out = torch.zeros(2, room, weight.shape[1], dtype=dtype, device=weight.device)
    out[0, : len(weight)] = weight
    out[1, : len(weight)] = weight - out[0, : len(weight)].to(weight.dtype)
    return out.flatten(0, 1)
