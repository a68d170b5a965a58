"""Variations of the look on the layer, as pictures to choose from: a page of the dialog."""

from __future__ import annotations

from gi.repository import Gtk, Pango
from velatura.editor.i18n import _
from velatura.editor.variations import Variations

from .paper import pixbuf

SIDE = 140
"""Longest side of a picture, in pixels."""


class VariationsView(Gtk.ScrolledWindow):
    """A press takes one's settings. It asks for pictures while it can be seen."""

    def __init__(self, variations: Variations) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER)
        self._variations = variations
        self._images: dict[str, Gtk.Image] = {}
        self._grid = Gtk.FlowBox(selection_mode=Gtk.SelectionMode.NONE, valign=Gtk.Align.START)
        self._grid.set_max_children_per_line(2)
        self.add(self._grid)
        self.connect("map", lambda _self: variations.show(True))
        self.connect("unmap", lambda _self: variations.show(False))
        variations.changed.connect(self._changed)
        variations.picture_came.connect(self._came)

    def _changed(self, name: str) -> None:
        if name not in ("offered", "words"):
            return
        for old in self._grid.get_children():
            self._grid.remove(old)
        self._images = {}
        for variation in self._variations.offered:
            image = self._images[variation.name] = Gtk.Image()
            image.set_size_request(SIDE, SIDE * 2 // 3)
            title = Gtk.Label(label=variation.title, ellipsize=Pango.EllipsizeMode.END, max_width_chars=16)
            box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
            box.pack_start(image, False, False, 0)
            box.pack_start(title, False, False, 0)
            button = Gtk.Button(relief=Gtk.ReliefStyle.NONE, tooltip_text=variation.title)
            button.add(box)
            button.connect("clicked", lambda _button, which=variation: self._variations.take(which))
            self._grid.add(button)
        if not self._images:
            text = self._variations.words or _("Choose a style first.")
            self._grid.add(Gtk.Label(label=text, wrap=True, max_width_chars=40, xalign=0.0))
        self._grid.show_all()
        for name in self._images:
            self._came(name)

    def _came(self, name: str) -> None:
        picture = self._variations.picture(name)
        if picture is not None and name in self._images:
            self._images[name].set_from_pixbuf(pixbuf(picture, SIDE))
