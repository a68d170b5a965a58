"""The menu of a style in the dialog of the real program."""

from __future__ import annotations

import json
from pathlib import Path

from harness import Daemon, until

from editors.gimp.session import Gimp
from editors.roots import Root, Screen

WINDOW, TITLE = "Untitled", "Velatura: Stylize"
FOLDERS, FIRST, THIRD = (650, 120), (530, 150), (690, 150)
"""Where the dialog has the list of folders, once there are any, and the first and third style."""
MOVED = 36
"""Pixels that the styles move down for that list."""


def test_it_makes_a_favourite_and_sorts_styles_into_folders(
    root: Root, folder: Path, daemon: Daemon, screen: Screen
) -> None:
    """And the list of folders, once there is one, shows what is in it."""
    png = folder / "dialog.png"

    def act(*arguments: str | int) -> None:
        """Moves the mouse or presses keys once all stands still."""
        screen.still(png)
        screen.xdotool(*arguments)

    def menu(place: tuple[int, int], *keys: str) -> None:
        act("mousemove", *place, "click", 3)
        for key in keys:
            act("key", key)

    with Gimp(root, folder, daemon.home, screen) as gimp:

        def remembered(what: str) -> dict | list | None:
            kept = gimp.settings / "velatura.json"
            return json.loads(kept.read_text())["settings"].get(what) if kept.exists() else None

        gimp.run("image, layer = new_image(400, 300); display = Gimp.Display.new(image)")
        gimp.choose(WINDOW, "stylize")
        until(lambda: ": done" in daemon.log(), "the library has come, and a preview was made")
        gimp.press(TITLE)
        menu(THIRD, "Down", "Return")
        until(lambda: remembered("favourites"), "it is a favourite, and the first of all now")
        menu(THIRD, "Down", "Down", "Right", "Down", "Return")
        act("type", "Sea")
        act("key", "Return")
        until(lambda: remembered("folders"), "another one is in a folder")
        ((style, name),) = dict(remembered("folders") or {}).items()
        assert name == "Sea" and [style] != remembered("favourites")

        act("mousemove", *FOLDERS, "click", 1)
        act("key", "Down")
        act("key", "Return")
        act("mousemove", FIRST[0], FIRST[1] + MOVED, "click", 1)
        screen.still(png)
        gimp.press(TITLE, "alt+o")
        until(lambda: not gimp.plugins(), "the plug-in ends")
        note = gimp.value("bytes(image.get_layers()[0].get_parasite('velatura-recipe').get_data())")
        assert json.loads(note.rstrip(b"\0"))["recipe"]["styles"][0]["name"] == style
