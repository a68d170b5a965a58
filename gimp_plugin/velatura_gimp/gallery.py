"""The styles of the library as a grid of thumbnails: GTK's view of `velatura.editor.gallery`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk, Pango
from velatura.blob import Picture
from velatura.editor.gallery import Gallery
from velatura.editor.i18n import _
from velatura.stylefile import is_style_file

ID, TITLE, ICON, ABOUT = range(4)
SIDE = 72
"""Longest side of a thumbnail, in pixels."""


class GalleryView(Gtk.Box):
    """A searchable grid of styles.

    Args:
        gallery: what there is to choose from.
        chosen: name of the style that is chosen at first, or empty.
        choose: called with the name of the style that the person takes, and with the first one's when
            none was chosen yet.
    """

    def __init__(self, gallery: Gallery, chosen: str, choose: Callable[[str], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.second = Gtk.ListStore(str, str)
        """Names and titles for the choice of a second style, the first row meaning none."""
        self.second.append(["", _("None")])
        self._gallery, self._chosen, self._choose = gallery, chosen, choose
        self._store = Gtk.ListStore(str, str, GdkPixbuf.Pixbuf, str)
        self._blank = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, SIDE, SIDE)
        self._blank.fill(0x80808040)
        search = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        search.connect("search-changed", self._search)
        self._view = Gtk.IconView(
            model=self._store, pixbuf_column=ICON, item_width=SIDE, item_padding=4, row_spacing=0,
            column_spacing=0, margin=2, selection_mode=Gtk.SelectionMode.BROWSE,
        )  # fmt: skip
        self._view.set_tooltip_column(ABOUT)
        title = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, width=SIDE, xalign=0.5, scale=0.8)
        self._view.pack_end(title, False)
        self._view.add_attribute(title, "text", TITLE)
        self._view.connect("selection-changed", self._selected)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=240)
        scrolled.set_size_request(4 * (SIDE + 18), -1)
        scrolled.add(self._view)
        self._none = Gtk.Label(wrap=True, max_width_chars=50, xalign=0.0, no_show_all=True)
        self._learn = Gtk.Button(no_show_all=True)
        self._learn.connect("clicked", lambda button: gallery.lessons.press((self._chosen,)))
        self._words = Gtk.Label(wrap=True, max_width_chars=48, xalign=0.0, no_show_all=True)
        self.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
        self.drag_dest_add_uri_targets()
        self.connect("drag-data-received", self._dropped)
        mine = Gtk.CheckButton(label=_("Show the styles on my layer"))
        mine.connect("toggled", lambda button: gallery.try_on_layer(button.get_active()))
        self.pack_start(search, False, False, 0)
        self.pack_start(self._none, False, False, 0)
        self.pack_start(scrolled, True, True, 0)
        self.pack_start(mine, False, False, 0)
        self.pack_start(self._learn, False, False, 0)
        self.pack_start(self._words, False, False, 0)
        gallery.changed.connect(lambda name: self._came() if name == "entries" else self._say())
        gallery.picture_changed.connect(self._picture)
        self._came()

    def _came(self) -> None:
        """The library has come, or changed."""
        while len(self.second) > 1:  # the first row stays, as it may be the chosen one
            self.second.remove(self.second.get_iter(1))
        for entry in self._gallery.entries:
            self.second.append([entry.name, entry.title])
        self._fill()

    def _say(self) -> None:
        """What the gallery has to say, and what may be done with the chosen style."""
        offer = self._gallery.lessons.offer((self._chosen,))
        for label, text in ((self._words, self._gallery.words), (self._learn, offer)):
            label.set_label(text)
            label.set_visible(bool(text))

    def _dropped(self, _widget: Any, _context: Any, _x: int, _y: int, data: Any, *_more: Any) -> None:
        for uri in data.get_uris() or ():
            path = GLib.filename_from_uri(uri)[0]
            if is_style_file(path):
                self._gallery.add_file(Path(path))

    def _search(self, entry: Gtk.SearchEntry) -> None:
        self._gallery.find(entry.get_text())
        self._fill()

    def _fill(self) -> None:
        """Shows what the search leaves; one entry alone is chosen, so that nothing unseen is painted."""
        found = self._gallery.found
        self._none.set_text(self._gallery.search_words)
        self._none.set_visible(bool(self._gallery.search_words))
        self._store.clear()
        for entry in found:
            about = GLib.markup_escape_text(": ".join(filter(None, (entry.about, entry.error))))
            self._store.append([entry.name, entry.title, self._icon(entry.name), about])
        names = [entry.name for entry in found]
        if names and self._chosen not in names and (len(names) == 1 or not self._chosen):
            self._chosen = names[0]
        if self._chosen in names:
            path = Gtk.TreePath.new_from_indices([names.index(self._chosen)])
            self._view.select_path(path)
            GLib.idle_add(self._view.scroll_to_path, path, False, 0, 0)
        self._gallery.in_sight(tuple(names))

    def _icon(self, name: str) -> GdkPixbuf.Pixbuf:
        picture = self._gallery.picture(name)
        return self._blank if picture is None else pixbuf(picture, SIDE)

    def _picture(self, name: str) -> None:
        for row in self._store:
            if row[ID] == name:
                row[ICON] = self._icon(name)

    def _selected(self, view: Gtk.IconView) -> None:
        for path in view.get_selected_items():
            self._chosen = self._store[path][ID]
            self._choose(self._chosen)
            self._say()


def pixbuf(picture: Picture, side: int = 0) -> GdkPixbuf.Pixbuf:
    """A picture of 8 bits for GTK, scaled down to `side` where given."""
    layout, data = picture.layout, bytes(picture.data)
    if layout.channels.startswith("GRAY"):
        step = layout.pixel_bytes
        gray = bytearray(b"\xff" * (4 * layout.width * layout.height))
        for place in range(3):
            gray[place::4] = data[::step]
        if layout.has_alpha:
            gray[3::4] = data[1::2]
        data = bytes(gray)
    alpha = layout.channels != "RGB"
    made = GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(data), GdkPixbuf.Colorspace.RGB, alpha, 8,
        layout.width, layout.height, layout.width * (4 if alpha else 3),
    )  # fmt: skip
    if side and max(layout.width, layout.height) > side:
        scale = side / max(layout.width, layout.height)
        size = max(1, round(layout.width * scale)), max(1, round(layout.height * scale))
        made = made.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)
    return made
