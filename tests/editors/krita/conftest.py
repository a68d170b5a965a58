"""One Krita and one daemon for all tests of this folder: starting them is what takes the time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import REAL, Daemon
from models.fileserver import FileServer, serving

from editors.krita.session import Krita
from editors.roots import Root

ENGINE = "editors.krita.paint_engine:PaintEngine"

SETUP = """
import velatura_krita.plugin as plugin
from velatura_krita import document as paper
from velatura_krita.document import closing
from PyQt5 import QtCore, QtGui, QtTest, QtWidgets
studio = plugin.studio()
met_at_start = studio.memory.settings.get(plugin.MET)

def docker(name):
    return next(d for d in app.activeWindow().dockers() if d.objectName() == name)

def in_sight():
    # in front of those that share its place
    ours = docker("velatura_docker")
    ours.setVisible(True)
    ours.raise_()
    return ours

def history():
    view = docker("History").findChild(QtWidgets.QAbstractItemView)
    labels = [view.model().index(row, 0).data() for row in range(view.model().rowCount())]
    return labels, view.currentIndex().row()

def picture(width, height, model="RGBA", depth="U8", profile="", name="test"):
    global doc, layer
    doc = app.createDocument(width, height, name, model, depth, profile, 72.0)
    doc.setBatchmode(True)
    app.activeWindow().addView(doc)
    doc.waitForDone()
    layer = doc.topLevelNodes()[0]
    return doc

def fill(node, data, x, y, width, height):
    node.setPixelData(QtCore.QByteArray(data), x, y, width, height)
    doc.refreshProjection()
    doc.waitForDone()

def select(data, x, y, width, height):
    made = krita.Selection()
    made.setPixelData(QtCore.QByteArray(data), x, y, width, height)
    doc.setSelection(made)

def layers(of):
    return [n for n in of.topLevelNodes() if n.type() != "selectionmask"]

def pixels(node, x, y, width, height):
    return node.projectionPixelData(x, y, width, height).data()

def whole():
    doc.refreshProjection()
    doc.waitForDone()
    return doc.pixelData(0, 0, doc.width(), doc.height()).data()

def reset_look():
    for name, value in vars(type(studio.look)()).items():
        if name != "changed":
            setattr(studio.look, name, value)

def close_all():
    studio.preview.turn(False)
    for task in studio.tasks:
        task.cancel()
        studio.dismiss(task)
    closing.tell_layer_dockers()  # what a test just did to layers would crash Krita 5.2 on closing
    for open_one in app.documents():
        open_one.setModified(False)
        open_one.close()
    reset_look()
"""


@pytest.fixture(scope="session")
def folder(root: Root) -> Path:
    """A folder that Krita sees at the same path, with a short name because sockets lie in it."""
    return Path(tempfile.mkdtemp(prefix="k-", dir=root.shared[0]))


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    """Where the daemon pulls networks from."""
    with serving(tmp_path_factory.mktemp("mirror")) as server:
        yield server


@pytest.fixture(scope="session")
def running(root: Root, folder: Path, mirror: FileServer) -> Iterator[tuple[Daemon, Krita]]:
    """A daemon with a quick engine, and a Krita that has not been touched yet."""
    home = folder / "home"
    home.mkdir()
    with (
        Daemon(ENGINE, home=home, models_url=mirror.base) as daemon,
        root.screen() as screen,
        Krita(root, screen, folder / "krita", home) as krita,
    ):
        krita.run(SETUP)
        krita.untouched = krita.run("studio.link.state")
        krita.run("studio.wake()")
        yield daemon, krita
        assert krita.run("driver.errors") == []


@pytest.fixture
def daemon(running: tuple[Daemon, Krita]) -> Daemon:
    return running[0]


@pytest.fixture
def krita(running: tuple[Daemon, Krita]) -> Iterator[Krita]:
    """The one Krita, connected, with no picture open; whatever a test opened is closed after it."""
    krita = running[1]
    krita.until("studio.link.state == 'ready' and len(studio.link.styles)")
    krita.run("driver.errors.clear()")
    yield krita
    krita.run("close_all()")
    assert krita.run("driver.errors") == [], "an exception in a slot of ours"


@pytest.fixture(scope="module")
def real(running: tuple[Daemon, Krita], request: pytest.FixtureRequest) -> Iterator[None]:
    """The same Krita, now with a daemon that has the real networks, in the module's `DTYPE` if it has one."""
    daemon, krita = running

    def change(engine: str) -> None:
        daemon.stop()
        krita.until("studio.link.state == 'stopped'")
        daemon.settings |= {"engine": engine, "dtype": getattr(request.module, "DTYPE", "auto")}
        daemon.start()
        krita.run("studio.link.restart()")
        krita.until("studio.link.state == 'ready' and len(studio.link.styles)")

    change(REAL)
    yield
    krita.run("close_all()")
    change(ENGINE)
