"""Several at once, with one progress: layers one after another, and the frames of an animation.

Frames hold still where they should, as far as an editor can see to that: all are painted by the same
statistics, those of a patchwork of all of them (see `velatura.video.scenes`), and where a frame is what the
one before was, near and far, it keeps that one's painting. What moves is painted anew: following it takes the
clip as a file, and `velatura video`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from velatura.blob import Blob, Picture
from velatura.pixels import Layout
from velatura.recipe import Recipe

from . import alpha, geometry, words
from .annotation import Made
from .geometry import Rect
from .i18n import _
from .paper import Reading, Source
from .pump import Work
from .tasks import Bench, Task

PATCHES = 3
"""Rows and columns of the patchwork."""

NEAR = 15
"""Pixels around a change that are painted anew with it, so that no stroke is cut."""


class Batch(Task):
    """Tasks one after another. What is done when it is cancelled stays.

    Args:
        parts: each of them; at least one.
        title: for all.
    """

    def __init__(self, bench: Bench, parts: Sequence[Task], title: str) -> None:
        first = parts[0]
        super().__init__(bench, first.taken, first.recipe, title)
        self.title = title
        self._parts = tuple(parts)
        self._current: Task | None = None
        for part in self._parts:
            part.changed.connect(lambda name, part=part: self._on_part(part, name))

    def begin(self) -> None:
        self.state, self.words = "running", ""
        for part in self._parts:
            if part.state == "failed":
                part.state = "reading"
        self._next()

    def cancel(self) -> None:
        if not self.over:
            self._close("cancelled", _("Cancelled; {n} of {of} are done.", n=self._done, of=len(self._parts)))
            for part in self._parts:
                if not part.over:
                    part.cancel()

    def abandon(self, error: Exception) -> None:
        super().abandon(error)
        for part in self._parts:
            if not part.over:
                part.abandon(error)

    def stop(self) -> None:
        """Ends the one that grows now and goes on with the next."""
        for part in self._parts:
            part.stop()

    def check(self) -> None:
        for part in self._parts:
            part.check()

    def go_to(self) -> None:
        self._parts[-1].go_to()

    @property
    def has_layer(self) -> bool:
        return self._parts[-1].has_layer

    @property
    def _done(self) -> int:
        return sum(part.state == "done" for part in self._parts)

    def _next(self) -> None:
        self._current = next((part for part in self._parts if not part.over), None)
        if self._current is not None:
            self._current.begin()
            return
        failed = [part for part in self._parts if part.state == "failed"]
        if failed:
            done, why = _("{n} of {of} are done.", n=self._done, of=len(self._parts)), failed[0].words
            self._close("failed", f"{done} {why}")
        else:
            self.notes = " ".join(dict.fromkeys(part.notes for part in self._parts if part.notes))
            self._close("done", _("Done"))

    def _on_part(self, part: Task, name: str) -> None:
        if self.over:
            return
        if name == "image":
            self.image = part.image
        elif name == "state" and part.over and part is self._current:
            self._next()  # a later one may have ended before it began, as its layer went
        elif name in ("words", "fraction", "can_stop") and not part.over:
            at = self._parts.index(part)
            self.can_stop = part.can_stop
            self.fraction = (at + part.fraction) / len(self._parts)
            self.words = _("{n} of {of}: {how}", n=at + 1, of=len(self._parts), how=part.words)


class Frames(Task):
    """All frames of an animated layer, as a new animated layer.

    Args:
        frames: what each of them looks like, in the order of time.
    """

    def __init__(
        self, bench: Bench, taken: Source, frames: Sequence[Source], recipe: Recipe, style: str
    ) -> None:
        super().__init__(bench, taken, recipe.quick(), style)
        self._frames = tuple(frames)
        self._painted: list[tuple[Source, object]] = []
        self._reference: Blob | None = None
        self._before: tuple[Blob, Picture] | None = None

    def _read(self) -> Work[None]:
        frame = self._frames[len(self._painted)]
        if self._reference is None and self.recipe.facts.whole:
            self._reference = yield from patchwork(self._bench.paper, self._frames)
        self._content = yield from self._bench.paper.read(frame)
        if self.recipe.facts.mask and frame.strength:
            self._mask = yield from self._bench.paper.read_mask(frame, False)

    def _asked(self) -> tuple[Recipe, tuple[Blob, ...]]:
        recipe, pictures = super()._asked()
        if self._reference is None:
            return recipe, pictures
        return recipe.in_whole(self._reference.key), (*pictures, self._reference)

    def _on_changed(self, job: object) -> None:
        """How far one frame is says little."""

    def _finish(self, picture: Picture, recipe: Recipe, record: Mapping[str, Any]) -> None:
        content, before = self._content, self._before
        assert content is not None

        def hold() -> Work[None]:
            made = picture if before is None else (yield from held(content, picture, *before))
            self._before = content, made
            frame = self._frames[len(self._painted)]
            self._painted.append((frame, (yield from self._bench.paper.keep_frame(frame, made))))

        def done(nothing: None) -> None:
            count, of = len(self._painted), len(self._frames)
            self.fraction = count / of
            self.words = _("Frame {n} of {of}", n=count, of=of)
            if count < of:
                self._run(self._read(), lambda nothing: self._submit())
            else:
                self._add(recipe, record)

        if not self._painted:
            self._draw_image(self._frames[0], picture)
        self._run(hold(), done)

    def _add(self, recipe: Recipe, record: Mapping[str, Any]) -> None:
        self.words, self.state = _("Writing the layer…"), "writing"
        self.notes = words.notes(record)
        made = Made(replace(recipe, reference=""), self._taken.layer, self._name, dict(record))  # type: ignore[call-arg]  # a reference

        def write() -> Work[None]:
            paper = self._bench.paper
            self._layer = yield from paper.add_animation(self._taken, self._painted, self._name)
            self._layer = yield from paper.settle(self._layer)
            paper.remember(self._layer, made)

        self._run(write(), lambda nothing: self._written())

    def _written(self) -> None:
        self._painted, self._before, self._reference = [], None, None
        super()._written()


def patchwork(paper: Reading, frames: Sequence[Source]) -> Work[Blob]:
    """Work: a picture as large as a frame, each patch of it from another one: what is measured in it is true
    of all of them, at the cost of one."""
    crop, count = frames[0].crop, PATCHES * PATCHES
    last = len(frames) - 1
    order = [round(last * (4 * place % count) / (count - 1)) for place in range(count)]
    columns = [crop.width * n // PATCHES for n in range(PATCHES + 1)]
    rows = [crop.height * n // PATCHES for n in range(PATCHES + 1)]
    data, layout = bytearray(), None
    for row in range(PATCHES):
        pieces: list[tuple[Layout, bytes]] = []
        for column in range(PATCHES):
            part = Rect(
                columns[column], rows[row], columns[column + 1] - columns[column], rows[row + 1] - rows[row]
            )
            if part.empty:
                continue
            frame = frames[order[row * PATCHES + column]]
            area = part.moved(crop.x, crop.y)
            blob = yield from paper.read(replace(frame, area=area, crop=area))
            pieces.append((blob.layout, bytes(blob.read(0, blob.layout.nbytes))))
        for y in range(rows[row + 1] - rows[row]):
            for layout, pixels in pieces:
                data += pixels[y * layout.row_bytes : (y + 1) * layout.row_bytes]
        yield
    assert layout is not None  # a frame is not empty
    blob = Blob(replace(layout, width=crop.width, height=crop.height), data)
    while not blob.hash_piece():
        yield
    return blob


def held(content: Blob, made: Picture, content_before: Blob, made_before: Picture) -> Work[Picture]:
    """Work: a painted frame that keeps the painting of the one before where the two are alike, all around."""
    layout = content.layout
    if content_before.layout != layout or made_before.layout != made.layout:
        return made
    whole, out = Rect(0, 0, layout.width, layout.height), bytearray()
    for strip in geometry.strips(whole, layout.row_bytes, budget=geometry.STRIP_BYTES // 4):
        around = strip.grown(NEAR).intersected(whole)
        first, length = around.y * layout.row_bytes, around.height * layout.row_bytes
        now, then = (bytes(blob.read(first, length)) for blob in (content, content_before))
        moved = _widened(alpha.changed(then, now, layout.pixel_bytes), layout.width)
        top = (strip.y - around.y) * layout.width
        moved = moved[top : top + strip.pixels]
        row = made.layout.row_bytes
        where = slice(strip.y * row, strip.bottom * row)
        out += alpha.chosen(
            moved, bytes(made.data[where]), bytes(made_before.data[where]), made.layout.pixel_bytes
        )
        yield
    return Picture(made.layout, memoryview(bytes(out)))


def _widened(mask: bytes, width: int) -> bytes:
    """A mask grown by `NEAR` pixels to all sides; a byte a pixel, in rows of so many."""
    size = len(mask)
    grown = int.from_bytes(alpha.whole(mask), "little")
    for reach in (1, 2, 4, 8):  # a row's end does not reach into the next
        apart = min(reach, width)
        later = bytes(apart) + b"\xff" * (width - apart)
        right, left = (int.from_bytes(row * (size // width), "little") for row in (later, later[::-1]))
        grown |= (grown << 8 * reach & right) | (grown >> 8 * reach & left)
    for reach in (1, 2, 4, 8):
        grown |= grown << 8 * width * reach | grown >> 8 * width * reach
    return (grown & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def together(bench: Bench, parts: Sequence[Task], style: str) -> Task:
    """A task for all of them; one alone is that itself.

    Args:
        style: what they make, for the title.
    """
    if len(parts) == 1:
        return parts[0]
    return Batch(bench, parts, _("{style} on {n} layers", style=style, n=len(parts)))


def frames_of(bench: Bench, taken: Source, recipe: Recipe, style: str) -> Frames | None:
    """The task for all frames of a source; None where it is still."""
    frames = bench.paper.frames(taken)
    return Frames(bench, taken, frames, recipe, style) if len(frames) > 1 else None
