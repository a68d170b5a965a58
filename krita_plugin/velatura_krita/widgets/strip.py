"""Variations of the look on the layer, as pictures to choose from."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.editor.variations import Variation

from ..qt import QtCore, QtGui, QtWidgets
from .gallery_view import picture_of

SIDE = 72
"""Of a picture, in pixels."""


class Strip(QtWidgets.QScrollArea):
    """The pictures in one row; a press takes one's settings. It asks for them while it can be seen."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.buttons: dict[str, QtWidgets.QToolButton] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(SIDE + 46)
        self._ends = [
            studio.variations.changed.connect(self._changed),
            studio.variations.picture_came.connect(self._came),
        ]
        self._fill()

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        self._studio.variations.show(True)

    def hideEvent(self, event: QtGui.QHideEvent) -> None:
        super().hideEvent(event)
        self._studio.variations.show(False)

    def _changed(self, name: str) -> None:
        if name in ("offered", "words"):
            self._fill()

    def _fill(self) -> None:
        inside = QtWidgets.QWidget()
        line = QtWidgets.QHBoxLayout(inside)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        self.buttons = {}
        for variation in self._studio.variations.offered:
            button = self.buttons[variation.name] = self._button(variation)
            line.addWidget(button)
        if not self.buttons:
            words = self._studio.variations.words or _("Choose a style first.")
            line.addWidget(QtWidgets.QLabel(words))
        line.addStretch(1)
        self.setWidget(inside)
        for name in self.buttons:
            self._came(name)

    def _button(self, variation: Variation) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setText(variation.title)
        button.setToolTip(_("Take these settings: {what}", what=variation.title))
        button.setAutoRaise(True)
        button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setFixedWidth(SIDE + 44)
        button.setIconSize(QtCore.QSize(SIDE, SIDE))
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda checked=False: self._studio.vary(variation))
        return button

    def _came(self, name: str) -> None:
        pixmap = picture_of(self._studio.variations.picture(name))
        if name in self.buttons and pixmap is not None:
            self.buttons[name].setIcon(QtGui.QIcon(pixmap))

    def forget(self) -> None:
        """The window is closing."""
        for end in self._ends:
            end()
