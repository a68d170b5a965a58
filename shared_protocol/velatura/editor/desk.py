"""What a window with a gallery and a preview stands on, put together once for every editor.

A `Studio` is one that stays as long as the editor runs, with tasks besides; a dialog has its own while open.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import velatura
from velatura.fields import field_of
from velatura.recipe import Recipe

from . import look, patience
from .arrows import Arrows
from .gallery import Gallery
from .i18n import _
from .link import Link, Start
from .look import Look
from .loop import Loop
from .memory import Memory
from .observable import Observable, Signal
from .paper import Reading, Source, Surface
from .patience import Question
from .preview import LivePreview
from .pulls import Pulls
from .pump import Pump
from .tasks import Ready
from .variations import Variations

_DEVICE = "device"


def device_of(memory: Memory) -> str:
    """Where jobs are to run, as was chosen once; see `words.devices`."""
    return str(memory.settings.get(_DEVICE, ""))


class Desk(Observable):
    """Link, look, gallery, variations, arrows, preview, downloads and memory, and what ties them.

    Args:
        editor: its name and version, by which the daemon tells its clients.

    Attributes:
        question: what is to be answered before what was asked for starts, or None.
        told: emitted with a text for the artist who does not see the docker.
    """

    def __init__(
        self,
        look: Look,
        paper: Reading,
        loop: Loop,
        surface: Surface,
        start: Start,
        memory: Memory,
        editor: str,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        self.look, self.memory, self.editor = look, memory, editor
        self.question: Question | None = None
        self.told = Signal()
        self.pump = Pump(loop, clock)
        self.link = Link(loop, start, f"{editor}, velatura {velatura.__version__}", clock)
        self.link.device = device_of(memory)
        self.pulls = Pulls(self.link, loop, self.tell)
        self.gallery = Gallery(self.link, look, paper, self.pump, memory)
        self.variations = Variations(self.link, look, paper, self.pump)
        self.arrows = Arrows(self.link, look, paper, self.pump)
        self.preview = LivePreview(
            self.link, look, paper, self.pump, surface, self.tell, secrets.token_hex(4), clock
        )
        look.changed.connect(lambda name: self._forget_question())
        memory.changed.connect(lambda name: self._complain())
        self._complain()
        for tried in (self.gallery, self.variations):
            tried.changed.connect(self._hold_preview)

    def _forget_question(self) -> None:
        """What was asked of another look is asked no more."""
        self.question = None

    def _hold_preview(self, name: str) -> None:
        """Small pictures that are looked at come before what takes seconds."""
        if name == "trying":
            self.preview.hold(self.gallery.trying or self.variations.trying)

    def _complain(self) -> None:
        """What the artist wanted to keep could not be kept."""
        if self.memory.complaint:
            self.gallery.words = self.memory.complaint

    def tell(self, text: str) -> None:
        self.told.emit(text)

    def use_device(self, name: str) -> None:
        """Jobs run there from now on; see `words.devices`."""
        self.memory.set(_DEVICE, name)
        self.link.device = name
        self.preview.request(released=True)

    def ready(self, recipe: Recipe, *taken: Source) -> Ready | None:
        """The result for the first of some sources, where the preview has computed it. Where the rest will
        take long, what is to be asked first becomes the `question`."""
        ready = self.preview.ready_for(recipe, taken[0])
        pixels = sum(source.crop.pixels for source in taken[1 if ready else 0 :])
        self.question = patience.question(recipe, pixels, self.link) if pixels else None
        return ready

    def title(self, recipe: Recipe) -> str:
        """The styles of a recipe, or what it does where it has none."""
        return look.title(recipe, {entry.name: entry.title for entry in self.gallery.entries})

    def describe(self, recipe: Recipe) -> str:
        """A recipe in one line, for lists of recents and presets."""
        parts = [self.title(recipe)]
        if recipe.facts.made:
            parts.append(_(recipe.facts.made))
        for name in () if recipe.facts.made else recipe.facts.told:
            parts.append(field_of(type(recipe), name).text(getattr(recipe, name)))
        return ", ".join(parts)
