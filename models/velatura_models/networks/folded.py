"""A painter rearranged: the same pictures as `TransformNet`'s in a fraction of the time, on processors and
CUDA cards.

Three things make the difference, none of which a training could follow.

*Folding.* At full size the network has few channels, which leave a processor's registers half empty. So maps
at full size are kept folded: the four pixels of each 2x2 cell are channels of one position,

    folded[4 c + 2 p + q, y, x] = maps[c, 2 y + p, 2 x + q],

and a 9x9 kernel on pixels is a 5x5 kernel on cells, with the same weights and zeros between them. What leaves
the last upsampling is folded by itself, so that nothing is rearranged before the picture.

*Eight bits.* Where a processor multiplies bytes faster (`precision.eight_bits_pay`), convolutions read maps
rounded to 8 bits, with one scale for all of them, and kernels rounded to 8 bits, with a scale for each output
channel; sums, norms and residual streams stay float. Pictures differ from float32's by about 0.5/255
(bfloat16's by 0.2/255).

*Few passes.* An instance norm is one library call; ReLU and rounding are one pass, a band of rows at a time,
so that what is made is read again while it is in the processor's cache.

A card computes whole pictures by kernels of its own where it can (`fused.FusedPainter`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from . import cuda, fused
from .convolution import padded
from .transform_net import EPS, Normalise, TransformNet, bilinear_kernels

FOLD = 2
"""Pixels on a side of a cell."""
CELL = FOLD * FOLD
BAND = 1 << 18
"""Values that are rounded at once: what stays in a processor's cache."""


class ScaledMaps(NamedTuple):
    """Maps as a convolution reads them, `(1, C, h, w)`; of bytes the value is (maps - zero) * scale."""

    maps: Tensor
    scale: float = 1.0
    zero: int = 0


class Convolution:
    """Reads maps in its own precision, gives floats. No padding of its own.

    Args:
        weight, bias: float32.
        dtype: float32, bfloat16, or uint8 for eight bits.
        signed: whether maps may be below zero.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype, stride: int, signed: bool) -> None:
        self.dtype, self.stride, self.signed = dtype, [stride, stride], signed
        if dtype != torch.uint8:
            self.weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
            self.bias = None if cuda.on_card(weight) else bias.to(dtype)  # a norm takes it away again
            return
        self.scales = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / 127
        self.zeros, self.bias = torch.zeros(len(weight), dtype=torch.int32), bias
        rounded = (weight / self.scales.view(-1, 1, 1, 1)).round().to(torch.int8)
        zero = 128 if signed else 0
        self.weight = torch.ops.onednn.qconv_prepack(
            rounded, self.scales, 1.0, zero, self.stride, [0, 0], [1, 1], 1, None
        )

    def __call__(self, seen: ScaledMaps, out: torch.dtype) -> Tensor:
        """The convolved maps; of bytes in `out`, else in the convolution's own dtype."""
        if self.dtype != torch.uint8:
            return F.conv2d(seen.maps.to(self.dtype), self.weight, self.bias, self.stride)
        return torch.ops.onednn.qconv2d_pointwise(
            *(seen.maps, seen.scale, seen.zero, self.weight, self.scales, self.zeros, self.bias),
            *(self.stride, [0, 0], [1, 1], 1, 1.0, 0, out, "none", [], ""),
        )

    def read(self, maps: Tensor) -> ScaledMaps:
        """Maps as this convolution reads them; below zero they become zero where it takes none such."""
        if self.dtype != torch.uint8:
            return ScaledMaps(maps if self.signed else F.relu_(maps))
        top = max(largest(maps, self.signed), 1e-9)
        scale, zero = (top / 127, 128) if self.signed else (top / 255, 0)
        return ScaledMaps(rounded(maps, scale, zero), scale, zero)


def largest(maps: Tensor, signed: bool) -> float:
    """The largest of maps, where they are `signed` as far as any is from zero; if all are below zero and not
    signed, any number below. In bfloat16 they are compared as integers, which they are like in order."""
    if maps.dtype != torch.bfloat16:
        return float((maps.abs() if signed else maps).amax())
    bits = maps.view(torch.int16)
    return float((bits & 0x7FFF if signed else bits).amax().view(torch.bfloat16))


def rounded(maps: Tensor, scale: float, zero: int) -> Tensor:
    """maps / scale + zero as bytes, `(1, C, h, w)` channels_last; what lies outside is clamped."""
    out = torch.empty(maps.shape, dtype=torch.uint8, memory_format=torch.channels_last)
    half = torch.tensor(zero + 0.5)
    rows = max(BAND // (maps.shape[1] * maps.shape[3]), 1)
    for top in range(0, maps.shape[2], rows):
        band = slice(top, top + rows)
        made = torch.add(half, maps[:, :, band].float(), alpha=1 / scale).clamp_min_(0)
        out[:, :, band] = made.to(torch.int16)  # by way of it, as floats to bytes is slow
    return out


@dataclass(frozen=True)
class Stage:
    """One layer of the network as it is computed here.

    Args:
        padded: continues maps by what the kernel reaches over.
        cell: channels of a position that are one channel of the network: `CELL` where maps are folded.
        unfolded: whether what comes out is laid out as pixels for the next layer.
        stream: whether what comes out is added to the residual stream.
        begins: whether what comes out is where a residual stream begins.
    """

    convolution: Convolution
    padded: Callable[[Tensor], Tensor]
    cell: int = 1
    unfolded: bool = False
    stream: bool = False
    begins: bool = False


def foldable(architecture: Mapping[str, Any]) -> bool:
    """Whether a `TransformNet` of an architecture is of the form that `Folded` computes: as this project
    trains painters."""
    wanted = {"norm": "instance", "upsampling": "bilinear", "output": "sigmoid", "valid": False}
    usual = {"norm": "instance", "output": "sigmoid", "valid": False}
    return all({**usual, **architecture}.get(name) == value for name, value in wanted.items())


class Folded:
    """A frozen painter, folded; computes what `TransformNet.steps` does for one picture.

    Args:
        net: a network of a `foldable` architecture.
        dtype: of maps as convolutions read them: float32, bfloat16, or uint8 for eight bits.
    """

    def __init__(self, net: TransformNet, dtype: torch.dtype) -> None:
        self.gamma, self.beta = net.gamma.detach(), net.beta.detach()
        self.norm, self.strides, self.least = net.norm, net.strides, net.least
        self.channels = net.channels
        self.wide = torch.float32 if dtype == torch.float32 else torch.bfloat16
        residual = range(3, 3 + 2 * net.blocks)
        self.stages: list[Stage] = []
        self.painting: fused.FusedPainter | None = None
        half, known = self.wide != torch.float32, not any(width % 16 for width in net.widths)
        if half and known and fused.usable(self.gamma.device):
            weights = [conv.weight.detach().float() for conv in net.convs]  # type: ignore[union-attr]  # convs
            self.painting = fused.FusedPainter(weights, net.blocks, self.wide)
        for index, conv in enumerate(net.convs):
            weight, bias = conv.weight.detach().float(), conv.bias.detach().float()  # type: ignore[union-attr]  # convs
            last = index == len(net.convs) - 1
            stride, cell, unfolded, grown = 1, 1, False, _by(1, 1, "reflect")
            if index == 0 or last:
                weight, cell = folded_kernel(weight), CELL
                grown = reflected_cells if last else _as_it_is
            elif index == 1:  # the pixel of the cell before that counts is where reflection has it
                weight, grown = strided_kernel(weight), _by(1, 0, "replicate")
            elif index == 2:  # all that a stride of 2 reads
                stride, grown = 2, _by(1, 0, "reflect")
            elif index >= residual.stop:
                weight, cell, grown = bilinear_kernels(weight), CELL, _by(1, 1, "replicate")
                unfolded = index == residual.stop  # the next convolution is not one on cells
            # the last layer makes pictures finer than 8 bits: bytes give it float32, bfloat16 would not
            exact = torch.float16 if cuda.on_card(weight) else torch.float32
            reads = exact if last and dtype == torch.bfloat16 else dtype
            after_sum = index - 1 in residual and index % 2 == 1
            made = Convolution(weight, bias.repeat_interleave(cell), reads, stride, signed=after_sum)
            stream = index in residual and index % 2 == 0
            self.stages.append(Stage(made, grown, cell, unfolded, stream, begins=index == 2))

    @property
    def nbytes(self) -> int:
        """Bytes of kernels and rows."""
        kernels = sum(stage.convolution.weight.nbytes for stage in self.stages)
        return kernels + self.gamma.nbytes + self.beta.nbytes

    def steps(
        self, x: Tensor, gamma: Tensor, beta: Tensor, normalise: Normalise | None = None
    ) -> Generator[None, None, Tensor]:
        """See `TransformNet.steps`; `x` is one picture `(1, 3, H, W)`."""
        scales, shifts = (rows[0].split(self.channels) for rows in (gamma, beta))
        if self.painting is not None and normalise is None:
            made = self.painting(x, scales, shifts, EPS)
            yield
            return made
        cells = F.pixel_unshuffle(padded(x.float(), 4, 4, "reflect"), FOLD)
        first = self.stages[0].convolution
        seen = (
            ScaledMaps(rounded(cells, 1 / 255, 0), 1 / 255)
            if first.dtype == torch.uint8
            else ScaledMaps(cells)
        )
        stream = y = x
        for index, stage in enumerate(self.stages):
            last = index == len(self.stages) - 1
            around = seen._replace(maps=stage.padded(seen.maps))
            y = stage.convolution(around, torch.float32 if last else self.wide)
            y = self._normalised(index, y.float() if last else y, scales[index], shifts[index], normalise)
            if last:
                break
            if stage.begins:
                stream = y = F.relu_(y)
            if stage.stream:
                stream = y = stream + y
            seen = self.stages[index + 1].convolution.read(y)
            if stage.unfolded:
                seen = seen._replace(maps=F.pixel_shuffle(seen.maps, FOLD))
            yield
        return unfolded(y.sigmoid_())

    def _normalised(
        self, index: int, y: Tensor, scale: Tensor, shift: Tensor, normalise: Normalise | None
    ) -> Tensor:
        cell = self.stages[index].cell
        if normalise is None and cuda.on_card(y):
            return cuda.normalised(y, scale, shift, cell, EPS)
        if normalise is None:  # groups of channels are those of a cell
            scales, shifts = (rows.repeat_interleave(cell).to(y.dtype) for rows in (scale, shift))
            return F.group_norm(y, len(scale), scales, shifts, EPS)
        if cell == 1:
            return normalise(index, y, scale[None], shift[None])
        pixels = normalise(index, F.pixel_shuffle(y, FOLD), scale[None], shift[None])
        return F.pixel_unshuffle(pixels, FOLD).contiguous(memory_format=torch.channels_last)


def folded_kernel(weight: Tensor) -> Tensor:
    """The kernel on cells that gives the cells of what `(O, C, k, k)`, k odd, gives on pixels: `(4 O, 4 C,
    n, n)` with n = (k + 1) / 2 rounded down to what reaches; maps are continued by k // 2 pixels."""
    outputs, inputs, size, _ = weight.shape
    cells = (size + FOLD - 2) // FOLD + 1
    out = weight.new_zeros(outputs, FOLD, FOLD, inputs, FOLD, FOLD, cells, cells)
    for p in range(FOLD):
        for q in range(FOLD):
            for i in range(size):
                for j in range(size):
                    y, x = p + i, q + j
                    out[:, p, q, :, y % FOLD, x % FOLD, y // FOLD, x // FOLD] = weight[:, :, i, j]
    return out.reshape(outputs * CELL, inputs * CELL, cells, cells)


def strided_kernel(weight: Tensor) -> Tensor:
    """The 2x2 kernel on cells that gives what a 3x3 kernel `(O, C, 3, 3)` with stride 2 gives on pixels:
    `(O, 4 C, 2, 2)`; maps are continued by one cell before."""
    outputs, inputs, _, _ = weight.shape
    out = weight.new_zeros(outputs, inputs, FOLD, FOLD, 2, 2)
    for i in range(3):
        for j in range(3):
            y, x = i + 1, j + 1
            out[:, :, y % FOLD, x % FOLD, y // FOLD, x // FOLD] = weight[:, :, i, j]
    return out.reshape(outputs, inputs * CELL, 2, 2)


def reflected_cells(maps: Tensor) -> Tensor:
    """Folded maps continued by two cells, as reflection continues their pixels by four."""
    batch, channels, height, width = maps.shape
    shape = (batch, channels, height + 4, width + 4)
    out = torch.empty(shape, dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last)
    out[:, :, 2:-2, 2:-2] = maps
    places = out.unflatten(1, (channels // CELL, FOLD, FOLD)).permute(0, 1, 4, 5, 2, 3)
    for lines, count in ((places, height), (places.permute(0, 1, 3, 2, 5, 4), width)):
        lines = lines.movedim(2, 0).movedim(4, 1)  # cell along this side, pixel in the cell
        after = count + 1  # the last cell that is not continued
        for k in (1, 2):
            lines[2 - k, 0], lines[2 - k, 1] = lines[2 + k, 0], lines[1 + k, 1]
            lines[after + k, 1], lines[after + k, 0] = lines[after - k, 1], lines[after + 1 - k, 0]
    return out


def unfolded(cells: Tensor) -> Tensor:
    """`F.pixel_shuffle(cells, FOLD)`, a plane after the other; on a processor row by row, which takes half as
    long where there are few."""
    if cells.device.type != "cpu":
        return F.pixel_shuffle(cells, FOLD).contiguous()
    batch, channels, height, width = cells.shape
    made = cells.new_empty(batch, channels // CELL, height, FOLD, width, FOLD)
    given = cells.unflatten(1, (channels // CELL, FOLD, FOLD))
    for channel in range(channels // CELL):
        for row in range(FOLD):
            made[:, channel, :, row] = given[:, channel, row].permute(0, 2, 3, 1)
    return made.view(batch, channels // CELL, FOLD * height, FOLD * width)


def _by(before: int, after: int, mode: str) -> Callable[[Tensor], Tensor]:
    return partial(padded, before=before, after=after, mode=mode)


def _as_it_is(maps: Tensor) -> Tensor:
    return maps
