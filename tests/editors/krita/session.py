"""The whole Krita under Xvfb, driven from a test: code runs inside it, values come back.

with Krita(root, screen, folder, daemon_home) as krita:
    krita.run("doc = app.createDocument(64, 64, 'a', 'RGBA', 'U8', '', 72.0)")
    krita.until("doc.width() == 64")
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from velatura_daemon.install import krita as installer

from editors.roots import Root, Screen, kill_group

PATIENCE = 120.0
"""Seconds after which what does not come true has failed; generous, for machines that do other things."""

STARTING = 300.0
"""Seconds for Krita to start, the first time of all included."""

HERE = Path(__file__).parent

DIAGNOSTICS = """
from velatura_krita.plugin import studio as _studio
from velatura.editor.diagnostics import diagnostics as _diagnostics
_diagnostics(_studio())
"""


class CodeFailed(AssertionError):
    """Code inside Krita raised; the text is its traceback."""


class NotSo(AssertionError):
    """What was waited for has not come true."""


class Krita:
    """A running Krita with a profile of its own.

    Args:
        root: the editors' folder.
        screen: where its windows go.
        folder: a fresh shared folder for profile, sockets and pictures; the path must be short.
        home: VELATURA_HOME for the plug-in.
        plugin: whether our plug-in is installed; the control run of the benchmark has none.
        env: added to its environment.
    """

    def __init__(
        self, root: Root, screen: Screen, folder: Path, home: Path, *, plugin: bool = True, **env: str
    ) -> None:
        self.root, self.screen, self.folder, self.home = root, screen, folder, home
        self.plugin, self.env = plugin, env
        self.names = ("config", "data", "cache", "run", "tmp")
        self._peer: socket.socket | None = None
        self._read = b""

    @property
    def place(self) -> installer.KritaFolders:
        return installer.KritaFolders(
            "Krita", self.folder / "data" / "krita", self.folder / "config" / "kritarc"
        )

    def __enter__(self) -> Krita:
        self.root.profile("krita-1", self.folder / "data", self._warm)
        for name in self.names:
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name).chmod(0o700)
        self._add_driver()
        if self.plugin:
            installer.install([self.place])
        self._start()
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _warm(self, data: Path) -> None:
        """Fills Krita's resource cache once; that takes up to a minute."""
        first = Krita(self.root, self.screen, data.parent, self.home, plugin=False)
        for name in first.names:
            (first.folder / name).mkdir(exist_ok=True)
            (first.folder / name).chmod(0o700)
        first._add_driver()
        first._start()
        first.close()

    def _add_driver(self) -> None:
        target = self.folder / "data" / "krita" / "pykrita"
        shutil.copytree(HERE / "velatura_driver", target / "velatura_driver", dirs_exist_ok=True)
        shutil.copy(HERE / "velatura_driver.desktop", target)
        settings = self.folder / "config" / "kritarc"
        text = "AutoSaveInterval=4\n\n[python]\nenable_velatura_driver=true\n\n[theme]\nTheme=Krita dark\n"
        if not settings.exists():
            settings.write_text(text)

    def _start(self) -> None:
        door = self.folder / "driver"
        door.unlink(missing_ok=True)
        self.log = self.folder / "krita.log"
        environment = {
            "HOME": self.folder, "XDG_CONFIG_HOME": self.folder / "config",
            "XDG_DATA_HOME": self.folder / "data", "XDG_CACHE_HOME": self.folder / "cache",
            "XDG_RUNTIME_DIR": self.folder / "run",
            "TMPDIR": self.folder / "tmp", "VELATURA_DRIVER": door, "VELATURA_HOME": self.home,
            "PYTHONFAULTHANDLER": "1", **self.screen.env, **self.env,
        }  # fmt: skip
        with self.log.open("wb") as log:
            self.process = self.root.popen(
                ["krita", "--nosplash"], env={k: str(v) for k, v in environment.items()},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._connect(door)

    def _connect(self, door: Path) -> None:
        end = time.monotonic() + STARTING
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"Krita ended with {self.process.returncode}:\n{self.said()}")
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                peer.connect(str(door))
            except OSError as error:
                peer.close()
                if time.monotonic() > end:
                    raise AssertionError(f"Krita does not answer:\n{self.said()}") from error
                time.sleep(0.05)
                continue
            peer.settimeout(PATIENCE)
            self._peer = peer
            return

    def said(self) -> str:
        """The end of what Krita printed, tracebacks of plug-ins included."""
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    # --- driving --------------------------------------------------------------------------------------

    def run(self, code: str, **values: Any) -> Any:
        """Runs code inside Krita; the value of its last expression.

        Args:
            values: set as global names first; plain values only.

        Raises:
            CodeFailed: with the traceback from inside.
        """
        assert self._peer is not None
        settings = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        self._peer.sendall(json.dumps({"code": settings + code}).encode() + b"\n")
        while b"\n" not in self._read:
            try:
                piece = self._peer.recv(1 << 20)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise AssertionError(f"Krita is gone (status {self.process.wait(5)}):\n{self.said()}")
            self._read += piece
        line, self._read = self._read.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise CodeFailed(answer["error"])
        return _revived(answer["value"])

    def until(self, expression: str, patience: float = PATIENCE, **values: Any) -> Any:
        """The first true value of an expression inside Krita, polled while Krita's own events go on."""
        end = time.monotonic() + patience
        while True:
            value = self.run(expression, **values)
            if value:
                return value
            if time.monotonic() > end:
                state = self.run(DIAGNOSTICS) if self.plugin else ""
                raise NotSo(f"not within {patience:.0f} s: {expression}\n{state}\n{self.said()}")
            time.sleep(0.02)

    def travel(self, action: str, expression: str, **values: Any) -> Any:
        """Presses `edit_undo` or `edit_redo`, and once more where an expression does not hold after it: Krita
        drops one that meets a picture at work."""
        press = f"doc.waitForDone(); app.action({action!r}).trigger()"
        self.run(press)
        with contextlib.suppress(NotSo):
            return self.until(expression, 15.0, **values)
        self.run(press)
        return self.until(expression, **values)

    def close(self) -> None:
        """Quits as a user would, without saving; kills what does not quit."""
        if self.process.poll() is None and self._peer is not None:
            with contextlib.suppress(OSError, AssertionError):
                self.run("[d.setModified(False) for d in app.documents()]; app.action('file_quit').trigger()")
            with contextlib.suppress(Exception):
                self.process.wait(20)
        if self._peer is not None:
            self._peer.close()
        if self.process.poll() is None:
            kill_group(self.process)


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: _revived(item) for key, item in value.items()}
    return [_revived(item) for item in value] if isinstance(value, list) else value


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
