"""Qt's event loop as `velatura.editor` needs it."""

from __future__ import annotations

from collections.abc import Callable

from velatura.editor.loop import End

from .qt import QtCore, gone, notifier


class QtLoop:
    """Timers and socket notifiers that live as long as `parent`."""

    def __init__(self, parent: QtCore.QObject) -> None:
        self._parent = parent

    def watch(self, descriptor: int, call: Callable[[], None]) -> End:
        watcher = notifier(descriptor, self._parent)
        watcher.activated.connect(lambda *unused: call())

        def end() -> None:
            if not gone(watcher):
                watcher.setEnabled(False)
                watcher.deleteLater()

        return end

    def later(self, seconds: float, call: Callable[[], None]) -> End:
        timer = self._timer(seconds, call, once=True)
        timer.timeout.connect(timer.deleteLater)
        return lambda: _end(timer)

    def every(self, seconds: float, call: Callable[[], None]) -> End:
        timer = self._timer(seconds, call, once=False)
        return lambda: _end(timer)

    def _timer(self, seconds: float, call: Callable[[], None], once: bool) -> QtCore.QTimer:
        timer = QtCore.QTimer(self._parent)
        timer.setSingleShot(once)
        timer.timeout.connect(call)
        timer.start(int(seconds * 1000))
        return timer


def _end(timer: QtCore.QTimer) -> None:
    if not gone(timer):
        timer.stop()
        timer.deleteLater()
