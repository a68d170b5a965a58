"""The arguments in the dialog, group by group as the table of fields has them, in GIMP's own widgets."""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, GimpUi, GObject, Gtk, Pango
from velatura.editor.i18n import N_, _
from velatura.fields import adjustable
from velatura.recipe import RecipeClass

from . import arguments

FOLDS = {"more": N_("More"), "expert": N_("For experts")}
"""Groups of fields behind a fold, and what it is called."""


class Controls(Gtk.Box):
    """A column of them.

    Args:
        window: the `GimpUi.ProcedureDialog`.
        config: what they show and change.
        cls: of recipe.
        second: names and titles of the styles that can be mixed in; None for a kind without.
    """

    def __init__(self, window: Any, config: Any, cls: RecipeClass, second: Gtk.ListStore | None) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=9)
        self._window, self._config, self._mix = window, config, None
        groups: dict[str, list[str]] = {"basic": [], **{fold: [] for fold in FOLDS}}
        for field in adjustable(cls):
            groups[field.shown.group].append(field.argument)
            if field.soft is not None:  # made before the boxes are filled, which take it
                entry = window.get_scale_entry(field.argument, 1.0)
                entry.set_bounds(*field.soft, True)
                entry.set_logarithmic(field.shown.log)
        if cls.FACTS.placed == "layer":
            groups["basic"].append("output")
        self._add(window.fill_box("velatura-basic", groups["basic"]))
        if second is not None:
            mixing = [self._second(second), *([self._masks()] if cls.FACTS.mask else [])]
            self._add(_fold(_("Second style, and where"), *mixing))
        for name, title in FOLDS.items():
            if groups[name]:
                self._add(_fold(_(title), window.fill_box(f"velatura-{name}", groups[name])))

    def refresh(self) -> None:
        """A value has changed."""
        if self._mix is not None:
            self._mix.set_sensitive(bool(self._config.get_property("second-style")))

    def _add(self, widget: Gtk.Widget) -> None:
        self.pack_start(widget, False, False, 0)

    def _second(self, styles: Gtk.ListStore) -> Gtk.Widget:
        grid = Gtk.Grid(row_spacing=6, column_spacing=6)
        label = Gtk.Label.new_with_mnemonic(self._config.find_property("second-style").nick)
        label.set_xalign(0.0)
        combo = GimpUi.prop_string_combo_box_new(self._config, "second-style", styles, 0, 1)
        combo.set_hexpand(True)
        for cell in combo.get_cells():
            if isinstance(cell, Gtk.CellRendererText):
                cell.set_property("ellipsize", Pango.EllipsizeMode.END)
        label.set_mnemonic_widget(combo)
        self._mix = self._window.get_scale_entry("mix", 1.0)
        grid.attach(label, 0, 0, 1, 1)
        grid.attach(combo, 1, 0, 1, 1)
        grid.attach(self._mix, 0, 1, 2, 1)
        return grid

    def _masks(self) -> Gtk.Widget:
        """Where each of the two is painted; a chooser of GIMP's cannot be emptied again by itself."""
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for name in arguments.MASKS:
            line = Gtk.Box(spacing=6)
            line.pack_start(self._window.get_widget(name, GObject.TYPE_NONE), True, True, 0)
            clear = Gtk.Button(label="×", tooltip_text=_("Everywhere"), valign=Gtk.Align.CENTER)
            clear.connect("clicked", lambda _button, name=name: self._config.set_property(name, None))
            line.pack_start(clear, False, False, 0)
            box.pack_start(line, False, False, 0)
        return box


def _fold(title: str, *widgets: Gtk.Widget) -> Gtk.Widget:
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin=6)
    for widget in widgets:
        box.pack_start(widget, False, False, 0)
    fold = Gtk.Expander(label=title)
    fold.add(box)
    return fold


def leave_scrolling(widget: Gtk.Widget) -> None:
    """Lets the wheel scroll a column also where it would turn a slider, number or list on its way."""
    if isinstance(widget, (Gtk.Range, Gtk.SpinButton, Gtk.ComboBox)):
        widget.connect("scroll-event", _pass_on)
    elif isinstance(widget, Gtk.Container):
        widget.forall(leave_scrolling)


def _pass_on(widget: Gtk.Widget, _event: Any) -> bool:
    GObject.signal_stop_emission_by_name(widget, "scroll-event")
    return Gdk.EVENT_PROPAGATE
