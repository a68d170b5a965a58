"""How good a stylization is: six figures, measured with the real VGG-19 (`velatura bench pictures`).

F are VGG-19's features (normalised weights, max pooling) at relu1_1, relu2_1, relu3_1 and relu4_1. A picture
y made of a photo c in a style s is judged by

- **style**: squared differences of channel means and deviations of F(y) and F(s), averaged over channels and
  summed over layers (Huang & Belongie 2017, eq. 13);
- **gram**: |G(y) - G(s)|^2 / |G(s)|^2 with G = F F^T / positions, averaged over layers;
- **palette**: OKLab colours of y and s projected on 32 fixed directions, mean absolute difference of 256
  quantiles (a sliced Wasserstein distance);
- **recognised**: whether of all styles at hand the one that was asked for is the nearest to y, by the gram
  distance from relu2_1 on;
- **grid**: how far lines of 2 and 4 pixels stand out of y's spectrum, see `grid`;
- **content**: mean squared difference of instance-normalised relu4_1 of y and c; 0 is the same, 2 unrelated.

Style, gram and palette are told as shares of what the untouched photo scores, summed over all pairs before
dividing, so that pairs whose photo is like the style already do not weigh more than others. None of the
figures sees everything: look at the pictures too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .color import LUMA, oklab
from .gram_matrix import gram
from .stats import mean_std, normalise

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
RECOGNISED_BY = STYLE_LAYERS[1:]
CONTENT_LAYER = "relu4_1"
DIRECTIONS, QUANTILES = 32, 256
PERIODS = (2, 4)
"""Pixels of the patterns that upsampling by 2 leaves, once and twice."""
BESIDE = 6
"""Bins on each side of a period's that say how high the spectrum is there without a pattern."""


@dataclass(frozen=True)
class Traits:
    """What the figures know of one picture.

    Args:
        stats: mean and deviation `(1, C, 1, 1)` by layer.
        grams: `(C, C)` by layer.
        content: instance-normalised relu4_1 `(1, 512, h, w)`.
        palette: `(32, 256)`, see `palette`.
        grid: see `grid`.
    """

    stats: Mapping[str, tuple[Tensor, Tensor]]
    grams: Mapping[str, Tensor]
    content: Tensor
    palette: Tensor
    grid: float


@dataclass(frozen=True)
class Figures:
    """The six figures of a set of pairs, see this module. Untouched photos have 1, 1, 1, one in the number of
    styles, about 1, and 0."""

    style: float
    gram: float
    palette: float
    recognised: float
    grid: float
    content: float


@torch.inference_mode()
def look(vgg: nn.Module, picture: Tensor) -> Traits:
    """Looks at a picture once, for all comparisons.

    Args:
        vgg: the real VGG-19 (`networks.encoder.Encoder`), in any dtype.
        picture: `(1, 3, H, W)` sRGB with sides of at least 32 px; what lies outside 0..1 is cut off, as on a
            screen.
    """
    picture = picture.clamp(0, 1)
    weight = next(vgg.parameters())
    seen = vgg(picture.to(weight).contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
    return Traits(
        {layer: mean_std(maps) for layer, maps in seen.items()},
        {layer: gram(maps) for layer, maps in seen.items()},
        normalise(seen[CONTENT_LAYER]),
        palette(picture),
        grid(picture),
    )


def figures(pairs: Iterable[tuple[Traits, Traits, str]], styles: Mapping[str, Traits]) -> Figures:
    """The six figures of results.

    Args:
        pairs: result, photo, and name of the style that was asked for.
        styles: all styles among which one is to be recognised, by name.

    Raises:
        ValueError: without a pair.
    """
    shares = (style_distance, gram_distance, palette_distance)
    after, before = torch.zeros(len(shares)), torch.zeros(len(shares))
    recognised, grids, contents = [], [], []
    for result, photo, name in pairs:
        after += torch.tensor([distance(result, styles[name]) for distance in shares])
        before += torch.tensor([distance(photo, styles[name]) for distance in shares])
        recognised.append(nearest(result, styles) == name)
        grids.append(result.grid)
        contents.append(content_distance(result, photo))
    if not grids:
        raise ValueError("there is no pair of a result and its photo to measure")
    count = len(grids)
    style, gram, palette = (after / before).tolist()
    return Figures(style, gram, palette, sum(recognised) / count, sum(grids) / count, sum(contents) / count)


def style_distance(result: Traits, style: Traits) -> float:
    """Squared differences of means and deviations, averaged over channels, summed over layers."""
    pairs = [zip(result.stats[layer], style.stats[layer], strict=True) for layer in STYLE_LAYERS]
    return sum(float((a - b).square().mean()) for pair in pairs for a, b in pair)


def gram_distance(result: Traits, style: Traits, layers: Sequence[str] = STYLE_LAYERS) -> float:
    """|G(y) - G(s)|^2 / |G(s)|^2, averaged over layers."""
    off = [(result.grams[layer] - style.grams[layer]).square().sum() for layer in layers]
    size = [style.grams[layer].square().sum() for layer in layers]
    return float(torch.stack([a / b for a, b in zip(off, size, strict=True)]).mean())


def palette_distance(result: Traits, style: Traits) -> float:
    """Mean absolute difference of the projected colours' quantiles, in OKLab's units."""
    return float((result.palette - style.palette).abs().mean())


def content_distance(result: Traits, photo: Traits) -> float:
    """Mean squared difference of instance-normalised relu4_1; both pictures are of one size."""
    return float((result.content - photo.content).square().mean())


def nearest(result: Traits, styles: Mapping[str, Traits]) -> str:
    """The style, by name, with the smallest gram distance from relu2_1 on."""
    return min(styles, key=lambda name: gram_distance(result, styles[name], RECOGNISED_BY))


def palette(picture: Tensor) -> Tensor:
    """Where a picture's colours lie, whatever its size: `(32, 256)`, the quantiles (k + 1/2) / 256 of its
    OKLab pixels along 32 fixed directions.

    Args:
        picture: `(1, 3, H, W)` sRGB in 0..1.
    """
    random = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(DIRECTIONS, 3, generator=random), dim=1)
    at = (torch.arange(QUANTILES) + 0.5) / QUANTILES
    along = directions @ oklab(picture.float().cpu())[0].flatten(1)
    return torch.stack([torch.quantile(row, at) for row in along])


def grid(picture: Tensor) -> float:
    """How far a pattern of 2 and 4 pixels stands out: about 1 for photos and for noise, 2 and more where one
    sees it as a fine weave.

    Luma under a Hann window; the power of its spectrum summed over rows gives a curve over horizontal
    frequencies, summed over columns one over vertical ones. At the periods of 2 and 4 pixels the power is
    divided by the median of the six bins on each side; the figure is the geometric mean of the four. A
    thousandth of an 8-bit step counts as noise everywhere, so that a picture of one colour has 1.

    Args:
        picture: `(1, 3, H, W)` in 0..1. What is over a multiple of 4 is left out, so that periods fall on
            bins.

    Raises:
        ValueError: for sides below 32 px, whose bins do not reach.
    """
    height, width = (side // 4 * 4 for side in picture.shape[2:])
    if min(height, width) < 32:
        raise ValueError(
            f"the picture is {picture.shape[3]} x {picture.shape[2]}; sides of at least 32 are needed"
        )
    luma = torch.einsum(
        "chw,c->hw", picture[0, :, :height, :width].double().cpu(), torch.tensor(LUMA).double()
    )
    windows = [torch.hann_window(side, dtype=torch.float64) for side in (height, width)]
    windowed = luma * windows[0][:, None] * windows[1]
    noise = (1e-3 / 255) ** 2 * windows[0].square().sum() * windows[1].square().sum()
    ratios = []
    for axis, side in enumerate((height, width)):
        power = torch.fft.fft(windowed, dim=axis).abs().square().sum(1 - axis) + noise
        for period in PERIODS:
            at = side // period
            beside = torch.cat([power[at - BESIDE : at], power[at + 1 : at + 1 + BESIDE]])
            ratios.append(power[at] / beside.quantile(0.5))
    return float(torch.stack(ratios).log().mean().exp())


def style_loss(features: Mapping[str, Tensor], target: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
    """Eq. 13 of the AdaIN paper, to train by: squared distances of means and deviations, averaged over
    channels and batch, summed over layers.

    Args:
        features: maps of the result at the target's layers.
        target: mean and deviation `(N, C, 1, 1)` of the style.
    """
    total = torch.zeros(())
    for layer, (mean, std) in target.items():
        own_mean, own_std = mean_std(features[layer])
        total = total + (own_mean - mean).square().mean() + (own_std - std).square().mean()
    return total
