"""What menus offer in every editor."""

from __future__ import annotations

from velatura.editor import menus
from velatura.editor.menus import Item
from velatura.editor.studio import Studio

from editor.fakes import FakeDaemon, FakeLoop


def found(items: tuple[Item, ...], text: str) -> Item:
    """The entry whose text begins so."""
    return next(item for item in items if item.text.startswith(text))


def test_a_style_is_sorted_and_made_a_favourite_from_its_menu(studio: Studio):
    name = studio.gallery.entries[0].name
    offered = menus.of_style(studio, name, lambda: studio.gallery.put(name, "Sea"))
    for text in ("Make it a favourite", "Folder"):
        item = found(offered, text)
        (item if item.call else found(item.items, "A new folder")).call()
    assert name in studio.gallery.favourites
    again = menus.of_style(studio, name, lambda: None)
    assert found(again, "No favourite any more").call
    marks = {item.text: item.chosen for item in found(again, "Folder").items if item.chosen is not None}
    assert marks == {"In no folder": False, "Sea": True}
    assert menus.of_style(studio, "gone", lambda: None) == ()


def test_downloads_say_their_size_and_the_device_in_use_has_the_mark(
    studio: Studio, daemon: FakeDaemon, loop: FakeLoop
):
    assert found(menus.of_daemon(studio), "Downloads").items[0].enabled is False
    daemon.answers["models"] = [{"name": "vgg19", "kind": "backbone", "installed": False, "size": 96_000_000}]
    studio.link.refresh()
    loop.run(1)
    studio.use_device("cpu")
    offered = menus.of_daemon(studio)
    assert [item.text.rpartition(" (")[2] for item in found(offered, "Downloads").items] == ["96 MB)"]
    assert [item.chosen for item in found(offered, "Paint on").items if item.text == "the processor"] == [
        True
    ]
