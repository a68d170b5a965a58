"""Arrows over the canvas: from a place of the layer to where the style has its like.

Their ends are dragged; a right click adds one, or takes out the one there. All other events go to Krita, so
that the brush paints beside them. Layers and history know nothing of them.
"""

from __future__ import annotations

from typing import Any

from velatura.editor.arrows import Arrows, Point

from . import document
from .overlay import FRAME, canvas_of, image_to_canvas
from .qt import QtCore, QtGui, QtWidgets, event_point, gone

GRIP = 9.0
"""How near to an end, in pixels of the screen, one has to press."""

FOOT, HEAD = 4.0, 9.0
"""Radius of the dot at an arrow's foot, and length of its head."""

_PRESSES = (QtCore.QEvent.Type.MouseButtonPress, QtCore.QEvent.Type.TabletPress)
_MOVES = (QtCore.QEvent.Type.MouseMove, QtCore.QEvent.Type.TabletMove)
_RELEASES = (QtCore.QEvent.Type.MouseButtonRelease, QtCore.QEvent.Type.TabletRelease)

Line = tuple[QtCore.QPointF, QtCore.QPointF]


class ArrowSheet(QtWidgets.QWidget):
    """What they are drawn on: as large as the canvas, and transparent for everything."""

    def __init__(self, canvas: QtWidgets.QWidget) -> None:
        super().__init__(canvas)
        self.setObjectName("velatura_arrows")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.lines: list[Line] = []

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        for color, width in (("#202020", 5.0), ("#ffbe1e", 2.5)):
            pen = QtGui.QPen(QtGui.QColor(color), width)
            pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.setBrush(QtGui.QColor(color))
            for foot, head in self.lines:
                painter.drawEllipse(foot, FOOT, FOOT)
                painter.drawLine(foot, head)
                for angle in (150, -150):
                    barb = QtCore.QLineF(foot, head)
                    barb.translate(head - foot)
                    barb.setLength(min(HEAD, barb.length()))
                    barb.setAngle(QtCore.QLineF(foot, head).angle() + angle)
                    painter.drawLine(barb)
        painter.end()


class CanvasArrows(QtCore.QObject):
    """Draws the arrows on the active view while they are shown and it shows their picture, and lets them be
    dragged."""

    def __init__(self, arrows: Arrows, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._arrows = arrows
        self._sheet: ArrowSheet | None = None
        self._watched: QtWidgets.QWidget | None = None
        self._held: tuple[int, bool] | None = None
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._follow)
        arrows.changed.connect(self._changed)

    def _changed(self, name: str) -> None:
        if name == "shown" and self._arrows.shown:
            self._timer.start(FRAME)
        elif name == "shown":
            self._timer.stop()
        if name in ("shown", "arrows"):
            self._follow()

    # --- the artist's hand ------------------------------------------------------------------------------

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Takes what is done to arrows; True keeps it from Krita."""
        kind = event.type()
        taken = self._held is not None and kind in (*_MOVES, *_RELEASES)
        if kind in _PRESSES:
            taken = self._press(event)
        elif taken and kind in _MOVES:
            self._drag(event)
        elif taken:
            self._held = None
        if taken:
            event.accept()  # or a pen's would come again as a mouse's
        return taken

    def _press(self, event: Any) -> bool:
        place = self._place(event)
        if place is None or event.modifiers():
            return False
        found = self._arrows.at(place[0], place[1])
        if event.button() == QtCore.Qt.MouseButton.LeftButton:
            self._held = found
            return found is not None
        if event.button() != QtCore.Qt.MouseButton.RightButton:
            return False
        if found is None:
            self._arrows.add(place[0])
        else:
            self._arrows.delete(found[0])
        return True

    def _drag(self, event: Any) -> None:
        place = self._place(event)
        if place is None or self._held is None or self._held[0] >= len(self._arrows.arrows):
            return
        index, head = self._held
        (self._arrows.aim if head else self._arrows.move)(index, place[0])

    def _place(self, event: Any) -> tuple[Point, float] | None:
        """Where an event happened in image pixels, and how many of them a grip is."""
        view = document.active_view()
        if view is None:
            return None
        back, possible = image_to_canvas(view).inverted()
        if not possible:
            return None
        at = back.map(event_point(event))
        return (at.x(), at.y()), back.map(QtCore.QLineF(0, 0, GRIP, 0)).length()

    # --- the canvas ---------------------------------------------------------------------------------------

    def _follow(self) -> None:
        view = document.active_view()
        canvas = canvas_of(view) if self._wanted(view) else None
        if self._watched is not None and self._watched is not canvas:
            if not gone(self._watched):
                self._watched.removeEventFilter(self)
            self._watched = self._held = None
        if self._sheet is not None and (gone(self._sheet) or self._sheet.parent() is not canvas):
            if not gone(self._sheet):
                self._sheet.hide()
                self._sheet.deleteLater()
            self._sheet = None
        if canvas is None:
            return
        if self._watched is None:
            self._watched = canvas
            canvas.installEventFilter(self)
        if self._sheet is None:
            self._sheet = ArrowSheet(canvas)
        to = image_to_canvas(view)
        lines = [
            (to.map(QtCore.QPointF(*arrow.place)), to.map(QtCore.QPointF(*arrow.goal)))
            for arrow in self._arrows.arrows
        ]
        sheet = self._sheet
        if sheet.lines == lines and sheet.size() == canvas.size() and sheet.isVisible():
            return
        sheet.lines = lines
        sheet.setGeometry(canvas.rect())
        sheet.show()
        sheet.raise_()
        sheet.update()

    def _wanted(self, view: Any) -> bool:
        taken = self._arrows.taken
        if not self._arrows.shown or view is None or taken is None:
            return False
        shown = view.document()
        return shown is not None and shown == document.own(taken).document
