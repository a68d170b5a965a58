"""Arrows for shapes in the dialog of the real program: found, dragged on both pictures, added, taken out."""

from __future__ import annotations

import json
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
FIND = {"3.0": (902, 305), "3.2": (902, 417)}
"""The button, while the list of arrows is not shown: GIMP 3.2 shows a choice of three at once."""
ADD, REMOVE = (1086, 157), (1190, 157)
"""The buttons below the list: across the screen, and down from the first arrow in it."""
ASIDE = (660, 700)
"""Where the mouse hides nothing."""
PREVIEW, STYLE, LIST = (24, 24, 464, 480), (854, 90, 1036, 768), (1040, 90, 1240, 768)
"""Left, top, right and bottom of where the preview is, the style's picture, and the list."""
SHOWN = 440, 330
"""Pixels of the layer on the preview."""


class Hand:
    """A mouse over the dialog, and what is seen in it."""

    def __init__(self, screen: Screen, folder: Path) -> None:
        self.screen, self.png = screen, folder / "arrows.png"

    def seen(self, box: tuple[int, int, int, int], number: int) -> np.ndarray:
        """Where in a box the colour of an arrow is, `(n, 2)`."""
        left, top, right, bottom = box
        pixels = np.asarray(Image.open(self.screen.shot(self.png)).convert("RGB"))[top:bottom, left:right]
        rows, columns = (np.abs(pixels.astype(int) - COLORS[number]).max(2) < 3).nonzero()
        return np.stack([columns + left, rows + top], 1)

    def on_preview(self, x: float, y: float) -> tuple[float, float]:
        """Shares of the layer as a place of the screen: the preview is amid a column that grows."""
        pixels = np.asarray(Image.open(self.screen.shot(self.png)).convert("RGB")).astype(int)
        top = (np.abs(pixels[:, PREVIEW[2] - 4] - pixels[4, 4]).max(1) > 40).argmax()
        return PREVIEW[0] + x * SHOWN[0], float(top) + y * SHOWN[1]

    def is_at(self, box: tuple[int, int, int, int], number: int, place: tuple[float, float]) -> bool:
        found = self.seen(box, number)
        return len(found) > 0 and bool((np.abs(found - place).max(1) <= 2).any())

    def move(self, place: tuple[float, float]) -> None:
        self.screen.xdotool("mousemove", *(round(value) for value in place))

    def click(self, place: tuple[float, float], button: int = 1) -> None:
        self.move(place)
        self.screen.xdotool("click", button)
        self.move(ASIDE)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.move(start)
        self.screen.xdotool("mousedown", 1)
        for share in (0.3, 0.7, 1.0):
            self.move((start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
        self.screen.xdotool("mouseup", 1)
        self.move(ASIDE)


def test_arrows_are_found_dragged_on_both_pictures_added_and_taken_out(
    root: Root, folder: Path, daemon: Daemon, screen: Screen
) -> None:
    with Gimp(root, folder, daemon.home, screen) as gimp:
        gimp.run("image, layer = new_image(400, 300); display = Gimp.Display.new(image); image.clean_all()")
        gimp.choose("Untitled", "refine")
        until(lambda: ": done" in daemon.log(), "a preview was made")
        hand = Hand(screen, folder)
        hand.click(FIND[gimp.version])
        until(lambda: hand.seen(LIST, 0).tolist(), "the list is filled")
        for number, pair in enumerate(PAIRS):
            until(lambda n=number, p=pair: hand.is_at(PREVIEW, n, hand.on_preview(p.x, p.y)), "it is seen")

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
        hand.click(fresh, button=3)
        until(lambda: not len(hand.seen(PREVIEW, 3)), "another takes it out")

        top = float(hand.seen(LIST, 0).mean(0)[1])
        for way in ("button", "key"):
            hand.click((ADD[0], ADD[1] + top))
            until(lambda: hand.is_at(PREVIEW, 3, hand.on_preview(0.5, 0.5)), "the button adds one amid it")
            if way == "button":
                hand.click((REMOVE[0], REMOVE[1] + top))
            else:
                row = until(lambda: hand.seen(LIST, 3).tolist(), "the list has it")
                hand.click(tuple(np.mean(row, 0)))
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
