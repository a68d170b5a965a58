"""The methods `fast` and `multi`: image transformation networks, resident and painting.

`fast` takes the networks with one style each (Johnson et al. 2016), `multi` those with several
(Dumoulin et al. 2017) and the styles added to them later. Styles of one network blend in one pass, by
their scales and shifts (Dumoulin et al., section 3.2); styles of different networks, or with regions, blend
as pictures. Where a network has a row that gives the photo itself, strength fades between rows as well, and
what that row lacks of the photo is added back as strength fades:

    output = net(s row + (1 - s) photo row) + (1 - s) (content - net(photo row)).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.tiling import Footprint
from ..networks.folded import Folded
from ..networks.playback import played
from ..networks.transform_net import Normalise, TransformNet
from ..store.files import NET_FORMAT, Net, WeightsError, read
from ..store.nets import PHOTO, few, installed, refuse_damaged
from .loading import Loader
from .method import FoundStyle, Steps, StyleShare
from .picture_method import Painting, PictureMethod

ANCHORS = 4
"""Parts of a strength slider, at whose ends the statistics of what others are painted by are measured. Linear
between them, pictures are off by 1 to 6/255 (root mean square); a small reference itself costs 2 to 19."""

PAINTER = "painter"
"""Name of the network of many styles that ships, and that a user's own styles are added to."""


@dataclass(frozen=True)
class Row:
    """A style in a network: its scales and shifts, `(1, C)` each over all layers, and those of the photo."""

    net: TransformNet | Folded
    gamma: Tensor
    beta: Tensor
    photo: Painting | None = None

    def mixed(self, rows: Sequence[Row], shares: Sequence[float]) -> Row:
        """The weighted mean of rows of this row's network."""
        gamma = torch.stack([w * row.gamma for w, row in zip(shares, rows, strict=True)]).sum(0)
        beta = torch.stack([w * row.beta for w, row in zip(shares, rows, strict=True)]).sum(0)
        return replace(self, gamma=gamma, beta=beta)


class Painter(PictureMethod):
    """Paints in the styles that installed networks know; they are loaded when first asked for."""

    def __init__(self, loader: Loader) -> None:
        super().__init__(loader)
        self.several = loader.method == "multi"
        transforms = installed("transform", loader.folder)
        nets = [net for net in transforms if (len(net.styles) > 1) == self.several]
        self.known: dict[str, tuple[Net, Net | None]] = {}
        """Every style with its network, and with the file of its row where it was added later."""
        for net in nets:
            for name in (name for name in net.styles if name != PHOTO):
                self.known.setdefault(name, (net, None))
        by_digest = {net.digest: net for net in nets}
        for row in installed("style", loader.folder) if self.several else ():
            if row.needs in by_digest:
                self.known.setdefault(row.styles[0], (by_digest[row.needs], row))
        # 4 + 1 + 2 + 10 x 4 + 2 + 1 + 4 = 54 px reach, see `transform_net.plan`. Measured with
        # 16 channels: a pixel of a tile, which is given its statistics, holds 430 to 520 B, 800 in float32;
        # of a picture that is not cut 180 B with bytes, 310 in bfloat16, 390 in float32
        widths = [net.architecture.get("widths", (32,))[0] for net in nets]
        held, whole = (30, 0.65) if self.dtype.itemsize == 2 else (50, 0.5)
        held, whole = (30, 0.36) if loader.eight_bits else (held, whole)
        self.footprint = Footprint(64, held * max(widths, default=32), whole=whole)

    def style(self, source: FoundStyle) -> Painting:
        """The row of a style.

        Raises:
            WeightsError: `unknown` for a style that no network knows, with what to do about it.
        """
        if source.name not in self.known:
            for kind in ("style", "transform"):
                refuse_damaged(source.name, kind, self.loader.folder)
            trainer = "style-n-plus-one" if self.several else "fast"
            near = difflib.get_close_matches(source.name, self.known, 3)
            raise WeightsError(
                "unknown",
                f"no network of this method paints in the style {source.name!r}; it knows "
                f"{', '.join(near) or few(self.known)}. Train it (`velatura train {trainer}`), "
                "or use a method that takes any style, such as adain-skip",
            )
        about, added = self.known[source.name]
        net = self.loader.painter(about)
        rows = {
            known: Row(net, net.gamma[index : index + 1], net.beta[index : index + 1])
            for index, known in enumerate(about.styles)
        }
        photo = Painting((about.digest, PHOTO), rows[PHOTO], lasting=True) if PHOTO in rows else None
        if added is None:
            row, name = rows[source.name], source.name
        else:
            row, name = row_of(added, net), added.digest  # one that is learned again is another
            self.loader.used[added.title] = added.digest
        return Painting((about.digest, name), replace(row, photo=photo))

    def strides(self, painting: Painting) -> list[int]:
        net = painting.data.net
        return [] if net.norm == "batch" else net.strides

    def merged(self, styles: Sequence[StyleShare]) -> list[StyleShare]:
        """One target for all styles of a network that apply everywhere."""
        groups: dict[str, list[StyleShare]] = {}
        out = [style for style in styles if style.region is not None]
        for style in styles:
            if style.region is None:
                groups.setdefault(style.part.key[0], []).append(style)
        for group in groups.values():
            total = sum(style.weight for style in group)
            if len(group) == 1 or total <= 0:
                out.append(group[0])
                continue
            shares = [style.weight / total for style in group]
            rows = [style.part.data for style in group]
            key = tuple((style.part.key, w) for style, w in zip(group, shares, strict=True))
            blend = Painting(key, rows[0].mixed(rows, shares))
            out.append(replace(group[0], part=blend, weight=total))
        return out

    def faded(self, painting: Painting, strength: float) -> list[tuple[Painting, float]]:
        """Between rows where the network has one for the photo, else between pictures."""
        row: Row = painting.data
        if row.photo is None or not 0 < strength < 1:
            return [(painting, strength)]
        below = int(strength * ANCHORS)
        more = strength * ANCHORS - below
        near = [
            (_between(painting, (below + step) / ANCHORS), share)
            for step, share in ((0, 1 - more), (1, more))
        ]
        between = replace(_between(painting, strength), near=[(each, share) for each, share in near if share])
        return [(between, 1.0), (row.photo, strength - 1.0)]

    def tile(self, rgb: Tensor, painting: Painting, normalise: Normalise | None) -> Steps[Tensor]:
        """Painted by one row of a network."""
        row: Row = painting.data
        height, width = rgb.shape[2:]
        small = (0, max(row.net.least - width, 0), 0, max(row.net.least - height, 0))
        if any(small):
            rgb = F.pad(rgb, small, mode="replicate")

        def painted(x: Tensor, gamma: Tensor, beta: Tensor) -> Steps[tuple[Tensor, ...]]:
            return ((yield from row.net.steps(x, gamma, beta, normalise)),)

        if normalise is not None:  # it may measure, or break off
            (made,) = yield from painted(rgb, row.gamma, row.beta)
        else:
            inputs, pixels = (rgb, row.gamma, row.beta), rgb.shape[2] * rgb.shape[3]
            (made,) = yield from played(row.net, "painted", pixels, painted, *inputs)
        return made[:, :, :height, :width]


def _between(painting: Painting, strength: float) -> Painting:
    """A painting whose row is on the way from the photo's to its own."""
    row: Row = painting.data
    if strength in (0, 1) and row.photo is not None:
        return painting if strength else row.photo
    assert row.photo is not None
    mixed = row.mixed([row, row.photo.data], [strength, 1 - strength])
    return Painting((painting.key, strength), mixed)


load = Painter


def row_of(about: Net, net: TransformNet | Folded) -> Row:
    """The scales and shifts of a style that was added to a network.

    Raises:
        WeightsError: `architecture` where they are not one row of that network.
    """
    state, _ = read(about.path, NET_FORMAT)
    shape = (1, net.gamma.shape[1])
    for name in ("gamma", "beta"):
        if name not in state or tuple(state[name].shape) != shape:
            raise WeightsError("architecture", f"{about.path} holds no {name} of shape {shape}")
    return Row(net, state["gamma"].float().to(net.gamma.device), state["beta"].float().to(net.gamma.device))
