"""Arrows for shapes in the dialog of the real program: found, dragged on both pictures, added, taken out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from harness import Daemon, until
from PIL import Image

from editors.gimp.engine import PAIRS
from editors.gimp.session import Gimp
from editors.roots import Root, Screen

TITLE = "Velatura: Refine, for"
COLORS = ((0xFF, 0x90, 0x20), (0x30, 0xC0, 0xFF), (0x70, 0xE0, 0x40), (0xFF, 0x50, 0xA0))
"""Of the first arrows."""
DOUBLE = 1.0
"""Seconds after which a click counts by itself."""
PREVIEW, STYLE = "dialog().view._image", "dialog()._arrow_bar._list._image"
LIST = "dialog()._arrow_bar._list._view"
"""Where arrows are to be seen."""


class Hand:
    """A mouse over the dialog, and what is seen in it."""

    def __init__(self, gimp: Gimp, screen: Screen, folder: Path) -> None:
        self.gimp, self.screen, self.png = gimp, screen, folder / "arrows.png"

    def seen(self, widget: str, number: int) -> np.ndarray:
        """Where in a widget the colour of an arrow is, `(n, 2)`."""
        (left, top), (right, bottom) = self.gimp.inside(f"at({widget}, 0, 0), at({widget}, 1, 1)")
        pixels = np.asarray(Image.open(self.screen.shot(self.png)).convert("RGB"))[top:bottom, left:right]
        rows, columns = (np.abs(pixels.astype(int) - COLORS[number]).max(2) < 3).nonzero()
        return np.stack([columns + left, rows + top], 1)

    def on_preview(self, x: float, y: float) -> tuple[float, float]:
        """Shares of the layer as a place of the screen."""
        left, top, right, bottom = self.gimp.inside("picture_of(dialog().view._image)")
        return left + x * (right - left), top + y * (bottom - top)

    def is_at(self, widget: str, number: int, place: tuple[float, float]) -> bool:
        found = self.seen(widget, number)
        return len(found) > 0 and bool((np.abs(found - place).max(1) <= 2).any())

    def move(self, place: tuple[float, float]) -> None:
        self.screen.xdotool("mousemove", *(round(value) for value in place))

    def click(self, place: tuple[float, float], button: int = 1) -> None:
        self.move(place)
        self.screen.xdotool("click", button)
        self.aside()

    def aside(self) -> None:
        """To where the mouse hides nothing."""
        self.move(self.gimp.inside("at(dialog().view._words, 0.9, 0.9)"))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.move(start)
        self.screen.xdotool("mousedown", 1)
        for share in (0.3, 0.7, 1.0):
            self.move((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
        self.screen.xdotool("mouseup", 1)
        self.aside()


def test_arrows_are_found_dragged_on_both_pictures_added_and_taken_out(
    root: Root, folder: Path, daemon: Daemon, screen: Screen
) -> None:
    with Gimp(root, folder, daemon.home, screen) as gimp:
        gimp.run("image, layer = new_image(400, 300); display = Gimp.Display.new(image); image.clean_all()")
        gimp.choose("Untitled", "refine")
        until(lambda: gimp.inside("dialog() and dialog().preview.shown"), "a preview was made")
        hand = Hand(gimp, screen, folder)
        gimp.inside("opened(dialog()._arrow_bar)")
        gimp.press(TITLE)
        gimp.click("button('Find pairs')")
        until(lambda: gimp.inside("len(dialog().desk.arrows.arrows)") == len(PAIRS), "pairs are found")
        for number, pair in enumerate(PAIRS):
            until(lambda n=number, p=pair: hand.is_at(PREVIEW, n, hand.on_preview(p.x, p.y)), "it is seen")
            until(lambda n=number: len(hand.seen(LIST, n)), "and the list has it")

        goal = hand.on_preview(0.3, 0.35)
        hand.drag(hand.on_preview(PAIRS[0].x, PAIRS[0].y), goal)
        until(lambda: hand.is_at(PREVIEW, 0, goal), "its foot is where it was dragged to")

        dot = until(lambda: hand.seen(STYLE, 1).tolist(), "the style's picture has its place")
        middle = np.mean(dot, 0)
        hand.drag(tuple(middle), (middle[0] - 40, middle[1] + 20))
        until(lambda: hand.is_at(STYLE, 1, (middle[0] - 40, middle[1] + 20)), "and it is dragged")

        fresh = hand.on_preview(0.6, 0.6)
        assert not len(hand.seen(PREVIEW, 3))
        hand.click(fresh, button=3)
        until(lambda: hand.is_at(PREVIEW, 3, fresh), "a right click adds one")
        until(lambda: len(hand.seen(LIST, 3)), "and the list has it")
        time.sleep(DOUBLE)  # two at once are a double click
        hand.click(fresh, button=3)
        until(lambda: not len(hand.seen(PREVIEW, 3)), "another takes it out")

        for way in ("button", "key"):
            gimp.click("button('Add')")
            until(lambda: hand.is_at(PREVIEW, 3, hand.on_preview(0.5, 0.5)), "the button adds one amid it")
            if way == "button":
                gimp.click("button('Remove')")
            else:
                hand.click(tuple(np.mean(hand.seen(LIST, 3), 0)))
                gimp.press(TITLE, "Delete")
            until(lambda: not len(hand.seen(PREVIEW, 3)), f"it is taken out by a {way}")

        gimp.press(TITLE, "alt+o")
        until(lambda: gimp.value("len(image.get_layers())") == 2, "the result is a new layer")
        note = gimp.value("bytes(image.get_layers()[0].get_parasite('velatura-recipe').get_data())")
        recipe = json.loads(note.rstrip(b"\0"))["recipe"]
        assert recipe["shapes"] == "joint" and len(recipe["pairs"]) == 3
        moved = recipe["pairs"][0]
        assert (moved["x"], moved["y"]) == pytest.approx((0.3, 0.35), abs=0.01)
        assert (moved["x2"], moved["y2"]) == pytest.approx((PAIRS[0].x2, PAIRS[0].y2), abs=0.01)
        there = recipe["pairs"][1]
        assert there["x2"] < PAIRS[1].x2 - 0.1 and there["y2"] > PAIRS[1].y2 + 0.05
