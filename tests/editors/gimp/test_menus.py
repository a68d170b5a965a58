"""The menu of a style in the dialog of the real program."""

from __future__ import annotations

import json
from pathlib import Path

from harness import Daemon, until

from editors.gimp.session import Gimp
from editors.roots import Root, Screen

WINDOW, TITLE = "Untitled", "Velatura: Stylize"


def test_it_makes_a_favourite_and_sorts_styles_into_folders(
    root: Root, folder: Path, daemon: Daemon, screen: Screen
) -> None:
    """And the list of folders, once there is one, shows what is in it."""
    with Gimp(root, folder, daemon.home, screen) as gimp:

        def remembered(what: str) -> dict | list | None:
            kept = gimp.settings / "velatura.json"
            return json.loads(kept.read_text())["settings"].get(what) if kept.exists() else None

        gimp.run("image, layer = new_image(400, 300); display = Gimp.Display.new(image)")
        gimp.choose(WINDOW, "stylize")
        until(lambda: gimp.inside("dialog() and dialog().preview.full_size"), "the library has come")
        gimp.press(TITLE)  # the window that keys go to from here on
        gimp.click("style('great-wave')", button=3)
        gimp.click("button('Make it a favourite')")
        until(
            lambda: remembered("favourites") == ["great-wave"], "it is a favourite, and the first of all now"
        )
        assert gimp.inside("dialog()._pages.gallery._store[0][0]") == "great-wave"
        gimp.click("style('mosaic')", button=3)
        gimp.click("button('Folder')")
        gimp.click("button('A new folder…')")
        until(lambda: gimp.inside("button('Name of the folder, then Enter')"), "the name is asked for")
        gimp.screen.xdotool("type", "Sea")
        gimp.screen.xdotool("key", "Return")
        until(lambda: remembered("folders") == {"mosaic": "Sea"}, "another one is in a folder")

        gimp.click("at(dialog()._pages.gallery._folder)")
        until(lambda: gimp.inside("dialog()._pages.gallery._folder.get_property('popup-shown')"), "it opens")
        gimp.screen.xdotool("key", "Down", "Return")
        shown = "[row[0] for row in dialog()._pages.gallery._store]"
        until(lambda: gimp.inside(shown) == ["mosaic"], "what is in it is shown")
        gimp.click("style('mosaic')")
        until(lambda: gimp.inside("dialog().look.styles == ('mosaic',)"), "it is chosen")
        gimp.press(TITLE, "alt+o")
        until(lambda: not gimp.plugins(), "the plug-in ends")
        note = gimp.value("bytes(image.get_layers()[0].get_parasite('velatura-recipe').get_data())")
        assert json.loads(note.rstrip(b"\0"))["recipe"]["styles"][0]["name"] == "mosaic"
