"""Texture networks: a texture of any size from noise in one pass (Ulyanov et al., ICML 2016).

The generator takes noise at K scales. Each goes through a block of three convolutions (3x3, 3x3, 1x1,
each with normalisation and leaky ReLU) into 8 channels; from the coarsest on, the maps are upsampled, both
they and the next scale's are normalised and joined by channel, and a block of as many channels as were
joined follows: 16, 24, ... 8 K. A 1x1 convolution makes RGB, which may be freed of a mesh (`Calm`,
a departure). Every convolution pads around (circular), so that all that comes out repeats without a seam. For
K = 5 these are 71,659 numbers; the paper's 65 thousand are the 65,664 weights of the blocks after the joins.

The paper's networks that paint pictures (section 4.3) are not here: `TransformNet` paints better.

A texture is alike everywhere, so the generator normalises with statistics that `settle` took once, after
training. It is then convolutions only: tiles with a halo equal the whole, whatever the size.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..maths.tiling import Box, round_up
from .calm import Calm
from .playback import run_through

NORMS = ("batch", "instance")
NOISE = 3
"""Channels of noise at each scale."""

BLOCK = 64
"""Side of the blocks in which noise is drawn."""

SIDE = 512
"""Side of a tile's core in pixels: about a third of a second on a CPU."""


class Norm(nn.BatchNorm2d):
    """Normalisation of a channel, by the batch or by each picture alone while training; afterwards with
    the statistics that `settle` took.

    Args:
        instance: whether each picture is normalised alone (Ulyanov et al. 2016b).
    """

    def __init__(self, channels: int, instance: bool) -> None:
        super().__init__(channels)
        self.alone = instance
        self.settling = False

    def forward(self, input: Tensor) -> Tensor:
        x = input
        if self.alone and self.training and not self.settling:
            return F.group_norm(x, x.shape[1], self.weight.to(x), self.bias.to(x), self.eps)
        return super().forward(x)


class Circular(nn.Conv2d):
    """A convolution on a torus."""

    def forward(self, input: Tensor) -> Tensor:
        side = self.kernel_size[0] // 2
        return super().forward(around(input, side) if side else input)


def around(x: Tensor, side: int) -> Tensor:
    """Maps continued by their other end on all four sides; unlike `F.pad`, keeps channels_last."""
    x = torch.cat([x[:, :, -side:], x, x[:, :, :side]], 2)
    return torch.cat([x[..., -side:], x, x[..., :side]], 3)


class TextureNet(nn.Module):
    """The generator.

    Args:
        scales: K, the paper's 5.
        width: channels of each scale's own block.
        norm: `batch` as published, or `instance`.
        content: must be false; files of networks that paint say true.
        calm: whether the result goes through `Calm`.
    """

    def __init__(
        self,
        scales: int = 5,
        width: int = 8,
        norm: str = "batch",
        content: bool = False,
        calm: bool = False,
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is {norm!r}; known: {', '.join(NORMS)}")
        if content:
            raise ValueError("content is true: texture networks that paint pictures are not run any more")
        if not 1 <= scales <= 8 or not 1 <= width <= 64:
            raise ValueError(f"scales is {scales} and width {width}; allowed are 1 to 8 and 1 to 64")
        self.scales = scales
        self.calm = Calm("circular") if calm else None

        def normed(channels: int) -> Norm:
            return Norm(channels, norm == "instance")

        def block(cin: int, cout: int) -> nn.Sequential:
            layers: list[nn.Module] = []
            for source, kernel in ((cin, 3), (cout, 3), (cout, 1)):
                layers += [Circular(source, cout, kernel), normed(cout), nn.LeakyReLU(0.01, inplace=True)]
            return nn.Sequential(*layers)

        joined = [width * (k + 1) for k in range(scales)]
        self.own = nn.ModuleList(block(NOISE, width) for _ in range(scales))
        self.before = nn.ModuleList(normed(channels) for channels in joined[:-1])
        self.beside = nn.ModuleList(normed(width) for _ in joined[1:])
        self.after = nn.ModuleList(block(channels, channels) for channels in joined[1:])
        self.rgb = nn.Conv2d(joined[-1], 3, 1)

    @property
    def grid(self) -> int:
        """Pixels that a position of the coarsest scale spans: sides are multiples of it."""
        return 2 ** (self.scales - 1)

    @property
    def halo(self) -> int:
        """Receptive radius in pixels, rounded up to the grid: of two 3x3 convolutions at every scale, and of
        `calm`."""
        return round_up(2 * (2 * self.grid - 1) + (self.calm.reach if self.calm else 0), self.grid)

    def forward(self, noise: Sequence[Tensor]) -> Tensor:
        """A batch of textures.

        Args:
            noise: of every scale, the coarsest first, `(B, 3, H / 2^k, W / 2^k)`, as `noise_field` gives it.

        Returns:
            `(B, 3, H, W)` float32, about 0..1.
        """
        return run_through(self.steps(noise))

    def steps(self, noise: Sequence[Tensor]) -> Generator[None, None, Tensor]:
        """`forward`, one scale at a time, yielding in between."""
        x = self.own[0](noise[0])
        yield
        for k in range(1, self.scales):
            x = F.interpolate(self.before[k - 1](x), scale_factor=2.0, mode="nearest")
            x = torch.cat([self.beside[k - 1](self.own[k](noise[k])), x], 1)
            x = self.after[k - 1](x)
            yield
        made = self.rgb(x).float() + 0.5
        return made if self.calm is None else self.calm(made)


def noise_field(seed: int, scales: int, size: tuple[int, int], box: Box | None = None) -> list[Tensor]:
    """The noise of a canvas, uniform in 0..1, or of a part of it; a value depends only on the seed, the
    scale and where it lies, so that tiles see what the whole would.

    Args:
        size: height and width of the canvas, multiples of `2^(scales - 1)`.
        box: which part, on the same grid; it may reach over the canvas' edges, where the canvas repeats.

    Returns:
        `(1, 3, h, w)` float32 for every scale, the coarsest first.
    """
    box = box or Box(0, 0, *size)
    fields = []
    for k in range(scales):
        step = 2 ** (scales - 1 - k)
        rows = np.arange(box.top // step, box.bottom // step) % (size[0] // step)
        columns = np.arange(box.left // step, box.right // step) % (size[1] // step)
        field = np.empty((NOISE, len(rows), len(columns)), np.float32)
        for down in np.unique(rows // BLOCK):
            inside = np.nonzero(rows // BLOCK == down)[0][:, None]
            for across in np.unique(columns // BLOCK):
                beside = np.nonzero(columns // BLOCK == across)[0][None]
                place = np.random.Philox(key=[seed, k], counter=[0, 0, down, across])
                block = np.random.Generator(place).random((NOISE, BLOCK, BLOCK), np.float32)
                field[:, inside, beside] = block[:, rows[inside] % BLOCK, columns[beside] % BLOCK]
        fields.append(torch.from_numpy(field)[None])
    return fields


@torch.no_grad()
def settle(net: TextureNet, side: int = 256, samples: int = 4) -> None:
    """Takes the statistics that a trained texture network normalises with from samples of its own."""
    norms = [module for module in net.modules() if isinstance(module, Norm)]
    mode, weight = net.training, net.rgb.weight
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum, norm.settling = None, True  # the plain mean over all samples
    net.train()
    side = round_up(side, net.grid)
    for seed in range(samples):
        field = noise_field(seed, net.scales, (side, side))
        net([maps.to(weight.device) for maps in field])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum, norm.settling = momentum, False
    net.train(mode)


def synthesise(
    net: TextureNet, size: tuple[int, int], seed: int, side: int = SIDE
) -> Generator[tuple[Box, Tensor] | None, None, None]:
    """A texture, tile by tile.

    Args:
        net: a texture network in evaluation mode.
        size: height and width, any. Where both are multiples of the network's `grid` it repeats
            without a seam; else it is cut out of the next larger one that does.
        seed: of the noise.
        side: of a tile's core in pixels.

    Yields:
        A box and the texture there, `(1, 3, h, w)` float32 on the CPU, not clamped; None in between.
    """
    whole = (round_up(size[0], net.grid), round_up(size[1], net.grid))
    side = round_up(side, net.grid)
    weight = net.own[0][0].weight  # type: ignore[index]  # a Sequential of Conv2d first
    halo = 0 if max(whole) <= side + net.halo else net.halo
    high, wide = (whole[0], whole[1]) if not halo else (side, side)
    for top in range(0, size[0], high):
        for left in range(0, size[1], wide):
            core = Box(top, left, min(top + high, whole[0]), min(left + wide, whole[1]))
            outer = Box(core.top - halo, core.left - halo, core.bottom + halo, core.right + halo)
            field = noise_field(seed, net.scales, whole, outer)
            field = [f.to(weight).contiguous(memory_format=torch.channels_last) for f in field]
            made = yield from net.steps(field)
            shown = core.grown(0, Box(0, 0, *size))
            rows, columns = shown.within(outer).slices()
            yield shown, made[:, :, rows, columns].float().cpu()


def texture_of(net: TextureNet, size: tuple[int, int], seed: int, side: int = SIDE) -> Tensor:
    """All of `synthesise` at once, `(1, 3, H, W)` float32."""
    whole = torch.empty(1, 3, *size)
    for part in synthesise(net, size, seed, side):
        if part is not None:
            rows, columns = part[0].slices()
            whole[:, :, rows, columns] = part[1]
    return whole
