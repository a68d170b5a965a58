"""Qt's event loop as the link and the pump need it."""

from __future__ import annotations

from collections.abc import Callable

from velatura.editor.pump import Pump, timed

from .qt import QtCore, notifier

_BREATH = 1
"""Milliseconds between two turns of the pump: the editor's own events come first."""


class QtLoop:
    """Timers and socket notifiers that live as long as `parent`."""

    def __init__(self, parent: QtCore.QObject) -> None:
        self._parent = parent

    def watch(self, descriptor: int, call: Callable[[], None]) -> Callable[[], None]:
        watcher = notifier(descriptor, self._parent)
        watcher.activated.connect(lambda *unused: call())

        def end() -> None:
            watcher.setEnabled(False)
            watcher.deleteLater()

        return end

    def soon(self, call: Callable[[], None]) -> None:
        QtCore.QTimer.singleShot(0, call)

    def every(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        timer = QtCore.QTimer(self._parent)
        timer.timeout.connect(call)
        timer.start(int(seconds * 1000))

        def end() -> None:
            timer.stop()
            timer.deleteLater()

        return end


class QtPump(Pump):
    """The pump, turned by a timer while there is work."""

    def __init__(self, parent: QtCore.QObject) -> None:
        super().__init__(self._begin)
        self._timer = QtCore.QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._turn)

    def _begin(self) -> None:
        self._timer.start(0)

    @timed("pump")
    def _turn(self) -> None:
        wait: float | None = 0.0
        try:
            wait = self.turn()
        finally:
            if self.busy:
                self._timer.start(_BREATH + int(1000 * (wait or 0.0)))
