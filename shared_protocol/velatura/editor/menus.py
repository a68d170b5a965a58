"""What menus offer in every editor, as plain values: a plug-in only draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import words
from .desk import Desk
from .i18n import _
from .link import Link
from .pulls import Pull, Pulls, megabytes


@dataclass(frozen=True)
class Item:
    """An entry of a menu.

    Attributes:
        text: what it is called; empty for a line between others.
        call: what it does; None for words that are only read, and for a menu of its own.
        tip: what it is good for.
        enabled: whether it can be pressed now.
        chosen: whether it has a mark, of those that have one; None for one without.
        items: the entries of a menu of its own.
    """

    text: str = ""
    call: Callable[[], object] | None = None
    tip: str = ""
    enabled: bool = True
    chosen: bool | None = None
    items: tuple[Item, ...] = ()


LINE = Item()


def of_style(desk: Desk, name: str, ask_folder: Callable[[], None], *mixing: Item) -> tuple[Item, ...]:
    """What can be done with a style; nothing with one that is gone.

    Args:
        ask_folder: asks for the name of a new folder, and puts the style there.
        mixing: what can be done with it in a mix, where an editor has that.
    """
    gallery, picture = desk.gallery, desk.pulls.find("style", name)
    entry, lessons = gallery.entry(name), gallery.lessons
    if entry is None:
        return ()
    favourite = _("No favourite any more") if name in gallery.favourites else _("Make it a favourite")
    now = gallery.folders.get(name, "")
    folders = tuple(
        Item(
            folder or _("In no folder"), lambda folder=folder: gallery.put(name, folder), chosen=folder == now
        )
        for folder in ("", *gallery.folder_names)
    )
    found = [
        Item(entry.about, enabled=False),
        Item(favourite, lambda: gallery.favour(name)),
        Item(_("Folder"), items=(*folders, LINE, Item(_("A new folder…"), ask_folder))),
        *mixing,
    ]
    if entry.can_learn and not lessons.learning:
        found.append(Item(_("Learn this style"), lambda: lessons.learn(name)))
    if lessons.learning == name:
        found.append(Item(_("Stop learning and keep it"), lessons.stop))
        found.append(Item(_("Cancel learning"), lessons.cancel))
    if picture is not None:
        found.append(_download(desk.pulls, picture, _("Download its picture")))
    if entry.mine:
        found.append(Item(_("Remove from my styles"), lambda: gallery.own.remove(name)))
    return tuple(found)


def downloads(pulls: Pulls, link: Link) -> tuple[Item, ...]:
    """What can be downloaded: each network, and all pictures at once; a style's own menu has its own."""
    works = [pull for pull in pulls.offered if pull.kind == "style" and not pull.under_way]
    found = [_download(pulls, pull, pull.title) for pull in pulls.offered if pull.kind == "model"]
    if works:
        text = _(
            "Pictures of {n} works of art ({size})", n=len(works), size=megabytes(sum(p.size for p in works))
        )
        found.append(Item(text, lambda: pulls.begin(*works), works[0].about))
    nothing = _("Everything is here") if link.models else _("Not known yet")
    return tuple(found) or (Item(nothing, enabled=False),)


def _download(pulls: Pulls, pull: Pull, text: str) -> Item:
    size = f" ({megabytes(pull.size)})" if pull.size else ""
    return Item(text + size, lambda: pulls.begin(pull), pull.about, not pull.under_way)


def of_daemon(desk: Desk) -> tuple[Item, ...]:
    """What it can fetch, where it paints, and to start it anew."""
    link = desk.link
    devices = tuple(
        Item(title, lambda name=name: desk.use_device(name), chosen=name == link.device)
        for name, title in words.devices(link.status, link.device).items()
    )
    tip = _("Ends it and starts it again, with the settings as they are; while nobody needs it")
    return (
        Item(_("Downloads"), items=downloads(desk.pulls, link)),
        Item(_("Paint on"), items=devices),
        Item(_("Restart the daemon"), link.renew, tip, link.idle),
    )
