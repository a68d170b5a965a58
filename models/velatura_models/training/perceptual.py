"""Perceptual losses for networks that paint in one pass (Johnson et al. 2016, section 3.2).

Content is the squared error of features (eq. 2), style the squared Frobenius norm between Gram matrices
divided by C H W (eq. 3-4), smoothness total variation. `relative=True`, the default, departs from the
paper: each layer's style error is divided by the squared norm of its target, and content compares
instance-normalised features, so that one weight suits every layer, every style and every loss network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.color import luma
from ..maths.stats import normalise
from ..networks.encoder import Encoder

CONTENT_LAYERS = ("relu4_1",)
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
DIRECTIONS, PIXELS = 32, 4096
"""Along how many directions colours are compared, and how many of a picture's pixels."""

WINDOW = 64
"""Side of the parts of a picture whose spectra are taken, in pixels."""
LEAST_POWER = (WINDOW / 2 * 0.5 / 255) ** 2
"""Of a grain that cannot be seen."""


def gram(maps: Tensor) -> Tensor:
    """Gram matrices of a batch, `(B, C, h, w)` to `(B, C, C)` float32, divided by h w."""
    rows = maps.permute(0, 2, 3, 1).reshape(len(maps), -1, maps.shape[1])
    return (rows.transpose(1, 2) @ rows).float() / rows.shape[1]


def off(grams: Tensor, wanted: Tensor) -> Tensor:
    """Squared difference of Gram matrices over the squared size of those wanted, `(B, C, C)` to `(B,)`."""
    return (grams - wanted).square().sum((1, 2)) / wanted.square().sum((1, 2))


def total_variation(pictures: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, `(B, 3, H, W)` to a number."""
    down = pictures[:, :, 1:] - pictures[:, :, :-1]
    right = pictures[:, :, :, 1:] - pictures[:, :, :, :-1]
    return down.square().mean() + right.square().mean()


def outside(pictures: Tensor) -> Tensor:
    """By how much pictures leave 0..1, which no file can show: a number."""
    return (F.relu(pictures - 1) + F.relu(-pictures)).mean()


def color_ranks(pictures: Tensor) -> Tensor:
    """Colours along fixed directions, sorted, `(B, DIRECTIONS, PIXELS)`: two pictures whose mean absolute
    difference here is 0 have the same colours, wherever they lie (a sliced Wasserstein distance, Rabin et al.
    2012).

    Args:
        pictures: `(B, 3, H, W)` of any size.
    """
    random = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(DIRECTIONS, 3, generator=random), dim=1).to(pictures.device)
    pixels = pictures.float().flatten(2)
    some = torch.randperm(pixels.shape[2], generator=random)[:PIXELS].to(pictures.device)
    ranks = (directions @ pixels[:, :, some]).sort(2).values
    return ranks if len(some) == PIXELS else F.interpolate(ranks, PIXELS, mode="linear")


def color_distance(pictures: Tensor, ranks: Tensor) -> Tensor:
    """How far the colours of `(B, 3, H, W)` are from others' `color_ranks`, of B pictures or of one."""
    return (color_ranks(pictures) - ranks).abs().mean()


def finest(pictures: Tensor) -> Tensor:
    """How much there is of the finest detail, `(B, 6, C)`: mean size of the Haar wavelet's horizontal,
    vertical and diagonal parts at full and at half size. Gram matrices hardly see dots and hatching of two
    and of four pixels; these do.

    Args:
        pictures: `(B, C, H, W)`, sides multiples of 4.
    """
    bands, x = [], pictures.float()
    for _ in range(2):
        a, b, c, d = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4)).unbind(2)
        bands += [part.abs().mean((2, 3)) for part in (a - b + c - d, a + b - c - d, a - b - c + d)]
        x = (a + b + c + d) / 4
    return torch.stack(bands, 1)


def phase_pattern(pictures: Tensor, period: int = 4) -> Tensor:
    """How much of the detail is tied to the grid of pixels: a number, about 0.001 for photos, 0.1 and more
    where a network paints a pattern of its own upsampling.

    The detail of luminance (what a 3x3 mean leaves) is sorted by its place within `period x period` cells.
    Counted are the variance over the places of its mean size, and the square of its mean value at each place,
    both relative to its mean size.

    Args:
        pictures: `(B, 3, H, W)`, sides multiples of `period`.
    """
    light = luma(pictures)
    detail = light - F.avg_pool2d(F.pad(light, (1, 1, 1, 1), mode="reflect"), 3, 1)
    places = F.pixel_unshuffle(detail, period).flatten(2)
    size, value = places.abs().mean(2), places.mean(2)
    return ((size.var(1) + value.square().mean(1)) / (size.mean(1).square() + 1e-8)).mean()


def axis_pattern(pictures: Tensor) -> Tensor:
    """How much more of the fine detail runs along the grid of pixels than askew, `(B, C, 2, 7)`: the
    logarithm of spectral power at periods of 2 to 4 pixels, down and across, over that askew. About 0 for
    what prefers no direction, .4 for paintings, 1 and more for small JPEGs and what upsampling weaves.

    Args:
        pictures: `(B, C, H, W)`, sides of `WINDOW` and more.
    """
    window = torch.hann_window(WINDOW, periodic=False, device=pictures.device)
    parts = pictures.float().unfold(2, WINDOW, WINDOW // 2).unfold(3, WINDOW, WINDOW // 2).flatten(2, 3)
    parts = (parts - parts.mean((-2, -1), keepdim=True)) * (window[:, None] * window)
    power = torch.fft.fft2(parts).abs().square().mean(2).flatten(2) + LEAST_POWER
    waves = torch.fft.fftfreq(WINDOW, 1 / WINDOW, device=pictures.device).abs()
    down, across = waves[:, None], waves
    radii = range(WINDOW // 4 + 1, WINDOW // 2 - 1, 2)
    rings = torch.stack([(torch.hypot(down, across) - radius).abs() < 1 for radius in radii])

    def mean(places: Tensor) -> Tensor:
        weights = (places & rings).flatten(1).float()
        return power @ (weights / weights.sum(1, keepdim=True)).T

    along = torch.stack([mean(across < 2), mean(down < 2)], 2)
    return along.log() - mean((down > 3) & (across > 3)).log()[:, :, None]


class Perceptual:
    """The losses as one loss network sees them.

    Args:
        vgg: the loss network; its dtype is the one computed in.
        content_layers, style_layers: where to look; all layers of a kind weigh the same.
        relative: whether to divide by the targets' sizes, and to take the layers' mean; False gives the
            published sums.
    """

    def __init__(
        self,
        vgg: Encoder,
        content_layers: Sequence[str] = CONTENT_LAYERS,
        style_layers: Sequence[str] = STYLE_LAYERS,
        relative: bool = True,
    ) -> None:
        self.vgg, self.relative = vgg, relative
        self.content_layers, self.style_layers = tuple(content_layers), tuple(style_layers)

    def features(self, pictures: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps of `(B, 3, H, W)`."""
        weight = next(self.vgg.parameters())
        return self.vgg(pictures.to(weight).contiguous(memory_format=torch.channels_last), layers)

    def style_targets(self, pictures: Sequence[Tensor]) -> dict[str, Tensor]:
        """Gram matrices of style pictures `(1, 3, H, W)` of any sizes: `{layer: (N, C, C)}`."""
        with torch.no_grad():
            seen = [self.features(picture, self.style_layers) for picture in pictures]
            return {
                layer: torch.cat([self._gram(maps, layer) for maps in seen]) for layer in self.style_layers
            }

    def _gram(self, maps: Mapping[str, Tensor], layer: str) -> Tensor:
        return self.vgg.weighed(gram(maps[layer]), layer)

    def style(
        self, seen: Mapping[str, Tensor], targets: Mapping[str, Tensor], index: Tensor | None = None
    ) -> Tensor:
        """The style term of maps by layer; `targets` and `index` as for a call, without which there is one
        style."""
        total = torch.zeros((), device=seen[self.style_layers[0]].device)
        for layer in self.style_layers:
            grams = self._gram(seen, layer)
            wanted = targets[layer] if index is None else targets[layer][index]
            if self.relative:
                total = total + off(grams, wanted).mean() / len(self.style_layers)
            else:
                total = total + F.mse_loss(grams, wanted.expand_as(grams))
        return total

    def __call__(
        self, made: Tensor, photos: Tensor, targets: Mapping[str, Tensor], index: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The terms `content`, `style` and `smooth` of a batch.

        Args:
            made: `(B, 3, H, W)`.
            photos: `(P, 3, H, W)`, each painted `B / P` times in a row.
            targets: from `style_targets`.
            index: `(B,)`, which style each picture is painted in; None where there is one.
        """
        with torch.no_grad():
            copies = len(made) // len(photos)
            before = {
                layer: (normalise(maps) if self.relative else maps.float()).repeat_interleave(copies, 0)
                for layer, maps in self.features(photos, self.content_layers).items()
            }
        after = self.features(made, (*self.content_layers, *self.style_layers))
        content = made.new_zeros(())
        for layer in self.content_layers:
            own = normalise(after[layer]) if self.relative else after[layer].float()
            content = content + F.mse_loss(own, before[layer])
        style = self.style(after, targets, index)
        return {"content": content, "style": style, "smooth": total_variation(made.float())}
