"""The dialog's menus: what can be done with a style, and what can be asked of the daemon; its downloads."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gdk, Gtk
from velatura.editor import words
from velatura.editor.desk import Desk
from velatura.editor.entries import Entry
from velatura.editor.gallery import Gallery
from velatura.editor.i18n import _
from velatura.editor.pulls import Pull, Pulls, megabytes


class DaemonButton(Gtk.Button):
    """A button with a menu that is made when it opens.

    Args:
        desk: what it asks through.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(label=_("Daemon…"))
        self.set_tooltip_text(_("Where it paints, to start it anew, and what can be downloaded"))
        self._link, self._pulls, self._use = desk.link, desk.pulls, desk.use_device
        self.connect("clicked", lambda _button: self._open())

    def _open(self) -> None:
        menu, link = Gtk.Menu(), self._link
        where = words.daemon(link.state, words.device(link.status), link.busy, link.trouble)
        _entry(menu, where).set_sensitive(False)
        menu.append(Gtk.SeparatorMenuItem())
        for name, title in words.devices(link.status, link.device).items():
            item = Gtk.CheckMenuItem(label=_("Paint on: {device}", device=title), draw_as_radio=True)
            item.set_active(name == link.device)
            item.connect("activate", lambda _item, name=name: self._use(name))
            menu.append(item)
        menu.append(Gtk.SeparatorMenuItem())
        tip = _("Ends it and starts it again, with the settings as they are; while nobody needs it")
        _entry(menu, _("Restart the daemon"), link.renew, tip).set_sensitive(link.idle)
        menu.append(Gtk.SeparatorMenuItem())
        self._downloads(menu)
        menu.show_all()
        menu.attach_to_widget(self, None)
        menu.popup_at_widget(self, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, None)

    def _downloads(self, menu: Gtk.Menu) -> None:
        pulls, offered = self._pulls, [pull for pull in self._pulls.offered if not pull.under_way]
        for pull in offered:
            if pull.kind == "model":
                text = _("Download {title} ({size})", title=pull.title, size=megabytes(pull.size))
                _entry(menu, text, lambda pull=pull: pulls.begin(pull), pull.about)
        works = [pull for pull in offered if pull.kind == "style"]
        if works:
            size = megabytes(sum(pull.size for pull in works))
            text = _("Download the pictures of {n} works of art ({size})", n=len(works), size=size)
            _entry(menu, text, lambda: pulls.begin(*works), works[0].about)
        if not pulls.offered:
            nothing = _("Everything is here") if self._link.models else _("Not known yet")
            _entry(menu, nothing).set_sensitive(False)


def style_menu(gallery: Gallery, pulls: Pulls, entry: Entry, ask: Callable[[], None]) -> Gtk.Menu:
    """What can be done with one style.

    Args:
        ask: asks for the name of a new folder for it.
    """
    menu, folders, name = Gtk.Menu(), Gtk.Menu(), entry.name
    _entry(menu, entry.about).set_sensitive(False)
    favourite = _("No favourite any more") if name in gallery.favourites else _("Make it a favourite")
    _entry(menu, favourite, lambda: gallery.favour(name))
    for folder in ("", *gallery.folder_names):
        item = Gtk.CheckMenuItem(label=folder or _("In no folder"), draw_as_radio=True)
        item.set_active(folder == gallery.folders.get(name, ""))
        item.connect("activate", lambda _item, folder=folder: gallery.put(name, folder))
        folders.append(item)
    _entry(folders, _("A new folder…"), ask)
    _entry(menu, _("Folder")).set_submenu(folders)
    picture = pulls.find("style", name)
    if picture is not None and not picture.under_way:
        _entry(menu, _("Download its picture"), lambda: pulls.begin(picture), picture.about)
    if entry.mine:
        _entry(menu, _("Remove from my styles"), lambda: gallery.own.remove(name))
    menu.show_all()
    return menu


def _entry(menu: Gtk.Menu, text: str, call: Callable[[], None] | None = None, tip: str = "") -> Gtk.MenuItem:
    item = Gtk.MenuItem(label=text, tooltip_text=tip)
    if call is not None:
        item.connect("activate", lambda _item: call())
    menu.append(item)
    return item


class PullRow(Gtk.Box):
    """The download that runs, with how many wait, or one that failed, with why; hidden without any."""

    def __init__(self, pulls: Pulls) -> None:
        super().__init__(spacing=6, border_width=12, no_show_all=True)
        self._pulls = pulls
        self._bar = Gtk.ProgressBar(show_text=True, valign=Gtk.Align.CENTER, visible=True)
        self._words = Gtk.Label(wrap=True, max_width_chars=80, xalign=0.0)
        self._again = Gtk.Button(label=_("Try again"))
        self._again.connect("clicked", lambda _button: pulls.begin(*pulls.failed))
        self._end = Gtk.Button(label=_("Cancel the download"), visible=True)
        self._end.set_tooltip_text(_("What has come is kept"))
        self._end.connect("clicked", lambda _button: self._give_up())
        for widget in (self._bar, self._words, self._again, self._end):
            self.pack_start(widget, widget in (self._bar, self._words), True, 0)
        pulls.changed.connect(lambda _name: self._refresh())

    def _give_up(self) -> None:
        if self._pulls.under_way:
            self._pulls.cancel(*self._pulls.under_way)
        else:
            self._pulls.forget_failed()

    def _refresh(self) -> None:
        now: Pull | None = self._pulls.current
        self.set_visible(now is not None)
        if now is None:
            return
        text = f"{now.title}: {self._pulls.current_words}"
        self._bar.set_visible(now.under_way)
        self._bar.set_text(text)
        self._bar.set_fraction(now.fraction or 0.0)
        self._words.set_visible(not now.under_way)
        self._words.set_text(text)
        self._again.set_visible(not now.under_way)
        self._end.set_label(_("Cancel the download") if now.under_way else _("Close"))
