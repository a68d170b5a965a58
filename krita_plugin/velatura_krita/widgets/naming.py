"""A line that asks for a name: in the docker, since no window of ours blocks."""

from __future__ import annotations

from collections.abc import Callable

from ..qt import QtCore, QtGui, QtWidgets
from .buttons import SIDE


class NamingLine(QtWidgets.QLineEdit):
    """It is there from `ask` until Enter or Escape."""

    def __init__(self) -> None:
        super().__init__()
        self._call: Callable[[str], None] = lambda name: None
        self.setMinimumHeight(SIDE)
        self.hide()
        self.returnPressed.connect(self._named)

    def ask(self, what: str, tip: str, call: Callable[[str], None]) -> None:
        """Asks once.

        Args:
            what: is asked for.
            tip: what the name will do.
            call: called with the name.
        """
        self._call = call
        self.setPlaceholderText(what)
        self.setAccessibleName(what)
        self.setToolTip(tip)
        self.clear()
        self.show()
        self.setFocus()

    def _named(self) -> None:
        name = self.text().strip()
        if name:
            self._call(name)
        self.hide()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        if event.key() == QtCore.Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
