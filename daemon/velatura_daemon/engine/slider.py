"""A strength slider that answers while the hand moves: pictures at a few strengths are kept, and mixed.

A pass of a network takes its time; the mean of two finished pictures takes milliseconds, and between
strengths that are close together a network hardly bends (docs/speed.md says how far that is off). So an
editor that shows a slider says so with its job: when that is done, and nothing else waits, the same runs at
strengths all over the slider. A move then gives what lies between two of these, and the record says so; who
wants the exact picture, as an editor does once the hand rests, asks for it as ever.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from velatura.recipe import Stylize

from .compose import as_array
from .resources import SLIDER, Key, Resources
from .stylize import stylize
from .tasks import EngineTask, Event, Finished, memory

NEAR, FINE = 1 / 4, 1 / 8
"""How far apart strengths are that are mixed, at most; and once the hand has moved, and there was time."""
QUICK = 0.03
"""Seconds that a pass takes where it needs no such help."""
ROOM = 160 << 20
"""Bytes of pictures that are kept of one job."""
MOST = 16
"""Pictures that are painted ahead at a time, at most."""
BAND = 64
"""Rows that are mixed at once: what stays in a processor's cache."""


@dataclass
class Rungs:
    """One job's pictures by strength, as arrays `(H, W, channels)` of the result's layout.

    Args:
        strength: that was asked for last.
        moved: whether the hand has moved.
        seconds: that the quickest pass took which was made ahead between the ends: others may have been kept
            by the method.
        last: what was finished last, if possible by networks.
    """

    strength: float
    moved: bool = False
    seconds: float = float("inf")
    last: Finished | None = None
    pictures: dict[float, np.ndarray] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return sum(picture.nbytes for picture in self.pictures.values())

    def add(self, strength: float, made: Finished) -> None:
        """Keeps a picture; where there is no room, without the one whose neighbours are the closest. Those by
        other networks go; strength 0 needs none."""
        if self.last is None or strength > 0:
            if self.last is not None and self.last.recipe.networks != made.recipe.networks:
                self.pictures.clear()
            self.last = made
        self.pictures[strength] = as_array(made.layout, made.data).copy()
        while self.nbytes > ROOM and self.pictures:
            known = sorted(self.pictures)
            gaps = {s: after - before for before, s, after in zip(known, known[1:], known[2:], strict=False)}
            del self.pictures[min(gaps, key=lambda s: gaps[s]) if gaps else known[0]]

    def around(self, strength: float) -> tuple[float, float] | None:
        """The strengths between which it lies, `NEAR` to each other, or twice itself; None where they are not
        there, or not worth it."""
        if strength in self.pictures:
            return strength, strength
        known = sorted(self.pictures)
        at = bisect_left(known, strength)
        near = 0 < at < len(known) and known[at] - known[at - 1] <= NEAR
        return (known[at - 1], known[at]) if near and self.seconds > QUICK else None

    def mixed(self, task: EngineTask[Stylize], below: float, above: float) -> Finished:
        """The picture at a task's strength between two that are there."""
        began, strength = time.perf_counter(), task.recipe.strength
        assert self.last is not None  # they are there
        out = task.output(self.last.layout)
        target = as_array(self.last.layout, out)
        one, other = self.pictures[below], self.pictures[above]
        share = (strength - below) / (above - below) if below < above else 0.0
        for top in range(0, len(target), BAND):
            rows = slice(top, top + BAND)
            made = other[rows].astype(np.float32)
            made -= one[rows]
            made *= share
            made += one[rows]
            target[rows] = np.rint(made) if target.dtype.kind == "u" else made
        about: dict[str, object] = {"seconds": round(time.perf_counter() - began, 4)}
        if below < above:
            about["mixed"] = [below, above]
        recipe = replace(self.last.recipe, strength=strength)
        return Finished(self.last.layout, out, recipe, {**self.last.record, **about})

    def lacking(self) -> float | None:
        """The strength whose picture is wanted next: the ends, then the middle of what is too wide, nearest
        to the slider first; None where there is no more, or no room, or no need."""
        known = sorted(self.pictures)
        if self.seconds <= QUICK or self.nbytes * (len(known) + 1) > ROOM * len(known):
            return None
        for end in (0.0, 1.0):
            if end not in self.pictures:
                return end
        gaps = [(above - below, (below + above) / 2) for below, above in pairwise(known)]
        wide = [gap for gap in gaps if gap[0] > (FINE if self.moved else NEAR)]
        return min(wide, key=lambda gap: (gap[0] <= NEAR, abs(gap[1] - self.strength)))[1] if wide else None


def sliding(task: EngineTask[Stylize], resources: Resources) -> Iterator[Event]:
    """Runs a `Stylize` recipe whose strength is on a slider; as `stylize`, see `messages.Submit`."""
    recipe = task.recipe
    digests = [slot.digest if slot is not None else "" for slot in (task.content, task.mask)]
    entries = [resources.library.get(style.name).digest for style in recipe.styles if style.name]
    key = (SLIDER, replace(recipe, strength=1.0), *digests, *entries, task.preview_side)
    rungs: Rungs = resources.store.get(key) or Rungs(recipe.strength)
    rungs.strength, rungs.moved = recipe.strength, rungs.moved or task.slider == "mixed"
    two = rungs.around(recipe.strength)
    if two is not None and (task.slider == "mixed" or two[0] == two[1]):
        made = rungs.mixed(task, *two)
    else:
        made = yield from _added(task, resources, key, rungs)
    if resources.sliding is None or resources.sliding[0] != key:
        resources.sliding = key, _ahead(task, resources, key, rungs)
    yield made


def _added(
    task: EngineTask[Stylize], resources: Resources, key: Key, rungs: Rungs
) -> Generator[Event, None, Finished]:
    """Paints, and keeps the picture among the rungs."""
    for event in stylize(task, resources):
        if isinstance(event, Finished):
            rungs.add(task.recipe.strength, event)
            resources.store[key] = rungs
            return event
        yield event
    raise AssertionError("every job ends with Finished")


def _ahead(task: EngineTask[Stylize], resources: Resources, key: Key, rungs: Rungs) -> Iterator[Event]:
    """Paints at other strengths as long as there is any that a slider may want."""
    for _ in range(MOST):
        if (strength := rungs.lacking()) is None:
            return
        recipe = replace(task.recipe, strength=strength)
        made = yield from _added(replace(task, recipe=recipe, output=memory), resources, key, rungs)
        if 0 < strength < 1:
            rungs.seconds = min(rungs.seconds, made.record["seconds"])
        yield
