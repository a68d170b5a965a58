"""The styles of the library with their thumbnails, known only once the daemon has told them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GdkPixbuf, GLib, Gtk, Pango
from velatura.blob import Picture
from velatura.jobs import Answered, Fetched

from .link import Link
from .words import _

ID, TITLE, ICON = range(3)
SIDE = 72
"""Longest side of a thumbnail, in pixels."""


class Gallery(Gtk.Box):
    """A searchable grid of styles.

    Args:
        link: to ask for them.
        chosen: name of the style that is chosen at first, or empty.
        choose: called with the name of the style that the person takes, and with the first one's when
            none was chosen yet.
    """

    def __init__(self, link: Link, chosen: str, choose: Callable[[str], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.store = Gtk.ListStore(str, str, GdkPixbuf.Pixbuf)
        self.second = Gtk.ListStore(str, str)
        """Names and titles for the choice of a second style, the first row meaning none."""
        self.second.append(["", _("None")])
        self._link, self._chosen, self._choose = link, chosen, choose
        self._asked = ""
        self._rows: dict[str, list[Any]] = {}
        self._search = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        self._shown = self.store.filter_new()
        self._shown.set_visible_func(self._matches)
        self._view = Gtk.IconView(
            model=self._shown, pixbuf_column=ICON, item_width=SIDE, item_padding=4, row_spacing=0,
            column_spacing=0, margin=2, selection_mode=Gtk.SelectionMode.BROWSE,
        )  # fmt: skip
        self._view.set_tooltip_column(TITLE)
        title = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, width=SIDE, xalign=0.5, scale=0.8)
        self._view.pack_end(title, False)
        self._view.add_attribute(title, "text", TITLE)
        self._view.connect("selection-changed", self._selected)
        self._search.connect("search-changed", lambda _entry: self._shown.refilter())
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=240)
        scrolled.set_size_request(4 * (SIDE + 18), -1)
        scrolled.add(self._view)
        self.pack_start(self._search, False, False, 0)
        self.pack_start(scrolled, True, True, 0)

    def ask(self) -> None:
        """Asks the daemon for the list."""
        if self._link.connection is not None:
            self._asked = self._link.connection.ask("styles")
            self._link.look()

    def take(self, event: Any) -> bool:
        """Takes an event of the link, if it is about styles; True when the list has come."""
        if isinstance(event, Answered) and event.request == self._asked:
            self._fill(event.items)
            return True
        elif isinstance(event, Fetched) and event.digest in self._rows and event.picture is not None:
            icon = pixbuf(event.picture, SIDE)
            for row in self._rows.pop(event.digest):
                self.store.set_value(row, ICON, icon)
        return False

    def _fill(self, items: list[dict[str, Any]]) -> None:
        blank = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, SIDE, SIDE)
        blank.fill(0x80808040)
        self.store.clear()
        while len(self.second) > 1:
            self.second.remove(self.second.get_iter(1))
        self._rows.clear()
        for item in items:
            title = item.get("title") or item["name"]
            row = self.store.append([item["name"], title, blank])
            self.second.append([item["name"], title])
            digest = item.get("thumbnail", "")
            if digest and self._link.connection is not None:
                if digest not in self._rows:
                    self._link.connection.fetch(digest)
                self._rows.setdefault(digest, []).append(row)
        names = [item["name"] for item in items]
        if names:
            self._show(self._chosen if self._chosen in names else names[0])

    def _show(self, name: str) -> None:
        for row in self._shown:
            if row[ID] == name:
                self._view.select_path(row.path)
                GLib.idle_add(self._view.scroll_to_path, row.path, False, 0, 0)

    def _selected(self, view: Gtk.IconView) -> None:
        for path in view.get_selected_items():
            self._chosen = self._shown[path][ID]
            self._choose(self._chosen)

    def _matches(self, model: Any, row: Any, _data: Any) -> bool:
        wanted = self._search.get_text().strip().lower()
        return wanted in f"{model[row][ID]} {model[row][TITLE]}".lower()


def pixbuf(picture: Picture, side: int = 0) -> GdkPixbuf.Pixbuf:
    """A picture from the daemon (RGB or RGBA, 8 bits) for GTK, scaled down to `side` where given."""
    layout = picture.layout
    made = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(bytes(picture.data)), GdkPixbuf.Colorspace.RGB, layout.has_alpha, 8,
        layout.width, layout.height, layout.row_bytes,
    )  # fmt: skip
    if side and max(layout.width, layout.height) > side:
        scale = side / max(layout.width, layout.height)
        size = max(1, round(layout.width * scale)), max(1, round(layout.height * scale))
        made = made.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)
    return made
