"""Runs outside Krita, with PyQt6: loads every module of the plug-in and drives a docker, as Krita 6 would.

The module `krita` is a stand-in that has no picture open; what touches pictures is tested in the real one.
"""

import importlib
import pkgutil
import sys
import types
from unittest.mock import MagicMock

from PyQt6 import QtCore, QtGui, QtTest, QtWidgets

sys.excepthook = lambda *error: (sys.__excepthook__(*error), sys.exit(1))


class Application(MagicMock):
    """Krita with no window and no picture."""

    activeDocument = activeWindow = action = lambda self, *unused: None
    documents = windows = lambda self: []
    version = lambda self: "6.0.0"  # noqa: E731


class Position:
    DockRight = 1


class Extension(QtCore.QObject):
    def __init__(self, parent):
        super().__init__()


def stand_in():
    made = types.ModuleType("krita")
    application = Application()
    made.Krita = types.SimpleNamespace(instance=lambda: application)
    made.DockWidget, made.Extension = QtWidgets.QDockWidget, Extension
    made.DockWidgetFactoryBase = types.SimpleNamespace(DockPosition=Position)
    made.DockWidgetFactory = MagicMock()
    return made


def load_all():
    import velatura_krita

    found = list(pkgutil.walk_packages(velatura_krita.__path__, "velatura_krita."))
    for module in found:
        importlib.import_module(module.name)
    return len(found)


def drive(docker, studio):
    """Every kind of event that the docker's own widgets take."""
    from velatura.editor.geometry import Rect
    from velatura.editor.tasks import Task
    from velatura_krita import overlay, raster
    from velatura_krita.widgets import menus

    panel, left = docker.panel, QtCore.Qt.MouseButton.LeftButton
    panel._controls._more.button.setChecked(True)
    studio.look.choose("a")
    studio.look.toggle("b")
    QtWidgets.QApplication.processEvents()
    slider = panel.findChild(QtWidgets.QAbstractSlider, "velatura_strength")
    QtTest.QTest.mouseClick(slider, left, pos=QtCore.QPoint(slider.width() // 2, 10))
    assert abs(studio.look.strength - 0.5) < 0.02, studio.look.strength
    QtTest.QTest.keyClick(slider, QtCore.Qt.Key.Key_Right)
    QtTest.QTest.mouseDClick(slider, left)
    assert studio.look.strength == 1.0
    QtTest.QTest.keyClick(slider, QtCore.Qt.Key.Key_3)
    line = slider.findChild(QtWidgets.QLineEdit)
    QtTest.QTest.keyClicks(line, "3 %")
    QtTest.QTest.keyClick(line, QtCore.Qt.Key.Key_Return)
    assert studio.look.strength == 0.33 and slider.number == 0.33
    QtTest.QTest.mouseClick(panel._controls._pad, left, pos=QtCore.QPoint(30, 30))
    for menu in panel.findChildren(QtWidgets.QMenu):
        menu.aboutToShow.emit()
    menus.ask_for_file(panel, studio)
    panel.findChild(QtWidgets.QFileDialog).close()
    image = QtGui.QImage(30, 20, QtGui.QImage.Format.Format_ARGB32)
    image.fill(0xFF336699)
    assert raster.packed(image, 4)[:4] == bytes([0x99, 0x66, 0x33, 0xFF])
    canvas = QtWidgets.QWidget()
    shown = overlay.Overlay(canvas)
    stroke = overlay.Stroke(Rect(0, 0, 300, 200), 30.0)
    stroke.points += [QtCore.QPointF(250, 150), QtCore.QPointF(290, 190)]
    opened = stroke.opened(image.copy())
    assert (opened.pixelColor(27, 17).alpha(), opened.pixelColor(5, 5).alpha()) == (0, 255)
    shown.image, shown.rect_in_image = image, QtCore.QRectF(0, 0, 30, 20)
    canvas.show()
    studio.tasks = (Task(MagicMock(), types.SimpleNamespace(name="layer"), studio.look.stylize(), "a + b"),)
    QtWidgets.QApplication.processEvents()
    assert canvas.grab().toImage().pixelColor(5, 5).name() == "#336699"
    assert panel._tasks._rows[0]._title.text() == "a + b on layer"


if __name__ == "__main__":
    application = QtWidgets.QApplication([])
    sys.modules["krita"] = stand_in()
    modules = load_all()
    from velatura_krita import plugin, qt

    assert qt.MAJOR == 6
    docker = plugin.Docker()
    docker.resize(360, 1000)
    docker.show()
    drive(docker, plugin.studio())
    live = plugin.LiveDocker()
    live.show()
    live.panel.live.click()
    assert plugin.surface().beside and plugin.studio().preview.on
    live.hide()
    assert not plugin.surface().beside
    print(modules, "modules, PyQt", QtCore.PYQT_VERSION_STR)
