"""AdaIN: arbitrary style in one pass (Huang & Belongie 2017), in tiles of any number.

    T(c, s, a) = g((1 - a) f(c) + a AdaIN(f(c), f(s)))                      (eq. 14)

with K styles blended as g(sum_k w_k AdaIN(f(c), f(s_k))) (eq. 15), strength as a number or a map, and
regions with a style each. `f` is the encoder at the decoder's levels: relu4_1 alone is the published
form; decoders with skips re-normalise the shallower levels in the same way.

By default the decoder's own loss is added back as strength fades,

    output = g(t_a) + (1 - a) (c - g(f(c))),

so that strength 0 is the photo itself; `residual=False` gives the published T.

Statistics are those of the whole picture: with more than one tile `see` sums them over the tiles' cores,
and `paint` encodes again and decodes. With one tile nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..maths.stats import Moments
from ..maths.tiling import Box, Footprint, Tile
from ..networks.decoder import Decoder
from ..networks.encoder import Encoder, reach
from .loading import Loader
from .method import Content, Part, Source, Steps, Work, averaged, crop

Statistics = Mapping[str, tuple[Tensor, Tensor]]
"""Per level the mean and deviation of every channel, `(C,)` float32 each."""

UNIFORM = 1e-3
"""Weight that every position has in weighted statistics: keeps a region of one pixel finite."""


@dataclass
class Encoded:
    """What AdaIN sees of a content.

    Args:
        moments: of the whole picture.
        features: of a picture that fits in one tile; else they are made again, tile by tile.
        rebuilt: g(f(c)) of such a picture, `(1, 3, H, W)` float32: made when a strength below 1 first asks.
    """

    moments: Statistics
    features: dict[str, Tensor] = field(default_factory=dict)
    rebuilt: Tensor | None = None

    @property
    def nbytes(self) -> int:
        return sum(maps.nbytes for maps in self.features.values()) + (
            0 if self.rebuilt is None else self.rebuilt.nbytes
        )


def load(loader: Loader) -> AdaIN:
    """See `registry.load_method`."""
    return AdaIN(loader.encoder(), loader.decoder(), loader)


class AdaIN:
    """Encoder and decoder, resident on a device in one dtype; a `method.Method`.

    Args:
        encoder, decoder: as `loader` gives them.
    """

    strength_in = "features"

    def __init__(self, encoder: Encoder, decoder: Decoder, loader: Loader) -> None:
        self.device, self.dtype = torch.device(loader.device), loader.dtype
        self.encoder, self.decoder = encoder, decoder
        # at about eight maps of relu1_1's size at a time
        per_pixel = 8 * encoder.widths[0] * torch.finfo(self.dtype).bits // 8
        self.footprint = Footprint(reach(decoder.levels[0]), per_pixel)

    @property
    def levels(self) -> tuple[str, ...]:
        return self.decoder.levels

    def style(self, source: Source) -> Statistics:
        """What the style looks like at the decoder's levels."""
        stats = source.card().at(source.scale)
        return {level: stats[level] for level in self.levels}

    def see(self, content: Content) -> Steps[Encoded]:
        """The features' statistics; where there is one tile, the features too."""
        features: dict[str, Tensor] = {}
        sums = self._sums()
        for tile in content.tiles:
            features = yield from self.encode(crop(content.rgb, tile.outer))
            _add(sums, features, tile, content.weight)
            yield
        moments = {level: each.mean_std() for level, each in sums.items()}
        return Encoded(moments, features if len(content.tiles) == 1 else {})

    def paint(self, work: Work) -> Iterator[Part | None]:
        """Tiles of g(t_a), with what the decoder alone loses added back as strength fades."""
        content, seen = work.content, work.seen
        statistics = work.statistics or (yield from self.measure(work))
        for tile in content.tiles:
            features = seen.features or (yield from self.encode(crop(content.rgb, tile.outer)))
            target = _target(features, work, statistics, tile.outer)
            inner = tile.core.within(tile.outer)
            picture = crop((yield from self.decode(target)), inner).cpu()
            if work.residual and work.fades:
                rebuilt = seen.rebuilt
                if rebuilt is None:
                    rebuilt = crop((yield from self.decode(features)), inner).cpu()
                    if seen.features:
                        seen.rebuilt = rebuilt
                lost = crop(content.rgb, tile.core).float().cpu() - rebuilt
                picture = picture + (1 - work.fade(tile.core)) * lost
            yield tile.core, picture

    def measure(self, work: Work) -> Steps[list[Statistics]]:
        """The content's moments for every style: of the whole picture, or of the style's region."""
        content = work.content
        regional = [
            (style.region if content.weight is None else style.region * content.weight, self._sums())
            for style in work.styles
            if style.region is not None
        ]
        for tile in content.tiles if regional else ():
            features = work.seen.features or (yield from self.encode(crop(content.rgb, tile.outer)))
            for weight, sums in regional:
                _add(sums, features, tile, weight)
            yield
        made = iter([{level: each.mean_std() for level, each in sums.items()} for _, sums in regional])
        return [work.seen.moments if style.region is None else next(made) for style in work.styles]

    def ahead(self, seen: Encoded) -> Iterator[None]:
        """Fills `seen.rebuilt`, so that the next strength below 1 needs one decoding only."""
        if seen.features and seen.rebuilt is None:
            seen.rebuilt = (yield from self.decode(seen.features)).cpu()

    def encode(self, rgb: Tensor) -> Steps[dict[str, Tensor]]:
        """The features `{level: (1, C, h, w)}` of `rgb` (1, 3, H, W)."""
        x = rgb.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        out: dict[str, Tensor] = {}
        yield from self.encoder.steps(x, self.levels, out)
        return out

    def decode(self, features: dict[str, Tensor]) -> Steps[Tensor]:
        """The picture `(1, 3, H, W)` float32 of `features`."""
        out: list[Tensor] = []
        yield from self.decoder.steps(features, out)
        return out[0].float()

    def _sums(self) -> dict[str, Moments]:
        return {level: Moments() for level in self.levels}


def _add(
    sums: Mapping[str, Moments], features: Mapping[str, Tensor], tile: Tile, weight: Tensor | None
) -> None:
    """Adds what a tile's core holds to a picture's sums."""
    inner = tile.core.within(tile.outer)
    for level, maps in features.items():
        step = tile.outer.height // maps.shape[2]
        rows, columns = inner.slices(step)
        counts = None if weight is None else averaged(weight, tile.core, step, maps.device) + UNIFORM
        sums[level].add(maps[:, :, rows, columns], counts)


def _target(
    features: Mapping[str, Tensor], work: Work, moments: Sequence[Statistics], outer: Box
) -> dict[str, Tensor]:
    """t_a at every level: the blended, re-normalised features, faded by the strength.

    AdaIN is affine in the features, gain * f + bias, so that blending is done on gains and biases:
    without regions or masks these are one number a channel, and the whole costs one multiply-add.
    """
    out = {}
    for level, maps in features.items():
        step = outer.height // maps.shape[2]
        gain, bias, total = (torch.zeros(1, device=maps.device) for _ in range(3))
        for style, (mean, std) in zip(work.styles, (m[level] for m in moments), strict=True):
            mean, std = mean.to(maps.device), std.to(maps.device)
            share = style.over(outer, step, maps.device)
            style_mean, style_std = (t.to(mean) for t in style.part[level])
            ratio = style_std / std
            gain = gain + share * ratio.view(1, -1, 1, 1)
            bias = bias + share * (style_mean - ratio * mean).view(1, -1, 1, 1)
            total = total + share
        fade = work.fade(outer, step, maps.device)
        gain, bias = 1 + fade * (gain / total - 1), fade * bias / total
        mixed = torch.addcmul(bias.to(maps), maps, gain.to(maps))
        out[level] = mixed.contiguous(memory_format=torch.channels_last)
    return out
