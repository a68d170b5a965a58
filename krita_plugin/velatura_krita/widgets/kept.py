"""Results that the picture remembers, as pictures to choose from."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.results import Result
from velatura.editor.studio import Studio

from ..qt import QtCore, QtGui, QtWidgets
from .strip import SIDE


class KeptStrip(QtWidgets.QScrollArea):
    """The pictures in one row; a press takes a result's look and goes to its layer where that is left."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.buttons: list[QtWidgets.QToolButton] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(SIDE + 28)
        self._end = studio.results.changed.connect(lambda name: self._fill())
        self._fill()

    def _fill(self) -> None:
        inside = QtWidgets.QWidget()
        line = QtWidgets.QHBoxLayout(inside)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        self.buttons = [self._button(result) for result in self._studio.results.shown]
        for button in self.buttons:
            line.addWidget(button)
        line.addStretch(1)
        self.setWidget(inside)

    def _button(self, result: Result) -> QtWidgets.QToolButton:
        what = self._studio.describe(result.made.recipe)
        button = QtWidgets.QToolButton()
        button.setIcon(QtGui.QIcon(QtGui.QPixmap.fromImage(QtGui.QImage.fromData(result.image))))
        button.setIconSize(QtCore.QSize(SIDE, SIDE))
        button.setAccessibleName(what)
        button.setToolTip(_("Take this look again: {what}", what=what))
        button.setAutoRaise(True)
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda checked=False: self._studio.take_result(result))
        return button

    def forget(self) -> None:
        """The window is closing."""
        self._end()
