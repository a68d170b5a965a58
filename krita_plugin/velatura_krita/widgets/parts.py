"""What the widgets are put together of: columns and lines, words, buttons, rows of pictures; and how they
listen to what all windows share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..qt import QtCore, QtWidgets

HEIGHT = 28
"""Of a row, in pixels."""


class Listening:
    """A widget that follows what all windows share, until its own closes."""

    _ends: tuple[Callable[[], None], ...] = ()

    def listen(self, *ends: Callable[[], None]) -> None:
        """Keeps what ends a connection."""
        self._ends = (*self._ends, *ends)

    def forget(self) -> None:
        """The window is closing; what is shared lives on."""
        for end in self._ends:
            end()
        self._ends = ()


def column(
    widget: QtWidgets.QWidget, *parts: Any, spacing: int = 4, margin: int = 0
) -> QtWidgets.QVBoxLayout:
    """Widgets and layouts one below the other, inside a widget."""
    made = QtWidgets.QVBoxLayout(widget)
    made.setContentsMargins(margin, margin, margin, margin)
    made.setSpacing(spacing)
    for part in parts:
        add = made.addLayout if isinstance(part, QtWidgets.QLayout) else made.addWidget
        add(part)
    return made


def line(*parts: QtWidgets.QWidget, spacing: int = 3) -> QtWidgets.QHBoxLayout:
    """Widgets beside each other."""
    made = QtWidgets.QHBoxLayout()
    made.setSpacing(spacing)
    for part in parts:
        made.addWidget(part)
    return made


def wrapped() -> QtWidgets.QLabel:
    """Words, on as many lines as they need."""
    label = QtWidgets.QLabel()
    label.setWordWrap(True)
    label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    return label


def say(label: QtWidgets.QLabel, text: str) -> None:
    """Shows words; none take no room."""
    label.setText(text)
    label.setVisible(bool(text))


def button(
    text: str, tip: str, call: Callable[[], Any] | None = None, height: int = HEIGHT
) -> QtWidgets.QPushButton:
    """A button with words."""
    made = QtWidgets.QPushButton(text)
    made.setToolTip(tip)
    made.setMinimumHeight(height)
    if call is not None:
        made.clicked.connect(lambda checked=False: call())
    return made


def picture_button(side: int, tip: str, call: Callable[[], Any]) -> QtWidgets.QToolButton:
    """A button that shows a picture of so many pixels a side."""
    made = QtWidgets.QToolButton()
    made.setToolTip(tip)
    made.setAutoRaise(True)
    made.setIconSize(QtCore.QSize(side, side))
    made.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
    made.clicked.connect(lambda checked=False: call())
    return made


class PictureRow(QtWidgets.QScrollArea):
    """Buttons with pictures beside each other, scrolled where they are many."""

    def __init__(self, height: int) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(height)

    def fill(self, parts: Iterable[QtWidgets.QWidget]) -> None:
        """Shows others."""
        inside = QtWidgets.QWidget()
        row = line(*parts, spacing=4)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        inside.setLayout(row)
        self.setWidget(inside)
