"""A style of one's own in the dialog: a picture file or a layer, seen large, and put into the library."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gtk
from velatura.blob import Blob, Picture
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from .buffers import data_of
from .paper import pixbuf

SIDE = 230
"""Longest side of the picture, in pixels."""


class OwnStyle(Gtk.Box):
    """A page of the dialog.

    Args:
        chooser: GIMP's own widget for the argument.
        read: the picture that is given, and its title; None without one. Raises `Refused`.
        add: puts a picture into the library under a title.
    """

    def __init__(
        self,
        chooser: Gtk.Widget,
        read: Callable[[], tuple[Blob, str] | None],
        add: Callable[[Blob, str], object],
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._read, self._add = read, add
        self._shown: Blob | None = None
        self._image = Gtk.Image()
        self._image.set_size_request(-1, SIDE)
        self._words = Gtk.Label(wrap=True, max_width_chars=46, xalign=0.0)
        self._button = Gtk.Button(label=_("Add to the library"), halign=Gtk.Align.START, sensitive=False)
        self._button.connect("clicked", lambda _button: self._keep())
        for widget in (chooser, self._image, self._words, self._button):
            self.pack_start(widget, widget is self._image, False, 0)
        self.connect("map", lambda _self: self.look())

    def look(self) -> None:
        """Shows what is given now, where the page is in sight."""
        if not self.get_mapped():
            return
        try:
            given = self._read()
        except Refused as refused:
            self._words.set_text(str(refused))
            given = None
        else:
            self._words.set_text(given[1] if given else _("Until one is chosen, the style stays as it is."))
        self._button.set_sensitive(given is not None)
        blob = given[0] if given else None
        if blob is None:
            self._image.clear()
        elif blob is not self._shown:
            self._image.set_from_pixbuf(pixbuf(Picture(blob.layout, data_of(blob)), SIDE))
        self._shown = blob

    def _keep(self) -> None:
        given = self._read()
        if given is not None:
            given[0].hash_whole()
            self._add(*given)
