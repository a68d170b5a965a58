"""Arrows for shapes in the dialog: their buttons, and how they are drawn on the preview.

GIMP's Python has no library that draws lines, so an arrow is drawn as a row of small filled squares.
"""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import GdkPixbuf, Gtk
from velatura.editor.arrows import Arrows, Point
from velatura.editor.i18n import _

from .look import AskedLook

EDGE, LINE, HEAD = 0x202020FF, 0xFFFFFFFF, 0xFF9020FF
"""Colours, as red, green, blue and alpha."""


class ArrowBar(Gtk.Box):
    """Buttons for the arrows, and how it stands with them."""

    def __init__(self, arrows: Arrows, look: AskedLook) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._arrows, self._look = arrows, look
        self._find = Gtk.Button(label=_("Find pairs"))
        self._find.set_tooltip_text(_("Looks for places of the style that are like places of the layer"))
        self._find.connect("clicked", lambda _button: self._ask())
        self._show = Gtk.CheckButton(label=_("Show arrows"))
        self._show.set_tooltip_text(
            _("Drag the ends of an arrow; a right click adds one, or takes the one there out")
        )
        self._show.connect("toggled", lambda button: self._shown(button.get_active()))
        clear = Gtk.Button(label=_("Clear"))
        clear.connect("clicked", lambda _button: arrows.clear())
        self._words = Gtk.Label(xalign=0.0, wrap=True, max_width_chars=46, no_show_all=True)
        line = Gtk.Box(spacing=6)
        for widget in (self._find, clear, self._show):
            line.pack_start(widget, False, False, 0)
        self.pack_start(line, False, False, 0)
        self.pack_start(self._words, False, False, 0)
        arrows.changed.connect(self._changed)

    def _ask(self) -> None:
        self._show.set_active(True)
        self._arrows.find()

    def _shown(self, shown: bool) -> None:
        if self._look.own:  # a style that the daemon cannot show
            self._arrows.shown = shown
            self._arrows.follow()
        else:
            self._arrows.show(shown)

    def _changed(self, name: str) -> None:
        self._find.set_sensitive(not self._arrows.finding)
        self._words.set_text(self._arrows.words)
        self._words.set_visible(bool(self._arrows.words))


def drawn(
    picture: GdkPixbuf.Pixbuf, arrows: Arrows, on_picture: Callable[[Point], Point]
) -> GdkPixbuf.Pixbuf:
    """A copy of a picture with the arrows on it.

    Args:
        on_picture: where a point of the image is in the picture.
    """
    out = picture.copy()
    for size, line, head in ((2, EDGE, EDGE), (1, LINE, HEAD)):
        for arrow in arrows.arrows:
            (ax, ay), (bx, by) = on_picture(arrow.place), on_picture(arrow.goal)
            steps = max(1, round(max(abs(bx - ax), abs(by - ay))))
            for step in range(steps):
                _square(out, ax + (bx - ax) * step / steps, ay + (by - ay) * step / steps, size, line)
            _square(out, bx, by, size + 2, head)
    return out


def _square(picture: GdkPixbuf.Pixbuf, x: float, y: float, size: int, color: int) -> None:
    """Fills what of a square around a point lies inside."""
    left, top = max(0, round(x) - size), max(0, round(y) - size)
    right = min(picture.get_width(), round(x) + size + 1)
    bottom = min(picture.get_height(), round(y) + size + 1)
    if left < right and top < bottom:
        picture.new_subpixbuf(left, top, right - left, bottom - top).fill(color)
