"""Qt as this Krita has it: PyQt5 up to Krita 5, PyQt6 from Krita 6. Every other module imports from here.

Enumerations are scoped in PyQt6 and reachable the same way in PyQt5, so this code always writes
`Qt.AlignmentFlag.AlignTop`; only what truly differs is bridged here.
"""

from __future__ import annotations

import importlib.util
import sys

MAJOR = 6 if importlib.util.find_spec("PyQt6") and "PyQt5" not in sys.modules else 5

if MAJOR == 6:
    from PyQt6 import QtCore, QtGui, QtWidgets, sip
    from PyQt6.QtGui import QAction, QActionGroup
else:
    from PyQt5 import QtCore, QtGui, QtWidgets, sip
    from PyQt5.QtWidgets import QAction, QActionGroup

__all__ = [
    "MAJOR",
    "QAction",
    "QActionGroup",
    "QtCore",
    "QtGui",
    "QtWidgets",
    "event_point",
    "gone",
    "notifier",
]


def event_point(event: QtGui.QMouseEvent) -> QtCore.QPointF:
    """Where a mouse or pen event happened, in the widget."""
    if MAJOR == 6:
        return event.position()
    return event.posF() if isinstance(event, QtGui.QTabletEvent) else event.localPos()


def notifier(descriptor: int, parent: QtCore.QObject | None = None) -> QtCore.QSocketNotifier:
    """Watches a descriptor for reading."""
    return QtCore.QSocketNotifier(descriptor, QtCore.QSocketNotifier.Type.Read, parent)


def gone(thing: QtCore.QObject) -> bool:
    """Whether Qt has deleted an object that Python still holds."""
    return sip.isdeleted(thing)
