"""Velatura as Krita sees it: a docker in every window, and the actions under Tools > Scripts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import krita
from velatura.editor import i18n
from velatura.editor.i18n import _
from velatura.editor.starting import starter
from velatura.editor.studio import Studio

from . import document
from .arrows import CanvasArrows
from .loop import QtLoop
from .overlay import Surface
from .qt import QtCore, QtWidgets, gone
from .widgets.docker import Panel
from .widgets.live import Live

DOCKER = "velatura_docker"
LIVE = "velatura_live"
FOLDER = Path(__file__).parent
LOCALE = FOLDER / "locale"
DOMAIN = "velatura_krita"
MET = "met"
"""Remembered once the docker has shown itself."""
SETTLING, TRIES = 300, 8
"""Milliseconds between looks at where it lies after the first picture, and how many."""

_studio: Studio | None = None
_surface: Surface | None = None
_dockers: list[krita.DockWidget] = []


def studio() -> Studio:
    """The one studio of this Krita, made when the first docker is; it starts nothing by itself."""
    global _studio, _surface
    if _studio is None:
        application = krita.Krita.instance()
        i18n.load(i18n.environment_languages(QtCore.QLocale().name()), LOCALE, DOMAIN)
        _surface = Surface()
        _studio = Studio(
            document, QtLoop(_surface), _surface, partial(starter, FOLDER), memory_file(),
            f"Krita {application.version()}",
        )  # fmt: skip
        _studio.told.connect(tell_on_canvas)
        _surface.painted = _studio.preview.look_now
        CanvasArrows(_studio.arrows, _surface)
        QtCore.QCoreApplication.instance().aboutToQuit.connect(_studio.close)
    return _studio


def surface() -> Surface:
    studio()
    assert _surface is not None
    return _surface


def memory_file() -> Path:
    """Presets and recents: in Krita's own resource folder, beside and not inside the plug-in."""
    place = QtCore.QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QtCore.QStandardPaths.writableLocation(place)) / "krita" / "velatura" / "memory.json"


def tell_on_canvas(text: str) -> None:
    """Shows a message over the canvas when dockers are hidden (canvas-only mode)."""
    application = krita.Krita.instance()
    only = application.action("view_show_canvas_only")
    view = document.active_view()
    if view is not None and only is not None and only.isChecked():
        view.showFloatingMessage(text, application.icon("krita"), 4000, 1)


def _keep(docker: krita.DockWidget, panel: Panel | Live) -> None:
    """Keeps a docker's Python part as long as Qt has the docker. Nothing else does once Python has met the
    window that it lies in: the collector then takes both, and the docker is deaf."""
    _dockers.append(docker)

    def forget(*unused: object) -> None:
        panel.forget()
        _dockers.remove(docker)

    docker.destroyed.connect(forget)


class Docker(krita.DockWidget):
    """One window's docker; all of them show the same studio."""

    def __init__(self) -> None:
        super().__init__()
        i18n.load(i18n.environment_languages(QtCore.QLocale().name()), LOCALE, DOMAIN)
        self.setWindowTitle(_("Velatura"))
        panel = Panel(studio(), surface())
        self.setWidget(panel)
        self.panel = panel
        _keep(self, panel)

    def canvasChanged(self, canvas: Any) -> None:
        """Another view is active: what is painted on is another layer. An empty window has a canvas, too."""
        opened = canvas is not None and krita.Krita.instance().activeDocument() is not None
        if opened and not studio().memory.settings.get(MET):
            studio().memory.set(MET, True)
            self._introduce(TRIES)
        if _studio is not None and _studio.link.state != "asleep":
            QtCore.QTimer.singleShot(0, _studio.watch)

    def _introduce(self, tries: int) -> None:
        """With the first picture ever: a column of its own, where the gallery has room. From then on it lies,
        or is closed, as the artist leaves it. Krita puts its dockers back to where they were some time after
        a first picture is opened, so it is looked at again."""
        if gone(self) or not tries or self.isFloating():
            return
        self._window = window = self.parentWidget()  # kept, as it takes this object over, and along
        if not self.isVisible() or 2 * self.height() < window.height():
            right, beside = QtCore.Qt.DockWidgetArea.RightDockWidgetArea, QtCore.Qt.Orientation.Horizontal
            others = [d for d in window.findChildren(QtWidgets.QDockWidget) if _lies(d, window, right)]
            widths = {other: other.width() for other in others if other is not self}
            window.addDockWidget(right, self, beside)
            self.setVisible(True)
            self.raise_()
            window.resizeDocks([*widths, self], [*widths.values(), self.panel.sizeHint().width()], beside)
        QtCore.QTimer.singleShot(SETTLING, partial(self._introduce, tries - 1))


def _lies(
    docker: QtWidgets.QDockWidget, window: QtWidgets.QMainWindow, area: QtCore.Qt.DockWidgetArea
) -> bool:
    """Whether a docker is to be seen in an area of the window."""
    return docker.isVisible() and not docker.isFloating() and window.dockWidgetArea(docker) == area


class LiveDocker(krita.DockWidget):
    """The preview beside the canvas, in a docker of its own: as large as one likes, on another screen too."""

    def __init__(self) -> None:
        super().__init__()
        i18n.load(i18n.environment_languages(QtCore.QLocale().name()), LOCALE, DOMAIN)
        self.setWindowTitle(_("Velatura Live"))
        panel = Live(studio(), surface())
        self.setWidget(panel)
        self.panel = panel
        _keep(self, panel)

    def canvasChanged(self, canvas: Any) -> None:
        """The other docker sees to it."""


class Velatura(krita.Extension):
    """The actions; Krita asks for them once a window."""

    def setup(self) -> None:
        """Nothing happens before the docker is touched."""

    def createActions(self, window: Any) -> None:
        calls = {
            "velatura_apply": (_("Velatura: Apply"), lambda: studio().apply()),
            "velatura_apply_last": (_("Velatura: Apply Last Style"), lambda: studio().apply_last()),
            "velatura_all": (_("Velatura: Apply to All Chosen Layers"), lambda: studio().apply_to_all()),
            "velatura_frames": (_("Velatura: Apply to All Frames"), lambda: studio().apply_to_frames()),
            "velatura_refine": (_("Velatura: Refine Selection"), lambda: studio().refine()),
            "velatura_preview": (_("Velatura: Toggle Preview"), toggle_preview),
            "velatura_compare": (
                _("Velatura: Compare with Original"),
                lambda: surface().hold(not surface().held),
            ),
            "velatura_cancel": (_("Velatura: Cancel"), lambda: studio().cancel()),
            "velatura_stop": (_("Velatura: Stop and Keep"), lambda: studio().stop()),
            "velatura_next": (_("Velatura: Next Style"), lambda: studio().next_style(1)),
            "velatura_previous": (_("Velatura: Previous Style"), lambda: studio().next_style(-1)),
        }
        for name, (text, call) in calls.items():
            action = window.createAction(name, text, "tools/scripts")
            action.triggered.connect(lambda checked=False, call=call: call())


def toggle_preview() -> None:
    studio().show_preview(not studio().preview.on)


def register() -> None:
    """Called once, when Krita loads the plug-in."""
    application = krita.Krita.instance()
    application.addExtension(Velatura(application))
    areas = getattr(krita.DockWidgetFactoryBase, "DockPosition", krita.DockWidgetFactoryBase)
    for name, docker in ((DOCKER, Docker), (LIVE, LiveDocker)):
        application.addDockWidgetFactory(krita.DockWidgetFactory(name, areas.DockRight, docker))
