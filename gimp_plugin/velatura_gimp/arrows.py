"""Arrows for shapes in the dialog: their buttons, the style's picture with a list of them, and how they are
drawn on the preview.

GIMP's Python has no library that draws lines, so an arrow is drawn as a row of small filled squares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk
from velatura.blob import Blob, Picture
from velatura.editor.arrows import Arrows, Point
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from .buffers import data_of
from .look import AskedLook
from .paper import pixbuf, scaled

EDGE, LINE = 0x202020FF, 0xFFFFFFFF
"""Colours, as red, green, blue and alpha."""

COLORS = (0xFF9020FF, 0x30C0FFFF, 0x70E040FF, 0xFF50A0FF, 0xFFE030FF, 0x9070FFFF, 0x30E0B0FF, 0xE04030FF)
"""Of the arrows, one after the other: the same on both pictures and in the list."""

SIDE = 180
"""Longest side of the style's picture, in pixels."""

REACH = 12
"""Pixels around a place in the style where it is taken hold of."""

SWATCH = 12


class ArrowBar(Gtk.Box):
    """Buttons for the arrows, how it stands with them, and while they are shown where they lead.

    Args:
        own: the style's picture where it is the person's own; raises `Refused`.
    """

    def __init__(self, arrows: Arrows, look: AskedLook, own: Callable[[], Blob | None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._arrows, self._look, self._own = arrows, look, own
        self._seen: Blob | None = None
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
        self._list = PairList(arrows)
        self._list.set_no_show_all(True)
        line = Gtk.Box(spacing=6)
        for widget in (self._find, clear, self._show):
            line.pack_start(widget, False, False, 0)
        for widget in (line, self._words, self._list):
            self.pack_start(widget, False, False, 0)
        arrows.changed.connect(self._changed)

    def look(self) -> None:
        """The style may be another."""
        if not self._arrows.shown or not self._look.own:
            return
        try:
            seen = self._own()
        except Refused as refused:
            self._words.set_text(str(refused))
            return
        if seen is not None and seen is not self._seen:
            self._arrows.see_style(Picture(seen.layout, data_of(seen)))
        self._seen = seen

    def _ask(self) -> None:
        self._show.set_active(True)
        self._arrows.find()

    def _shown(self, shown: bool) -> None:
        self._seen = None
        self._arrows.show(shown)
        self.look()
        self._list.set_no_show_all(not shown)
        self._list.show_all() if shown else self._list.hide()
        GLib.idle_add(self._bring_into_sight)

    def _bring_into_sight(self) -> None:
        """The column may be longer than the screen is high; called once there is room in it."""
        column = self.get_ancestor(Gtk.ScrolledWindow)
        if self._arrows.shown and column is not None:
            place = column.get_vadjustment()
            place.set_value(place.get_upper() - place.get_page_size())

    def _changed(self, name: str) -> None:
        if name == "finding":
            GLib.idle_add(self._bring_into_sight)
        self._find.set_sensitive(not self._arrows.finding)
        self._words.set_text(self._arrows.words)
        self._words.set_visible(bool(self._arrows.words))


class PairList(Gtk.Box):
    """The style's picture, on which the ends of the arrows can be dragged, beside a list of them."""

    def __init__(self, arrows: Arrows) -> None:
        super().__init__(spacing=6)
        self._arrows, self._held = arrows, -1
        self._picture: GdkPixbuf.Pixbuf | None = None
        self._image = Gtk.Image()
        area = Gtk.EventBox(halign=Gtk.Align.START, valign=Gtk.Align.START)
        area.set_tooltip_text(_("Drag the dots to where the style has what the arrows begin at"))
        area.add(self._image)
        area.connect("button-press-event", self._press)
        area.connect("motion-notify-event", self._move)
        area.connect("button-release-event", self._release)
        self._store = Gtk.ListStore(GdkPixbuf.Pixbuf, str)
        self._view = Gtk.TreeView(model=self._store, headers_visible=False)
        swatch, text = Gtk.CellRendererPixbuf(), Gtk.CellRendererText(scale=0.85)
        self._view.append_column(Gtk.TreeViewColumn("", swatch, pixbuf=0))
        self._view.append_column(Gtk.TreeViewColumn("", text, text=1))
        self._view.connect("key-press-event", self._key)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, overlay_scrolling=False)
        scrolled.set_size_request(-1, SIDE - 36)
        scrolled.add(self._view)
        add = Gtk.Button(label=_("Add"), tooltip_text=_("A new arrow in the middle of the layer"))
        add.connect("clicked", lambda _button: self._add())
        drop = Gtk.Button(label=_("Remove"), tooltip_text=_("Takes the chosen arrow out"))
        drop.connect("clicked", lambda _button: self._drop())
        buttons, side = Gtk.Box(spacing=6), Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        for button in (add, drop):
            buttons.pack_start(button, True, True, 0)
        side.pack_start(scrolled, True, True, 0)
        side.pack_start(buttons, False, False, 0)
        self.pack_start(area, False, False, 0)
        self.pack_start(side, True, True, 0)
        arrows.changed.connect(self._changed)

    # -- the list -----------------------------------------------------------------------------------------

    def _changed(self, name: str) -> None:
        if name == "style":
            self._picture = pixbuf(self._arrows.style, SIDE) if self._arrows.style else None
        if name in ("style", "arrows"):
            self._fill()
            self._draw()

    def _fill(self) -> None:
        rows = [
            f"{arrow.place[0]:.0f}, {arrow.place[1]:.0f} → {arrow.there[0]:.0%}, {arrow.there[1]:.0%}"
            for arrow in self._arrows.arrows
        ]
        while len(self._store) > len(rows):
            self._store.remove(self._store.get_iter(len(self._store) - 1))
        for index, words in enumerate(rows):
            if index < len(self._store):
                self._store[index][1] = words
            else:
                self._store.append([_swatch(index), words])

    def _chosen(self) -> int:
        """The row that is chosen; -1 without one."""
        path, _column = self._view.get_cursor()
        return path.get_indices()[0] if path is not None else -1

    def _add(self) -> None:
        if self._arrows.taken is not None:
            self._choose(self._arrows.add(self._arrows.taken.crop.middle))

    def _drop(self) -> None:
        index = self._chosen()
        if 0 <= index < len(self._arrows.arrows):
            self._arrows.delete(index)

    def _choose(self, index: int) -> None:
        self._view.set_cursor(Gtk.TreePath.new_from_indices([index]))

    def _key(self, _view: Any, event: Any) -> bool:
        if event.keyval != Gdk.KEY_Delete:
            return Gdk.EVENT_PROPAGATE
        self._drop()
        return Gdk.EVENT_STOP

    # -- the style's picture ------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self._picture is None:
            self._image.clear()
            return
        shown = scaled(self._picture, SIDE)
        for index, arrow in enumerate(self._arrows.arrows):
            x, y = arrow.there[0] * shown.get_width(), arrow.there[1] * shown.get_height()
            for size, color in ((5, EDGE), (3, color_of(index))):
                _square(shown, x, y, size, color)
        self._image.set_from_pixbuf(shown)

    def _place(self, event: Any) -> Point:
        """Where a mouse is in the style, as shares."""
        shown = self._image.get_pixbuf()
        return event.x / shown.get_width(), event.y / shown.get_height()

    def _press(self, _area: Any, event: Any) -> bool:
        if self._image.get_pixbuf() is None:
            return Gdk.EVENT_PROPAGATE
        x, y = self._place(event)
        away = [max(abs(arrow.there[0] - x), abs(arrow.there[1] - y)) for arrow in self._arrows.arrows]
        nearest = min(range(len(away)), key=away.__getitem__, default=-1)
        self._held = nearest if away and away[nearest] * SIDE <= REACH else -1
        if self._held >= 0:
            self._choose(self._held)
        return Gdk.EVENT_STOP

    def _move(self, _area: Any, event: Any) -> bool:
        if 0 <= self._held < len(self._arrows.arrows):
            self._arrows.place_there(self._held, self._place(event))
        return Gdk.EVENT_STOP

    def _release(self, _area: Any, _event: Any) -> bool:
        self._held = -1
        return Gdk.EVENT_STOP


def drawn(
    picture: GdkPixbuf.Pixbuf, arrows: Arrows, on_picture: Callable[[Point], Point]
) -> GdkPixbuf.Pixbuf:
    """A copy of a picture with the arrows on it.

    Args:
        on_picture: where a point of the image is in the picture.
    """
    out = picture.copy()
    for size, edge in ((2, True), (1, False)):
        for index, arrow in enumerate(arrows.arrows):
            (ax, ay), (bx, by) = on_picture(arrow.place), on_picture(arrow.goal)
            steps = max(1, round(max(abs(bx - ax), abs(by - ay))))
            for step in range(steps):
                at = ax + (bx - ax) * step / steps, ay + (by - ay) * step / steps
                _square(out, *at, size, EDGE if edge else LINE)
            for x, y, more in ((ax, ay, 1), (bx, by, 3)):
                _square(out, x, y, size + more, EDGE if edge else color_of(index))
    return out


def color_of(index: int) -> int:
    return COLORS[index % len(COLORS)]


def _swatch(index: int) -> GdkPixbuf.Pixbuf:
    made = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, SWATCH, SWATCH)
    made.fill(color_of(index))
    return made


def _square(picture: GdkPixbuf.Pixbuf, x: float, y: float, size: int, color: int) -> None:
    """Fills what of a square around a point lies inside."""
    left, top = max(0, round(x) - size), max(0, round(y) - size)
    right = min(picture.get_width(), round(x) + size + 1)
    bottom = min(picture.get_height(), round(y) + size + 1)
    if left < right and top < bottom:
        picture.new_subpixbuf(left, top, right - left, bottom - top).fill(color)
