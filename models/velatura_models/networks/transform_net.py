"""Image transformation networks: one picture in, the same picture painted out, no style picture needed.

`TransformNet` is the network of Johnson et al. (ECCV 2016, supplementary table 1) and, with conditional
instance normalisation, that of Dumoulin et al. (ICLR 2017, table 1): N styles that share every
convolution and differ in one scale and one shift a channel, 3206 numbers a style. A network with
one style and instance normalisation is the same thing with N = 1.

The scales and shifts of all layers lie in one row a style (`gamma`, `beta`: (N, 1603)), so that a blend
of styles is a blend of rows and style N + 1 is one more row.

    9x9 32 - 3x3/2 64 - 3x3/2 128 - 5 x [3x3 128 - 3x3 128] - up 3x3 64 - up 3x3 32 - 9x9 3
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import convolution, reflected
from .playback import run_through

EPS = 1e-5
NORMS = ("instance", "batch")
UPSAMPLINGS = ("nearest", "bilinear", "transposed")
OUTPUTS = ("sigmoid", "tanh")
STRIDE = 4
"""A picture's sides are multiples of this."""
PADDING = 40
"""Pixels around the picture that unpadded residual blocks use up."""

Normalise = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Called with a layer's index, its maps `(N, C, h, w)`, scales and shifts `(N, C)`."""


@dataclass(frozen=True)
class ConvLayer:
    """One convolution: channels in and out, kernel, stride, and what comes before and after it."""

    cin: int
    cout: int
    kernel: int
    stride: int = 1
    upsample: bool = False
    relu: bool = True


def narrowing(cin: int, widths: Sequence[int]) -> list[ConvLayer]:
    """A 9x9 convolution and one of stride two for every further width."""
    return [ConvLayer(cin, widths[0], 9), *(ConvLayer(a, b, 3, 2) for a, b in pairwise(widths))]


def residual(width: int, blocks: int) -> list[ConvLayer]:
    return [ConvLayer(width, width, 3, relu=relu) for _ in range(blocks) for relu in (True, False)]


def widening(widths: Sequence[int]) -> list[ConvLayer]:
    """A resize-convolution for every further width."""
    return [ConvLayer(a, b, 3, upsample=True) for a, b in pairwise(widths)]


def plan(widths: Sequence[int] = (32, 64, 128), blocks: int = 5) -> list[ConvLayer]:
    """The convolutions of the network in order; residual block k is at 3 + 2 k and 4 + 2 k."""
    w1, w2, w3 = widths
    up = widening((w3, w2, w1))
    return [*narrowing(3, widths), *residual(w3, blocks), *up, ConvLayer(w1, 3, 9, relu=False)]


class TransformNet(nn.Module):
    """A picture painted in one pass.

    Args:
        styles: how many styles the network knows.
        norm: `instance` (Ulyanov et al. 2016b; conditional where there are several styles) or `batch`.
        upsampling: `nearest` then convolve, against checkerboards (Odena et al. 2016), `bilinear` then
            convolve, against the steps that nearest leaves at every second and fourth pixel, or
            `transposed` as Johnson et al. published.
        output: `sigmoid` (Dumoulin et al.) or `tanh`, scaled to slightly more than 0..1.
        valid: whether residual blocks are unpadded, after 40 px of reflection around the picture, as
            Johnson et al. published; else every convolution pads by reflection.
        widths, blocks: channels at full, half and quarter size, and the number of residual blocks.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        styles: int = 1,
        norm: str = "instance",
        upsampling: str = "nearest",
        output: str = "sigmoid",
        valid: bool = False,
        widths: Sequence[int] = (32, 64, 128),
        blocks: int = 5,
    ) -> None:
        super().__init__()
        for value, known in ((norm, NORMS), (upsampling, UPSAMPLINGS), (output, OUTPUTS)):
            if value not in known:
                raise ValueError(f"{value!r} is none of {', '.join(known)}")
        if styles < 1 or (norm == "batch" and styles > 1):
            raise ValueError(f"{styles} styles with {norm} norm: several styles need instance norm")
        self.norm, self.upsampling, self.output, self.valid = norm, upsampling, output, valid
        self.widths, self.blocks = tuple(widths), blocks
        self.layers = plan(widths, blocks)
        self.convs = nn.ModuleList(
            nn.ConvTranspose2d(layer.cin, layer.cout, 3, 2, 1, 1)
            if layer.upsample and upsampling == "transposed"
            else convolution(layer.cin, layer.cout, layer.kernel, layer.stride)
            for layer in self.layers
        )
        self.channels = [layer.cout for layer in self.layers]
        total = sum(self.channels)
        self.gamma = nn.Parameter(torch.ones(styles, total))
        self.beta = nn.Parameter(torch.zeros(styles, total))
        if norm == "batch":
            self.register_buffer("running_mean", torch.zeros(total))
            self.register_buffer("running_var", torch.ones(total))

    @property
    def styles(self) -> int:
        return self.gamma.shape[0]

    @property
    def least(self) -> int:
        """Smallest side in pixels: reflection needs more than it adds."""
        return PADDING + STRIDE if self.valid else 2 * STRIDE

    @property
    def strides(self) -> list[int]:
        """Pixels per position of every layer's maps."""
        return [1, 2, *[STRIDE] * (1 + 2 * self.blocks), 2, 1, 1]

    def rows(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Scales and shifts `(B, 1603)` of a blend.

        Args:
            shares: `(B, styles)`, each row summing to 1.
        """
        return shares @ self.gamma, shares @ self.beta

    def forward(self, x: Tensor, shares: Tensor | None = None, normalise: Normalise | None = None) -> Tensor:
        """A batch painted.

        Args:
            x: `(B, 3, H, W)`, RGB in 0..1, H and W multiples of 4 and at least 16.
            shares: `(B, styles)`; None is the only style of a network with one.
            normalise: how to normalise, where not with the batch's own statistics.

        Returns:
            `(B, 3, H, W)`, about 0..1.
        """
        if shares is None:
            shares = torch.ones(len(x), 1, device=x.device)
        return run_through(self.steps(x, *self.rows(shares), normalise))

    def steps(
        self, x: Tensor, gamma: Tensor, beta: Tensor, normalise: Normalise | None = None
    ) -> Generator[None, None, Tensor]:
        """`forward` one convolution at a time, yielding in between.

        Args:
            gamma, beta: `(B, 1603)` from `rows`.
        """
        height, width = x.shape[2:]
        if height % STRIDE or width % STRIDE or min(height, width) < self.least:
            raise ValueError(
                f"sides {width} x {height} are not multiples of {STRIDE}, or smaller than {self.least}"
            )
        normalise = normalise or self.normalised
        scales, shifts = gamma.split(self.channels, 1), beta.split(self.channels, 1)
        if self.valid:
            x = reflected(x, PADDING)
        first_residual, after_residual = 3, 3 + 2 * self.blocks
        skip = x
        for index, layer in enumerate(self.layers):
            inside = first_residual <= index < after_residual
            if inside and (index - first_residual) % 2 == 0:
                skip = x
            x = self._convolved(index, x, padded=not (inside and self.valid))
            if (
                self.norm != "batch" or index < len(self.layers) - 1
            ):  # Johnson et al. leave the output as it is
                x = normalise(index, x, scales[index], shifts[index])
            if inside and not layer.relu:
                x += F.pad(skip, (-2, -2, -2, -2)) if self.valid else skip
            elif layer.relu:
                x = F.relu(x, inplace=True)
            yield
        x = x.float()
        return torch.sigmoid(x) if self.output == "sigmoid" else torch.tanh(x) * 0.6 + 0.5

    def normalised(self, index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """scale (x - mean) / deviation + shift, per picture and channel (Dumoulin et al., eq. 5), or with
        the statistics of the batch, and in evaluation mode the running ones.

        `group_norm` with one channel a group is instance norm; it keeps channels_last, which
        `instance_norm` does not.
        """
        if self.norm == "batch":
            begin = sum(self.channels[:index])
            part = slice(begin, begin + x.shape[1])
            running = (self.running_mean[part], self.running_var[part])
            affine = (scale[0].to(running[0]), shift[0].to(running[0]))  # also where maps are bfloat16
            return F.batch_norm(x, *running, *affine, self.training, 0.1, EPS)
        scale, shift = scale.to(x.dtype), shift.to(x.dtype)
        if len(x) == 1:
            return F.group_norm(x, x.shape[1], scale[0], shift[0], EPS)
        return torch.addcmul(shift[..., None, None], F.group_norm(x, x.shape[1]), scale[..., None, None])

    def _convolved(self, index: int, x: Tensor, padded: bool) -> Tensor:
        layer: ConvLayer = self.layers[index]
        conv: Any = self.convs[index]
        x = x.to(conv.weight.dtype) if not torch.is_autocast_enabled(x.device.type) else x
        if layer.upsample:
            if self.upsampling == "transposed":
                return conv(x)
            upsampled = upsampled_conv if self.upsampling == "nearest" else interpolated_conv
            return upsampled(x, conv.weight, conv.bias)
        if padded:
            x = reflected(x, layer.kernel // 2)
        if index == len(self.layers) - 1:
            return column_conv(x, conv.weight, conv.bias)
        return conv(x)


def upsampled_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Nearest upsampling by 2, reflection padding by 1 and a 3x3 convolution, at 4/9 of the operations.

    Of the three rows that an output row sees, two are copies of one: their weights add up, and what is
    left is a 2x2 convolution on the small maps for each of the four places in a doubled pixel.

    Args:
        x: `(B, C, h, w)`.
        weight, bias: `(O, C, 3, 3)`, `(O,)`.

    Returns:
        `(B, O, 2h, 2w)`.
    """
    batch, _, height, width = x.shape
    even = torch.stack([weight[:, :, 0], weight[:, :, 1] + weight[:, :, 2]], 2)
    odd = torch.stack([weight[:, :, 0] + weight[:, :, 1], weight[:, :, 2]], 2)
    kernels = []
    for rows in (even, odd):
        kernels.append(torch.stack([rows[..., 0], rows[..., 1] + rows[..., 2]], 3))
        kernels.append(torch.stack([rows[..., 0] + rows[..., 1], rows[..., 2]], 3))
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    kernel = torch.cat(kernels).contiguous(memory_format=torch.channels_last)
    small = F.conv2d(x, kernel, bias.repeat(4)).permute(0, 2, 3, 1)
    a, b, c, d = small.split(len(weight), 3)
    above = torch.stack([a[:, :height, :width], b[:, :height, 1:]], 3)
    below = torch.stack([c[:, 1:, :width], d[:, 1:, 1:]], 3)
    both = torch.stack([above, below], 2)
    return both.reshape(batch, 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


BILINEAR = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.0), (0.0, 0.75, 0.25)),
    ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25), (0.0, 0.25, 0.75)),
)
"""What the three pixels under a kernel are made of, at even and at odd places: a row a pixel, with its shares
of the small pixel before, here and after."""


def interpolated_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Bilinear upsampling by 2, replication padding by 1 and a 3x3 convolution, without the large maps in
    between: interpolation and kernel together are one 3x3 kernel on the small maps for each of the four
    places in a doubled pixel.

    Args:
        x: `(B, C, h, w)`.
        weight, bias: `(O, C, 3, 3)`, `(O,)`.

    Returns:
        `(B, O, 2h, 2w)`.
    """
    kernels = bilinear_kernels(weight).to(weight.dtype).contiguous(memory_format=torch.channels_last)
    small = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernels, bias.repeat_interleave(4))
    return F.pixel_shuffle(small, 2)


def bilinear_kernels(weight: Tensor) -> Tensor:
    """The kernels on small maps for the four places in a doubled pixel, float32: `(4 O, C, 3, 3)`, the places
    of an output next to each other."""
    places = torch.tensor(BILINEAR, device=weight.device)
    return torch.einsum("ocde,pdi,qej->opqcij", weight.float(), places, places).flatten(0, 2)


def column_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A convolution with few output channels, one column of its kernel a time: the columns become output
    channels, which fill a processor's registers where three channels leave them idle, and their shifted
    sum is the result.

    Args:
        x: `(B, C, h + K - 1, w + K - 1)`.
        weight, bias: `(O, C, K, K)`, `(O,)`.

    Returns:
        `(B, O, h, w)`.
    """
    outputs, _, _, size = weight.shape
    width = x.shape[3] - size + 1
    columns = weight.permute(3, 0, 1, 2).flatten(0, 1)[..., None]
    parts = F.conv2d(x, columns.contiguous(memory_format=torch.channels_last))
    total = parts[:, :outputs, :, :width] + bias[:, None, None]
    for shift in range(1, size):
        part = parts[:, shift * outputs : (shift + 1) * outputs]
        total = total + part[:, :, :, shift : shift + width]
    return total
