"""AdaIN: arbitrary style in one pass (Huang & Belongie 2017), in tiles of any number.

    T(c, s, a) = g((1 - a) f(c) + a AdaIN(f(c), f(s)))                      (eq. 14)

with K styles blended as g(sum_k w_k AdaIN(f(c), f(s_k))) (eq. 15), strength as a number or a map, and
regions with a style each. `f` is the encoder at the decoder's levels: relu4_1 alone is the published
form; decoders with skips re-normalise the shallower levels in the same way.

By default the decoder's own loss is added back as strength fades,

    output = g(t_a) + (1 - a) (c - g(f(c))),

so that strength 0 is the photo itself; `residual=False` gives the published T.

Statistics are those of the whole picture: with more than one tile a first pass sums them over the
tiles' cores in float64, a second one encodes again and decodes. With one tile nothing is done twice.
Everything is a generator that yields between convolutions, so that a caller can do something urgent.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.stats import EPS
from ..maths.tiling import (
    STRIDE,
    Box,
    Tile,
    halo,
    tiles,
)
from ..networks.decoder import Decoder
from ..networks.encoder import Encoder
from .loading import Loader
from .method import (
    Content,
    Kept,
    Source,
    StyleShare,
    claimed,
    crop,
)

Statistics = Mapping[str, tuple[Tensor, Tensor]]
"""Per level the mean and deviation of every channel, `(C,)` float32 each."""

UNIFORM = 1e-3
"""Weight that every position has in a region's statistics: keeps a region of one pixel finite."""


@dataclass
class Encoded:
    """What is worth keeping of a content between two jobs: features of its only tile."""

    features: dict[str, Tensor]
    moments: Statistics = field(default_factory=dict)
    """Of the whole picture, every pixel counting alike."""
    rebuilt: Tensor | None = None
    """g(f(c)), `(1, 3, H, W)` float32: made when a strength below 1 first asks for it."""

    @property
    def nbytes(self) -> int:
        held = [*self.features.values(), *([] if self.rebuilt is None else [self.rebuilt])]
        return sum(t.numel() * t.element_size() for t in held)


def load(loader: Loader) -> AdaIN:
    """See `registry.load_method`."""
    return AdaIN(loader.encoder(), loader.decoder(), loader)


class AdaIN:
    """Encoder and decoder, resident on a device in one dtype; a `method.Method`.

    Args:
        encoder, decoder: as `loader` gives them.
    """

    strength_in = "features"

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        loader: Loader,
    ) -> None:
        self.device, self.dtype = torch.device(loader.device), loader.dtype
        self.tile_bytes, self.tile = loader.tile_bytes, loader.tile
        self.encoder, self.decoder = encoder, decoder

    @property
    def levels(self) -> tuple[str, ...]:
        return self.decoder.levels

    def style(self, source: Source) -> Statistics:
        """What the style looks like at the decoder's levels."""
        stats = source.card().at(source.scale)
        return {level: stats[level] for level in self.levels}

    def tile_side(self) -> int:
        """Side of a tile's core, in pixels: what `tile_bytes` has room for, at about eight maps of
        relu1_1's size at a time."""
        if self.tile:
            return self.tile
        per_pixel = 8 * self.encoder.widths[0] * torch.finfo(self.dtype).bits // 8
        return max(int((self.tile_bytes / per_pixel) ** 0.5) - 2 * halo(), 8 * STRIDE)

    def cut(self, height: int, width: int) -> list[Tile]:
        """The tiles of a canvas: one when it fits whole."""
        side = self.tile_side()
        if height * width <= (side + 2 * halo()) ** 2:
            whole = Box(0, 0, height, width)
            return [Tile(whole, whole)]
        return tiles(height, width, side, halo())

    def encode(self, rgb: Tensor) -> Generator[None, None, dict[str, Tensor]]:
        """Generator whose return value is the features `{level: (1, C, h, w)}` of `rgb` (1, 3, H, W)."""
        x = rgb.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        out: dict[str, Tensor] = {}
        yield from self.encoder.steps(x, self.levels, out)
        return out

    def decode(self, features: dict[str, Tensor]) -> Generator[None, None, Tensor]:
        """Generator whose return value is the picture `(1, 3, H, W)` float32 of `features`."""
        out: list[Tensor] = []
        yield from self.decoder.steps(features, out)
        return out[0].float()

    def stylize(
        self,
        content: Content,
        styles: Sequence[StyleShare],
        strength: float | Tensor,
        write: Callable[[Box, Tensor], None],
        residual: bool = True,
        known: Kept | None = None,
        exact: bool = False,
    ) -> Generator[None, None, Encoded | None]:
        """See `method.Method.stylize`. What is kept is the `Encoded` of a content that fits in one tile;
        statistics are always exact."""
        del exact
        assert known is None or isinstance(known, Encoded)
        height, width = content.rgb.shape[-2:]
        cut = self.cut(height, width)
        strength = claimed(strength, styles)
        weights = [_region(content, style) for style in styles]
        plain = all(weight is None for weight in weights)
        kept = known
        if kept is None or not (plain and kept.moments):
            sums = {id(weight): _Moments(weight) for weight in weights}
            for tile in cut:
                if kept is not None:
                    features = kept.features
                else:
                    features = yield from self.encode(crop(content.rgb, tile.outer))
                    kept = Encoded(features) if len(cut) == 1 else None
                for moments in sums.values():
                    moments.add(features, tile)
                yield
            statistics = [sums[id(weight)].result() for weight in weights]
            if kept is not None and plain:
                kept.moments = statistics[0]
        else:
            statistics = [kept.moments] * len(styles)
        for tile in cut:
            if kept is not None:
                features = kept.features
            else:
                features = yield from self.encode(crop(content.rgb, tile.outer))
            alpha = crop(strength, tile.outer).to(self.device) if isinstance(strength, Tensor) else strength
            target = _target(features, styles, statistics, alpha, tile.outer)
            picture = yield from self.decode(target)
            inner = tile.core.within(tile.outer)
            picture = crop(picture, inner).cpu()
            faded = crop(strength, tile.core).float().cpu() if isinstance(strength, Tensor) else strength
            if residual and (isinstance(faded, Tensor) or faded < 1):
                rebuilt = kept.rebuilt if kept is not None else None
                if rebuilt is None:
                    rebuilt = yield from self.decode(features)
                    rebuilt = crop(rebuilt, inner).cpu()
                    if kept is not None:
                        kept.rebuilt = rebuilt
                picture = picture + (1 - faded) * (crop(content.rgb, tile.core).float().cpu() - rebuilt)
            write(tile.core, picture)
            yield
        return kept

    def rebuild(self, known: Kept) -> Generator[None, None, None]:
        """Fills `known.rebuilt`, so that the next strength below 1 needs one decoding only."""
        if isinstance(known, Encoded) and known.rebuilt is None:
            rebuilt = yield from self.decode(known.features)
            known.rebuilt = rebuilt.cpu()


class _Moments:
    """Running weighted sums of features over tile cores, in float64."""

    def __init__(self, weight: Tensor | None) -> None:
        self.weight = weight
        self.sums: dict[str, tuple[float, Tensor, Tensor]] = {}

    def add(self, features: Mapping[str, Tensor], tile: Tile) -> None:
        inner = tile.core.within(tile.outer)
        for level, maps in features.items():
            step = tile.outer.height // maps.shape[2]
            rows, columns = inner.slices(step)
            part = maps[:, :, rows, columns].float()
            if self.weight is None:
                count = float(part.shape[2] * part.shape[3])
                first, second = part.sum((0, 2, 3)), part.square().sum((0, 2, 3))
            else:
                weight = F.avg_pool2d(crop(self.weight, tile.core).to(part), step) + UNIFORM
                count = float(weight.double().sum())
                first, second = (part * weight).sum((0, 2, 3)), (part.square() * weight).sum((0, 2, 3))
            was = self.sums.get(level)
            if was is None:
                self.sums[level] = (count, first.double(), second.double())
            else:
                self.sums[level] = (was[0] + count, was[1] + first, was[2] + second)

    def result(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and deviation of every level."""
        out = {}
        for level, (count, first, second) in self.sums.items():
            mean = first / count
            std = (second / count - mean.square()).clamp_min(0).add(EPS).sqrt()
            out[level] = (mean.float(), std.float())
        return out


def _region(content: Content, style: StyleShare) -> Tensor | None:
    """The weights under which the content's statistics for a style are taken."""
    if style.region is None or content.weight is None:
        return content.weight if style.region is None else style.region
    return style.region * content.weight


def _target(
    features: dict[str, Tensor],
    styles: Sequence[StyleShare],
    moments: Sequence[Statistics],
    alpha: float | Tensor,
    outer: Box,
) -> dict[str, Tensor]:
    """t_a at every level: the blended, re-normalised features, faded by `alpha`.

    AdaIN is affine in the features, gain * f + bias, so that blending is done on gains and biases:
    without regions or masks these are one number a channel, and the whole costs one multiply-add.
    """
    out = {}
    for level, maps in features.items():
        step = outer.height // maps.shape[2]
        gain, bias, total = (torch.zeros(1, device=maps.device) for _ in range(3))
        for style, (mean, std) in zip(styles, (m[level] for m in moments), strict=True):
            share = torch.tensor(style.weight, device=maps.device)
            if style.region is not None:
                share = share * F.avg_pool2d(crop(style.region, outer).to(mean), step) + 1e-6
            style_mean, style_std = (t.to(mean) for t in style.part[level])
            ratio = style_std / std
            gain = gain + share * ratio.view(1, -1, 1, 1)
            bias = bias + share * (style_mean - ratio * mean).view(1, -1, 1, 1)
            total = total + share
        fade = F.avg_pool2d(alpha.float(), step) if isinstance(alpha, Tensor) else alpha
        gain, bias = 1 + fade * (gain / total - 1), fade * bias / total
        mixed = torch.addcmul(bias.to(maps), maps, gain.to(maps))
        out[level] = mixed.contiguous(memory_format=torch.channels_last)
    return out
