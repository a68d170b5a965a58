"""Buttons for the arrows that shapes go by, and how it stands with them."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import QtWidgets
from .rows import HEIGHT


class ArrowRow(QtWidgets.QWidget):
    """Find, show and clear."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._arrows = arrows = studio.arrows
        self._find = self._button(
            _("Find pairs"), _("Looks for places of the style that are like places of the layer")
        )
        self._find.clicked.connect(self._ask)
        self._show = self._button(
            _("Show arrows"),
            _("Drag the ends of an arrow; a right click adds one, or takes the one there out"),
        )
        self._show.setCheckable(True)
        self._show.toggled.connect(self._shown)
        self._clear = self._button(_("Clear"), _("Takes all arrows out"))
        self._clear.clicked.connect(lambda: arrows.clear())
        self._studio, self._words = studio, QtWidgets.QLabel()
        self._words.setWordWrap(True)
        line = QtWidgets.QHBoxLayout()
        for button in (self._find, self._show, self._clear):
            line.addWidget(button)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(line)
        column.addWidget(self._words)
        self._end = arrows.changed.connect(self.refresh)
        self.refresh()

    def refresh(self, *unused: object) -> None:
        self._find.setEnabled(not self._arrows.finding)
        self._show.setChecked(self._arrows.shown)
        self._clear.setEnabled(bool(self._arrows.arrows))
        self._words.setText(self._arrows.words)
        self._words.setVisible(bool(self._arrows.words))

    def forget(self) -> None:
        self._end()

    def _ask(self) -> None:
        self._studio.wake()
        self._show.setChecked(True)
        self._arrows.find()

    def _shown(self, shown: bool) -> None:
        self._studio.wake()
        self._arrows.show(shown)

    def _button(self, text: str, tip: str) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text)
        button.setToolTip(tip)
        button.setMinimumHeight(HEIGHT)
        button.setMinimumWidth(40)
        return button
