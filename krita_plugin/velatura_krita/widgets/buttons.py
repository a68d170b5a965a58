"""Buttons with an icon, painted from the palette as it is now: a switch of the theme leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..qt import QtCore, QtGui, QtWidgets
from .icons import icon

SIDE = 32
"""Height of a button, and width of one without a text: large enough for a pen."""

_ICON = 20


class IconButton(QtWidgets.QToolButton):
    """A flat button: an icon, and perhaps a text. One that can be checked shows that by the highlight.

    Args:
        name: of the icon.
        tip: what it does; also told to screen readers.
        call: what it does, called with whether it is checked, where it can be.
    """

    def __init__(
        self,
        name: str,
        tip: str,
        call: Callable[..., Any] | None = None,
        checkable: bool = False,
        text: str = "",
    ) -> None:
        super().__init__()
        self._name = name
        self.setObjectName(f"velatura_{name}")
        self.setCheckable(checkable)
        self.setToolTip(tip)
        self.setAccessibleName(text or tip)
        self.setText(text)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(SIDE, SIDE)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding if text else policy.Fixed, policy.Fixed)
        if call is not None and checkable:
            self.clicked.connect(lambda on=False: call(on))
        elif call is not None:
            self.clicked.connect(lambda on=False: call())

    def picture(self, name: str) -> None:
        """Shows another icon."""
        self._name = name
        self.update()

    def sizeHint(self) -> QtCore.QSize:
        words = self.fontMetrics().horizontalAdvance(self.text()) + 8 if self.text() else 0
        return QtCore.QSize(SIDE + words, SIDE)

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(SIDE, SIDE)

    def enterEvent(self, event: Any) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: Any) -> None:
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        role, palette = QtGui.QPalette.ColorRole, self.palette()
        on = self.isEnabled() and (self.isChecked() or self.isDown())
        front = role.HighlightedText if on else role.ButtonText
        box = QtCore.QRectF(self.rect()).adjusted(1, 1, -1, -1)
        shape = QtGui.QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        if on:
            painter.fillPath(shape, palette.color(role.Highlight))
        elif self.isEnabled() and self.underMouse():
            painter.fillPath(shape, palette.color(role.Mid))
        if self.hasFocus():
            painter.setPen(QtGui.QPen(palette.color(role.Highlight), 1))
            painter.drawPath(shape)
        mode = QtGui.QIcon.Mode.Normal if self.isEnabled() else QtGui.QIcon.Mode.Disabled
        words = self.text()
        room = self.width() - 6 if not words else _ICON
        wide = self.fontMetrics().horizontalAdvance(words) + 6 if words else 0
        left = max(3, (self.width() - _ICON - wide) // 2) if words else 3
        place = QtCore.QRect(left, 0, room, self.height())
        icon(self._name, palette, front).paint(painter, place, QtCore.Qt.AlignmentFlag.AlignCenter, mode)
        if words:
            group = (
                QtGui.QPalette.ColorGroup.Active if self.isEnabled() else QtGui.QPalette.ColorGroup.Disabled
            )
            painter.setPen(palette.color(group, front))
            rest = self.rect().adjusted(left + _ICON + 6, 0, -3, 0)
            end = QtCore.Qt.TextElideMode.ElideRight
            text = self.fontMetrics().elidedText(words, end, rest.width())
            painter.drawText(rest, int(QtCore.Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()


class MainButton(QtWidgets.QPushButton):
    """A button with a frame, for what the docker is there for."""

    def __init__(self, name: str, text: str, tip: str, call: Callable[[], Any]) -> None:
        super().__init__(text)
        self._name = name
        self.setObjectName(f"velatura_{name}")
        self.setToolTip(tip)
        self.setMinimumHeight(36)
        self.setIconSize(QtCore.QSize(_ICON, _ICON))
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Fixed)
        self.clicked.connect(lambda checked=False: call())
        self._theme()

    def _theme(self) -> None:
        self.setIcon(icon(self._name, self.palette()))

    def changeEvent(self, event: QtCore.QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QtCore.QEvent.Type.PaletteChange, QtCore.QEvent.Type.StyleChange):
            self._theme()
