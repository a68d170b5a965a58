"""The styles of the library as a grid of thumbnails: GTK's view of `velatura.editor.gallery`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk, Pango
from velatura.editor.desk import Desk
from velatura.editor.i18n import _
from velatura.editor.menus import of_style
from velatura.stylefile import is_style_file

from .look import UNNAMED, AskedLook
from .menu import menu_of
from .paper import pixbuf

ID, TITLE, ICON, ABOUT = range(4)
SIDE = 72
"""Longest side of a thumbnail, in pixels."""


class GalleryView(Gtk.Box):
    """A searchable grid of styles. The first one is taken where none was chosen yet.

    Args:
        desk: its gallery is what there is to choose from.
        look: whose style is shown and chosen.
    """

    def __init__(self, desk: Desk, look: AskedLook) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self.second = Gtk.ListStore(str, str)
        """Names and titles for the choice of a second style, the first row meaning none."""
        self.second.append(["", _("None")])
        self._desk, self._look = desk, look
        self._gallery = gallery = desk.gallery
        self._store = Gtk.ListStore(str, str, GdkPixbuf.Pixbuf, str)
        self._blank = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, SIDE, SIDE)
        self._blank.fill(0x80808040)
        search = Gtk.SearchEntry(placeholder_text=_("Search styles"))
        search.connect("search-changed", lambda entry: gallery.find(entry.get_text()))
        search.connect("stop-search", _escaped)
        self._favourites = Gtk.ToggleButton(label="♥", tooltip_text=_("Only my favourites"))
        self._favourites.connect(
            "toggled", lambda button: setattr(gallery, "favourites_only", button.get_active())
        )
        line = Gtk.Box(spacing=6)
        line.pack_start(search, True, True, 0)
        line.pack_start(self._favourites, False, False, 0)
        self._folder = Gtk.ComboBoxText(
            no_show_all=True, tooltip_text=_("The folder of styles that is shown")
        )
        self._folder_chosen = self._folder.connect(
            "changed", lambda combo: setattr(gallery, "folder", combo.get_active_id() or "")
        )
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
        self._view.connect("button-press-event", self._pressed)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER, min_content_height=216)
        scrolled.set_size_request(4 * (SIDE + 13), -1)
        scrolled.add(self._view)
        self._words = Gtk.Label(wrap=True, max_width_chars=46, xalign=0.0, no_show_all=True)
        self._chosen = Gtk.Label(xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        mine = Gtk.CheckButton(label=_("Show the styles on my layer"))
        mine.connect("toggled", lambda button: gallery.try_on_layer(button.get_active()))
        self._learn = Gtk.Button(no_show_all=True)
        self._learn.connect("clicked", lambda button: gallery.lessons.press(look.styles[:1]))
        self.drag_dest_set(Gtk.DestDefaults.ALL, [], Gdk.DragAction.COPY)
        self.drag_dest_add_uri_targets()
        self.connect("drag-data-received", self._dropped)
        for widget in (line, self._folder, self._words, scrolled, self._chosen, mine, self._learn):
            self.pack_start(widget, widget is scrolled, widget is scrolled, 0)
        gallery.changed.connect(self._changed)
        gallery.picture_changed.connect(self._picture)
        look.changed.connect(lambda name: name == "styles" and self._mark())
        self._came()

    def _changed(self, name: str) -> None:
        if name == "entries":
            self._came()
        elif name in ("search", "favourites", "favourites_only", "folders", "folder"):
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
        self._show_folders()
        self._store.clear()
        for entry in found:
            about = GLib.markup_escape_text(": ".join(filter(None, (entry.about, entry.error))))
            heart = "♥ " if entry.name in self._gallery.favourites else ""
            self._store.append([entry.name, heart + entry.title, self._icon(entry.name), about])
        self._say()
        self._mark()
        self._gallery.in_sight(tuple(entry.name for entry in found))

    def _show_folders(self) -> None:
        folders = self._gallery.folder_names
        with self._folder.handler_block(self._folder_chosen):
            self._folder.remove_all()
            self._folder.append("", _("All styles"))
            for folder in folders:
                self._folder.append(folder, folder)
            self._folder.set_active_id(self._gallery.folder)
        self._folder.set_visible(bool(folders))

    def _pressed(self, view: Gtk.IconView, event: Any) -> bool:
        """What can be done with a style, on the second button."""
        path = view.get_path_at_pos(int(event.x), int(event.y))
        entry = self._gallery.entry(self._store[path][ID]) if path is not None else None
        if event.button != Gdk.BUTTON_SECONDARY or entry is None:
            return Gdk.EVENT_PROPAGATE
        _there, place = view.get_cell_rect(path, None)  # an event's place is not of what is in sight
        menu = menu_of(of_style(self._desk, entry.name, lambda: self._ask_folder(entry.name, place)))
        menu.attach_to_widget(view, None)
        menu.popup_at_pointer(event)
        return Gdk.EVENT_STOP

    def _ask_folder(self, name: str, place: Gdk.Rectangle) -> None:
        """Asks for a new folder's name, where the style is."""
        entry, popover = Gtk.Entry(), Gtk.Popover(relative_to=self._view, pointing_to=place)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin=6)
        for widget in (Gtk.Label(label=_("Name of the folder, then Enter")), entry):
            box.add(widget)
        box.show_all()
        popover.add(box)

        def named(_entry: Gtk.Entry) -> None:
            popover.popdown()
            if entry.get_text().strip():
                self._gallery.put(name, entry.get_text().strip())

        entry.connect("activate", named)
        popover.popup()
        entry.grab_focus()

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
                self._gallery.own.add_file(Path(path))

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


def _escaped(search: Gtk.SearchEntry) -> None:
    """Escape clears a search, then closes the dialog, as it does everywhere else in it."""
    if search.get_text():
        search.set_text("")
    else:
        search.get_toplevel().response(Gtk.ResponseType.CANCEL)
