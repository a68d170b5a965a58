"""Pages of the dialog with pictures to choose from: variations of the look, results that are remembered."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gtk, Pango
from velatura.editor.i18n import _
from velatura.editor.results import RememberedResult, Results
from velatura.editor.variations import Variations
from velatura.recipe import Recipe

from .paper import from_png, pixbuf

SIDE = 140
"""Longest side of a picture, in pixels."""


class Grid(Gtk.ScrolledWindow):
    """Pictures in two columns, each a button."""

    def __init__(self) -> None:
        super().__init__(hscrollbar_policy=Gtk.PolicyType.NEVER)
        self._grid = Gtk.FlowBox(selection_mode=Gtk.SelectionMode.NONE, valign=Gtk.Align.START)
        self._grid.set_min_children_per_line(2)
        self._grid.set_max_children_per_line(2)
        self.add(self._grid)

    def clear(self, words: str = "") -> None:
        """Takes them away, and says why there are none."""
        for old in self._grid.get_children():
            self._grid.remove(old)
        if words:
            self._grid.add(Gtk.Label(label=words, wrap=True, max_width_chars=40, xalign=0.0, visible=True))

    def put(self, title: str, call: Callable[[], None]) -> Gtk.Image:
        """A button more, and the picture on it, which is still empty."""
        image = Gtk.Image()
        image.set_size_request(SIDE, SIDE * 2 // 3)
        words = Gtk.Label(label=title, ellipsize=Pango.EllipsizeMode.END, max_width_chars=16)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        box.pack_start(image, False, False, 0)
        box.pack_start(words, False, False, 0)
        button = Gtk.Button(relief=Gtk.ReliefStyle.NONE, tooltip_text=title)
        button.add(box)
        button.connect("clicked", lambda _button: call())
        self._grid.add(button)
        button.show_all()
        return image


class VariationsView(Grid):
    """A press takes one's settings. It asks for pictures while it can be seen."""

    def __init__(self, variations: Variations) -> None:
        super().__init__()
        self._variations = variations
        self._images: dict[str, Gtk.Image] = {}
        self.connect("map", lambda _self: variations.show(True))
        self.connect("unmap", lambda _self: variations.show(False))
        variations.changed.connect(self._changed)
        variations.picture_came.connect(self._came)

    def _changed(self, name: str) -> None:
        if name not in ("offered", "words"):
            return
        offered = self._variations.offered
        self.clear("" if offered else self._variations.words or _("Choose a style first."))
        self._images = {
            variation.name: self.put(variation.title, lambda which=variation: self._variations.take(which))
            for variation in offered
        }
        for came in self._images:
            self._came(came)

    def _came(self, name: str) -> None:
        picture = self._variations.picture(name)
        if picture is not None and name in self._images:
            self._images[name].set_from_pixbuf(pixbuf(picture, SIDE))


class ResultsView(Gtk.Box):
    """What was made of this image, the newest first; a press takes the look again.

    Args:
        kind: of recipe that is listed.
        describe: a recipe in one line.
        take: called with the one that is pressed.
    """

    def __init__(
        self,
        results: Results,
        kind: str,
        describe: Callable[[Recipe], str],
        take: Callable[[RememberedResult], None],
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._results, self._kind, self._describe, self._take = results, kind, describe, take
        self._grid = Grid()
        keep = Gtk.CheckButton(label=_("Keep results in the picture"), active=results.wanted)
        keep.set_tooltip_text(
            _("Small pictures of what is made are saved with it from now on; else closing it loses them")
        )
        keep.connect("toggled", lambda button: results.keep(button.get_active()))
        self.pack_start(self._grid, True, True, 0)
        self.pack_start(keep, False, False, 0)
        self.connect("map", lambda _self: self._fill())

    def _fill(self) -> None:
        shown = [result for result in self._results.shown if self._kind == result.made.recipe.KIND]
        self._grid.clear("" if shown else _("What you make of this image is shown here, to be taken again."))
        for result in shown:
            image = self._grid.put(self._describe(result.made.recipe), lambda which=result: self._take(which))
            image.set_from_pixbuf(from_png(result.image))
