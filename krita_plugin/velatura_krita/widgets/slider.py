"""A slider as tall as a pen wants it, with its name and value inside, like Krita's own."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..qt import QtCore, QtGui, QtWidgets, event_point

HEIGHT = 30
_STEPS = 1000


class Slider(QtWidgets.QAbstractSlider):
    """A value between `low` and `high`, set by a press anywhere on it, by keys, or by the wheel when focused.
    A right press, or a digit, opens a line to type it in.

    Signals:
        moved(float): the value changes under the hand.
        settled(float): the hand is off, or a key was pressed.

    Args:
        name: shown inside, and told to screen readers.
        low, high, default: in the value's own unit; a double click goes back to the default.
        text: how the value is written.
        read: what a typed text means; None where it is no number.
        logarithmic: equal ways multiply the value by equal factors.
    """

    moved = QtCore.pyqtSignal(float)
    settled = QtCore.pyqtSignal(float)

    def __init__(
        self,
        name: str,
        low: float,
        high: float,
        default: float,
        text: Callable[[float], str],
        read: Callable[[str], float | None],
        logarithmic: bool = False,
    ) -> None:
        super().__init__()
        self._name, self._low, self._high, self._default = name, low, high, default
        self._text, self._read, self._logarithmic = text, read, logarithmic
        self._line: QtWidgets.QLineEdit | None = None
        self._typed: float | None = None
        self._showing = False
        self.setRange(0, _STEPS)
        self.setSingleStep(_STEPS // 100)
        self.setPageStep(_STEPS // 10)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self.setMinimumHeight(HEIGHT)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.setCursor(QtCore.Qt.CursorShape.SizeHorCursor)
        self.show_value(default)
        self.valueChanged.connect(self._on_value)

    @property
    def number(self) -> float:
        """The value in its own unit; one that was typed exactly, also beyond what the slider reaches."""
        if self._typed is not None:
            return self._typed
        share = self.value() / _STEPS
        if self._logarithmic:
            return self._low * (self._high / self._low) ** share
        return self._low + (self._high - self._low) * share

    def show_value(self, number: float) -> None:
        """Shows a value without saying that it was moved."""
        self._showing = True
        self.setValue(round(_STEPS * self._share(number)))
        self._typed = number
        self._showing = False
        self.setAccessibleDescription(self._text(number))
        self.update()

    def _share(self, number: float) -> float:
        number = min(self._high, max(self._low, number))
        if self._logarithmic:
            return math.log(number / self._low) / math.log(self._high / self._low)
        return (number - self._low) / (self._high - self._low)

    def _on_value(self, value: int) -> None:
        self._typed = None
        self.setAccessibleDescription(self._text(self.number))
        self.update()
        if self._showing:
            return
        self.moved.emit(self.number)
        if not self.isSliderDown():
            self.settled.emit(self.number)

    def sizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(160, HEIGHT)

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(90, HEIGHT)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.button() == QtCore.Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._to(event)
        elif event.button() == QtCore.Qt.MouseButton.RightButton:
            self.type_in(self._text(self.number))

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if self._line is not None and event.key() == QtCore.Qt.Key.Key_Escape:
            self._close_line()
        elif event.text().isdigit():
            self.type_in(event.text(), chosen=False)
        else:
            super().keyPressEvent(event)

    def type_in(self, text: str, chosen: bool = True) -> QtWidgets.QLineEdit:
        """Opens the line to type a value in; Enter takes it, Escape or going elsewhere leaves it.

        Args:
            text: what stands in it.
            chosen: whether that is marked, to be typed over.
        """
        line = self._line = QtWidgets.QLineEdit(text, self)
        line.setAccessibleName(self._name)
        line.setGeometry(self.rect())
        line.returnPressed.connect(self._take_typed)
        line.editingFinished.connect(self._close_line)
        line.show()
        line.setFocus()
        if chosen:
            line.selectAll()
        return line

    def _take_typed(self) -> None:
        number = self._read(self._line.text()) if self._line is not None else None
        self._close_line()
        if number is not None:
            self.show_value(number)
            self.moved.emit(number)
            self.settled.emit(number)

    def _close_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.hide()
            line.deleteLater()
            self.setFocus()

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        if self.isSliderDown():
            self._to(event)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)
            self.settled.emit(self.number)

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        self.setValue(round(_STEPS * self._share(self._default)))

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()  # the docker scrolls

    def _to(self, event: QtGui.QMouseEvent) -> None:
        share = (event_point(event).x() - 1) / max(1, self.width() - 2)
        self.setValue(round(_STEPS * min(1.0, max(0.0, share))))

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        palette, role = self.palette(), QtGui.QPalette.ColorRole
        box = QtCore.QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        shape = QtGui.QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        painter.fillPath(shape, palette.color(role.Base))
        painter.save()
        painter.setClipPath(shape)
        fill = QtGui.QColor(palette.color(role.Highlight))
        fill.setAlpha(170 if self.isEnabled() else 60)
        filled = QtCore.QRectF(box.left(), box.top(), box.width() * self.value() / _STEPS, box.height())
        painter.fillRect(filled, fill)
        painter.restore()
        edge = palette.color(role.Highlight if self.hasFocus() else role.Mid)
        painter.setPen(QtGui.QPen(edge, 1))
        painter.drawPath(shape)
        painter.setPen(palette.color(role.Text))
        inner = self.rect().adjusted(10, 0, -10, 0)
        align = QtCore.Qt.AlignmentFlag
        value = self._text(self.number)
        painter.drawText(inner, int(align.AlignRight | align.AlignVCenter), value)
        room = inner.width() - self.fontMetrics().horizontalAdvance(value) - 10
        name = self.fontMetrics().elidedText(self._name, QtCore.Qt.TextElideMode.ElideRight, room)
        painter.drawText(inner, int(align.AlignLeft | align.AlignVCenter), name)
        painter.end()
