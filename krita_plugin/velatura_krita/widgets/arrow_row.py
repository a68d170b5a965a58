"""Buttons for the arrows that shapes go by, and how it stands with them."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import QtWidgets
from .parts import Listening, button, column, line, say, wrapped


class ArrowRow(QtWidgets.QWidget, Listening):
    """Find, show and clear."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._arrows = arrows = studio.arrows
        self._find = button(
            _("Find pairs"), _("Looks for places of the style that are like places of the layer"), self._ask
        )
        self._show = button(
            _("Show arrows"),
            _("Drag the ends of an arrow; a right click adds one, or takes the one there out"),
        )
        self._show.setCheckable(True)
        self._show.toggled.connect(self._shown)
        self._clear = button(_("Clear"), _("Takes all arrows out"), arrows.clear)
        self._studio, self._words = studio, wrapped()
        buttons = (self._find, self._show, self._clear)
        for each in buttons:
            each.setMinimumWidth(40)
        column(self, line(*buttons), self._words)
        self.listen(arrows.changed.connect(self.refresh))
        self.refresh()

    def refresh(self, *unused: object) -> None:
        self._find.setEnabled(not self._arrows.finding)
        self._show.setChecked(self._arrows.shown)
        self._clear.setEnabled(bool(self._arrows.arrows))
        say(self._words, self._arrows.words)

    def _ask(self) -> None:
        self._studio.wake()
        self._show.setChecked(True)
        self._arrows.find()

    def _shown(self, shown: bool) -> None:
        self._studio.wake()
        self._arrows.show(shown)
