"""Variations of the look on the layer, as pictures to choose from."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.editor.variations import KINDS, Variation
from velatura.recipe import RECIPES

from ..qt import QtCore, QtGui, QtWidgets
from .gallery_view import picture_of
from .parts import HEIGHT, Listening, PictureRow, button, column, line, picture_button

SIDE = 72
"""Of a picture, in pixels."""


class Strip(QtWidgets.QWidget, Listening):
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
        tip = _("A new layer with the settings that were taken")
        self._make = button(_("Make it"), tip, lambda: studio.make(studio.variations.kind))
        self._pictures = PictureRow(SIDE + 46)
        above = line(self._kind, self._make)
        above.setStretch(0, 1)
        column(self, above, self._pictures)
        self.listen(
            studio.variations.changed.connect(self._changed),
            studio.variations.picture_came.connect(self._came),
        )
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
        self.buttons = {each.name: self._button(each) for each in self._studio.variations.offered}
        words = self._studio.variations.words or _("Choose a style first.")
        self._pictures.fill(self.buttons.values() or [QtWidgets.QLabel(words)])
        for name in self.buttons:
            self._came(name)

    def _button(self, variation: Variation) -> QtWidgets.QToolButton:
        tip = _("Take these settings: {what}", what=variation.title)
        made = picture_button(SIDE, tip, lambda: self._studio.vary(variation))
        made.setText(variation.title)
        made.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        made.setFixedWidth(max(SIDE, made.fontMetrics().horizontalAdvance(variation.title)) + 10)
        return made

    def _came(self, name: str) -> None:
        pixmap = picture_of(self._studio.variations.picture(name))
        if name in self.buttons and pixmap is not None:
            self.buttons[name].setIcon(QtGui.QIcon(pixmap))
