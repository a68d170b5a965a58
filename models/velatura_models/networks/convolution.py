"""3x3 convolutions faster than the library's, and the reflection around them.

Processors without fast bfloat16, which is most of them, spend nearly all their time in wide 3x3
convolutions. In float32 we compute these by minimal filtering, F(4x4, 3x3) of Lavin & Gray, "Fast Algorithms
for Convolutional Neural Networks" (CVPR 2016), section 4.2. A tile d of 6x6 values and a kernel g become 36
values each, and

    y = A' [(G g G') * (B' d B)] A

is a 4x4 result: 36 products for every pair of channels instead of 144. Over all channels, the products at one
of the 36 places are a matrix product. Results differ from exact ones by about 1e-6 of their deviation
(those of a direct convolution in float32 by 2e-7).

Where bfloat16 is fast, but not by matrix units, the widest take half of the time this way too, but err by
1.7 % of their deviation in place of 0.2 %. An optimisation hardly sees that: its gradient, which bfloat16
moves by 9 % anyway, as it tips maxima, is off by 10 %. What makes a picture in one pass does, so only
layers that are told to be `rough` do it.

Other than in the paper, both sides of a transform are one 36-column matrix, the Kronecker product of the two,
as nothing a processor does is faster than a product of matrices; and the gradient takes the adjoints
of these steps, which need no transform of the flipped kernel.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import cuda

IN, OUT = 6, 4
"""Sides of a tile before and after."""

WORTH = {torch.float32: 64 * 128, torch.bfloat16: 128 * 256}
"""Input times output channels from which the transforms cost less than they save (measured)."""

FEW = 4
"""Output channels up to which pixels are computed four at a time (measured)."""

BAND = 1 << 16
"""Values that the tiles computed at once have at one of the 36 places: what stays in a processor's cache."""

# B', G and A' of the paper's section 4.2 for interpolation at 0, 1/2, -1/2, 3/2, -3/2 and infinity: with the
# paper's own points 1 and 2 results err nearly twice as much
_DATA = (
    torch.tensor(
        [
            [9, 0, -40, 0, 16, 0],
            [0, -18, -36, 8, 16, 0],
            [0, 18, -36, -8, 16, 0],
            [0, -6, -4, 24, 16, 0],
            [0, 6, -4, -24, 16, 0],
            [0, 9, 0, -40, 0, 16],
        ]
    ).double()
    / 16
)
_KERNEL = (
    torch.tensor([[64, 0, 0], [-36, -18, -9], [-36, 18, -9], [4, 6, 9], [4, -6, 9], [0, 0, 36]]).double() / 36
)
_RESULT = (
    torch.tensor(
        [[8, 8, 8, 8, 8, 0], [0, 4, -4, 12, -12, 0], [0, 2, 2, 18, 18, 0], [0, 1, -1, 27, -27, 8]]
    ).double()
    / 8
)

DATA = torch.kron(_DATA, _DATA).float()
RESULT = torch.kron(_RESULT, _RESULT).float()


@contextmanager
def direct() -> Iterator[None]:
    """Within, all convolutions are the library's own: what benchmarks call plain."""
    global WORTH, FEW
    before = WORTH, FEW
    WORTH, FEW = dict.fromkeys(WORTH, sys.maxsize), 0
    try:
        yield
    finally:
        WORTH, FEW = before


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution with stride 1 and no padding of its own, computed the faster way.

    Frozen float32 weights on a processor, wide enough, go by `winograd`, those with few output channels by
    `quads`; all else as in `nn.Conv2d`, whose parameters and state it shares. The kernels made for it are
    kept.

    Attributes:
        rough: whether weights in bfloat16 may go by `winograd` too.
    """

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__(cin, cout, 3)
        self._kernels: tuple[int, Tensor] | None = None
        self.rough = False

    def forward(self, input: Tensor) -> Tensor:
        if not self._frozen(input):
            return super().forward(input)
        exact = input.dtype == torch.float32
        if exact and self.out_channels <= FEW and input.shape[2] % 2 == input.shape[3] % 2 == 0:
            return quads(input, self.kept_as(quads_kernel), self.bias)
        if self._wide(input):
            return winograd(input, self.kept_as(lambda weight: transformed(weight, input.dtype)), self.bias)
        return super().forward(input)

    def rectified(self, maps: Tensor) -> Tensor:
        """`relu(self(maps))`, in one step where a card or, without gradients, a processor has one."""
        if cuda.on_card(maps):
            return cuda.rectified(self, maps)
        if not one_step(maps) or (self._frozen(maps) and self._wide(maps)):
            return F.relu(self(maps), inplace=True)
        return torch.ops.mkldnn._convolution_pointwise(
            *(maps, self.weight, self.bias, [0, 0], [1, 1], [1, 1], 1, "relu", [], "")
        )

    @property
    def kept(self) -> int:
        """Bytes of the transformed kernels, where they are kept."""
        return 0 if self._kernels is None else self._kernels[1].nbytes

    def _frozen(self, x: Tensor) -> bool:
        """Whether these are weights on a processor that nobody trains, in a dtype that has a faster way."""
        weight = self.weight
        return (
            x.device.type == weight.device.type == "cpu"
            and x.dtype == weight.dtype
            and (x.dtype == torch.float32 or (self.rough and x.dtype == torch.bfloat16))
            and not weight.requires_grad
            and not torch.is_autocast_enabled("cpu")
        )

    def _wide(self, x: Tensor) -> bool:
        """Whether it has so many channels that minimal filtering pays."""
        return self.in_channels * self.out_channels >= WORTH[x.dtype]

    def kept_as(self, made: Callable[[Tensor], Tensor]) -> Tensor:
        """The kernels in the one form in which they are used, made of the weights when these are new."""
        weight = self.weight
        version = 0 if weight.is_inference() else weight._version
        if self._kernels is None or self._kernels[0] != version:
            self._kernels = (version, made(weight.detach()))
        return self._kernels[1]

    def _apply(self, fn: Any, recurse: bool = True) -> Conv3x3:
        self._kernels = None  # other weights from now on
        return super()._apply(fn, recurse)


def one_step(maps: Tensor) -> bool:
    """Whether the library, on a processor, convolves maps and does more to them in one step; it knows no
    gradient of that."""
    if maps.device.type != "cpu" or torch.is_grad_enabled() or not torch.backends.mkldnn.is_available():
        return False
    halves = maps.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return (maps.dtype == torch.float32 or halves) and not torch.is_autocast_enabled("cpu")


def reflected(x: Tensor, side: int = 1) -> Tensor:
    """`F.pad(x, (side,) * 4, mode="reflect")`, whose gradient takes half the time in channels_last."""
    return _Reflected.apply(x, side)


class _Reflected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, side: int) -> Tensor:
        ctx.side = side
        return padded(x, side, side, "reflect")

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]  # one gradient
        n = ctx.side
        rows = grad[:, :, n:-n].clone()
        rows[:, :, 1 : n + 1] += grad[:, :, :n].flip(2)
        rows[:, :, -1 - n : -1] += grad[:, :, -n:].flip(2)
        columns = rows[..., n:-n]
        columns[..., 1 : n + 1] += rows[..., :n].flip(3)
        columns[..., -1 - n : -1] += rows[..., -n:].flip(3)
        return columns, None


def padded(x: Tensor, before: int, after: int, mode: str) -> Tensor:
    """Maps continued on all sides by some positions before and after, by `reflect` or `replicate`; without a
    gradient of its own."""
    if cuda.on_card(x):
        return cuda.continued(x, before, after, mode)
    return F.pad(x, (before, after, before, after), mode=mode)


def pooled(x: Tensor) -> Tensor:
    """`F.max_pool2d(x, 2)`, which without gradients need not note where the largest were."""
    if x.device.type != "cpu" or torch.is_grad_enabled():
        return F.max_pool2d(x, 2)
    x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    rows = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def convolution(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without padding of its own, the faster way where there is one."""
    return Conv3x3(cin, cout) if (kernel, stride) == (3, 1) else nn.Conv2d(cin, cout, kernel, stride)


def quads_kernel(weight: Tensor) -> Tensor:
    """The kernel that gives the four pixels of a 2x2 cell as channels, with a stride of a cell, of what a
    kernel `(O, C, 3, 3)` gives on pixels: `(4 O, C, 4, 4)`."""
    cells = weight.new_zeros(len(weight), 2, 2, weight.shape[1], 4, 4)
    for p in range(2):
        for q in range(2):
            cells[:, p, q, :, p : p + 3, q : q + 3] = weight
    return cells.flatten(0, 2).contiguous(memory_format=torch.channels_last)


def quads(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias)` of few output channels, bit for bit: three leave a processor's registers
    idle, the twelve of a cell fill them.

    Args:
        x: `(B, C, h + 2, w + 2)` with even sides.
        kernel: `(4 O, C, 4, 4)` from `quads_kernel`.
        bias: `(O,)`.
    """
    wide = None if bias is None else bias.repeat_interleave(4)
    return F.pixel_shuffle(F.conv2d(x, kernel, wide, stride=2), 2)


def transformed(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """G g G' of kernels `(O, C, 3, 3)`: `(36, C, O)` in a dtype, computed in float64."""
    kernels = torch.einsum("ai,bj,ocij->abco", _KERNEL, _KERNEL, weight.detach().double())
    return kernels.flatten(0, 1).to(dtype).contiguous()


def winograd(x: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias)` for 3x3 kernels, differentiable by `x` alone.

    Args:
        x: `(B, C, h + 2, w + 2)` float32 or bfloat16, channels_last for speed.
        kernels: `(36, C, O)` from `transformed`, in the dtype of x.
        bias: `(O,)`.

    Returns:
        `(B, O, h, w)`, channels_last.
    """
    height, width = x.shape[2] - 2, x.shape[3] - 2
    down, across = -height % OUT, -width % OUT
    if down or across:
        x = F.pad(x, (0, across, 0, down))
    y = _Winograd.apply(x, kernels, bias)
    return y[:, :, :height, :width].contiguous(memory_format=torch.channels_last) if down or across else y


class _Winograd(torch.autograd.Function):
    """`winograd` for results whose sides are multiples of 4."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
        ctx.kernels = kernels
        maps = x.permute(0, 2, 3, 1)
        batch, rows, columns = len(maps), (maps.shape[1] - 2) // OUT, (maps.shape[2] - 2) // OUT
        _, cin, cout = kernels.shape
        tiles = maps.unfold(1, IN, OUT).unfold(2, IN, OUT).permute(4, 5, 0, 1, 2, 3)
        y = torch.empty(
            batch, cout, rows * OUT, columns * OUT, dtype=x.dtype, memory_format=torch.channels_last
        )
        out = y.permute(0, 2, 3, 1).view(batch, rows, OUT, columns, OUT, cout)
        for band in _bands(kernels, batch, rows, columns):
            data = (DATA.to(x) @ tiles[:, :, :, band].reshape(IN * IN, -1)).view(IN * IN, -1, cin)
            result = RESULT.to(x) @ torch.bmm(data, kernels).view(IN * IN, -1)
            result = result.view(OUT, OUT, batch, -1, columns, cout).permute(2, 3, 0, 4, 1, 5)
            if bias is None:
                out[:, band] = result
            else:
                torch.add(result, bias, out=out[:, band])
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]  # one gradient
        kernels = ctx.kernels
        _, cin, cout = kernels.shape
        maps = grad.permute(0, 2, 3, 1).contiguous()
        batch, rows, columns = len(maps), maps.shape[1] // OUT, maps.shape[2] // OUT
        tiles = maps.view(batch, rows, OUT, columns, OUT, cout).permute(2, 4, 0, 1, 3, 5)
        # a row and a column of tiles more than there are: what reaches over a tile's 4x4 falls to the next,
        # which going upwards has been written already
        out = maps.new_empty(batch, rows + 1, OUT, columns + 1, OUT, cin)
        out[:, -1] = 0
        out[:, :, :, -1] = 0
        for band in reversed(_bands(kernels, batch, rows, columns)):
            result = (RESULT.t().to(grad) @ tiles[:, :, :, band].reshape(OUT * OUT, -1)).view(
                IN * IN, -1, cout
            )
            data = DATA.t().to(grad) @ torch.bmm(result, kernels.transpose(1, 2)).view(IN * IN, -1)
            data = data.view(IN, IN, batch, -1, columns, cin).permute(2, 3, 0, 4, 1, 5)
            after = slice(band.start + 1, band.stop + 1)
            out[:, band, :, :-1] = data[:, :, :OUT, :, :OUT]
            out[:, band, :, 1:, :2] += data[:, :, :OUT, :, OUT:]
            out[:, after, :2, :-1] += data[:, :, OUT:, :, :OUT]
            out[:, after, :2, 1:, :2] += data[:, :, OUT:, :, OUT:]
        whole = out.view(batch, (rows + 1) * OUT, (columns + 1) * OUT, cin)
        return whole[:, : rows * OUT + 2, : columns * OUT + 2].permute(0, 3, 1, 2), None, None


def _bands(kernels: Tensor, batch: int, rows: int, columns: int) -> list[slice]:
    """Rows of tiles to compute at once."""
    size = max(1, BAND // (batch * columns * max(kernels.shape[1:])))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
