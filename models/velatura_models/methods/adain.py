"""AdaIN: arbitrary style in one pass (Huang & Belongie 2017), in tiles of any number.

    T(c, s, a) = g((1 - a) f(c) + a AdaIN(f(c), f(s)))                      (eq. 14)

with K styles blended as g(sum_k w_k AdaIN(f(c), f(s_k))) (eq. 15), strength as a number or a map, and
regions with a style each. `f` is the encoder at the decoder's levels: relu4_1 alone is the published
form; decoders with skips re-normalise the shallower levels in the same way.

By default the decoder's own loss is added back as strength fades,

    output = g(t_a) + (1 - a) (c - g(f(c))),

so that strength 0 is the photo itself; `residual=False` gives the published T.

AdaIN moves each channel on its own and leaves a red hat red in a sepia drawing. So `adain-skip` takes the
palette first: the content's colours are moved to the style's mean and covariance before the encoder,
c' = A c + b, in full whatever the strength,

    t_a = (1 - a) f(c) + a sum_k w_k AdaIN(f(c'_k), f(s_k)),

and both f(c) and f(c'_k) are kept, so that a slider costs the decoder alone. Flat areas get a little grain,
since of nothing AdaIN makes nothing. Where the content's colours are to be kept c' is c, as it is in the
published form.

Statistics are those of the whole picture: with more than one tile they are summed over the tiles' cores. What
was encoded is kept whole where there is room (`stitched`); without, `paint` encodes again and decodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..maths.color import ColorStats, apply_matching, color_stats, transport
from ..maths.grain import grain
from ..maths.stats import Moments
from ..maths.stitched import PICTURE, Stitched
from ..maths.tiling import STRIDE, Box, Footprint, Tile, averaged, crop
from ..networks.decoder import Decoder
from ..networks.encoder import Encoder, reach
from ..networks.playback import played
from .loading import Loader
from .method import Content, FoundStyle, Part, Steps, StyleShare, Work
from .views import OWN, Encoded, Measured, Palette, Statistics, View

UNIFORM = 1e-3
"""Weight that every position has in weighted statistics: keeps a region of one pixel finite."""

KEPT = 8
"""Palettes in which one content is kept at most: as many as a blend has styles."""


@dataclass(frozen=True)
class StyleLook:
    """A style as AdaIN takes it: its statistics at the decoder's levels, and its colours where they count."""

    levels: Statistics
    color: ColorStats | None = None

    @property
    def palette(self) -> Palette:
        if self.color is None:
            return OWN
        return (*self.color.mean.tolist(), *self.color.cov.flatten().tolist())


class Met(NamedTuple):
    """A style and a tile of the content as it sees it.

    Args:
        view: the content in the style's palette.
        maps: its features there, per level `(1, C, h, w)`.
        moments: of all that the style is for.
    """

    style: StyleShare
    view: View
    maps: Mapping[str, Tensor]
    moments: Statistics

    def affine(self, level: str) -> tuple[Tensor, Tensor]:
        """Gain and bias `(1, C, 1, 1)` that give the features the style's mean and deviation (eq. 8)."""
        mean, std = self.moments[level]
        style_mean, style_std = (t.to(mean) for t in self.style.part.levels[level])
        ratio = style_std / std
        return ratio.view(1, -1, 1, 1), (style_mean - ratio * mean).view(1, -1, 1, 1)


class AdaIN:
    """Encoder and decoder, resident on a device in one dtype; a `method.Method`.

    Args:
        loader: gives the networks.
        networks: encoder and decoder, where they are not the loader's.
    """

    strength_in = "features"
    decoder_of = ""
    """The method whose decoder is taken; the loader's own where it is none."""
    joint = False
    """Whether moments are of channels with each other."""
    held = 5.2
    """By how much a worker's memory grows for a pixel of a tile, in maps of relu1_1's size, where those near
    full size are computed in bands: 210 to 330 B were measured with `slim` in bfloat16, of which 140 are in
    use at a time; the allocator keeps the rest."""
    positions = 0
    """How far, in positions of the deepest level, `mix` looks around."""
    least = 2
    """How many positions a picture has there at least."""

    def __init__(self, loader: Loader, networks: tuple[Encoder, Decoder] | None = None) -> None:
        self.device, self.dtype = torch.device(loader.device), loader.dtype
        self.known: dict[str, Any] = {}
        loader = replace(loader, method=self.decoder_of or loader.method)
        self.encoder, self.decoder = networks or loader.pair()
        self.palette_first = loader.method == "adain-skip"
        held = self.held if self.device.type == "cpu" else 8
        per_pixel = held * self.encoder.widths[0] * self.dtype.itemsize
        halo = reach(self.levels[0], self.positions)
        self.footprint = Footprint(halo, per_pixel, STRIDE, self.least * STRIDE)

    @property
    def levels(self) -> tuple[str, ...]:
        return self.decoder.levels

    def style(self, source: FoundStyle) -> StyleLook:
        """What the style looks like at the decoder's levels, and its colours."""
        card = source.card()
        stats = card.at(source.scale)
        levels = {level: stats[level] for level in self.levels}
        return StyleLook(levels, card.color if self.palette_first else None)

    def see(self, content: Content) -> Steps[Encoded]:
        """The content in its own palette where that is what styles see; else nothing is encoded before a
        palette is asked for."""
        seen = Encoded(Stitched(Box(0, 0, *content.rgb.shape[2:])))
        if not self.palette_first:
            own = yield from self._view(content, seen, OWN, None)
            content.passes.of += len(content.tiles)
            yield from self._moments(content, seen, own)
        return seen

    def paint(self, work: Work) -> Iterator[Part | None]:
        """Tiles of g(t_a), with what the decoder alone loses added back as strength fades."""
        content, seen = work.content, work.seen
        measured: Sequence[Measured] = work.statistics or (yield from self.measure(work))
        views: list[View] = []
        for style, (colors, _) in zip(work.styles, measured, strict=True):
            views.append((yield from self._view(content, seen, _palette(work, style), colors)))
        own = (yield from self._view(content, seen, OWN, None)) if work.fades else views[0]
        for tile in content.tiles:
            picture = yield from self._painted(work, tile, views, own, [each.moments for each in measured])
            yield tile.core, picture

    def _painted(
        self, work: Work, tile: Tile, views: Sequence[View], own: View, moments: Sequence[Statistics]
    ) -> Steps[Tensor]:
        """A tile's core of g(t_a)."""
        rgb = work.content.rgb
        target, rebuilt = yield from self._target(work, tile, views, own, moments)
        picture = crop((yield from self.decode(target)), tile.core.within(tile.outer)).to(rgb.device)
        if rebuilt is None:
            return picture
        return picture + (1 - work.fade(tile.core)) * (crop(rgb, tile.core).float() - rebuilt)

    def _target(
        self, work: Work, tile: Tile, views: Sequence[View], own: View, moments: Sequence[Statistics]
    ) -> Steps[tuple[dict[str, Tensor], Tensor | None]]:
        """t_a of a tile, and g(f(c)) in its core where that is to be seen; what was encoded for them is let
        go before they are decoded."""
        content, seen, rebuilt = work.content, work.seen, None
        maps: dict[int, Mapping[str, Tensor]] = {}
        for view in (*views, own):
            if id(view) not in maps:
                maps[id(view)] = yield from self._features(content, seen, view, tile)
        met = [
            Met(style, view, maps[id(view)], each)
            for style, view, each in zip(work.styles, views, moments, strict=True)
        ]
        if work.residual and work.fades:
            rebuilt = yield from self._rebuilt(content, seen, maps[id(own)], tile)
        target = {}
        for level, features in maps[id(own)].items():
            target[level] = yield from self.mix(level, met, features, work, tile.outer)
        return target, rebuilt

    def mix(self, level: str, met: Sequence[Met], own: Tensor, work: Work, outer: Box) -> Steps[Tensor]:
        """t_a at a level: the blended, re-normalised features, faded by the strength.

        AdaIN is affine in the features, gain * f + bias, so that blending is done on gains and biases:
        without regions or masks these are one number a channel, and each palette that is seen costs one
        multiply-add.

        Args:
            met: the styles, each with the content as it sees it.
            own: features that strength fades from.
            outer: where they lie.
        """
        yield from ()
        step = outer.height // own.shape[2]
        gains = {id(each.view): (torch.zeros(1, device=own.device), each.maps[level]) for each in met}
        bias, total = (torch.zeros(1, device=own.device) for _ in range(2))
        for each in met:
            ratio, offset = (t.to(own.device) for t in each.affine(level))
            share = each.style.over(outer, step, own.device)
            gain, maps = gains[id(each.view)]
            gains[id(each.view)] = gain + share * ratio, maps
            bias = bias + share * offset
            total = total + share
        fade = work.fade(outer, step, own.device)
        scaled = {id(maps): (fade * gain / total, maps) for gain, maps in gains.values()}
        if work.fades:
            gain, _ = scaled.get(id(own), (torch.zeros(1, device=own.device), own))
            scaled[id(own)] = gain + 1 - fade, own
        mixed = (fade * bias / total).to(own)
        for gain, maps in scaled.values():
            mixed = torch.addcmul(mixed, maps, gain.to(own))
        return mixed.contiguous(memory_format=torch.channels_last)

    def measure(self, work: Work) -> Steps[list[Measured]]:
        """For every style how the content's colours are moved, and the moments of what is then seen: of the
        whole picture, or of the style's region."""
        content, found = work.content, []
        before, tiles = content.passes.done, len(content.tiles)
        content.passes.of = before + tiles * len(work.styles)
        for index, style in enumerate(work.styles):
            content.passes.done = before + tiles * index  # some were measured for an earlier one
            palette, colors = _palette(work, style), None
            if palette != OWN and palette in work.seen.views:
                colors = work.seen.views[palette].colors
            elif palette != OWN:
                colors = transport(color_stats(content.rgb, content.weight), style.part.color)
            view = yield from self._view(content, work.seen, palette, colors)
            if style.region is None:
                found.append(Measured(colors, (yield from self._moments(content, work.seen, view))))
                continue
            weight = style.region if content.weight is None else style.region * content.weight
            found.append(Measured(colors, (yield from self._sum(content, work.seen, view, weight))))
        content.passes.done = content.passes.of
        return found

    def ahead(self, work: Work) -> Iterator[None]:
        """The content in its own palette, and rebuilt from it, where it fits in one tile: the next strength
        below 1 then needs one decoding only."""
        if len(work.content.tiles) > 1:
            return
        own = yield from self._view(work.content, work.seen, OWN, None)
        tile = work.content.tiles[0]
        yield from self._rebuilt(work.content, work.seen, own.features.part(tile.outer), tile)

    def encode(self, rgb: Tensor) -> Steps[dict[str, Tensor]]:
        """The features `{level: (1, C, h, w)}` of `rgb` (1, 3, H, W)."""
        x = rgb.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)
        pixels = x.shape[2] * x.shape[3]
        maps = yield from played(self.encoder, self.levels, pixels, self._encoded, x)
        return dict(zip(self.levels, maps, strict=True))

    def _encoded(self, x: Tensor) -> Steps[tuple[Tensor, ...]]:
        out: dict[str, Tensor] = {}
        yield from self.encoder.steps(x, self.levels, out)
        return tuple(out[level] for level in self.levels)

    def decode(self, features: Mapping[str, Tensor]) -> Steps[Tensor]:
        """The picture `(1, 3, H, W)` float32 of `features`."""
        maps = [features[level] for level in self.levels]
        pixels = STRIDE**2 * maps[0].shape[2] * maps[0].shape[3]
        (picture,) = yield from played(self.decoder, "decoded", pixels, self._decoded, *maps)
        return picture

    def _decoded(self, *maps: Tensor) -> Steps[tuple[Tensor, ...]]:
        made = yield from self.decoder.steps(dict(zip(self.levels, maps, strict=True)))
        return (made.float(),)

    def _view(
        self, content: Content, seen: Encoded, palette: Palette, colors: tuple[Tensor, Tensor] | None
    ) -> Steps[View]:
        """The content in a palette, kept for the next time."""
        view = seen.views.get(palette)
        if view is None:
            view = View(colors, Stitched(seen.rebuilt.whole))
            if len(content.tiles) == 1:
                yield from self._features(content, seen, view, content.tiles[0])
            seen.views[palette] = view
            for oldest in [held for held in seen.views if held != OWN][:-KEPT]:
                del seen.views[oldest]
        seen.views.move_to_end(palette)
        return view

    def _features(
        self, content: Content, seen: Encoded, view: View, tile: Tile
    ) -> Steps[Mapping[str, Tensor]]:
        """A tile's features in a palette."""
        if view.features.complete:
            return view.features.part(tile.outer)
        made = yield from self.encode(colored(content.rgb, view, tile.outer))
        view.features.add(made, tile, content.room - seen.nbytes)
        return made

    def _rebuilt(
        self, content: Content, seen: Encoded, own: Mapping[str, Tensor], tile: Tile
    ) -> Steps[Tensor]:
        """g(f(c)) in a tile's core, of the tile's own f(c)."""
        if tile.core in seen.rebuilt.cores:
            return crop(seen.rebuilt.maps[PICTURE], tile.core)
        whole = (yield from self.decode(own)).to(content.rgb.device)
        seen.rebuilt.add({PICTURE: whole}, tile, content.room - seen.nbytes)
        return crop(whole, tile.core.within(tile.outer))

    def _moments(self, content: Content, seen: Encoded, view: View) -> Steps[Statistics]:
        """Of the whole picture in a palette."""
        if view.moments is None:
            view.moments = yield from self._sum(content, seen, view, content.weight)
        return view.moments

    def _sum(self, content: Content, seen: Encoded, view: View, weight: Tensor | None) -> Steps[Statistics]:
        sums = {level: Moments(self.joint) for level in self.levels}
        for tile in content.tiles:
            _add(sums, (yield from self._features(content, seen, view, tile)), tile, weight)
            content.passes.done += 1
            yield
        return {level: self.found(each) for level, each in sums.items()}

    def found(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """What is kept of the moments of a level's features."""
        return moments.mean_std()


load = AdaIN


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


def colored(rgb: Tensor, view: View, box: Box) -> Tensor:
    """The part of a content inside a box in a view's palette, with grain where it is flat."""
    if view.colors is None:
        return crop(rgb, box)
    return (apply_matching(crop(rgb, box), *view.colors) + grain(rgb, box)).clamp(0, 1)


def _palette(work: Work, style: StyleShare) -> Palette:
    """The palette that a style sees the content in."""
    return style.part.palette if work.recolour else OWN
