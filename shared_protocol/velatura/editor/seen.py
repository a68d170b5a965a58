"""What of a layer is previewed: all of it at screen size or, where the artist zoomed in, the part in sight.

A part is painted by the statistics of the whole, which goes along at a small size, so that it looks as it
will, and begins in the whole where strokes are large. How far a picture may be reduced is told by the
strokes, too: they shrink with it only as far as the painter can go. Where the device is quick enough the
picture is left as large as its strokes need.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from velatura.blob import Blob
from velatura.kind import Within
from velatura.recipe import RECIPES, Recipe

from . import geometry, regions
from .geometry import Rect
from .paper import Reading, Source
from .pump import Work
from .reduced import LONG_SIDE, at_reduced_size

SCREEN_SIDE = 1024
"""Longest side of the picture that previews are made of while a slider moves, in pixels."""

LIVELY = 0.4
"""Seconds that a preview may take while the hand moves, for strokes of the right size."""


GRID = 32
"""Pixels between places of a picture that networks paint in the very same way."""


@dataclass(frozen=True)
class Base:
    """The picture that previews are made of. Two are equal where they are of the same pixels, of any size.

    Attributes:
        taken: what Apply would work on.
        seen: what of it is shown: all, or a part.
        digest: of the layer's pixels when it was read.
        factor: by which `content` is reduced.
        mask: where what takes many steps works; None for everywhere.
        regions: where each style of the mix applies.
        reference: the whole at a small size, by whose statistics a part is painted; None for the whole.
        place: of the part in it.
    """

    taken: Source
    seen: Source
    digest: str
    factor: int = field(compare=False)
    content: Blob = field(compare=False)
    mask: Blob | None = field(default=None, compare=False)
    regions: Mapping[str, Blob] = field(default_factory=dict, compare=False)
    reference: Blob | None = field(default=None, compare=False)
    place: Within | None = field(default=None, compare=False)

    def asked(
        self, recipe: Recipe, painted: Collection[str], pictures: Sequence[Blob]
    ) -> tuple[Recipe, tuple[Blob, ...]]:
        """A recipe as it is asked of this picture, and all pictures that it then names.

        Args:
            painted: see `reduced.painted_styles`.
            pictures: that the recipe names.
        """
        shrunk = regions.marked(at_reduced_size(recipe, self.factor, painted), self.regions)
        named = (*pictures, *self.regions.values())
        if self.reference is None:
            return shrunk, named
        return shrunk.in_whole(self.reference.key, self.place), (*named, self.reference)


def part(taken: Source, crop: Rect) -> Source:
    """A part of a source."""
    return replace(taken, area=taken.area.intersected(crop), crop=crop)


def part_in_sight(taken: Source, view: Rect | None, side: int, now: Source | None) -> Source:
    """What of a source is previewed while so much of its picture is in sight: a part where that shows more
    than the whole would.

    Args:
        view: in image pixels; None where nobody knows.
        side: longest side of what a preview is made of.
        now: what is previewed now: kept as long as it shows all that is in sight as sharply.
    """
    visible = view.intersected(taken.crop) if view is not None else Rect()
    if visible.empty:
        return taken
    factor = geometry.reduction(visible, side - _grid(side))
    if factor >= geometry.reduction(taken.crop, side):
        return taken
    if now is not None and now.crop.contains(visible) and geometry.reduction(now.crop, side) == factor:
        return now
    return part(taken, patch(visible.middle, side, taken.crop, factor))


def patch(point: tuple[int, int], side: int, within: Rect, factor: int = 1) -> Rect:
    """A square around a point, on the grid on which strokes fall, so that they fall as they do in the whole.

    Args:
        side: once it is reduced by `factor`.
    """
    grid = factor * _grid(side)
    found = geometry.around(point, factor * side - grid, within)
    if not grid:
        return found
    x, y = (at - (at - start) % grid for at, start in ((found.x, within.x), (found.y, within.y)))
    return Rect(x, y, min(factor * side, within.right - x), min(factor * side, within.bottom - y))


def _grid(side: int) -> int:
    return GRID if side >= 4 * GRID else 0


def factor_for(seen: Source, kind: str, side: int, strokes: float, pace: float) -> int:
    """By how much what is seen is reduced.

    Args:
        side: longest side of what a preview is made of.
        strokes: by how much strokes can shrink.
        pace: seconds a preview takes for a pixel, as measured; 0 before the first.
    """
    long = RECIPES[kind].FACTS.long
    factor = geometry.reduction(seen.crop, min(side, LONG_SIDE) if long else side)
    honest = max(1, int(min(strokes, factor)))
    quick = 0 < pace * seen.crop.pixels / honest**2 <= LIVELY
    return honest if honest < factor and quick and not long else factor


def read(paper: Reading, taken: Source, seen: Source, recipe: Recipe, factor: int, digest: str) -> Work[Base]:
    """Work: reads what previews are made of.

    Args:
        digest: of the layer's pixels, where it is known. Else it comes first: a stroke that falls between the
            two is then noticed, not overlooked.
    """
    digest = digest or (yield from paper.digest(taken))
    content = yield from paper.read_reduced(seen, factor)
    mask = yield from paper.read_mask(seen)
    areas = yield from regions.read(paper, seen, recipe, factor)
    reference = place = None
    if seen.crop != taken.crop:
        times = max(1, round(max(taken.crop.width, taken.crop.height) / SCREEN_SIDE))
        reference = yield from paper.read_reduced(taken, times)
        place = place_in(taken.crop, seen.crop, times)
    mask = mask and geometry.thinned(mask, factor)
    return Base(taken, seen, digest, factor, content, mask, areas, reference, place)


def place_in(whole: Rect, part: Rect, times: int) -> Within:
    """Where a part lies in a whole that is reduced `times` times; its last pixels may reach beyond it."""
    width, height = (times * side for side in geometry.reduced_size(whole, times))
    x, y = (part.x - whole.x) / width, (part.y - whole.y) / height
    return Within(x, y, part.width / width, part.height / height)
