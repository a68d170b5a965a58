"""The dialog's menus, as `velatura.editor.menus` has them; its downloads."""

from __future__ import annotations

from collections.abc import Sequence

from gi.repository import Gdk, Gtk
from velatura.editor import menus
from velatura.editor.desk import Desk
from velatura.editor.i18n import _
from velatura.editor.menus import Item
from velatura.editor.pulls import Pull, Pulls


def menu_of(items: Sequence[Item]) -> Gtk.Menu:
    """A menu with these entries."""
    menu = Gtk.Menu()
    for item in items:
        menu.append(_entry(item))
    menu.show_all()
    return menu


def _entry(item: Item) -> Gtk.MenuItem:
    if not item.text:
        return Gtk.SeparatorMenuItem()
    if item.chosen is None:
        made = Gtk.MenuItem(label=item.text)
    else:
        made = Gtk.CheckMenuItem(label=item.text, draw_as_radio=True, active=item.chosen)
    made.set_tooltip_text(item.tip or None)
    made.set_sensitive(item.enabled)
    if item.items:
        made.set_submenu(menu_of(item.items))
    call = item.call
    if call is not None:
        made.connect("activate", lambda _item: call())
    return made


class DaemonButton(Gtk.Button):
    """A button with a menu that is made when it opens.

    Args:
        desk: what it asks through.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(label=_("Daemon…"))
        self.set_tooltip_text(_("Where it paints, to start it anew, and what can be downloaded"))
        self._desk = desk
        self.connect("clicked", lambda _button: self._open())

    def _open(self) -> None:
        menu = menu_of((Item(self._desk.link.words, enabled=False), menus.LINE, *menus.of_daemon(self._desk)))
        menu.attach_to_widget(self, None)
        menu.popup_at_widget(self, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, None)


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
        self._end.connect("clicked", lambda _button: pulls.give_up())
        for widget in (self._bar, self._words, self._again, self._end):
            self.pack_start(widget, widget in (self._bar, self._words), True, 0)
        pulls.changed.connect(lambda _name: self._refresh())

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
