"""Results that the picture remembers, as pictures to choose from."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.results import RememberedResult
from velatura.editor.studio import Studio

from ..qt import QtGui, QtWidgets
from .parts import Listening, PictureRow, picture_button
from .strip import SIDE


class KeptStrip(PictureRow, Listening):
    """The pictures in one row; a press takes a result's look and goes to its layer where that is left."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(SIDE + 28)
        self._studio = studio
        self.buttons: list[QtWidgets.QToolButton] = []
        self.listen(studio.results.changed.connect(lambda name: self._fill()))
        self._fill()

    def _fill(self) -> None:
        self.buttons = [self._button(result) for result in self._studio.results.shown]
        self.fill(self.buttons)

    def _button(self, result: RememberedResult) -> QtWidgets.QToolButton:
        what = self._studio.describe(result.made.recipe)
        tip = _("Take this look again: {what}", what=what)
        button = picture_button(SIDE, tip, lambda: self._studio.take_result(result))
        button.setIcon(QtGui.QIcon(QtGui.QPixmap.fromImage(QtGui.QImage.fromData(result.image))))
        button.setAccessibleName(what)
        return button
