"""Records the walk of docs/krita.md in a real Krita, and the docker in every width.

    python docs/render_krita.py

Needs what `make test-editors` needs, and paints with the real networks. The photograph is scikit-image's
sample (public domain).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import skimage.data
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from editors.krita.conftest import SETUP
from editors.krita.session import Krita
from editors.roots import Root, build
from harness import REAL, Daemon

IMAGES = Path(__file__).parent / "images" / "krita"

OPEN = """
doc = app.openDocument(path); doc.setBatchmode(True); app.activeWindow().addView(doc); doc.waitForDone()
doc.topLevelNodes()[0].setName("Photo")
ours = in_sight()
panel = ours.panel
app.activeWindow().qwindow().showMaximized()
ours.setFloating(True)
ours.setGeometry(1050, 20, 316, 728)
themes = next(a for a in app.actions() if a.objectName() == "theme_menu")
def theme(name):
    next(a for a in themes.menu().actions() if a.text().replace("&", "") == name).trigger()
def press(widget):
    QtTest.QTest.mouseClick(widget, QtCore.Qt.LeftButton)
def press_style(name):
    view = panel._gallery
    index = next(i for i in (view.model().index(r, 0) for r in range(view.model().rowCount()))
                 if i.data(QtCore.Qt.UserRole) == name)
    view.scrollTo(index)
    QtTest.QTest.mouseClick(view.viewport(), QtCore.Qt.LeftButton, pos=view.visualRect(index).center())
"""


def record(root: Root, folder: Path) -> None:
    """Three presses from the open picture to a layer, then the docker by itself."""
    home = folder / "home"
    home.mkdir()
    file = folder / "photo.png"
    Image.fromarray(skimage.data.astronaut()).save(file)
    with (
        Daemon(REAL, home=home) as _,
        root.screen("1366x768") as screen,
        Krita(root, screen, folder / "k", home) as krita,
    ):

        def shot(name: str) -> None:
            picture = Image.open(screen.shot(folder / "shot.png")).convert("RGB")
            picture.save(IMAGES / f"{name}.jpg", quality=88)

        def docker(width: int, colours: str) -> None:
            krita.run("theme(name); ours.setGeometry(20, 20, width, 720)", name=colours, width=width)
            krita.until("ours.width() == width", width=width)
            krita.run("ours.widget().grab().save(path)", path=str(folder / "docker.png"))
            Image.open(folder / "docker.png").convert("RGB").save(
                IMAGES / f"docker-{width}.png", optimize=True
            )

        krita.run(SETUP)
        krita.run(OPEN, path=str(file))
        krita.until("doc.activeNode() is not None")
        krita.run("studio.look.quality = 'fast'; press(panel._search)")  # the first touch
        krita.until("studio.link.state == 'ready' and len(studio.gallery.entries) > 30", patience=300)
        krita.until(
            "sum(studio.gallery.picture(n) is not None for n in studio.gallery._in_sight) > 5", patience=300
        )
        shot("walk-1")
        krita.run("press_style('starry-night')")
        krita.until("studio.preview.full_size", patience=300)
        shot("walk-2")
        krita.run("press(panel._apply)")
        krita.until(
            "studio.tasks and studio.tasks[0].state == 'done' and studio.tasks[0].image", patience=300
        )
        shot("walk-3")
        for width, colours in ((250, "Krita bright"), (300, "Krita dark"), (600, "Krita dark")):
            docker(width, colours)


def main() -> None:
    shared = Path(tempfile.mkdtemp(prefix="velatura-k-"))
    record(Root(build().path, (shared,)), Path(tempfile.mkdtemp(prefix="k-", dir=shared)))


if __name__ == "__main__":
    main()
