"""The live preview: follows the sliders at screen size, then tells what Apply will give; never stale.

What it shows is drawn by a `Surface`; the document never knows. The reduced picture is read and sent once
(`seen`), so that moving a slider sends a recipe and nothing else. At most one request waits and one runs:
while one is under way, later slider positions only replace what will be asked next. When the hand rests,
what Apply will give follows: in full size (`fullsize`) where that does not take long, so that Apply only
writes it, else fine in the size that takes no longer. Where a reduced picture cannot tell how large strokes
will be, words say so, and a part can be looked at in full size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from velatura.blob import Blob, Picture
from velatura.effort import PATIENCE
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import RECIPES, Recipe

from . import fullsize, geometry, patience, regions, seen, words
from .fullsize import Asked, FullSize
from .i18n import _
from .link import Link
from .look import Look
from .paper import Gone, Reading, Refused, Source, Surface
from .pump import Pump, Pumped
from .reduced import caveat, painted_styles, stroke_room
from .screensize import FRAMES_EVERY, SHARP, ScreenSize, Small
from .seen import SCREEN_SIDE, Base
from .showing import Showing
from .tasks import Ready, made_of

REST = 20
"""Between two looks at the layer's pixels so many times as long passes as one look took."""


class LivePreview(Showing):
    """The preview of the active layer; see `Showing` for what is seen of it.

    Args:
        tell: says something to the artist who does not see the docker.
        name: tells this preview's jobs from those of others.
        clock: seconds.

    Attributes:
        kind: of job that is previewed.
        side: longest side of what it is made of; an editor with a small window sets less.
        close_side: longest side of a part that is looked at in full size.
        on: whether the artist wants it.
        close: whether a part is looked at in full size, rather than the whole.
        original: the pixels that are previewed, as they are now; None before they are read.
    """

    def __init__(
        self,
        link: Link,
        look: Look,
        paper: Reading,
        pump: Pump,
        surface: Surface,
        tell: Callable[[str], None],
        name: str,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(paper, pump, surface, tell)
        self.kind = "stylize"
        self.side = self.close_side = SCREEN_SIDE
        self.on = False
        self.close = False
        self.original: Blob | None = None
        self._link, self._look, self._name, self._clock = link, look, name, clock
        self._full = FullSize(link, paper, pump, name, self._full_began, self._fail)
        self._base: Base | None = None
        self._fine: Base | None = None
        self._reading: Pumped | None = None
        self._small = ScreenSize(link, name, clock, self._progressed, self._framed, self._ended, self._fail)
        self._again = self._held = self._owed = self._mend = False
        self._released = True
        self._point: tuple[int, int] | None = None
        self._look_at = 0.0
        link.changed.connect(self._on_link)

    # --- what the artist does -------------------------------------------------------------------------

    def turn(self, on: bool) -> None:
        """Switches the preview on or off; off leaves nothing behind."""
        if on == self.on:
            return
        self.on = on
        if on:
            self.request(released=True)
        else:
            self.clear()

    def look_close(self, close: bool, point: tuple[int, int] | None = None) -> None:
        """Shows a part in full size, around a point of the image (by default in the middle of what is worked
        on), or the whole again."""
        self.close, self._point = close, point
        self.request(released=True)

    def request(self, released: bool) -> None:
        """The look changed; `released` says that the hand is off the slider, so the full size may follow."""
        self._released = released
        self._failed = self._owed = False
        self._full.stop()
        if not self.on or not (self._look.styles or not RECIPES[self.kind].FACTS.styles):
            self.clear()
            return
        try:
            taken = self._paper.source()
        except (Refused, Gone) as refused:
            self.clear()
            self._complain(str(refused))
            return
        self._look.suit(taken.area.width, taken.area.height)
        part, base = self._seen(taken), self._base
        try:
            factor = self._factor(part)
        except (VelaturaError, Refused) as error:
            self.hide()  # what was shown is of another look
            self._fail(error)
            return
        if base is None or (base.taken, base.seen) != (taken, part) or base.factor > factor:
            self._read(taken, part, factor)
        elif self._small.quick:
            self._again = True  # a quick one is shown first, so that a long drag never starves
        else:
            self._submit()

    def clear(self) -> None:
        """Takes the preview off the canvas and forgets what it was made of."""
        self._full.forget()
        for ticket in (self._reading, self._drawing):
            if ticket:
                ticket.cancel()
        self._small.stop()
        self._base = self._fine = None
        self._again = self._failed = self._owed = False
        self.original = None
        self.hide()
        self.words = ""

    def rest(self) -> None:
        """Ends what is being painted for it, and goes on showing what it has: something else needs the
        device."""
        self._owed = False
        if self._full.stop() | self._small.stop():
            self.words = ""

    def hold(self, held: bool) -> None:
        """While it is held only quick ones are painted, as something else is to be seen first; what Apply
        will give follows afterwards."""
        self._held = held
        if held and (self._full.under_way or (self._small.under_way and not self._small.quick)):
            self.rest()
            self._owed = True
        elif not held and self._owed:
            self.request(released=True)

    def look_again(self) -> None:
        """Called now and then: a layer or selection that changed meanwhile gets a new preview, also where
        there was none because nothing could be painted on."""
        if not self.on or not (self.shown or self._failed) or self._pump.busy:
            return
        try:
            taken = self._paper.source()
        except (Refused, Gone) as refused:
            if self.shown or str(refused) != self.words:
                self.request(released=True)
            return
        if self._base is None or (self._base.taken, self._base.seen) != (taken, self._seen(taken)):
            self.request(released=True)
        elif self._clock() >= self._look_at:
            self._look_at_pixels(self._base)

    def look_now(self) -> None:
        """The artist has painted: looks at once; where nothing changed, what is shown is shown anew."""
        self._look_at, self._mend = 0.0, True
        self.look_again()

    def _look_at_pixels(self, base: Base) -> None:
        began, mend = self._clock(), self._mend
        self._mend = False

        def done(digest: str) -> None:
            now = self._clock()
            self._look_at = now + REST * (now - began)
            if base is self._base and digest != base.digest:
                self._base = None
                self.request(released=True)
            elif mend and base is self._base and self.image is not None:
                self._surface.show(self.image, base.seen)

        self._pump.start(self._paper.digest(base.taken), done, self._fail)

    def ready_for(self, recipe: Recipe, taken: Source) -> Ready | None:
        """A full-size result for exactly this recipe and this source, else None; whether the pixels are still
        the same is for whoever reads them to see."""
        return self._full.find(recipe, taken)

    # --- the picture that previews are made of --------------------------------------------------------

    def _seen(self, taken: Source) -> Source:
        """What of a source is shown: all of it at a reduced size, or a part in full size. What becomes a
        picture of its own, of another size, is shown in part too."""
        if RECIPES[self.kind].FACTS.placed == "picture":
            taken, side = self._paper.only(taken, taken.selected is not None), self.close_side // 4
        elif self.close:
            side = self.close_side
        elif self.kind != "stylize":
            return taken
        else:
            base = self._base
            now = base.seen if base is not None and base.taken == taken else None
            if now is not None and self.full_size:
                return now  # the whole is there
            return seen.part_in_sight(taken, self._surface.view(), self.side, now)
        return seen.part(taken, seen.patch(self._point or taken.area.middle, side, taken.crop))

    def _factor(self, part: Source) -> int:
        """By how much it is reduced, as things are."""
        if self.close:
            return 1
        painted = painted_styles(self._link.models, self._link.styles)
        strokes = stroke_room(self._recipe(part), painted)
        return seen.factor_for(part, self.kind, self.side, strokes, self._small.pace)

    def _read(self, taken: Source, part: Source, factor: int) -> None:
        for ticket in (self._reading, self._drawing):
            if ticket:
                ticket.cancel()
        digest = self._base.digest if self._base is not None and self._base.taken == taken else ""
        if not digest:
            self._full.forget()
        self._base = self._fine = None
        self.words = _("Reading the layer…")

        def done(base: Base) -> None:
            self._base = base
            self.original = base.content
            self._submit()

        work = seen.read(self._paper, taken, part, self._recipe(part), factor, digest)
        self._reading = self._pump.start(work, done, self._fail)

    # --- at screen size ----------------------------------------------------------------------------------

    def _recipe(self, taken: Source) -> Recipe:
        return self._look.recipe(self.kind, (taken.area.width, taken.area.height))

    def _submit(self, chosen: Base | None = None) -> None:
        """Asks for a preview: in one pass while the hand moves, or of a base at the chosen quality."""
        self._again = False
        base = chosen or self._base
        if base is None or not self.on:
            return
        try:
            wanted = self._recipe(base.taken)
        except (VelaturaError, Refused) as error:
            self._fail(error)
            return
        whole = self._full.find(wanted, base.taken)
        if base.reference and whole is not None:
            self._draw_full(base, whole)
            return
        recipe = patience.fine(wanted) if chosen else wanted.quick()
        painted = painted_styles(self._link.models, self._link.styles)
        truth = caveat(recipe, base.factor, painted)
        if truth and self._surface.view() is not None:
            truth = _("{truth} Zoom in to see them.", truth=truth)
        self.words = _("Painting a preview…")
        small = Small(base, wanted, truth, at_rest=chosen is not None, moving=not self._released)
        self._small.paint(small, *base.asked(recipe, painted, self._look.pictures))

    def _progressed(self, job: Job) -> None:
        if job.progress is not None and job.progress.of > 1:
            self.words = _("Preview: {step} of {of}", step=job.progress.step, of=job.progress.of)

    def _framed(self, small: Small, picture: Picture) -> None:
        if small.base == self._base:
            self._show(small.base, picture, small.base.factor)

    def _ended(self, small: Small, job: Job) -> None:
        base = small.base
        if self._again:
            self._submit()
        elif job.state is State.DONE:
            said = words.notes(job.result.record) if job.result is not None else ""
            self.words = " ".join(filter(None, (said, small.truth)))
            self._owed = self._released and not small.at_rest and self._held
            if self._released and not small.at_rest and not self._held:
                self._follow(base, small.wanted, self._known(small, job))
        if job.state is State.DONE and base == self._base and job.picture is not None:
            self._show(base, job.picture, base.factor, final=small.at_rest)
        elif job.state is State.FAILED and job.error is not None:
            if self._drawing is not None:
                self._drawing.cancel()
            self.hide()  # what was shown is of another look, such as a style that the method does know
            self._fail(job.error)

    def _known(self, small: Small, job: Job) -> Ready | None:
        """A result that is of the full size where the picture is as small as that."""
        base, result = small.base, job.result
        if job.content is None or job.picture is None or result is None or result.record.get("mixed"):
            return None
        if base.factor > 1 or job.recipe != regions.marked(small.wanted, base.regions):
            return None
        ran = regions.bare(result.recipe or small.wanted)
        return Ready(made_of(job.content, job.mask, base.regions), job.picture, ran, result.record)

    def _draw_full(self, base: Base, ready: Ready) -> None:
        """Draws a full-size result: of a part that is looked at closely that part, else all of it."""
        picture, said = ready.picture, words.notes(ready.record)
        if self.close or RECIPES[self.kind].FACTS.placed == "picture":
            crop = base.taken.crop
            cut = geometry.cut(picture, base.seen.crop.moved(-crop.x, -crop.y))
            self._show(base, cut, 1, full=True, final=True, said=said)
        else:
            factor = self._screen_factor(base)
            self._show(base, picture, factor, full=True, final=True, whole=True, said=said)

    def _show(
        self, base: Base, picture: Picture, factor: int, full: bool = False, final: bool = False,
        whole: bool = False, said: str = "",
    ) -> None:  # fmt: skip
        """Draws a picture of what is seen of a base, or with `whole` of all of it; the rest as `_draw`."""
        shown = base.taken if whole else base.seen
        self._draw(shown, picture, factor, lambda: self.on and base == self._base, full, final, said)

    # --- once the hand rests -----------------------------------------------------------------------------

    def _follow(self, base: Base, wanted: Recipe, known: Ready | None) -> None:
        """What Apply will give, after a quick one, which may be `known` as that."""
        expected = patience.seconds(wanted, base.taken.crop.pixels, self._link)
        if wanted == wanted.quick():
            if not wanted.facts.long and wanted.facts.placed == "layer":
                self._commit(base, known)
        elif expected <= PATIENCE:
            self._commit(base)
        elif base.reference is not None:
            self._submit(base)
        else:
            self._submit_fine(base, max(base.factor, math.ceil(math.sqrt(expected / PATIENCE))))

    def _submit_fine(self, base: Base, factor: int) -> None:
        """At the chosen quality, reduced by a factor: by so much that it takes no longer than one waits."""
        known = base if factor == base.factor else self._fine
        if known is not None and known.factor == factor:
            self._submit(known)
            return

        def done(smaller: Base) -> None:
            self._fine = smaller
            if self._released and base == self._base:
                self._submit(smaller)

        wanted, taken = self._recipe(base.taken), base.taken
        work = seen.read(self._paper, taken, taken, wanted, factor, base.digest)
        self._reading = self._pump.start(work, done, self._fail)

    def _commit(self, base: Base, known: Ready | None = None) -> None:
        """In full size, which Apply then only has to write; not anew what is `known`."""
        pixels, recipe = base.taken.crop.pixels, self._recipe(base.taken)
        if pixels > fullsize.PIXELS or pixels * self._small.pace > fullsize.SECONDS:
            return
        selected = recipe.facts.long and not self._look.as_mask

        def frame(job: Job, picture: Picture) -> None:
            if base is self._base and job.fraction >= SHARP:
                self._show(base, picture, self._screen_factor(base), full=True, whole=True)

        def done(ready: Ready) -> None:
            if base is self._base:
                self._draw_full(base, ready)

        pictures = self._look.pictures
        self._full.paint(Asked(base.taken, recipe, pictures, selected, FRAMES_EVERY, frame, done, known))

    def _full_began(self) -> None:
        self.words = _("Painting in full size…")

    def _screen_factor(self, base: Base) -> int:
        """By which a full-size picture may be reduced and still fill the screen's pixels."""
        return min(geometry.reduction(base.taken.crop, self.side), geometry.zoom_factor(self._surface.zoom()))

    # --- trouble -------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        if isinstance(error, Gone):
            self.clear()
            self._failed = True  # what comes next is looked at
        else:
            super()._fail(error)

    def _on_link(self, name: str) -> None:
        """A daemon that has come back is asked again."""
        if name == "state" and self._link.state == "ready" and self.on and self._failed:
            self.request(self._released)
