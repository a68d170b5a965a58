"""Variations of the look on the layer, as pictures to choose from."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.editor.variations import KINDS, Variation
from velatura.recipe import RECIPES

from ..qt import QtCore, QtGui, QtWidgets
from .gallery_view import picture_of
from .rows import HEIGHT

SIDE = 72
"""Of a picture, in pixels."""


class Strip(QtWidgets.QWidget):
    """The pictures in one row, below what is varied; a press takes one's settings. It asks for them while it
    can be seen."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.buttons: dict[str, QtWidgets.QToolButton] = {}
        self._kind = QtWidgets.QComboBox()
        self._kind.setToolTip(_("What is varied"))
        self._kind.setAccessibleName(_("What is varied"))
        self._kind.setMinimumHeight(HEIGHT)
        for kind in KINDS:
            self._kind.addItem(_(RECIPES[kind].FACTS.title), kind)
        self._kind.activated.connect(lambda row: studio.variations.show_kind(self._kind.itemData(row)))
        self._make = QtWidgets.QPushButton(_("Make it"))
        self._make.setToolTip(_("A new layer with the settings that were taken"))
        self._make.setMinimumHeight(HEIGHT)
        self._make.clicked.connect(lambda: studio.make(studio.variations.kind))
        self._pictures = QtWidgets.QScrollArea()
        self._pictures.setWidgetResizable(True)
        self._pictures.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._pictures.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._pictures.setFixedHeight(SIDE + 46)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self._kind, 1)
        line.addWidget(self._make)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(line)
        column.addWidget(self._pictures)
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
        if name in ("offered", "words", "kind"):
            self._fill()

    def _fill(self) -> None:
        self._kind.setCurrentIndex(KINDS.index(self._studio.variations.kind))
        self._make.setVisible(self._studio.variations.kind != KINDS[0])  # which Apply makes
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
        self._pictures.setWidget(inside)
        for name in self.buttons:
            self._came(name)

    def _button(self, variation: Variation) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setText(variation.title)
        button.setToolTip(_("Take these settings: {what}", what=variation.title))
        button.setAutoRaise(True)
        button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setFixedWidth(max(SIDE, button.fontMetrics().horizontalAdvance(variation.title)) + 10)
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
