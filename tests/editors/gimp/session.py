"""A running GIMP, driven from a test: code runs inside it, values come back.

with Gimp(root, folder, daemon.home) as gimp:
    gimp.run("image, layer = new_image()")
    assert gimp.value("layer.get_width()") == 48
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from harness import until
from velatura_daemon.install import Folder
from velatura_daemon.install import gimp as installer

from editors.roots import Root, Screen, kill_group

PATIENCE = 240.0
ENTRIES = ("restyle", "refine", "finest", "stylize", "texture", "upscale")
"""Our submenu of Filters, which is its last entry, from top to bottom."""
SHORTCUTS = {kind: f"F{number}" for number, kind in enumerate(ENTRIES, start=1)}
"""With Ctrl and Shift, as a person may set them; a menu that is still being built loses keys."""
ASIDE = 1360, 760
"""Where the mouse is over no window: over the menu bar it opens the menu that is there."""
SERVE = Path(__file__).with_name("serve.py")
INSIDE = Path(__file__).with_name("sitecustomize.py")


class CodeFailed(AssertionError):
    """Code inside GIMP raised; the text is its traceback."""


class Gimp:
    """GIMP with a settings folder of its own and the plug-in installed as users install it.

    Args:
        root: the editors' folder.
        folder: a fresh shared folder for settings, socket and pictures; its path must be short.
        home: VELATURA_HOME for the plug-in.
        screen: where its windows go; without one it is the console program.
        env: added to its environment.
    """

    def __init__(
        self, root: Root, folder: Path, home: Path, screen: Screen | None = None, **env: str
    ) -> None:
        self.root, self.folder, self.home, self.screen = root, folder, home, screen
        self.settings = folder / "gimp"
        self.env = env
        self.log = folder / "gimp.log"

    def __enter__(self) -> Gimp:
        self.root.profile("gimp-1", self.settings, self._warm)
        (self.settings / "shortcutsrc").write_text(
            "(file-version 1)\n"
            + "".join(
                f'(action "plug-in-velatura-{kind}" "<primary><shift>{key}")\n'
                for kind, key in SHORTCUTS.items()
            )
        )
        (self.settings / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n")
        installer.install([Folder("GIMP under test", self.settings / "plug-ins")])
        (self.folder / "inside").mkdir(exist_ok=True)
        shutil.copy(INSIDE, self.folder / "inside")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / "socket"))
        listener.listen(1)
        listener.settimeout(PATIENCE)
        program = (
            [self._program("gimp"), "-s", "-d"]
            if self.screen
            else [self._program("gimp-console"), "-i", "-d"]
        )
        batch = ["--batch-interpreter=python-fu-eval", "-b", f"exec(open('{self._copy()}').read())", "--quit"]
        with self.log.open("wb") as log:
            self.process = self.root.popen(
                [*program, *batch], env=self._environment(), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            self._peer, _ = listener.accept()
        except TimeoutError:
            kill_group(self.process)
            raise AssertionError(f"GIMP did not come up:\n{self.log.read_text()[-3000:]}") from None
        finally:
            listener.close()
        self._peer.settimeout(PATIENCE)
        self._lines = self._peer.makefile("rwb")
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._peer.close()
        kill_group(self.process)

    def start(self, code: str) -> None:
        """Has code run, without waiting for its end; `finish` gives its value."""
        self._lines.write(json.dumps(code).encode() + b"\n")
        self._lines.flush()

    def finish(self) -> Any:
        """What the code begun with `start` left in `value`.

        Raises:
            CodeFailed: with the traceback from inside.
        """
        line = self._lines.readline()
        assert line, f"GIMP's Python is gone:\n{self.log.read_text()[-3000:]}"
        reply = json.loads(line, object_hook=_decode)
        if "error" in reply:
            raise CodeFailed(reply["error"])
        return reply["value"]

    def run(self, code: str) -> Any:
        """Runs code; what it left in `value`."""
        self.start(code)
        return self.finish()

    def value(self, expression: str) -> Any:
        """The value of an expression."""
        return self.run(f"value = {expression}")

    def press(self, title: str, *keys: str, pause: float = 0.0) -> None:
        """Presses keys in the window whose title matches, once it is there, with seconds between them."""
        assert self.screen is not None
        window = until(lambda: self.screen.windows(title), f"a window {title!r} appears")[-1]
        self.screen.xdotool("windowfocus", "--sync", window)
        for key in keys:
            self.screen.xdotool("key", key)
            time.sleep(pause)

    def choose(self, title: str, kind: str) -> None:
        """Runs one of our procedures in a window: by its keys, else by the Filters menu, as in 3.2, which
        does not take them."""
        until(lambda: not self.plugins(), "the one before has ended")
        keys = [[f"ctrl+shift+{SHORTCUTS[kind]}"]] if self.version == "3.0" else []
        assert self.screen is not None
        self.screen.xdotool("mousemove", *ASIDE)
        for way in (*keys, *3 * [self._menu(kind)]):
            self.press(title, *way, pause=0.0 if way in keys else 0.5)
            with contextlib.suppress(AssertionError):
                until(self.plugins, patience=15)
                return
        shown = self.screen.shot(self.folder / "menu.png")
        raise AssertionError(f"neither keys nor menu start {kind!r}; see {shown}")

    def _menu(self, kind: str) -> list[str]:
        """The way through the menu; keys are lost where it is only then made, so it is gone again."""
        return ["Escape", "alt+r", "Up", "Right", *["Down"] * ENTRIES.index(kind), "Return"]

    def choose_by_menu(self, title: str, kind: str, wanted: str) -> None:
        """The same by the menu alone, until a window is there whose title is `wanted`."""
        assert self.screen is not None
        self.screen.xdotool("mousemove", *ASIDE)
        for _ in range(3):
            self.press(title, *self._menu(kind))
            with contextlib.suppress(AssertionError):
                until(lambda: self.screen and self.screen.windows(wanted), patience=15)
                return
            self.kill_plugin()  # another entry was taken
        shown = self.screen.shot(self.folder / "menu.png")
        raise AssertionError(f"the menu entry of {kind!r} does nothing; see {shown}")

    def inside(self, code: str) -> Any:
        """Runs code in our plug-in at work, where `sitecustomize` has what helps; the value of its last
        expression. None while there is no plug-in that answers.

        Raises:
            CodeFailed: with the traceback from there.
        """
        for pid in self.plugins():
            with socket.socket(socket.AF_UNIX) as peer, contextlib.suppress(OSError):
                peer.settimeout(PATIENCE)
                peer.connect(str(self.folder / "inside" / str(pid)))
                with peer.makefile("rwb") as lines:
                    lines.write(json.dumps(code).encode() + b"\n")
                    lines.flush()
                    line = lines.readline()
                if line:
                    reply = json.loads(line)
                    if "error" in reply:
                        raise CodeFailed(reply["error"])
                    return reply["value"]
        return None

    def click(self, what: str, button: int = 1) -> None:
        """Clicks where something of the dialog is, an expression as of `inside`, once it rests there."""
        assert self.screen is not None

        def resting() -> list[int] | None:
            place = self.inside(what)
            return place if place and place == self.inside(what) else None

        place = until(resting, f"{what} is there")
        self.screen.xdotool("mousemove", *place, "click", button)

    def plugins(self) -> list[int]:
        """Process ids of our plug-in, as started by this GIMP."""
        script = os.fsencode(self.settings / "plug-ins" / "velatura_gimp" / "velatura_gimp.py")
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue  # it has just ended
                if script in words and b"-gimp" in words:
                    found.append(int(entry.name))
        return found

    def kill_plugin(self) -> None:
        """kill -9 of the plug-in at work."""
        for pid in self.plugins():
            os.kill(pid, signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        screen = self.screen.env if self.screen else {}
        return {
            "GIMP3_DIRECTORY": str(self.settings),
            "VELATURA_HOME": str(self.home),
            "TEST_SOCKET": str(self.folder / "socket"),
            "TEST_INSIDE": str(self.folder / "inside"),
            "PYTHONPATH": str(self.folder / "inside"),
            "XDG_CACHE_HOME": str(self.settings / "cache"),
            **screen,
            **self.env,
        }

    def _program(self, name: str) -> str:
        """`gimp-console-3.0` or its like, whatever minor version the folder has."""
        found = sorted(path.name for path in (self.root.path / "usr" / "bin").glob(f"{name}-3.[0-9]*"))
        assert found, f"no {name} in {self.root.path}"
        return found[-1]

    @property
    def version(self) -> str:
        """Such as `3.0`."""
        return self._program("gimp").partition("-")[2]

    def _copy(self) -> Path:
        """The serving script where GIMP can see it."""
        copy = self.folder / "serve.py"
        copy.write_bytes(SERVE.read_bytes())
        return copy

    def _warm(self, folder: Path) -> None:
        batch = ["--batch-interpreter=python-fu-eval", "-b", "1", "--quit"]
        self.root.run(
            [self._program("gimp-console"), "-i", "-d", *batch],
            env={"GIMP3_DIRECTORY": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
            timeout=PATIENCE,
        )  # fmt: skip


def _decode(item: dict[str, Any]) -> Any:
    return base64.b64decode(item["bytes"]) if set(item) == {"bytes"} else item
