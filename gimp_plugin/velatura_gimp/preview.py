"""Where the dialog shows the preview: a `Surface` of `velatura.editor`, with its buttons and words.

The picture is the original while the mouse button is held. In full size it is a part, which a drag moves; a
double click goes there and back. Where shapes move, their arrows lie over it and can be dragged.
"""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, GdkPixbuf, Gtk
from velatura.blob import Picture
from velatura.editor.arrows import Arrows, Point
from velatura.editor.i18n import _
from velatura.editor.memory import Memory
from velatura.editor.paper import Source
from velatura.editor.preview import LivePreview

from . import arrows as drawing
from .buffers import data_of
from .paper import BeforeAfter, pixbuf, scaled

SIDE = 440
"""Longest side of the picture in the dialog, in pixels."""

MADE_OF = 640
"""Longest side of what it is made of: a whole factor smaller than the layer, and not far below `SIDE`."""

DRAG = 6
"""Pixels that the pointer moves in a drag."""

LIVE = "preview"
"""What a memory calls whether there shall be a preview."""

WORDS = 38
"""Height of the words below it, in pixels: two lines, so that nothing jumps when they come and go."""

REACH = 10
"""Pixels around an end of an arrow where it is taken hold of."""


class PreviewView(Gtk.Box):
    """The picture with a line of buttons and one of words below it; `attach` gives it its preview."""

    def __init__(self) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._taken: Source | None = None
        self._before: GdkPixbuf.Pixbuf | None = None
        self._after: GdkPixbuf.Pixbuf | None = None
        self._pressed = (0.0, 0.0)
        self._arrows: Arrows | None = None
        self._held: tuple[int, bool] | None = None
        self._image = Gtk.Image()
        self._image.set_size_request(SIDE, SIDE)
        area = Gtk.EventBox(tooltip_text=_("Hold the mouse button to see the original"))
        area.add(self._image)
        area.connect("button-press-event", self._press)
        area.connect("button-release-event", self._release)
        area.connect("motion-notify-event", self._move)
        self._live = Gtk.CheckButton.new_with_mnemonic(_("Li_ve preview"))
        self._live.set_active(True)
        self._close = Gtk.ToggleButton.new_with_mnemonic(_("_1:1"))
        self._close.set_tooltip_text(
            _("A part in full size, as large as its strokes will be; drag to move it")
        )
        self._words = Gtk.Label(xalign=0.0, wrap=True, width_chars=40, max_width_chars=56)
        self._words.set_lines(2)
        self._words.set_size_request(-1, WORDS)
        self._words.set_yalign(0.0)
        self.line = Gtk.Box(spacing=6)
        """The buttons; a dialog adds its own at the end."""
        self.line.pack_start(self._live, False, False, 0)
        self.line.pack_end(self._close, False, False, 0)
        for widget, grows in ((area, True), (self.line, False), (self._words, False)):
            self.pack_start(widget, grows, grows, 0)

    def attach(self, preview: LivePreview, memory: Memory) -> None:
        """Shows a preview, and turns it on unless the person did without the last time."""
        self._preview = preview
        self._live.set_active(bool(memory.settings.get(LIVE, True)))
        preview.side, preview.close_side = MADE_OF, SIDE
        preview.changed.connect(self._changed)
        self._live.connect("toggled", lambda button: self._turn(button.get_active()))
        self._kept = self._live.connect("toggled", lambda button: memory.set(LIVE, button.get_active()))
        self._close.connect("toggled", lambda button: preview.look_close(button.get_active()))
        preview.turn(self._live.get_active())

    def wait(self, words: str) -> None:
        """Makes a preview only when it is asked for, and says why."""
        with self._live.handler_block(self._kept):
            self._live.set_active(False)
        self.say(words)

    def _turn(self, on: bool) -> None:
        self._preview.turn(on)
        self._close.set_sensitive(on)

    def draw_arrows(self, arrows: Arrows) -> None:
        """Shows arrows, while they are to be shown, over the picture from now on."""
        self._arrows = arrows
        arrows.changed.connect(lambda name: self._draw())

    def say(self, words: str) -> None:
        """Shows words below the picture."""
        self._words.set_text(words)

    # -- the Surface --------------------------------------------------------------------------------------

    def show(self, image: object, taken: Source) -> bool:
        assert isinstance(image, BeforeAfter)
        self._taken, self._before, self._after = taken, image.before, image.after
        self._draw()
        return True

    def hide(self) -> None:
        self._after = None
        self._draw()

    def zoom(self) -> float:
        crop = self._taken.crop if self._taken is not None else None
        return min(1.0, SIDE / max(crop.width, crop.height)) if crop else 1.0

    def view(self) -> None:
        """Nobody zooms in the dialog, but by its button."""

    def frame(self, picture: Picture) -> None:
        """An intermediate picture, of 8 bits, of the job that runs."""
        self._after = pixbuf(picture)
        self._draw()

    # -- what changes -------------------------------------------------------------------------------------

    def _changed(self, name: str) -> None:
        if name == "words":
            self.say(self._preview.words)
        elif name == "original":
            original = self._preview.original
            if original is None and not self._preview.on:
                return  # it stays in sight
            self._before = original and pixbuf(Picture(original.layout, data_of(original)))
            self._draw()

    def _press(self, _area: Any, event: Any) -> bool:
        place, arrows = self._point(event.x, event.y), self._arrows
        if arrows is not None and arrows.shown and place is not None:
            self._held = arrows.at(place, REACH * self._scale)
            if event.button == Gdk.BUTTON_SECONDARY and event.type == Gdk.EventType.BUTTON_PRESS:
                self._add_or_delete(arrows, place)  # a quick second press comes twice, as a double one too
            if self._held is not None or event.button == Gdk.BUTTON_SECONDARY:
                return Gdk.EVENT_STOP
        if event.type == Gdk.EventType.DOUBLE_BUTTON_PRESS:
            self._preview.look_close(not self._preview.close, self._point(event.x, event.y))
            self._close.set_active(self._preview.close)
        self._pressed = event.x, event.y
        self._draw(before=True)
        return Gdk.EVENT_PROPAGATE

    def _add_or_delete(self, arrows: Arrows, place: Point) -> None:
        if self._held is None:
            self._held = arrows.add(place), True  # its head is dragged from here on
        else:
            arrows.delete(self._held[0])
            self._held = None

    def _move(self, _area: Any, event: Any) -> bool:
        place = self._point(event.x, event.y)
        if self._held is None or self._arrows is None or place is None:
            return Gdk.EVENT_PROPAGATE
        index, head = self._held
        (self._arrows.aim if head else self._arrows.move)(index, place)
        return Gdk.EVENT_STOP

    def _release(self, _area: Any, event: Any) -> bool:
        if self._held is not None:
            self._held = None
            return Gdk.EVENT_STOP
        dx, dy = event.x - self._pressed[0], event.y - self._pressed[1]
        if self._preview.close and max(abs(dx), abs(dy)) >= DRAG:
            middle = self._image.get_allocated_width() / 2, self._image.get_allocated_height() / 2
            self._preview.look_close(True, self._point(middle[0] - dx, middle[1] - dy))
        self._draw()
        return Gdk.EVENT_PROPAGATE

    def _point(self, x: float, y: float) -> tuple[int, int] | None:
        """The pixel of the image that is shown at a place of the widget."""
        if self._taken is None:
            return None
        crop, scale = self._taken.crop, self._scale
        right, down = x - self._image.get_allocated_width() / 2, y - self._image.get_allocated_height() / 2
        return crop.middle[0] + round(right * scale), crop.middle[1] + round(down * scale)

    @property
    def _scale(self) -> float:
        """Pixels of the image for one of the widget."""
        crop = self._taken.crop if self._taken is not None else None
        return max(crop.width, crop.height) / SIDE if crop else 1.0

    def _on_picture(self, point: Point) -> Point:
        """Where a point of the image is in the picture."""
        assert self._taken is not None
        crop = self._taken.crop
        return (point[0] - crop.x) / self._scale, (point[1] - crop.y) / self._scale

    def _draw(self, before: bool = False) -> None:
        picture = self._before if before or self._after is None else self._after
        if picture is None:
            self._image.clear()
            return
        shown = scaled(picture, SIDE)
        if self._arrows is not None and self._arrows.shown and self._taken is not None:
            shown = drawing.drawn(shown, self._arrows, self._on_picture)
        self._image.set_from_pixbuf(shown)
