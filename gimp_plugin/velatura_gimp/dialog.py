"""The dialog: styles with thumbnails, the arguments, and a live preview.

Built from `Gimp.ProcedureDialog`, so that GIMP keeps, resets and repeats the values. It is not modal: the
preview looks at the layer again whenever the dialog comes to the front, and on OK everything is read anew.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import velatura
from gi.repository import Gimp, GimpUi, GObject, Gtk
from velatura.editor import words
from velatura.editor.gallery import Gallery
from velatura.editor.i18n import N_, _
from velatura.editor.look import Look
from velatura.editor.paper import Refused
from velatura.editor.pump import Pump
from velatura.errors import VelaturaError
from velatura.fields import adjustable
from velatura.recipe import RECIPES

from . import buffers, recipes, work
from .gallery import GalleryView
from .loop import GLibLoop
from .paper import Paper
from .preview import Preview, scene
from .runs import Original, Plan

SOURCES = ("library", "picture", "layer")

FOLDS = {"more": N_("More"), "expert": N_("For experts")}
"""Groups of fields behind a fold, and what it is called."""


def ask(
    procedure: Gimp.Procedure,
    config: Any,
    kind: str,
    title: str,
    look: Callable[[str], Original],
    plan: Callable[[dict[str, Any]], Plan],
) -> Plan | None:
    """Shows the dialog until OK leads to a plan, or it is closed.

    Args:
        procedure, config: whose arguments are asked for.
        kind: of recipe.
        title: of the window.
        look: what is worked on at present, for an output; raises `Refused`.
        plan: a plan for the arguments; raises `Refused` or `VelaturaError`, which the dialog then shows.

    Returns:
        The plan, or None when the person gave up.
    """
    GimpUi.init("velatura_gimp")
    dialog = Dialog(procedure, config, kind, title, look)
    try:
        while dialog.window.run():
            try:
                return plan(dialog.values())
            except (Refused, VelaturaError) as problem:
                dialog.refuse(str(problem))
        return None
    finally:
        dialog.close()


class Dialog:
    """The window and what keeps it up to date."""

    def __init__(
        self, procedure: Gimp.Procedure, config: Any, kind: str, title: str, look: Callable[[str], Original]
    ) -> None:
        self.config, self.kind, self._look = config, kind, look
        self._from_file = functools.lru_cache(maxsize=4)(lambda uri, file: buffers.style_of_file(file))
        self._from_layer = functools.lru_cache(maxsize=4)(lambda _id, layer: buffers.style_of_drawable(layer))
        loop = GLibLoop(lambda problem: self.refuse(words.trouble(problem)))
        self.link = work.link(loop)
        self.window = GimpUi.ProcedureDialog.new(procedure, config, title)
        self.preview = Preview(self.link, loop, self._order)
        styles = Gallery(self.link, Look(), Paper(look), Pump(loop))
        self.gallery = GalleryView(styles, self.values().get("style", ""), self._choose)
        self._trouble = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._trouble_words = Gtk.Label(wrap=True, max_width_chars=90, xalign=0.0, visible=True)
        self._trouble.get_content_area().add(self._trouble_words)
        self._version = Gtk.Label(label=f"Velatura {velatura.__version__}", xalign=0.0, sensitive=False)
        self._lay_out()
        self._handlers = [
            config.connect("notify", lambda *_property: self.preview.change()),
            self.window.connect("focus-in-event", self._came_to_front),
        ]
        self.link.changed.connect(self._link_changed)
        loop.later(0.0, self.link.wake)
        self._see()

    def values(self) -> dict[str, Any]:
        """The arguments as they are set, by name."""
        return {p.name: self.config.get_property(p.name) for p in self.config.list_properties()}

    def refuse(self, words: str) -> None:
        """Shows why OK did not lead to a plan."""
        self._trouble_words.set_text(words)
        self._trouble.show()

    def close(self) -> None:
        """Takes the window away and ends the session."""
        self.config.disconnect(self._handlers[0])
        self.preview.close()
        self.link.close()
        self._from_layer.cache_clear()
        self.window.destroy()

    # -- layout ---------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        columns = Gtk.Box(spacing=18, border_width=12)
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        left.pack_start(self.preview, True, True, 0)
        left.pack_start(self._version, False, False, 0)
        right = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=9, width_request=360)
        cls = RECIPES[self.kind]
        if cls.FACTS.styles:
            right.pack_start(self._sources(), True, True, 0)
            right.pack_start(self._second(), False, False, 0)
        groups: dict[str, list[str]] = {"basic": [], **{fold: [] for fold in FOLDS}}
        for field in adjustable(cls):
            groups[field.shown.group].append(field.argument)
            if field.soft is not None:  # made before the boxes are filled, which take it
                entry = self.window.get_scale_entry(field.argument, 1.0)
                entry.set_bounds(*field.soft, True)
                entry.set_logarithmic(field.shown.log)
        if cls.FACTS.placed == "layer":
            groups["basic"].append("output")
        right.pack_start(self.window.fill_box("velatura-basic", groups["basic"]), False, False, 0)
        for fold, title in FOLDS.items():
            if groups[fold]:
                right.pack_start(self._fold(fold, title, groups[fold]), False, False, 0)
        columns.pack_start(left, True, True, 0)
        columns.pack_start(right, True, True, 0)
        area = self.window.get_content_area()
        area.pack_start(self._trouble, False, False, 0)
        area.pack_start(columns, True, True, 0)
        columns.show_all()

    def _fold(self, name: str, title: str, arguments: list[str]) -> Gtk.Widget:
        self.window.fill_box(f"velatura-{name}-box", arguments)
        self.window.get_label(f"velatura-{name}-title", _(title), False, False)
        return self.window.fill_expander(
            f"velatura-{name}", f"velatura-{name}-title", False, f"velatura-{name}-box"
        )

    def _sources(self) -> Gtk.Widget:
        """Library, own picture or layer, as pages of a notebook that set `style-source`."""
        pages = Gtk.Notebook()
        widgets = (
            (self.gallery, _("Library")),
            (self.window.get_widget("style-picture", GObject.TYPE_NONE), _("Own picture")),
            (self.window.get_widget("style-drawable", GObject.TYPE_NONE), _("Layer")),
        )
        for widget, label in widgets:
            page = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, border_width=6)
            page.pack_start(widget, widget is self.gallery, widget is self.gallery, 0)
            pages.append_page(page, Gtk.Label(label=label))
        source = self.config.get_property("style-source")
        if source == "auto":
            given = {"layer": "style-drawable", "picture": "style-picture"}
            source = next((s for s, name in given.items() if self.config.get_property(name)), "library")
            self.config.set_property("style-source", source)
        pages.show_all()
        pages.set_current_page(SOURCES.index(source))
        pages.connect("switch-page", lambda _n, _p, i: self.config.set_property("style-source", SOURCES[i]))
        return pages

    def _second(self) -> Gtk.Widget:
        grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        label = Gtk.Label.new_with_mnemonic(self.config.find_property("second-style").nick)
        label.set_xalign(0.0)
        combo = GimpUi.prop_string_combo_box_new(self.config, "second-style", self.gallery.second, 0, 1)
        combo.set_hexpand(True)
        label.set_mnemonic_widget(combo)
        mix = self.window.get_scale_entry("mix", 1.0)
        grid.attach(label, 0, 0, 1, 1)
        grid.attach(combo, 1, 0, 1, 1)
        grid.attach(mix, 0, 1, 2, 1)
        return grid

    # -- what changes ---------------------------------------------------------------------------------

    def _choose(self, name: str) -> None:
        if self.config.get_property("style") != name:
            self.config.set_property("style", name)

    def _order(self) -> recipes.Order:
        now = self._look("new-layer")
        area = now.aim.area
        return recipes.order(
            self.kind, self.values(), (area.width, area.height),
            lambda file: self._from_file(file.get_uri(), file),
            lambda layer: self._from_layer(layer.get_id(), layer),
        )  # fmt: skip

    def _see(self) -> None:
        """Takes a small copy of what is worked on, as it is now."""
        try:
            self.preview.look_at(scene(self._look(self.values().get("output", "new-layer")), self.kind))
        except (Refused, VelaturaError) as problem:
            self.preview.look_at(None)
            self.preview.say(str(problem))

    def _came_to_front(self, *_event: Any) -> bool:
        self._see()
        return False

    def _link_changed(self, name: str) -> None:
        link = self.link
        if name == "state":
            self.preview.say(words.daemon(link.state, trouble=link.trouble))
        if name == "can_renew" and link.can_renew:  # nothing is lost by it, and a dialog is soon closed
            link.renew()
        if link.state == "ready" and name in ("state", "styles"):
            self.preview.change()
