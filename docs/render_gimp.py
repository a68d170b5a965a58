"""Records the pictures of docs/gimp.md in a real GIMP, at 1366 x 768.

    python docs/render_gimp.py

Needs what `make test-editors` needs, and paints with the real networks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from editors.gimp.session import Gimp
from editors.roots import Root, Screen
from harness import REAL, Daemon, until
from recording import recorded

IMAGES = Path(__file__).parent / "images" / "gimp"
WINDOW = "Untitled"

OPEN = """
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path({file!r}))
layer = image.get_layers()[0]
layer.set_name("Photo")
display = Gimp.Display.new(image)
image.clean_all()
"""

STYLIZE = "Velatura: Stylize"
PAGES = {"library": (512, 41), "variations": (706, 41), "results": (770, 41)}
SEARCH, CLEAR, DAEMON = (620, 81), (756, 81), (353, 486)
"""Where the dialog has these, on the screen."""


class Recorder:
    """A real GIMP with a photograph open, used as by hand."""

    def __init__(self, gimp: Gimp, screen: Screen, daemon: Daemon) -> None:
        self.gimp, self.screen, self.daemon = gimp, screen, daemon

    def shot(self, name: str) -> None:
        """The whole screen."""
        picture = Image.open(self.screen.shot(self.gimp.folder / "shot.png")).convert("RGB")
        picture.crop(picture.getbbox()).save(IMAGES / f"{name}.webp", quality=88)

    def open(self, kind: str, quick: bool = False) -> None:
        """A filter's dialog, once its preview is there, or `quick` a first one."""
        before = self.painted
        self.gimp.choose(WINDOW, kind)
        until(lambda: self.painted > before, "a preview was made", patience=300)
        if not quick:
            self.settled()

    @property
    def painted(self) -> int:
        """How many jobs the daemon has finished."""
        return self.daemon.log().count(": done")

    def settled(self) -> None:
        """The screen has stood still for some seconds."""

        def still() -> bool:
            first = self.screen.shot(self.gimp.folder / "a.png").read_bytes()
            time.sleep(2)
            return first == self.screen.shot(self.gimp.folder / "b.png").read_bytes()

        until(still, "nothing changes any more", patience=400)

    def click(self, place: tuple[int, int]) -> None:
        self.screen.xdotool("mousemove", *place, "click", 1)

    def search(self, words: str) -> None:
        """Types into the gallery's search, where a style that it leaves alone is chosen, and clears it."""
        before = self.painted
        self.gimp.press(STYLIZE)  # has the focus from here on
        self.click(SEARCH)
        self.screen.xdotool("type", words)
        until(lambda: self.painted > before, "its preview was made", patience=300)
        self.click(CLEAR)
        self.settled()

    def made(self, layers: int) -> Callable[[], bool]:
        """Whether there are so many layers."""
        return lambda: self.gimp.value("len(image.get_layers())") == layers


def record(root: Root, folder: Path, home: Path, file: Path) -> None:
    """All pictures of the page."""
    with (
        Daemon(REAL, home=home) as daemon,
        root.screen("1366x768") as screen,
        Gimp(root, folder, home, screen) as gimp,
    ):
        gimp.run(OPEN.format(file=str(file)))
        recorder = Recorder(gimp, screen, daemon)
        recorder.open("stylize", quick=True)
        recorder.search("starry")
        recorder.shot("dialog")
        gimp.press(STYLIZE, "alt+o")
        until(recorder.made(2), "a layer is made", patience=300)
        until(lambda: not gimp.plugins(), "the plug-in ends")
        gimp.run("image.set_selected_layers([layer])")
        recorder.open("stylize")
        for page in ("results", "variations"):
            gimp.press(STYLIZE)
            recorder.click(PAGES[page])
            recorder.settled()
            recorder.shot(page)
        recorder.click(PAGES["library"])
        recorder.click(DAEMON)
        time.sleep(2)
        screen.xdotool("key", "Down", "Right")
        time.sleep(2)
        recorder.shot("daemon")
        gimp.press(STYLIZE, "Escape", "Escape")
        until(lambda: not gimp.plugins(), "the plug-in ends")
        recorder.open("finest")
        gimp.press("Velatura: Refine", "alt+o")
        time.sleep(20)
        recorder.shot("growing")
        gimp.press("Velatura: Refine", "alt+k")
        until(recorder.made(3), "what it has is kept", patience=300)


if __name__ == "__main__":
    recorded(record)
