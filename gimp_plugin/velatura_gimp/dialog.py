"""The dialog: styles with thumbnails, the arguments, presets, a live preview, and the job itself.

Built from `Gimp.ProcedureDialog`, so that GIMP keeps, resets and repeats the values. It is not modal: the
preview follows the layer, and on OK everything is read anew. It stays until the result is in the image, so
that what takes many steps is seen, and can be stopped, and what fails can be tried again.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, Gimp, GimpUi, GObject, Gtk
from velatura.blob import Blob
from velatura.editor import asking, words
from velatura.editor.annotation import Made
from velatura.editor.arrows import Arrows
from velatura.editor.gallery import Gallery
from velatura.editor.geometry import reduction
from velatura.editor.i18n import _
from velatura.editor.paper import Gone, Refused
from velatura.editor.preview import LivePreview
from velatura.editor.pulls import Pulls
from velatura.editor.pump import Pump
from velatura.editor.reduced import LONG_SIDE
from velatura.editor.tasks import Ready
from velatura.editor.variations import KINDS, Variations
from velatura.errors import VelaturaError
from velatura.recipe import RECIPES, Recipe

from . import arguments, buffers, runs, work
from .arrows import ArrowBar
from .controls import Controls, leave_scrolling
from .gallery import GalleryView
from .look import AskedLook
from .loop import GLibLoop
from .menu import DaemonButton, PullRow
from .original import Original
from .own import OwnStyle
from .paper import Paper
from .presets import Presets
from .preview import SIDE, PreviewView
from .runs import Plan, Run
from .tried import VariationsView

SOURCES = ("library", "picture", "layer")

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
    procedure: Gimp.Procedure, config: Any, kind: str, title: str, look: Callable[[str], Original]
) -> Run | None:
    """Shows the dialog until there is a result, or it is closed.

    Args:
        procedure, config: whose arguments are asked for.
        kind: of recipe.
        title: of the window.
        look: what is worked on at present, for an output; raises `Refused`.

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
                plan = dialog.plan()
                if plan is not None:
                    return dialog.carry_out(plan)
            except (Refused, VelaturaError) as problem:
                if not dialog.display.is_valid():
                    raise  # nobody waits for it any more
                dialog.trouble(problem)
        return None
    finally:
        dialog.close()


class Dialog:
    """The window and what keeps it up to date."""

    def __init__(
        self, procedure: Gimp.Procedure, config: Any, kind: str, title: str, look: Callable[[str], Original]
    ) -> None:
        self.config, self.kind, self._original = config, kind, look
        self.display = Gimp.default_display()
        self._run: Run | None = None
        self._answer: Recipe | None = None
        self._begun = False
        self._loop = GLibLoop(self._defect)
        self.memory = work.memory()
        self.link = work.link(self._loop, self.memory)
        self.look = AskedLook(kind, self.values)
        pump = Pump(self._loop)
        paper = Paper(self._found, lambda: self._output() == "in-place", self.look.regions)
        self._bench = work.bench(paper, pump, self.link)
        self.window = GimpUi.ProcedureDialog.new(procedure, config, title)
        self.view = PreviewView()
        self.preview = LivePreview(
            self.link, self.look, paper, pump, self.view, lambda text: None, secrets.token_hex(4),
            time.monotonic,
        )  # fmt: skip
        self.preview.kind = kind
        self._gallery = Gallery(self.link, self.look, paper, pump, self.memory)
        self.gallery = GalleryView(self._gallery, self.look)
        self.gallery.mine.connect("toggled", lambda _button: self.preview.rest())
        self.arrows = Arrows(self.link, self.look, paper, pump)
        self.pulls = Pulls(self.link, self._loop, self.say)
        self._variations = Variations(self.link, self.look, paper, pump)
        self._arrow_bar: ArrowBar | None = None
        self._lay_out()
        self.look.follow()
        self._due: list[Callable[[], None]] = []
        self._notify = config.connect("notify", lambda *_property: self._changed())
        self.look.changed.connect(self._look_changed)
        self.link.changed.connect(self._link_changed)
        self.window.connect("delete-event", lambda *_event: self._give_up())
        self._loop.every(WATCH, self._watch)
        self._loop.later(0.0, self.link.wake)
        self.view.attach(self.preview, self.memory)

    def values(self) -> dict[str, Any]:
        """The arguments as they are set, by name."""
        return {p.name: self.config.get_property(p.name) for p in self.config.list_properties()}

    def _output(self) -> str:
        return self.values().get("output", "new-layer")

    def _found(self) -> Original:
        return self._original(self._output())

    # -- OK -------------------------------------------------------------------------------------------

    def plan(self) -> Plan | None:
        """What OK asks for; None where a question comes first. Raises `Refused`, `VelaturaError`."""
        plan = runs.plan(self._found(), self.look, self._output())
        if self._answer is not None:
            answer, self._answer = self._answer, None
            return plan.at(answer)
        if self._ready(plan) is not None:
            return plan
        question = asking.question(plan.order.recipe, plan.aim.crop.pixels, self.link)
        if question is None:
            return plan
        self.say(
            question.words, *((a.label, lambda recipe=a.recipe: self._go(recipe)) for a in question.answers)
        )
        return None

    def _ready(self, plan: Plan) -> Ready | None:
        """The result, where the preview has computed it."""
        return self.preview.ready_for(plan.order.recipe, plan.taken)

    def _go(self, recipe: Recipe) -> None:
        """A question was answered: OK with that recipe."""
        self._answer = recipe
        self.window.response(Gtk.ResponseType.OK)

    def carry_out(self, plan: Plan) -> Run:
        """Does what is planned while the dialog shows it; raises as `work.wait`."""
        run = self._run = Run(self._bench, plan, self.display, self._ready(plan))
        aim = plan.aim
        factor = reduction(aim.crop, SIDE)
        run.frame.connect(lambda picture: self.view.frame(buffers.reduced(picture, aim.form, factor)))
        run.changed.connect(lambda name: self._show_run(run))
        self.preview.rest()
        self.say("")
        self._busy(True)
        try:
            work.wait(run, self.link, self._loop)
        finally:
            self._run = None
            self._busy(False)
        if plan.order.recipe.FACTS.styles and not plan.order.pictures:
            self.memory.use(plan.order.recipe)
        return run

    def _show_run(self, run: Run) -> None:
        self._progress.set_text(run.words)
        self._progress.set_fraction(run.fraction)
        self._stop.set_sensitive(run.can_stop)

    def _busy(self, busy: bool) -> None:
        for widget in self._inputs:
            widget.set_sensitive(not busy)
        for answer in (Gtk.ResponseType.OK, Gtk.ResponseType.CANCEL):
            self.window.set_response_sensitive(answer, not busy)
        self._stop.set_visible(busy and self._run is not None and self._run.recipe.facts.stops)
        self._doing.set_visible(busy)

    def _give_up(self) -> bool:
        """The window is to be closed: while a job runs that only cancels it."""
        if self._run is None:
            return False
        self._run.cancel()
        return True

    # -- layout ---------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Preview, styles and settings beside each other, so that nothing of them hides the others."""
        cls = RECIPES[self.kind]
        self._controls = Controls(self.window, self.config, cls, self.gallery.second)
        if cls.FACTS.pairs:
            self._arrow_bar = self._bar_of_arrows()
            self._controls.pack_start(self._arrow_bar, False, False, 0)
        if cls.FACTS.styles:
            presets = Presets(self.memory, self.kind, self._current, self._take)
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
        if cls.FACTS.styles:
            columns.pack_start(self._sources(), True, True, 0)
        columns.pack_start(scrolled, True, True, 0)
        self._inputs = [*columns.get_children()[1:], self.view.line]
        """What is not to be touched while a job runs."""
        self.view.line.pack_end(DaemonButton(self.link, self.pulls, self._use_device), False, False, 0)
        self._bar = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._bar_words = Gtk.Label(wrap=True, max_width_chars=80, xalign=0.0, visible=True)
        self._bar.get_content_area().add(self._bar_words)
        area = self.window.get_content_area()
        for buttons in area.get_children() if cls.FACTS.styles else ():
            if isinstance(buttons, Gtk.ButtonBox):  # GIMP's single saved settings: presets have names
                buttons.set_no_show_all(True)
                buttons.hide()
        area.pack_start(self._bar, False, False, 0)
        area.pack_start(columns, True, True, 0)
        columns.show_all()
        area.pack_start(self._running(), False, False, 0)
        area.pack_start(PullRow(self.pulls), False, False, 0)

    def _running(self) -> Gtk.Widget:
        """A line that is there while a job runs."""
        self._doing = Gtk.Box(spacing=6, border_width=12, no_show_all=True)
        self._progress = Gtk.ProgressBar(show_text=True, valign=Gtk.Align.CENTER, visible=True)
        self._stop = Gtk.Button.new_with_mnemonic(_("Stop and _keep"))
        self._stop.connect("clicked", lambda _button: self._run and self._run.stop())
        cancel = Gtk.Button(label=_("Cancel the job"), visible=True)
        cancel.connect("clicked", lambda _button: self._give_up())
        self._doing.pack_start(self._progress, True, True, 0)
        self._doing.pack_start(self._stop, False, False, 0)
        self._doing.pack_start(cancel, False, False, 0)
        return self._doing

    def _sources(self) -> Gtk.Widget:
        """Library, own picture or layer, as pages of a notebook that set `style-source`."""
        self._pages = pages = Gtk.Notebook()
        self._own = [
            OwnStyle(self.window.get_widget(f"style-{which}", GObject.TYPE_NONE), read, self._gallery.add)
            for which, read in (
                ("picture", lambda: self._given("style-picture", self.look.picture)),
                ("drawable", lambda: self._given("style-drawable", self.look.layer)),
            )
        ]
        labels = (_("Library"), _("Own picture"), _("Layer"))
        for widget, label in zip((self.gallery, *self._own), labels, strict=True):
            widget.set_border_width(6)
            pages.append_page(widget, Gtk.Label(label=label))
        source = self.config.get_property("style-source")
        if source == "auto":
            given = {"layer": "style-drawable", "picture": "style-picture"}
            source = next((s for s, name in given.items() if self.config.get_property(name)), "library")
            self.config.set_property("style-source", source)
        if self.kind in KINDS:
            self._variations.kind = self.kind
            pages.append_page(VariationsView(self._variations), Gtk.Label(label=_("Variations")))
        pages.show_all()
        pages.set_current_page(SOURCES.index(source))
        pages.connect("switch-page", lambda _pages, _page, index: self._turned(index))
        return pages

    def _turned(self, page: int) -> None:
        """The style is taken from the page that is turned to; variations are of the style as it is."""
        if page < len(SOURCES):
            self.config.set_property("style-source", SOURCES[page])
        else:
            self.preview.rest()  # they are painted when nothing else is

    def _given(self, argument: str, read: Callable[[Any], Any]) -> tuple[Any, str] | None:
        """The style picture that an argument names, and its title; None without one."""
        what = self.config.get_property(argument)
        if what is None:
            return None
        name = what.get_basename() if argument == "style-picture" else what.get_name()
        return read(what), name.rpartition(".")[0] or name

    def _bar_of_arrows(self) -> ArrowBar:
        pairs = self.look.pairs  # of the recipe that the dialog begins with
        self.arrows.follow()
        self.look.pairs = pairs
        self.view.draw_arrows(self.arrows)
        return ArrowBar(self.arrows, self.look, self._own_style)

    def _own_style(self) -> Blob | None:
        """The picture of a style of one's own, where it is that; raises `Refused`."""
        reads = {
            "layer": ("style-drawable", self.look.layer),
            "picture": ("style-picture", self.look.picture),
        }
        argument = reads.get(self.config.get_property("style-source"))
        given = self._given(*argument) if argument else None
        return given[0] if given else None

    # -- what changes ---------------------------------------------------------------------------------

    def say(self, text: str, *buttons: tuple[str, Callable[[], None]]) -> None:
        """Shows a line above everything, with what can be done; empty takes it away."""
        area = self._bar.get_action_area()
        for old in area.get_children():
            area.remove(old)
        for label, call in buttons:
            button = Gtk.Button(label=label, visible=True)
            button.connect("clicked", lambda _button, call=call: call())
            area.add(button)
        self._bar_words.set_text(text)
        self._bar.set_visible(bool(text))

    def trouble(self, problem: Exception) -> None:
        """Says what went wrong, and offers what may help."""
        again = [(_("Try again"), self.link.restart)] if self.link.state in BROKEN else []
        self.say(words.trouble(problem), *again)

    def _defect(self, problem: Exception) -> None:
        if self._run is not None:
            self._run.abandon(problem)
        else:
            self.say(words.trouble(problem))

    def _changed(self) -> None:
        """A value has changed: a preview is due shortly, and a better one when the hand rests."""
        for end in self._due:
            end()
        self.look.follow()
        self._due = [
            self._loop.later(PAUSE, lambda: self.preview.request(released=False)),
            self._loop.later(REST, self._rested),
        ]
        self._controls.refresh()
        if RECIPES[self.kind].FACTS.styles:
            for own in self._own:
                own.look()
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
        except (Refused, Gone, VelaturaError):
            pass
        else:
            time = asking.told(recipe, found.aim.crop.pixels, self.link)
        self._time.set_text(_("OK takes {time} here.", time=time) if time else "")

    def _begin(self) -> None:
        """What a preview costs is known now: one of minutes is made when it is asked for."""
        self._tell_time()
        try:
            crop, recipe = self._found().aim.crop, self._current()
        except (Refused, Gone, VelaturaError):
            return
        factor = reduction(crop, LONG_SIDE) if recipe.FACTS.long else 1
        if recipe.quick() == recipe:
            expected = asking.seconds(recipe, crop.pixels // factor**2, self.link)
            if expected > PATIENCE:
                self.view.wait(_("A preview would take {time} here.", time=words.duration(expected)))

    def _use_device(self, name: str) -> None:
        work.use_device(self.link, self.memory, name)
        self.preview.request(released=True)

    def _watch(self) -> None:
        """The preview follows the layer, and the dialog goes with the view that it was started from; a daemon
        that is started elsewhere is found."""
        if self.link.state in ("stopped", "missing"):
            self.link.wake(start=False)
        if self.display.is_valid():
            self.preview.look_again()
            if self.arrows.arrows:
                self.arrows.follow()
        elif self._run is None:
            self.window.response(Gtk.ResponseType.CANCEL)

    def _look_changed(self, name: str) -> None:
        """A style was chosen, or added to the library, or a variation taken, or arrows were moved."""
        chosen: dict[str, Any] = {}
        if name == "pairs" and RECIPES[self.kind].FACTS.pairs:
            chosen["pairs"] = self.look.tell_pairs()
        elif name in self.look.fields:
            field, value = self.look.fields[name], getattr(self.look, name)
            chosen[field.argument] = arguments.told(field, value)
        elif name == "styles" and self.look.styles and self._gallery.entry(self.look.styles[0]):
            chosen = {"style": self.look.styles[0], "style-source": "library"}
            self._pages.set_current_page(0)
        for argument, value in chosen.items():
            if self.config.get_property(argument) != value:
                self.config.set_property(argument, value)

    def _link_changed(self, name: str) -> None:
        link = self.link
        if name == "state":
            state, broken = words.daemon(link.state, trouble=link.trouble), link.state in BROKEN
            self.say(state if broken else "", *([(_("Try again"), link.restart)] if broken else []))
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
            state = words.daemon(link.state, trouble=link.trouble, loading=loading)
            self.view.say(state if loading else self.preview.words or state)

    # -- presets --------------------------------------------------------------------------------------

    def _current(self) -> Recipe:
        area = self._found().aim.area
        return self.look.recipe(self.kind, (area.width, area.height))

    def _take(self, recipe: Recipe) -> None:
        """Sets the arguments that stand for a preset; a picture of one's own is kept as it is set."""
        for name, value in runs.recipes.values_of(Made(recipe), None).items():
            if not (recipe.styles[0].digest and name.startswith("style")):
                self.config.set_property(name, value)

    def close(self) -> None:
        """Takes the window away and ends the session."""
        self.config.disconnect(self._notify)
        for end in self._due:
            end()
        self.preview.turn(False)
        self.link.close()
        self.window.destroy()
