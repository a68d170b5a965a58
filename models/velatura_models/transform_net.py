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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-5
NORMS = ("instance", "batch")
UPSAMPLINGS = ("nearest", "transposed")
OUTPUTS = ("sigmoid", "tanh")
STRIDE = 4
"""A picture's sides are multiples of this."""

Normalise = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Called with a layer's index, its maps `(N, C, h, w)`, scales and shifts `(N, C)`."""


@dataclass(frozen=True)
class Layer:
    """One convolution: channels in and out, kernel, stride, and what comes before and after it."""

    cin: int
    cout: int
    kernel: int
    stride: int = 1
    upsample: bool = False
    relu: bool = True


def plan(widths: Sequence[int] = (32, 64, 128), blocks: int = 5) -> list[Layer]:
    """The convolutions of the network in order; residual block k is at 3 + 2 k and 4 + 2 k."""
    w1, w2, w3 = widths
    residual = [layer for _ in range(blocks) for layer in (Layer(w3, w3, 3), Layer(w3, w3, 3, relu=False))]
    return [
        Layer(3, w1, 9),
        Layer(w1, w2, 3, 2),
        Layer(w2, w3, 3, 2),
        *residual,
        Layer(w3, w2, 3, upsample=True),
        Layer(w2, w1, 3, upsample=True),
        Layer(w1, 3, 9, relu=False),
    ]


class TransformNet(nn.Module):
    """A picture painted in one pass.

    Args:
        styles: how many styles the network knows.
        norm: `instance` (Ulyanov et al. 2016b; conditional where there are several styles) or `batch`.
        upsampling: `nearest` then convolve, against checkerboards (Odena et al. 2016), or `transposed`
            as Johnson et al. published.
        output: `sigmoid` (Dumoulin et al.) or `tanh`, scaled to slightly more than 0..1.
        valid: whether residual blocks are unpadded, after 40 px of reflection around the picture, as
            Johnson et al. published; else every convolution pads by reflection.
        widths, blocks: channels at full, half and quarter size, and the number of residual blocks.
    """

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
            else nn.Conv2d(layer.cin, layer.cout, layer.kernel, layer.stride)
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
        out: list[Tensor] = []
        for _ in self.steps(x, *self.rows(shares), out, normalise):
            pass
        return out[0]

    def steps(
        self,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        out: list[Tensor],
        normalise: Normalise | None = None,
    ) -> Iterator[None]:
        """`forward` one convolution at a time: appends the picture to `out`, yielding in between.

        Args:
            gamma, beta: `(B, 1603)` from `rows`.
        """
        if x.shape[2] % STRIDE or x.shape[3] % STRIDE:
            raise ValueError(f"sides {x.shape[3]} x {x.shape[2]} are not multiples of {STRIDE}")
        normalise = normalise or self.normalised
        scales, shifts = gamma.split(self.channels, 1), beta.split(self.channels, 1)
        if self.valid:
            x = F.pad(x, (40, 40, 40, 40), mode="reflect")
        first_residual, after_residual = 3, 3 + 2 * self.blocks
        skip = x
        for index, layer in enumerate(self.layers):
            inside = first_residual <= index < after_residual
            if inside and (index - first_residual) % 2 == 0:
                skip = x
            x = self._convolved(index, x, padded=not (inside and self.valid))
            x = normalise(index, x, scales[index], shifts[index])
            if inside and not layer.relu:
                x = x + (F.pad(skip, (-2, -2, -2, -2)) if self.valid else skip)
            elif layer.relu:
                x = F.relu(x, inplace=True)
            yield
        x = x.float()
        out.append(torch.sigmoid(x) if self.output == "sigmoid" else torch.tanh(x) * 0.6 + 0.5)

    def normalised(self, index: int, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """scale (x - mean) / deviation + shift, per picture and channel (Dumoulin et al., eq. 5), or with
        the statistics of the batch, and in evaluation mode the running ones.

        `group_norm` with one channel a group is instance norm; it keeps channels_last, which
        `instance_norm` does not.
        """
        scale, shift = scale.to(x.dtype), shift.to(x.dtype)
        if self.norm == "batch":
            begin = sum(self.channels[:index])
            part = slice(begin, begin + x.shape[1])
            running = (self.running_mean[part], self.running_var[part])
            return F.batch_norm(x, *running, scale[0], shift[0], self.training, 0.1, EPS)
        if len(x) == 1:
            return F.group_norm(x, x.shape[1], scale[0], shift[0], EPS)
        return torch.addcmul(shift[..., None, None], F.group_norm(x, x.shape[1]), scale[..., None, None])

    def _convolved(self, index: int, x: Tensor, padded: bool) -> Tensor:
        layer, conv = self.layers[index], self.convs[index]
        x = x.to(conv.weight.dtype) if not torch.is_autocast_enabled(x.device.type) else x
        if layer.upsample:
            if self.upsampling == "transposed":
                return conv(x)
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        if padded:
            side = layer.kernel // 2
            x = F.pad(x, (side, side, side, side), mode="reflect")
        return conv(x)
