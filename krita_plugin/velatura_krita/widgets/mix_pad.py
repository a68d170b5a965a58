"""The mixing pad: drag the handle between the chosen styles."""

from __future__ import annotations

from velatura.editor import mixing
from velatura.editor.i18n import _

from ..qt import QtCore, QtGui, QtWidgets, event_point

_EDGE = 26
_STEP = 0.05


class MixPad(QtWidgets.QWidget):
    """A point between two, three or four pictures.

    Signals:
        moved(tuple): the handle moves under the hand.
        settled(tuple): the hand is off, or a key was pressed.
    """

    moved = QtCore.pyqtSignal(tuple)
    settled = QtCore.pyqtSignal(tuple)

    def __init__(self) -> None:
        super().__init__()
        self._count = 2
        self._point: mixing.Point = (0.5, 0.5)
        self._pictures: list[QtGui.QPixmap | None] = []
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(_("Mixing pad"))
        self.setToolTip(_("Drag the handle towards the styles that shall count more; arrow keys move it too"))
        self.setCursor(QtCore.Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)

    def show_mix(self, point: mixing.Point, pictures: list[QtGui.QPixmap | None]) -> None:
        """Shows a mix of as many styles as there are pictures."""
        self._count = max(2, len(pictures))
        self._point, self._pictures = point, pictures
        self.setFixedHeight(64 if self._count == 2 else 150)
        shares = " / ".join(f"{share:.0%}" for share in mixing.shares(self._count, point))
        self.setAccessibleDescription(shares)
        self.update()

    def _area(self) -> QtCore.QRectF:
        box = QtCore.QRectF(self.rect()).adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        if self._count > 2:  # keeps the triangle and the square from being stretched
            side = min(box.width(), box.height() * 1.6)
            box = QtCore.QRectF(box.center().x() - side / 2, box.top(), side, box.height())
        return box

    def _place(self, point: mixing.Point) -> QtCore.QPointF:
        area = self._area()
        y = 0.5 if self._count == 2 else point[1]
        return QtCore.QPointF(area.left() + point[0] * area.width(), area.top() + y * area.height())

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self._to(event)

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        self._to(event)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        self.settled.emit(self._point)

    def _to(self, event: QtGui.QMouseEvent) -> None:
        area, at = self._area(), event_point(event)
        x = (at.x() - area.left()) / max(1.0, area.width())
        y = (at.y() - area.top()) / max(1.0, area.height())
        self._move(mixing.clamp(self._count, (x, y)))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        key = QtCore.Qt.Key
        ways = {
            key.Key_Left: (-_STEP, 0),
            key.Key_Right: (_STEP, 0),
            key.Key_Up: (0, -_STEP),
            key.Key_Down: (0, _STEP),
        }
        way = ways.get(event.key())
        if way is None:
            super().keyPressEvent(event)
            return
        self._move(mixing.clamp(self._count, (self._point[0] + way[0], self._point[1] + way[1])))
        self.settled.emit(self._point)

    def _move(self, point: mixing.Point) -> None:
        self._point = point
        self.update()
        self.moved.emit(point)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        palette, role = self.palette(), QtGui.QPalette.ColorRole
        back = QtGui.QPainterPath()
        back.addRoundedRect(QtCore.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.fillPath(back, palette.color(role.Base))
        edge = palette.color(role.Highlight if self.hasFocus() else role.Mid)
        painter.setPen(QtGui.QPen(edge, 1))
        painter.drawPath(back)
        corners = [self._place(corner) for corner in mixing.CORNERS[self._count]]
        handle = self._place(self._point)
        shares = mixing.shares(self._count, self._point)
        line = QtGui.QColor(palette.color(role.Text))
        for corner, share in zip(corners, shares, strict=True):
            line.setAlphaF(0.15 + 0.6 * share)
            painter.setPen(QtGui.QPen(line, 1 + 3 * share))
            painter.drawLine(corner, handle)
        for corner, picture in zip(corners, self._pictures, strict=False):
            self._paint_corner(painter, corner, picture)
        painter.setBrush(palette.color(role.Highlight))
        painter.setPen(QtGui.QPen(palette.color(role.HighlightedText), 2))
        painter.drawEllipse(handle, 9, 9)
        painter.end()

    def _paint_corner(
        self, painter: QtGui.QPainter, at: QtCore.QPointF, picture: QtGui.QPixmap | None
    ) -> None:
        box = QtCore.QRectF(at.x() - 20, at.y() - 20, 40, 40)
        shape = QtGui.QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        painter.save()
        painter.setClipPath(shape)
        if picture is not None:
            painter.drawPixmap(box, picture, QtCore.QRectF(picture.rect()))
        else:
            painter.fillRect(box, self.palette().color(QtGui.QPalette.ColorRole.Mid))
        painter.restore()
