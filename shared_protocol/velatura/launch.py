"""Starting the daemon when none runs, for a GUI that must not block (`Starter`) and for scripts (`ensure`).

Two programs may start one at the same time: the daemon takes a lock before it binds, the second one ends,
and both programs find the first. Inside an editor `sys.executable` is the editor: there the plug-in gives the
command that its installer recorded (`editor.starting`).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import endpoint
from .endpoint import Address, home, private_folder, run_folder
from .errors import VelaturaError

ALREADY_RUNNING = 18
"""Exit status of a daemon that found another one running, or starting, in the same home folder."""

PATIENCE = 30.0
"""Seconds that a daemon may take until it listens."""

_LITTLE = 1 << 16
"""Bytes of a disk below which a daemon's last words had no room."""

_EDITORS_OWN = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "QT_PLUGIN_PATH")
"""What an editor's bundle sets for itself and another Python must not inherit."""


def find(base: Path | None = None) -> Address | None:
    """The address of the daemon that runs (or may run, where that cannot be told); None without one.

    Raises:
        VelaturaError: `insecure` or `bad_field` for a connection file that must not be used.
    """
    try:
        address = endpoint.read(base)
    except VelaturaError as error:
        if error.code == "not_running":
            return None
        raise
    return None if endpoint.is_alive(address) is False else address


def command() -> tuple[list[str], bool]:
    """How to run the daemon, and whether it is another installation than this program's own.

    Raises:
        VelaturaError: `not_running` when the daemon is not installed, with what to do.
    """
    if importlib.util.find_spec("velatura_daemon") and "python" in Path(sys.executable).name.lower():
        return [sys.executable, "-m", "velatura_daemon", "run"], False
    found = shutil.which("velatura")
    if found:
        return [found, "daemon", "run"], True
    raise VelaturaError(
        "not_running", "no daemon runs, and none is installed here: pip install 'velatura[daemon]'"
    )


class Starter:
    """One attempt to start the daemon; call `poll` from a timer until it gives an address.

    Args:
        run: the command; by default what `command` finds.
        base: the home folder.
        patience: seconds until the attempt counts as failed.
        ignore: an address that does not answer: only another one counts.

    Raises:
        VelaturaError: `not_running` when nothing can be started.
    """

    def __init__(
        self,
        run: Sequence[str] | None = None,
        base: Path | None = None,
        patience: float = PATIENCE,
        ignore: Address | None = None,
    ) -> None:
        self._ignore = ignore
        self._base, self._until = base, time.monotonic() + patience
        self._patience = patience
        chosen, foreign = (list(run), True) if run else command()
        self._log = private_folder(run_folder(base)) / "start.log"
        environment = {k: v for k, v in os.environ.items() if not (foreign and k in _EDITORS_OWN)}
        if base is not None or "VELATURA_HOME" in environment:
            environment["VELATURA_HOME"] = str((base or home()).absolute())  # it starts in another folder
        environment.pop("VELATURA_CONNECTION", None)
        options: dict = {"start_new_session": True}
        if sys.platform == "win32":
            flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            options = {"creationflags": flags}
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    chosen,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=base or (home() if home().is_dir() else None),
                    env=environment,
                    **options,
                )
        except OSError as error:
            words = f"cannot run {chosen[0]}: {error.strerror}; install the daemon again"
            raise VelaturaError("not_running", words) from error

    def poll(self) -> Address | None:
        """The address once a daemon listens, else None.

        Raises:
            VelaturaError: `not_running` when it ended, with the last of what it said; `timeout`.
        """
        ended = self._process.poll()  # asked first: what it wrote before its end is then seen
        address = find(self._base)
        if address is not None and address != self._ignore:
            return address
        if ended is not None and (ended != ALREADY_RUNNING or self._ignore is not None):
            words = f"the daemon ended at once with status {ended}; it said: {self._last_words()}"
            raise VelaturaError("not_running", words)
        if time.monotonic() > self._until:
            words = f"the daemon did not listen within {self._patience:.0f} seconds; see {self._log}"
            raise VelaturaError("timeout", words)
        return None

    def _last_words(self) -> str:
        text = self._log.read_bytes()[-2000:].decode(errors="replace").strip()
        if not text and shutil.disk_usage(self._log.parent).free < _LITTLE:
            return f"nothing, for the disk of {self._log.parent} is full; make room there"
        return " | ".join(text.splitlines()[-4:]) or "nothing"


def ensure(base: Path | None = None, patience: float = PATIENCE, ignore: Address | None = None) -> Address:
    """The address of the running daemon, started first where none runs; blocks.

    Args:
        base: the home folder.
        patience: seconds to wait for it.
        ignore: an address that does not answer. If that daemon still runs, its lock keeps the new one from
            starting, and the error says so.

    Raises:
        VelaturaError: as `Starter`.
    """
    found = find(base)
    if found is not None and found != ignore:
        return found
    starter = Starter(base=base, patience=patience, ignore=ignore)
    while (address := starter.poll()) is None:
        time.sleep(0.01)
    return address
