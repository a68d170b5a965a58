"""Everything of Velatura that an editor has once, behind all its windows and dockers.

Holds the link to the daemon, the look, the gallery, the preview, the list of tasks and the memory, and
offers what buttons and actions do. A plug-in brings a `Paper`, a `Loop`, a `Surface` and widgets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from velatura.errors import VelaturaError
from velatura.recipe import Recipe

from . import annotation, patience, words
from .batches import frames_of, together
from .desk import Desk
from .growing import task_class
from .i18n import _
from .link import Start
from .look import Look
from .loop import End, Loop
from .maps import Maps
from .memory import Memory
from .paper import Gone, Layer, Paper, Refused, Source, Surface
from .patience import Answer
from .pump import timed
from .results import RememberedResult, Results
from .tasks import Bench, Task
from .variations import Variation

WATCH = 0.7
"""Seconds between looks at what changed in the document; Krita's interface has no events for that."""

KEPT = 12
"""Ended tasks that stay in the list."""

_PREVIEW = "preview"

TELL_EVERY = 4.0
"""Seconds between words on how a task is doing, for the artist who does not see the docker."""


class Studio(Desk):
    """Velatura in this process.

    Attributes:
        tasks: what is and was under way, the newest first.
        source_words: what would be painted on now, or why nothing.
        made_words: how the active layer was made, where Velatura made it.
        refine_words: how long a refinement will take, before it starts; empty where nobody knows.
    """

    def __init__(
        self,
        paper: Paper,
        loop: Loop,
        surface: Surface,
        start: Start,
        memory_file: Path,
        editor: str,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(Look(), paper, loop, surface, start, Memory(memory_file), editor, clock)
        self.paper = paper
        self.preview_every = 0.7
        self.tasks: tuple[Task, ...] = ()
        self.source_words = ""
        self.made_words = ""
        self.refine_words = ""
        self._made: annotation.Made | None = None
        self._withdrawn: list[Layer] = []
        self._clock = clock
        self._told_at = -TELL_EVERY
        self.results = Results(paper, self.memory)
        self.maps = Maps(paper, self.pump, self.gallery, self.preview, self.watch, self.tell)
        self._stop_watching: End | None = None
        self._loop = loop

    # --- being there ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """The docker is touched: from here on there may be a daemon."""
        self.link.wake()
        if self._stop_watching is None:
            self._stop_watching = self._loop.every(WATCH, self.watch)
            self.watch()

    def close(self) -> None:
        """The editor is closing."""
        self.preview.turn(False)
        for task in self.tasks:
            task.cancel()
        if self._stop_watching:
            self._stop_watching()
            self._stop_watching = None
        self.link.close()

    @timed("watch")
    def watch(self) -> None:
        """Looks at what the artist did in the document."""
        for task in self.tasks:
            task.check()
        self._withdrawn = [layer for layer in self._withdrawn if not self.paper.withdraw(layer)]
        self._look_at_source()
        self.preview.look_again()

    def _look_at_source(self) -> None:
        try:
            taken = self.paper.source()
            made = self.paper.recipes(taken)
        except (Refused, Gone) as refused:
            self.source_words = str(refused)
            self._made = None  # before the words, which say that this has changed
            self.made_words = self.refine_words = ""
            return
        self.arrows.follow(taken)
        self.look.suit(taken.area.width, taken.area.height)
        self.results.follow(taken)
        self.refine_words = self._refine_words(taken)
        if taken.selected:
            where = _("Selection on “{layer}”", layer=taken.name)
        else:
            where = _("“{layer}”", layer=taken.name)
        notes = (*taken.notes, _("as strongly as its mask says")) if taken.strength else taken.notes
        if any(style in self.look.styles for style, _node in taken.regions):
            notes = (*notes, _("each style where its mask says"))
        size = f"{taken.area.width}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{taken.area.height}"
        self.source_words = " · ".join((where, size, *notes))
        self._made = made.get(taken.layer)
        if self._made is not None:
            self.made_words = _("Made with {look}", look=self.describe(self._made.recipe))
        elif annotation.copy_of(made, taken.layer, taken.name):
            self.made_words = _("A copy of a Velatura layer: its recipe is unknown.")
        else:
            self.made_words = ""

    def _refine_words(self, taken: Source) -> str:
        return patience.told(self.look.finest(), taken.crop.pixels, self.link) if self.look.styles else ""

    @property
    def can_restyle(self) -> bool:
        """Whether the active layer's recipe is known."""
        return self._made is not None

    # --- what buttons and actions do ---------------------------------------------------------------------

    def apply(self) -> Task | None:
        """A new layer above the active one in the current look, through the selection as it is now; or a
        question first, where it will take long."""
        return self.make("stylize")

    def refine(self) -> Task | None:
        """The same at the finest quality: a layer that improves until it is stopped, cancelled or done."""
        return self._begin(lambda taken: self.look.finest())

    def answer(self, answer: Answer | None) -> Task | None:
        """Goes on with what was asked for, in the way that was chosen; None lets it be."""
        self.question = None
        return None if answer is None else self._begin(lambda taken: answer.recipe)

    def make(self, kind: str) -> Task | None:
        """What a kind of job makes of the active layer, or of what is selected on it, as the controls say."""
        return self._begin(lambda taken: self.look.recipe(kind, (taken.area.width, taken.area.height)))

    def apply_last(self) -> Task | None:
        """Applies the newest recent recipe to the active layer, whatever the controls say."""
        recent = next((r for r in self.memory.recent if r.FACTS.applied and not r.facts.made), None)
        if recent is None:
            self.tell(_("No style has been applied yet."))
            return None
        return self._begin(lambda taken: recent)

    def _begin(self, recipe_for: Callable[[Source], Recipe]) -> Task | None:
        self.wake()
        try:
            taken = self.paper.source()
            self.arrows.follow(taken)
            self.look.suit(taken.area.width, taken.area.height)
            recipe = recipe_for(taken)
            taken = self._seen(taken, recipe)
        except (VelaturaError, Refused, Gone) as error:
            return self._refuse(error)
        ready = self.ready(recipe, taken)
        if self.question is not None:
            self.tell(self.question.words)
            return None
        return self._started(
            task_class(recipe)(self._bench(), taken, recipe, self.title(recipe), self.look.as_mask, ready)
        )

    def apply_to_all(self) -> Task | None:
        """A new layer above each of the layers that are chosen, in the current look, with one progress."""
        return self._begin_several(
            lambda bench, recipe: [
                task_class(recipe)(
                    bench, self._seen(taken, recipe), recipe, self.title(recipe), self.look.as_mask
                )
                for taken in self.paper.sources()
            ]
        )

    def apply_to_frames(self) -> Task | None:
        """All frames of the active layer's animation as a new animated layer, painted in one pass each."""

        def made(bench: Bench, recipe: Recipe) -> list[Task]:
            frames = frames_of(bench, self._seen(self.paper.source(), recipe), recipe, self.title(recipe))
            if frames is None:
                raise Refused(_("This layer has no frames; animate it first, or press Apply."))
            return [frames]

        return self._begin_several(made)

    def _begin_several(self, make: Callable[[Bench, Recipe], list[Task]]) -> Task | None:
        self.wake()
        try:
            recipe = self.look.stylize()
            parts = make(self._bench(), recipe)
        except (VelaturaError, Refused, Gone) as error:
            return self._refuse(error)
        return self._started(together(self._bench(), parts, self.title(recipe)))

    def _refuse(self, error: Exception) -> None:
        no_style = isinstance(error, VelaturaError) and not self.look.styles
        self.tell(_("Choose a style first.") if no_style else words.sentence(words.trouble(error)))

    def _started(self, task: Task) -> Task:
        self.preview.rest()
        ended = [t for t in self.tasks if t.over][KEPT - 1 :]
        self.tasks = (task, *(t for t in self.tasks if t not in ended))
        task.changed.connect(lambda name: self._on_task(task, name))
        task.begin()
        return task

    def _bench(self) -> Bench:
        return Bench(self.paper, self.pump, self.link, self._withdraw, self.preview_every)

    def _seen(self, taken: Source, recipe: Recipe) -> Source:
        """What a kind of job is made of: a picture of its own has no surroundings, and no soft edge."""
        facts = recipe.facts
        if facts.placed == "picture":
            return self.paper.only(taken, taken.selected is not None)
        return taken if facts.content else replace(taken, crop=taken.area)

    def restyle(self) -> None:
        """Puts the recipe of the active layer into the controls and goes back to the layer it came from."""
        made = self._made
        if made is None:
            return
        try:
            self.paper.select(self.paper.source(), made.source)
        except Refused as refused:
            self.tell(str(refused))
        except Gone:
            self.tell(_("The layer it was made from is gone; this layer itself will be painted on."))
        self.arrows.follow()
        self.look.take(made.recipe)
        self.preview.request(released=True)

    def _withdraw(self, layer: Layer) -> None:
        """Takes a layer of ours back out of the picture, at once or when its picture is active again."""

        def now(settled: Layer) -> None:
            if not self.paper.withdraw(settled):
                self._withdrawn.append(settled)

        if layer.settled:
            now(layer)
        else:
            self.pump.start(self.paper.settle(layer), now)

    # --- the list of tasks ------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Cancels the newest task that is under way."""
        if self.current is not None:
            self.current.cancel()

    def stop(self) -> None:
        """Ends the newest growing task and keeps what it has."""
        if self.current is not None:
            self.current.stop()

    @property
    def current(self) -> Task | None:
        """The newest task that is under way."""
        return next((task for task in self.tasks if not task.over), None)

    def pick(self, name: str, mix: bool = False) -> None:
        """A style is pressed: it becomes the only one, or joins or leaves the mix, and its preview is shown
        unless the artist does without."""
        if not mix:
            self.look.choose(name)
        elif not self.look.toggle(name):
            self.gallery.words = _("A mix has at most four styles; press one to take it out.")
            return
        self._preview_chosen()

    def show_preview(self, on: bool) -> None:
        """The artist wants the preview, or does without from now on."""
        self.wake()
        self.memory.set(_PREVIEW, on)
        self.preview.turn(on)

    def _preview_chosen(self) -> None:
        if self.look.styles and not self.preview.on and self.memory.settings.get(_PREVIEW, True):
            self.preview.turn(True)
        else:
            self.preview.request(released=True)

    def vary(self, variation: Variation) -> None:
        """Takes a variation, and previews it where that is what the preview shows."""
        self.variations.take(variation)
        if self.variations.kind == self.preview.kind:
            self._preview_chosen()

    def next_style(self, ways: int) -> None:
        """Chooses another style of those shown, so many places further, and previews it."""
        self.wake()
        self.gallery.step(ways)
        self._preview_chosen()

    def go_to(self, task: Task) -> None:
        """Makes a task's layer the active one."""
        try:
            task.go_to()
        except (Gone, Refused) as gone:
            self.tell(str(gone))

    def take_result(self, result: RememberedResult) -> None:
        """Takes the look of a result that the picture remembers, and goes to its layer where that is left."""
        self.look.take(result.made.recipe)
        try:
            self.paper.select(self.paper.source(), result.layer)
        except (Gone, Refused):
            self.preview.request(released=True)

    def dismiss(self, task: Task) -> None:
        """Takes an ended task off the list."""
        if task.over:
            self.tasks = tuple(t for t in self.tasks if t is not task)

    def _on_task(self, task: Task, name: str) -> None:
        """Tells artists who do not see the docker of a task's end, and now and then how it is doing."""
        now = self._clock()
        if name == "frames" and task.frames == 1:
            self._layer_seen()
        if name in ("image", "state") and task.state == "done":
            self.results.add(task)
        if name == "state" and task.over:
            self.changed.emit("tasks")
            if task.state == "done":
                if task.recipe.FACTS.styles:
                    self.memory.use(task.recipe)
                self._layer_seen()
            elif self.preview.shown:
                self.preview.request(released=True)  # it rested, perhaps before it showed this look
            self.tell(". ".join(filter(None, (f"{task.title}: {task.words}", task.notes))))
        elif name == "words" and task.state == "running" and now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self.tell(f"{task.title}: {task.words}")

    def _layer_seen(self) -> None:
        """A layer of ours is on the canvas now, which a preview there would cover."""
        if self.preview.on_canvas:
            self.preview.hide()
