"""Everything of Velatura that this Krita has once, behind all its windows and dockers.

Holds the link to the daemon, the look, the gallery, the preview, the list of tasks and the memory, and
offers what buttons and actions do. No Qt and no Krita: both come in through the constructor.
"""

from __future__ import annotations

import platform
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import velatura
from velatura.errors import VelaturaError
from velatura.recipe import Recipe

from . import annotation, look, words
from .gallery import Gallery
from .i18n import _
from .link import Link, Start
from .loop import Loop
from .memory import Memory
from .observable import Observable, Signal
from .preview import Preview, Surface
from .pump import Pump, timed, timings
from .tasks import Refinement, Task

WATCH = 0.7
"""Seconds between looks at what changed in the document; libkis has no events for that."""

KEPT = 6
"""Ended tasks that stay in the list."""

TELL_EVERY = 4.0
"""Seconds between words on how a task is doing, for the artist who does not see the docker."""


class Studio(Observable):
    """Velatura in this process.

    Attributes:
        tasks: what is and was under way, the newest first.
        source_words: what would be painted on now, or why nothing.
        made_words: how the active layer was made, where Velatura made it.
    """

    def __init__(
        self,
        paper: Any,
        loop: Loop,
        surface: Surface,
        start: Start,
        memory_file: Path,
        editor: str,
    ) -> None:
        super().__init__()
        self.name = secrets.token_hex(4)
        self.editor = editor
        self.paper, self.pump = paper, Pump(loop)
        self.preview_every = 0.7
        self.tasks: tuple[Task, ...] = ()
        self.source_words = ""
        self.made_words = ""
        self.told = Signal()
        """Emitted with a text for the artist who does not see the docker."""
        self._made: annotation.Made | None = None
        self._withdrawn: list[Any] = []
        self._told_at = -TELL_EVERY
        self.memory = Memory(memory_file)
        self.look = look.Look()
        self.link = Link(loop, start, f"{editor}, velatura {velatura.__version__}")
        self.gallery = Gallery(self)
        self.preview = Preview(self, surface)
        self._stop_watching = None
        self._loop = loop

    # --- being there ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """The docker is touched: from here on there may be a daemon."""
        self.link.wake()
        if self._stop_watching is None:
            self._stop_watching = self._loop.every(WATCH, self.watch)
            self.watch()

    def close(self) -> None:
        """Krita is closing."""
        self.preview.turn(False)
        for task in self.tasks:
            task.cancel()
        if self._stop_watching:
            self._stop_watching()
            self._stop_watching = None
        self.link.close()

    @timed("watch")
    def watch(self) -> None:
        """Looks at what the artist did in the document: libkis tells of no such thing."""
        for task in self.tasks:
            if isinstance(task, Refinement):
                task.check()
        self._withdrawn = [layer for layer in self._withdrawn if not self.paper.withdraw(layer)]
        self._look_at_source()
        self.preview.look_again()

    def _look_at_source(self) -> None:
        try:
            taken = self.paper.source()
        except (self.paper.Refused, self.paper.Gone) as refused:
            self.source_words = str(refused)
            self.made_words, self._made = "", None
            return
        where = _("Selection on “{layer}”") if taken.selected else _("“{layer}”")
        size = f"{taken.area.width} × {taken.area.height}"
        self.source_words = " · ".join((where.format(layer=taken.name), size, *taken.notes))
        made = self.paper.recipes(taken.document)
        self._made = made.get(taken.layer)
        if self._made is not None:
            self.made_words = _("Made with {look}", look=self.describe(self._made.recipe))
        elif annotation.copy_of(made, taken.layer, taken.name):
            self.made_words = _("A copy of a Velatura layer: its recipe is unknown.")
        else:
            self.made_words = ""

    @property
    def can_restyle(self) -> bool:
        """Whether the active layer's recipe is known."""
        return self._made is not None

    # --- what buttons and actions do ---------------------------------------------------------------------

    def apply(self) -> Task | None:
        """A new layer above the active one, through the selection as it is now."""
        self.wake()
        try:
            recipe = self.look.stylize()
            taken = self.paper.source()
        except (VelaturaError, self.paper.Refused, self.paper.Gone) as error:
            self.tell(self._why(error))
            return None
        task = Task(self, taken, recipe, self.look.as_mask)
        self._add(task)
        full = self.preview.ready_for(recipe, taken)
        if full is not None:
            task.finish(full.picture, full.ran, full.record)
        else:
            task.begin()
        return task

    def refine(self) -> Refinement | None:
        """A layer that improves step by step until it is stopped, cancelled or done."""
        self.wake()
        try:
            recipe = self.look.refine()
            taken = self.paper.source()
        except (VelaturaError, self.paper.Refused, self.paper.Gone) as error:
            self.tell(self._why(error))
            return None
        self.preview.clear()
        task = Refinement(self, taken, recipe)
        self._add(task)
        task.begin()
        return task

    def _why(self, error: Exception) -> str:
        return _("Choose a style first.") if not self.look.styles else words.trouble(error)

    def apply_last(self) -> Task | None:
        """Applies the newest recent recipe to the active layer."""
        stylings = [r for r in self.memory.recent if r.KIND == "stylize"]
        if not stylings:
            self.tell(_("No style has been applied yet."))
            return None
        self.look.take(stylings[0])
        return self.apply()

    def restyle(self) -> None:
        """Puts the recipe of the active layer into the controls and goes back to the layer it came from."""
        made = self._made
        if made is None:
            return
        self.look.take(made.recipe)
        taken = self.paper.source()
        try:
            self.paper.select(taken.document, made.source)
        except self.paper.Gone:
            self.tell(_("The layer it was made from is gone; this layer itself will be painted on."))
        self.preview.request(released=True)

    def withdraw(self, layer: Any) -> None:
        """Takes a layer of ours back out of the picture, at once or when its picture is active again."""

        def now(settled: Any) -> None:
            if not self.paper.withdraw(settled):
                self._withdrawn.append(settled)

        if layer.step is None:
            self.pump.start(self.paper.settle(layer), now)
        else:
            now(layer)

    def _add(self, task: Task) -> None:
        old = [t for t in self.tasks if not t.over] + [t for t in self.tasks if t.over][: KEPT - 1]
        self.tasks = (task, *(t for t in self.tasks if t in old))

    def dismiss(self, task: Task) -> None:
        """Takes an ended task off the list."""
        if task.over:
            self.tasks = tuple(t for t in self.tasks if t is not task)

    def ended(self, task: Task) -> None:
        """A task has ended; tells artists who do not see the docker."""
        self.changed.emit("tasks")
        if task.state == "done":
            self.preview.hide()
        self.tell(f"{task.title}: {task.words}")

    def tell(self, text: str) -> None:
        self.told.emit(text)

    def progressed(self, task: Task) -> None:
        """A task goes on; tells artists who do not see the docker, now and then."""
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self.tell(f"{task.title}: {task.words}")

    # --- words --------------------------------------------------------------------------------------------

    def title(self, recipe: Recipe) -> str:
        return look.title(recipe, {e.name: e.title for e in self.gallery.entries})

    def describe(self, recipe: Recipe) -> str:
        """A recipe in one line, for lists of recents and presets."""
        parts = [self.title(recipe)]
        if recipe.KIND == "stylize":
            parts.append(f"{recipe.strength:.0%}")  # type: ignore[union-attr]  # Stylize
        elif recipe.KIND == "refine":
            parts.append(_("refined"))
        return ", ".join(parts)

    def diagnostics(self) -> str:
        """What a helper needs to know, as text to copy; no pictures, no names of files."""
        usual, longest = (1000 * timings.percentile(share) for share in (0.95, 1.0))
        slots = f"{usual:.0f} ms (p95), {longest:.0f} ms (longest)"
        lines = {
            "Velatura": velatura.__version__,
            "Editor": self.editor,
            "Python": sys.version.split()[0],
            "System": platform.platform(),
            "Daemon": f"{self.link.state}. {self.link.trouble}".strip(),
            "Status": ", ".join(f"{k}={v}" for k, v in sorted(self.link.status.items())),
            "Styles": str(len(self.link.styles)),
            "Our slots": slots,
            "Presets": self.memory.complaint or "ok",
            "Tasks": "; ".join(f"{t.state}: {t.words}" for t in self.tasks) or "none",
        }
        return "\n".join(f"{name}: {value}" for name, value in lines.items())
