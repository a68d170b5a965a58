"""Shapes as arrows on the layer: from a place to where the style has its like. They can be moved and added.

The daemon finds the pairs of places, or a stored recipe brings them; both are kept with the layer and the
style that they are for, in pixels of the image, so that another selection does not move them. What lies
inside what is painted goes into the look as its `pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from velatura.blob import Blob, Picture
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.pairs import LEAST, Pair, pairs_of
from velatura.recipe import Keypoints, Style

from . import geometry, words
from .calls import Follower
from .geometry import Rect
from .i18n import _
from .link import Link
from .look import Look
from .observable import Observable
from .paper import Gone, Reading, Refused, Source
from .pump import Pump

SIDE = 512
"""Longest side, in pixels, of the copy of the layer that the daemon looks at."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Arrow:
    """One pair.

    Attributes:
        place: where it is, in image pixels.
        goal: where all of the way would lead it, in image pixels: the place in the style after the turn,
            scale and shift that bring all of them nearest to the layer's.
        there: where it is in the style, as shares of its width and height.
    """

    place: Point
    goal: Point
    there: Point


class Arrows(Observable):
    """The pairs of the active layer and the look's first style.

    Attributes:
        shown: whether the artist looks at them.
        arrows: all of them; another tuple after every change.
        words: how it stands with them.
        finding: whether the daemon looks for pairs.
        taken: the layer that they are on, and what of it is painted.
        style: the style's picture while `shown`; None before it has come, and where nobody has one.
    """

    def __init__(self, link: Link, look: Look, paper: Reading, pump: Pump) -> None:
        super().__init__()
        self.shown = self.finding = False
        self.arrows: tuple[Arrow, ...] = ()
        self.words = ""
        self.style: Picture | None = None
        self.taken: Source | None = None
        self._link, self._look, self._paper, self._pump = link, look, paper, pump
        self._key: tuple[str, ...] = ()
        self._kept: dict[tuple[str, ...], tuple[tuple[Point, Point], ...]] = {}
        self._aspects: dict[str, float] = {}
        self._job: Job | None = None
        self._telling = False
        look.changed.connect(self._on_look)

    # --- what buttons do --------------------------------------------------------------------------------

    def show(self, shown: bool) -> None:
        """Whether they are drawn; the style's picture comes along."""
        self.shown = shown
        self.follow()
        self._fetch_style()

    def see_style(self, picture: Picture) -> None:
        """The picture of the look's first style: also one that the daemon has not."""
        self._aspects[self._look.styles[0]] = picture.layout.width / picture.layout.height
        self.style = picture
        self._set(self._places)

    def find(self) -> None:
        """Has the daemon look for pairs, which take the place of those that are there."""
        try:
            taken = self._paper.source()
            style = self._look.recipe("refine").styles[0]
        except (Refused, Gone, VelaturaError) as error:
            self._over(_("Choose a style first.") if not self._look.styles else words.trouble(error))
            return
        self.follow(taken)
        self.finding, self.words = True, _("Looking for pairs…")
        small = self._paper.read_reduced(taken, geometry.reduction(taken.crop, SIDE))
        self._pump.start(small, lambda content: self._submit(taken, style, content), self._failed)

    def move(self, index: int, place: Point) -> None:
        """Drags the foot of an arrow."""
        self._change(index, lambda arrow: (self._inside(place), arrow.there))

    def aim(self, index: int, goal: Point) -> None:
        """Drags the head of an arrow: its place in the style becomes one that leads there."""
        self._change(index, lambda arrow: (arrow.place, self._aimed(index, goal)))

    def place_there(self, index: int, there: Point) -> None:
        """Moves the place in the style, as shares of its width and height."""
        self._change(index, lambda arrow: (arrow.place, _clamped(there)))

    def add(self, place: Point, there: Point | None = None) -> int:
        """A new arrow, without length unless its place in the style is given; gives its index."""
        self._set((*self._places, (self._inside(place), _clamped(there or (0.5, 0.5)))))
        if there is None:
            self.aim(len(self.arrows) - 1, place)
        return len(self.arrows) - 1

    def delete(self, index: int) -> None:
        """Takes one out."""
        self._set(tuple(p for k, p in enumerate(self._places) if k != index))

    def clear(self) -> None:
        """Takes all out: a refinement whose shapes move then looks for pairs itself."""
        self._set(())

    def at(self, point: Point, reach: float) -> tuple[int, bool] | None:
        """Which arrow is there, and whether that is its head; None where none is nearer than `reach`."""
        ends = [
            ((end[0] - point[0]) ** 2 + (end[1] - point[1]) ** 2, index, head)
            for index, arrow in enumerate(self.arrows)
            for head, end in ((True, arrow.goal), (False, arrow.place))
        ]
        nearest = min(ends, default=None, key=lambda found: found[0])
        return None if nearest is None or nearest[0] > reach**2 else nearest[1:]

    # --- following the layer and the style ---------------------------------------------------------------

    def follow(self, taken: Source | None = None) -> None:
        """The active layer, its selection or the style may be others: their arrows come, the last ones are
        kept."""
        if taken is None:
            try:
                taken = self._paper.source()
            except (Refused, Gone):
                return
        key = (taken.document, taken.layer, *self._look.styles[:1])
        same = key == self._key
        if not same:
            self._kept[self._key] = self._places
            self._key, self.words = key, ""
        if not same or self.taken is None or taken.crop != self.taken.crop:
            self.taken = taken
            self._set(self._places if same else self._kept.pop(key, ()))

    def _on_look(self, name: str) -> None:
        if name == "styles":
            self.style = None
            self.follow()
            self._fetch_style()
        elif name == "pairs" and not self._telling and self.taken is not None:
            self._set(_places_of(self._look.pairs, self.taken.crop))

    def _fetch_style(self) -> None:
        if not self.shown or not self._look.styles or self.style is not None:
            return
        name = self._look.styles[0]
        if self._link.styles and name not in (entry["name"] for entry in self._link.styles):
            return  # one's own, which its owner shows

        def found(items: Any, error: VelaturaError | None) -> None:
            if error is not None:
                self.words = words.trouble(error)
            elif items:
                self._link.fetch(items[0]["digest"], came)

        def came(picture: Picture | None, error: VelaturaError | None) -> None:
            if picture is not None and self._look.styles[:1] == (name,):
                self.see_style(picture)

        self._link.when_connected(lambda: self._link.ask("style_picture", found, name=name), self._failed)

    # --- what the daemon finds ---------------------------------------------------------------------------

    def _submit(self, taken: Source, style: Style, content: Blob) -> None:
        recipe = Keypoints(styles=(replace(style, weight=1.0, mask=""),), backbone=self._look.backbone)

        def ended(job: Job) -> None:
            if job is not self._job:
                return
            if job.state is State.DONE and job.result is not None:
                self._found(taken, style, job.result.record)
            else:
                self._failed(job.error or VelaturaError("cancelled", job.reason))

        def submit() -> None:
            follower = Follower(lambda job: None, lambda *preview: None, ended, self._failed)
            try:
                self._job = self._link.submit(follower, recipe, content, pictures=self._look.pictures)
            except VelaturaError as error:
                self._failed(error)

        self._link.when_connected(submit, self._failed)

    def _found(self, taken: Source, style: Style, record: Mapping[str, Any]) -> None:
        width, height = record["style"]
        self._aspects[style.name] = width / height
        places = _places_of(pairs_of(record), taken.crop)
        if (taken.document, taken.layer, *self._look.styles[:1]) != self._key:
            self._over("")  # the artist is elsewhere by now
            return
        self._set(places)
        if len(places) < LEAST:
            self._over(_("No good pairs were found: the two pictures show nothing alike."))
            return
        if self._look.shapes == "keep":
            self._look.shapes = "joint"
        self._over(_("{count} pairs were found.", count=len(places)))

    def _failed(self, error: Exception) -> None:
        self._over(words.trouble(error))

    def _over(self, text: str) -> None:
        self.finding, self._job, self.words = False, None, text

    # --- the arrows --------------------------------------------------------------------------------------

    @property
    def _places(self) -> tuple[tuple[Point, Point], ...]:
        return tuple((arrow.place, arrow.there) for arrow in self.arrows)

    def _change(self, index: int, change: Any) -> None:
        places = list(self._places)
        places[index] = change(self.arrows[index])
        self._set(tuple(places))

    def _set(self, places: tuple[tuple[Point, Point], ...]) -> None:
        lead = self._leading(places)
        self.arrows = tuple(Arrow(place, lead(there), there) for place, there in places)
        if 0 < len(places) < LEAST:
            self.words = _("Shapes move with three arrows or more.")
        crop = self.taken.crop if self.taken is not None else Rect()
        shares = [(*_share(place, crop), *there) for place, there in places if not crop.empty]
        self._telling = True
        self._look.pairs = tuple(Pair(*row) for row in shares if all(0 <= share <= 1 for share in row))
        self._telling = False

    def _aimed(self, index: int, goal: Point) -> Point:
        """The place in the style that leads to a goal, which all places in it lead on: nearer with each look,
        by a factor that is at most the arrow's share in where all are led."""
        places = list(self._places)
        goal = self._inside(goal)
        for _look in range(100):
            place, there = places[index]
            lead = self._leading(tuple(places))
            aimed = _clamped(lead.back(goal))
            places[index] = place, aimed
            if max(abs(aimed[0] - there[0]), abs(aimed[1] - there[1])) < 1e-5:
                break
        return places[index][1]

    def _inside(self, point: Point) -> Point:
        crop = self.taken.crop if self.taken is not None else Rect()
        x, y = point
        return min(max(x, crop.x), crop.right), min(max(y, crop.y), crop.bottom)

    def _leading(self, places: tuple[tuple[Point, Point], ...]) -> Leading:
        name = self._look.styles[0] if self._look.styles else ""
        crop = self.taken.crop if self.taken is not None else Rect()
        return Leading(places, self._aspects.get(name, 1.0), crop)


class Leading:
    """The similarity (turn, scale, shift) that brings places of the style nearest to those of the layer in
    the sum of squares; with two or fewer, the style lies in the middle of the layer.

    Args:
        places: places of the layer, in image pixels, and of the style, in shares.
        aspect: the style's width over its height.
        crop: what of the layer is painted.
    """

    def __init__(self, places: tuple[tuple[Point, Point], ...], aspect: float, crop: Rect) -> None:
        self._aspect = aspect
        here = [complex(*place) for place, _there in places]
        there = [complex(aspect * x, y) for _place, (x, y) in places]
        scale = max(1e-9, min(crop.width / aspect, crop.height))
        self._turn, self._shift = complex(scale), complex(*crop.middle) - scale * complex(aspect, 1) / 2
        if len(places) < LEAST:
            return
        mean, goal = sum(there) / len(there), sum(here) / len(here)
        spread = sum(abs(s - mean) ** 2 for s in there)
        turn = sum((s - mean).conjugate() * (h - goal) for s, h in zip(there, here, strict=True))
        if abs(turn) > 1e-9 and spread > 1e-12:
            self._turn = turn / spread
            self._shift = goal - self._turn * mean

    def __call__(self, there: Point) -> Point:
        """Where a place of the style, in shares, is led, in image pixels."""
        led = self._turn * complex(self._aspect * there[0], there[1]) + self._shift
        return led.real, led.imag

    def back(self, goal: Point) -> Point:
        """Which place of the style is led somewhere."""
        there = (complex(*goal) - self._shift) / self._turn
        return there.real / self._aspect, there.imag


def _places_of(pairs: tuple[Pair, ...], crop: Rect) -> tuple[tuple[Point, Point], ...]:
    return tuple(
        ((crop.x + pair.x * crop.width, crop.y + pair.y * crop.height), (pair.x2, pair.y2)) for pair in pairs
    )


def _share(place: Point, crop: Rect) -> Point:
    return (place[0] - crop.x) / crop.width, (place[1] - crop.y) / crop.height


def _clamped(there: Point) -> Point:
    return min(max(there[0], 0.0), 1.0), min(max(there[1], 0.0), 1.0)
