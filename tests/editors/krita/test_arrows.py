"""Arrows that shapes go by, on the canvas: dragged, added and taken out, and unknown to the document."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from editors.krita.session import Krita

HAND = """
from velatura_krita import overlay
from velatura_krita.qt import QtCore

def at(x, y):
    view = app.activeWindow().activeView()
    return overlay.image_to_canvas(view).map(QtCore.QPointF(x, y)).toPoint()

def canvas():
    return overlay.canvas_of(app.activeWindow().activeView())

def drag(start, end):
    QtTest.QTest.mousePress(canvas(), QtCore.Qt.LeftButton, pos=at(*start))
    for share in (0.5, 1.0):
        middle = [a + share * (b - a) for a, b in zip(start, end)]
        moved = QtGui.QMouseEvent(
            QtCore.QEvent.MouseMove, QtCore.QPointF(at(*middle)), QtCore.Qt.NoButton, QtCore.Qt.LeftButton,
            QtCore.Qt.NoModifier,
        )
        QtCore.QCoreApplication.sendEvent(canvas(), moved)
    QtTest.QTest.mouseRelease(canvas(), QtCore.Qt.LeftButton, pos=at(*end))

def right(x, y):
    QtTest.QTest.mousePress(canvas(), QtCore.Qt.RightButton, pos=at(x, y))
    QtTest.QTest.mouseRelease(canvas(), QtCore.Qt.RightButton, pos=at(x, y))
"""


def test_arrows_are_dragged_added_and_taken_out_and_leave_no_trace(krita: Krita, folder: Path) -> None:
    krita.run("picture(200, 160); fill(layer, bytes([90, 60, 30, 255]) * 32000, 0, 0, 200, 160)")
    krita.run(HAND + "\nstudio.wake(); studio.look.choose('mosaic'); studio.watch(); before = history()")
    try:
        krita.run(
            """
arrows = studio.arrows
for place, there in (((40, 40), (0.3, 0.3)), ((150, 40), (0.7, 0.25)), ((60, 120), (0.3, 0.8))):
    arrows.add(place, there)
in_sight().panel._controls._arrows._show.click()
"""
        )
        krita.until("canvas().findChildren(QtWidgets.QWidget, 'velatura_arrows')")
        krita.run("drag((150, 40), (130, 60))")
        x, y = krita.run("arrows.arrows[1].place")
        assert abs(x - 130) < 2 and abs(y - 60) < 2
        krita.run("head = arrows.arrows[2].goal; drag(head, (90, 100))")
        x, y = krita.run("arrows.arrows[2].goal")
        assert abs(x - 90) < 2 and abs(y - 100) < 2
        krita.run("right(170, 130)")
        assert krita.run("len(arrows.arrows) == len(studio.look.pairs) == 4")
        place = krita.run("arrows.arrows[0].place")
        krita.run("p = canvas().mapToGlobal(at(*arrows.arrows[0].place)); p = (p.x(), p.y())")
        for _ in range(200):  # until the screen shows it
            screen = np.asarray(Image.open(krita.screen.shot(folder / "screen.png")).convert("RGB"))
            x, y = krita.run("p")
            if np.abs(screen[y, x].astype(int) - (0xFF, 0xBE, 0x1E)).max() < 40:
                break
        else:
            raise AssertionError(f"no arrow is seen at {place}: {screen[y, x]}")
        krita.run("right(*arrows.arrows[0].place)")
        assert krita.run("len(arrows.arrows)") == 3
        assert krita.run("history() == before and len(layers(doc)) == 1")
        assert krita.run("len(studio.look.recipe('refine').pairs)") == 3
    finally:
        krita.run("arrows.show(False); arrows.clear(); studio.look.shapes = 'keep'")
    krita.until("not canvas().findChildren(QtWidgets.QWidget, 'velatura_arrows')")
