"""Records the walk of docs/krita.md in a real Krita, and the docker in every width.

    python docs/render_krita.py

Needs what `make test-editors` needs, and paints with the real networks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from editors.krita.conftest import SETUP
from editors.krita.session import Krita
from editors.roots import Root, Screen
from harness import REAL, Daemon
from recording import recorded

IMAGES = Path(__file__).parent / "images" / "krita"
SIZE = (1366, 768)

OPEN = """
window = app.activeWindow().qwindow()
window.showNormal()
window.setGeometry(0, 0, *size)
doc = app.openDocument(path); doc.setBatchmode(True); app.activeWindow().addView(doc); doc.waitForDone()
doc.topLevelNodes()[0].setName("Photo")
themes = next(a for a in app.actions() if a.objectName() == "theme_menu")
def theme(name):
    next(a for a in themes.menu().actions() if a.text().replace("&", "") == name).trigger()
def middle(widget, part=None):
    at = widget.mapToGlobal((part or widget.rect()).center())
    return at.x(), at.y()
def style(name):
    view = panel._gallery
    index = view.model().index(view.model().names().index(name))
    view.scrollTo(index)
    return middle(view.viewport(), view.visualRect(index))
"""


class Recorder:
    """A real Krita with a photograph open, pressed as by hand."""

    def __init__(self, krita: Krita, screen: Screen, folder: Path) -> None:
        self.krita, self.screen, self.folder = krita, screen, folder

    def press(self, where: str) -> None:
        """Presses where an expression inside Krita says."""
        x, y = self.krita.run(where)
        self.screen.xdotool("mousemove", x, y, "click", 1)

    def shot(self, name: str) -> None:
        """The whole screen."""
        picture = Image.open(self.screen.shot(self.folder / "shot.png")).convert("RGB")
        picture.save(IMAGES / f"{name}.jpg", quality=88)

    def walk(self) -> None:
        """From the open picture to a layer: a touch, a style, Apply."""
        krita = self.krita
        krita.until("ours.isVisible() and ours.height() > 500")
        krita.run("app.action('zoom_to_fit').trigger(); QtTest.QTest.qWait(3000)")  # its message goes again
        self.shot("walk-0")
        self.press("middle(panel._gallery)")
        krita.until("studio.link.state == 'ready' and len(studio.gallery.entries) > 30")
        krita.until("all(studio.gallery.picture(n) is not None for n in studio.gallery._in_sight)")
        self.shot("walk-1")
        krita.run("studio.look.quality = 'fast'")  # so that a busy machine records it too
        self.press("style('starry-night')")
        krita.until("studio.preview.full_size", patience=500)
        self.shot("walk-2")
        self.press("middle(panel._apply)")
        krita.until("studio.tasks and studio.tasks[0].state == 'done' and studio.tasks[0].image")
        self.shot("walk-3")

    def variations(self) -> None:
        """Other textures, in the strip."""
        krita = self.krita
        self.stand(420, "Krita dark")  # before they are asked for: a docker that moves asks anew
        krita.run("studio.variations.show_kind('texture'); panel._strip_fold.button.click()")
        krita.until(
            "sum(studio.variations.picture(v.name) is not None for v in studio.variations.offered) >= 4",
            patience=500,
        )
        self.keep("variations")
        krita.run("panel._strip_fold.button.click()")

    def live(self) -> None:
        """The live docker beside the canvas."""
        krita = self.krita
        krita.run(
            """
beside = docker("velatura_live")
beside.setFloating(True)
beside.show()
beside.setGeometry(560, 330, 380, 380)
"""
        )
        krita.run("studio.preview.turn(False)")
        self.press("middle(beside.panel.live)")
        krita.until("studio.preview.shown and studio.preview.full_size", patience=500)
        krita.run("QtTest.QTest.qWait(1000)")
        self.shot("live")
        krita.run("beside.hide(); beside.setFloating(False)")

    def stand(self, width: int, colours: str) -> None:
        """Lets the docker float by itself."""
        krita = self.krita
        krita.run("theme(name); ours.setFloating(True)", name=colours)
        krita.run("ours.setGeometry(20, 20, width, 720)", width=width)
        krita.until("ours.width() == width", width=width)

    def keep(self, name: str) -> None:
        """The docker by itself, as it is now."""
        png = self.folder / "docker.png"
        self.krita.run("QtTest.QTest.qWait(500); ours.grab().save(path)", path=str(png))
        Image.open(png).convert("RGB").save(IMAGES / f"{name}.png", optimize=True)


def record(root: Root, folder: Path, home: Path, file: Path) -> None:
    """All pictures of the page."""
    with (
        Daemon(REAL, home=home) as _,
        root.screen("{}x{}".format(*SIZE)) as screen,
        Krita(root, screen, folder / "k", home) as krita,
    ):
        krita.run(SETUP)
        krita.run("ours = docker('velatura_docker'); panel = ours.panel")
        krita.run(OPEN, path=str(file), size=SIZE)
        recorder = Recorder(krita, screen, folder)
        recorder.walk()
        recorder.live()
        for width, colours in ((250, "Krita bright"), (300, "Krita dark"), (600, "Krita bright")):
            recorder.stand(width, colours)
            recorder.keep(f"docker-{width}")
        recorder.variations()


if __name__ == "__main__":
    recorded(record)
