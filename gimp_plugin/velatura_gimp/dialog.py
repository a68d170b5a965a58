"""The dialog: styles with thumbnails, the arguments, presets, a live preview, and the job itself.

Built from `Gimp.ProcedureDialog`, so that GIMP keeps, resets and repeats the values. It is not modal: the
preview follows the layer, and on OK everything is read anew. It stays until the result is in the image, so
that what takes many steps is seen, and can be stopped, and what fails can be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gi.repository import Gdk, Gimp, GimpUi, Gtk
from velatura.blob import Picture
from velatura.editor import patience, words
from velatura.editor.annotation import Made
from velatura.editor.batches import together
from velatura.editor.desk import Desk
from velatura.editor.geometry import reduction
from velatura.editor.i18n import _
from velatura.editor.paper import Gone, Refused
from velatura.editor.reduced import LONG_SIDE
from velatura.editor.results import Results
from velatura.errors import VelaturaError
from velatura.recipe import RECIPES, Recipe
from velatura.strokes import suiting

from . import arguments, buffers, runs, work
from .arrows import ArrowBar
from .bars import TaskBar, WordsBar
from .controls import Controls, leave_scrolling
from .look import UNNAMED, AskedLook
from .loop import GLibLoop
from .menu import DaemonButton, PullRow
from .original import Original
from .pages import Pages
from .paper import Paper
from .presets import Presets
from .preview import SIDE, PreviewView
from .runs import Plan, PlanRun

Found = Callable[[str], Sequence[Original]]
"""What is worked on at present, one or several layers, for an output; raises `Refused`."""

PAUSE = 0.04
"""Seconds without a change before a preview is asked for; several values may change at once."""

REST = 0.5
"""Seconds without a change after which the hand counts as resting."""

WATCH = 0.7
"""Seconds between looks at what changed in the image."""

PATIENCE = 60.0
"""Seconds that a preview may take unasked."""

AROUND = 190
"""What the window needs besides what scrolls, with its title, buttons and the screen's panels, in pixels."""

BROKEN = ("silent", "stopped", "missing", "refused")
"""States of the link in which nothing can be asked."""


def ask(
    procedure: Gimp.Procedure, config: Any, kind: str, title: str, look: Found
) -> Sequence[PlanRun] | None:
    """Shows the dialog until there is a result, or it is closed.

    Args:
        procedure, config: whose arguments are asked for.
        kind: of recipe.
        title: of the window.
        look: what is worked on.

    Returns:
        What ran, or None when the person gave up.

    Raises:
        Refused, VelaturaError: the view that it was started from was closed meanwhile.
    """
    GimpUi.init("velatura_gimp")
    dialog = Dialog(procedure, config, kind, title, look)
    try:
        while dialog.window.run():
            try:
                plans = dialog.plan()
                if plans:
                    return dialog.carry_out(plans)
            except (Refused, VelaturaError) as problem:
                if not dialog.display.is_valid():
                    raise  # nobody waits for it any more
                dialog.trouble(problem)
        return None
    finally:
        dialog.close()


class Dialog:
    """The window and what keeps it up to date."""

    def __init__(self, procedure: Gimp.Procedure, config: Any, kind: str, title: str, look: Found) -> None:
        self.config, self.kind, self._original = config, kind, look
        self.display = Gimp.default_display()
        self._answer: Recipe | None = None
        self._done: list[PlanRun] = []
        self._begun = False
        self._loop = GLibLoop(self._defect)
        self.look = AskedLook(kind, self.values)
        paper = Paper(lambda: self._found()[0], lambda: self._output() == "in-place", self.look.regions)
        self._suit()
        self.window = GimpUi.ProcedureDialog.new(procedure, config, title)
        self.view = PreviewView()
        self._doing = TaskBar()
        self.desk = desk = Desk(self.look, paper, self._loop, self.view, work.START, work.memory(), work.NAME)
        self.preview, self.link = desk.preview, desk.link
        self.preview.kind = kind
        self._results = Results(paper, desk.memory)
        self._results.follow(paper.source())
        self._bench = work.bench(paper, desk.pump, desk.link)
        self._arrow_bar: ArrowBar | None = None
        self._lay_out()
        self.look.follow()
        self._due: list[Callable[[], None]] = []
        self._notify = config.connect("notify", lambda _config, changed: self._changed(changed.name))
        self.look.changed.connect(self._look_changed)
        self.link.changed.connect(self._link_changed)
        desk.told.connect(self._told)
        self.window.connect("delete-event", lambda *_event: self._give_up())
        self._loop.every(WATCH, self._watch)
        self._loop.later(0.0, self.link.wake)
        self.view.attach(self.preview, desk.memory)

    def _suit(self) -> None:
        """Arguments that shall suit what is worked on are shown as the numbers that do."""
        area, unset = self._found()[0].aim.area, [f for f in self.look.fields.values() if f.shown.suits]
        self._suited = {
            field.argument: suiting(area.width, area.height)
            for field in unset
            if not self.config.get_property(field.argument)
        }
        for argument, value in self._suited.items():
            self.config.set_property(argument, value)

    def values(self) -> dict[str, Any]:
        """The arguments as they are set, by name."""
        return {p.name: self.config.get_property(p.name) for p in self.config.list_properties()}

    def _output(self) -> str:
        return self.values().get("output", "new-layer")

    def _found(self) -> Sequence[Original]:
        return self._original(self._output())

    # -- OK -------------------------------------------------------------------------------------------

    def plan(self) -> list[Plan]:
        """What OK asks for, layer by layer, but for what an OK before did while others failed; nothing where
        a question comes first. Raises `Refused`, `VelaturaError`."""
        planned = [runs.plan(found, self.look, self._output()) for found in self._found()]
        done = [run.plan for run in self._done if run.layer is not None]
        plans = [plan for plan in planned if not any(plan.asks_as(other) for other in done)] or planned
        if self._answer is not None:
            answer, self._answer = self._answer, None
            return [replace(plan, answer=answer) for plan in plans]
        self.desk.ready(plans[0].recipe, *(plan.taken for plan in plans))
        question = self.desk.question
        if question is None:
            return plans
        self.say(
            question.words, *((a.label, lambda recipe=a.recipe: self._go(recipe)) for a in question.answers)
        )
        return []

    def _go(self, recipe: Recipe) -> None:
        """A question was answered: OK with that recipe."""
        self._answer = recipe
        self.window.response(Gtk.ResponseType.OK)

    def carry_out(self, plans: Sequence[Plan]) -> Sequence[PlanRun]:
        """Does what is planned while the dialog shows it; raises as `work.wait`."""
        recipe = plans[0].recipe
        begun = [
            PlanRun(
                self._bench, plan, self.display, self._results, self.preview.ready_for(recipe, plan.taken)
            )
            for plan in plans
        ]
        for run in begun:
            run.frame.connect(lambda picture, run=run: self._show_frame(run, picture))
        task = together(self._bench, begun, self.desk.title(recipe))
        self.preview.rest()
        self.say("")
        self._doing.follow(task)
        self._busy(True)
        try:
            work.wait(task, self.link, self._loop)
        finally:
            self._done += [run for run in begun if run.state == "done"]
            self._doing.follow(None)
            self._busy(False)
        if recipe.FACTS.styles and not plans[0].order.pictures:
            self.desk.memory.use(recipe)
        return begun

    def _show_frame(self, run: PlanRun, picture: Picture) -> None:
        aim = run.plan.aim
        self.view.frame(buffers.reduced(picture, aim.form, reduction(aim.crop, SIDE)))

    def _busy(self, busy: bool) -> None:
        for widget in self._inputs:
            widget.set_sensitive(not busy)
        for answer in (Gtk.ResponseType.OK, Gtk.ResponseType.CANCEL):
            self.window.set_response_sensitive(answer, not busy)

    def _give_up(self) -> bool:
        """The window is to be closed: while a job runs that only cancels it."""
        if self._doing.task is None:
            return False
        self._doing.task.cancel()
        return True

    # -- layout ---------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Preview, styles and settings beside each other, so that nothing of them hides the others."""
        cls = RECIPES[self.kind]
        self._pages = None
        if cls.FACTS.styles:
            self._pages = Pages(
                self.window, self.config, self.desk, self.look, self.kind, self._results,
                lambda result: self._take(result.made),
            )  # fmt: skip
        second = self._pages.gallery.second if self._pages else None
        self._controls = Controls(self.window, self.config, cls, second)
        if cls.FACTS.pairs:
            self._arrow_bar = self._bar_of_arrows()
            self._controls.pack_start(self._arrow_bar, False, False, 0)
        if cls.FACTS.styles:
            presets = Presets(
                self.desk.memory, self.kind, self._current, lambda recipe: self._take(Made(recipe)), self.say
            )
            self._controls.pack_start(presets, False, False, 0)
        height = Gdk.Display.get_default().get_monitor(0).get_workarea().height - AROUND
        scrolled = Gtk.ScrolledWindow(
            hscrollbar_policy=Gtk.PolicyType.NEVER,
            overlay_scrolling=False,
            propagate_natural_height=True, propagate_natural_width=True,
            min_content_height=min(height, SIDE), max_content_height=height,
        )  # fmt: skip
        scrolled.add(self._controls)
        leave_scrolling(self._controls)
        self._time = Gtk.Label(xalign=0.0)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(self.view, True, True, 0)
        left.pack_start(self._time, False, False, 0)
        columns = Gtk.Box(spacing=18, border_width=12)
        columns.pack_start(left, False, False, 0)
        if self._pages:
            columns.pack_start(self._pages, True, True, 0)
        columns.pack_start(scrolled, True, True, 0)
        self._inputs = [*columns.get_children()[1:], self.view.line]
        """What is not to be touched while a job runs."""
        self.view.line.pack_end(DaemonButton(self.desk), False, False, 0)
        self._bar = WordsBar()
        area = self.window.get_content_area()
        for buttons in area.get_children() if cls.FACTS.styles else ():
            if isinstance(buttons, Gtk.ButtonBox):  # GIMP's single saved settings: presets have names
                buttons.set_no_show_all(True)
                buttons.hide()
        area.pack_start(self._bar, False, False, 0)
        area.pack_start(columns, True, True, 0)
        columns.show_all()
        area.pack_start(self._doing, False, False, 0)
        area.pack_start(PullRow(self.desk.pulls), False, False, 0)

    def _bar_of_arrows(self) -> ArrowBar:
        pairs = self.look.pairs  # of the recipe that the dialog begins with
        self.desk.arrows.follow()
        self.look.pairs = pairs
        self.view.draw_arrows(self.desk.arrows)
        return ArrowBar(self.desk.arrows, self.look, self._pages.own_style if self._pages else lambda: None)

    # -- what changes ---------------------------------------------------------------------------------

    def say(self, text: str, *buttons: tuple[str, Callable[[], None]]) -> None:
        """Says something above everything, with what can be done; empty takes it away."""
        self._bar.say(text, *buttons)

    def _told(self, text: str) -> None:
        """What is not to be read below is said above."""
        below = [self.preview.words, *(f"{pull.title}: {pull.words}" for pull in self.desk.pulls.failed)]
        if text not in below:
            self.say(text)

    def trouble(self, problem: Exception) -> None:
        """Says what went wrong, and offers what may help."""
        again = [(_("Try again"), self.link.restart)] if self.link.state in BROKEN else []
        self.say(words.sentence(words.trouble(problem)), *again)

    def _defect(self, problem: Exception) -> None:
        if self._doing.task is not None:
            self._doing.task.abandon(problem)
        else:
            self.say(words.sentence(words.trouble(problem)))

    def _changed(self, name: str) -> None:
        """A value has changed: a preview is due shortly, and a better one when the hand rests."""
        for end in self._due:
            end()
        self.look.follow()
        self._due = [
            self._loop.later(PAUSE, lambda: self.preview.request(released=False)),
            self._loop.later(REST, self._rested),
        ]
        self._controls.refresh()
        if self._pages:
            self._pages.look_again(name)
        if self._arrow_bar is not None:
            self._arrow_bar.look()

    def _rested(self) -> None:
        self.preview.request(released=True)
        self._tell_time()

    def _tell_time(self) -> None:
        """How long OK will take, where that is worth a word."""
        time = ""
        try:
            found, recipe = self._found(), self._current()
            pixels = sum(one.aim.crop.pixels for one in found)
        except (Refused, Gone, VelaturaError):
            pass
        else:
            time = patience.told(recipe, pixels, self.link)
        self._time.set_text(_("OK takes {time} here.", time=time) if time else "")

    def _begin(self) -> None:
        """What a preview costs is known now: one of minutes is made when it is asked for."""
        self._tell_time()
        try:
            crop, recipe = self._found()[0].aim.crop, self._current()
        except (Refused, Gone, VelaturaError):
            return
        factor = reduction(crop, LONG_SIDE) if recipe.FACTS.long else 1
        if recipe.quick() == recipe:
            expected = patience.seconds(recipe, crop.pixels // factor**2, self.link)
            if expected > PATIENCE:
                self.view.wait(_("A preview would take {time} here.", time=words.duration(expected)))

    def _watch(self) -> None:
        """The preview follows the layer, and the dialog goes with the view that it was started from; a daemon
        that is started elsewhere is found."""
        if self.link.state in ("stopped", "missing"):
            self.link.wake(start=False)
        if self.display.is_valid():
            self.preview.look_again()
            if self.desk.arrows.arrows:
                self.desk.arrows.follow()
        elif self._doing.task is None:
            self.window.response(Gtk.ResponseType.CANCEL)

    def _look_changed(self, name: str) -> None:
        """A style was chosen, or added to the library, or a variation taken, or arrows were moved."""
        chosen: dict[str, Any] = {}
        if name == "pairs" and RECIPES[self.kind].FACTS.pairs:
            chosen["pairs"] = self.look.tell_pairs()
        elif name in self.look.fields:
            field, value = self.look.fields[name], getattr(self.look, name)
            chosen[field.argument] = arguments.told(field, value)
        elif name == "styles" and self._pages and UNNAMED not in self.look.styles[:1]:
            chosen = {"style": next(iter(self.look.styles), ""), "style-source": "library"}
            self._pages.show_library()
        for argument, value in chosen.items():
            if self.config.get_property(argument) != value:
                self.config.set_property(argument, value)

    def _link_changed(self, name: str) -> None:
        link = self.link
        if name == "state":
            broken = link.state in BROKEN
            self.say(link.words if broken else "", *([(_("Try again"), link.restart)] if broken else []))
            self._begun = False
        if name == "can_renew" and link.can_renew:  # nothing is lost by it, and a dialog is soon closed
            link.renew()
        if link.state == "ready" and name in ("state", "models"):
            self.preview.request(released=True)
        if link.state == "ready" and link.models and link.status and not self._begun:
            self._begun = True
            self._begin()
        if name in ("state", "status"):
            loading = words.warming(link.status)
            self.view.say(link.words if loading else self.preview.words or link.words)

    # -- presets --------------------------------------------------------------------------------------

    def _current(self) -> Recipe:
        area = self._found()[0].aim.area
        return self.look.recipe(self.kind, (area.width, area.height))

    def _take(self, made: Made) -> None:
        """Sets the arguments that stand for a preset or a result; where nobody knows where a picture of one's
        own came from, that is kept as it is set."""
        recipe, image = made.recipe, self._found()[0].aim.image
        unknown = bool(recipe.styles) and bool(recipe.styles[0].digest) and not made.pictures
        for name, value in runs.recipes.values_of(made, image).items():
            if not (unknown and name.startswith("style")) and self.config.find_property(name) is not None:
                self.config.set_property(name, value)

    def close(self) -> None:
        """Takes the window away and ends the session."""
        self.config.disconnect(self._notify)
        for end in self._due:
            end()
        self.preview.turn(False)
        self.link.close()
        self.window.destroy()
        for argument, value in self._suited.items():
            if self.config.get_property(argument) == value:  # GIMP remembers it for another image
                self.config.set_property(argument, 0.0)
