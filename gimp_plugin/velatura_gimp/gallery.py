"""The styles of the library as a grid of thumbnails: GTK's view of `velatura.editor.gallery`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk, Pango
from velatura.editor.gallery import Gallery
from velatura.editor.i18n import _
from velatura.stylefile import is_style_file

from .look import UNNAMED, AskedLook
from .paper import pixbuf

ID, TITLE, ICON, ABOUT = range(4)
SIDE = 72
"""Longest side of a thumbnail, in pixels."""


class GalleryView(Gtk.Box):
    """A searchable grid of styles. The first one is taken where none was chosen yet.

    Args:
        gallery: what there is to choose from.
        look: whose style is shown and chosen.
    """

    def __init__(self, gallery: Gallery, look: AskedLook) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.second = Gtk.ListStore(str, str)
        """Names and titles for the choice of a second style, the first row meaning none."""
        self.second.append(["", _("None")])
        self._gallery, self._look = gallery, look
        self._store = Gtk.ListStore(str, str, GdkPixbuf.Pixbuf, str)
        self._blank = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, SIDE, SIDE)
        self._blank.fill(0x80808040)
        search = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        search.connect("search-changed", lambda entry: gallery.find(entry.get_text()))
        self._view = Gtk.IconView(
            model=self._store, pixbuf_column=ICON, item_width=SIDE, item_padding=4, row_spacing=0,
            column_spacing=0, margin=2, selection_mode=Gtk.SelectionMode.BROWSE,
        )  # fmt: skip
        self._view.set_tooltip_column(ABOUT)
        seen = Gtk.CssProvider()  # themes of GIMP's hardly tell the chosen one from the others
        seen.load_from_data(b"iconview:selected { background-color: #4a7dbd; color: white; }")
        self._view.get_style_context().add_provider(seen, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        title = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END, width=SIDE, xalign=0.5, scale=0.8)
        self._view.pack_end(title, False)
        self._view.add_attribute(title, "text", TITLE)
        self._view.connect("selection-changed", self._selected)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=216)
        scrolled.set_size_request(4 * (SIDE + 13), -1)
        scrolled.add(self._view)
        self._words = Gtk.Label(wrap=True, max_width_chars=46, xalign=0.0, no_show_all=True)
        self._chosen = Gtk.Label(xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        self.mine = Gtk.CheckButton(label=_("Show the styles on my layer"))
        self.mine.connect("toggled", lambda button: gallery.try_on_layer(button.get_active()))
        self._learn = Gtk.Button(no_show_all=True)
        self._learn.connect("clicked", lambda button: gallery.lessons.press(look.styles[:1]))
        self.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
        self.drag_dest_add_uri_targets()
        self.connect("drag-data-received", self._dropped)
        for widget in (search, self._words, scrolled, self._chosen, self.mine, self._learn):
            self.pack_start(widget, widget is scrolled, widget is scrolled, 0)
        gallery.changed.connect(self._changed)
        gallery.picture_changed.connect(self._picture)
        look.changed.connect(lambda name: name == "styles" and self._mark())
        self._came()

    def _changed(self, name: str) -> None:
        if name == "entries":
            self._came()
        elif name == "search":
            self._fill()
        else:
            self._say()

    def _came(self) -> None:
        """The library has come, or changed."""
        while len(self.second) > 1:  # the first row stays, as it may be the chosen one
            self.second.remove(self.second.get_iter(1))
        for entry in self._gallery.entries:
            self.second.append([entry.name, entry.title])
        self._fill()
        if len(self._store) and self._look.styles[:1] == (UNNAMED,) and not self._look.own:
            self._look.choose(self._store[0][ID])

    def _fill(self) -> None:
        """Shows what the search leaves."""
        found = self._gallery.found
        self._store.clear()
        for entry in found:
            about = GLib.markup_escape_text(": ".join(filter(None, (entry.about, entry.error))))
            self._store.append([entry.name, entry.title, self._icon(entry.name), about])
        self._say()
        self._mark()
        self._gallery.in_sight(tuple(entry.name for entry in found))

    def _say(self) -> None:
        """What the gallery has to say, and what may be done with the chosen style."""
        words = self._gallery.search_words or self._gallery.words
        offer = self._gallery.lessons.offer(self._look.styles[:1])
        for widget, text in ((self._words, words), (self._learn, offer)):
            widget.set_label(text)
            widget.set_visible(bool(text))

    def _dropped(self, _widget: Any, _context: Any, _x: int, _y: int, data: Any, *_more: Any) -> None:
        for uri in data.get_uris() or ():
            path = GLib.filename_from_uri(uri)[0]
            if is_style_file(path):
                self._gallery.add_file(Path(path))

    def _mark(self) -> None:
        """Shows the chosen style, and says which it is where the search hides it."""
        chosen = self._look.styles[0] if self._look.styles else ""
        entry = self._gallery.entry(chosen)
        self._chosen.set_text(entry.about if entry is not None else "")
        self._say()
        for row in self._store:
            if row[ID] == chosen and not self._view.path_is_selected(row.path):
                self._view.select_path(row.path)
                GLib.idle_add(self._view.scroll_to_path, row.path, False, 0, 0)

    def _icon(self, name: str) -> GdkPixbuf.Pixbuf:
        picture = self._gallery.picture(name)
        return self._blank if picture is None else pixbuf(picture, SIDE)

    def _picture(self, name: str) -> None:
        for row in self._store:
            if row[ID] == name:
                row[ICON] = self._icon(name)

    def _selected(self, view: Gtk.IconView) -> None:
        for path in view.get_selected_items():
            self._look.choose(self._store[path][ID])
