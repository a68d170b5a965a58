"""One daemon per home folder: the lock that is taken before anything is bound.

The lock is the kernel's, so it goes with the process however that ends; the connection file
says who holds it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from velatura import endpoint
from velatura.errors import VelaturaError

EXIT_ALREADY_RUNNING = 18
"""Exit code of a daemon that found another one running."""


class AlreadyRunning(Exception):
    """Another daemon serves this home folder; the message says which."""


class InstanceLock:
    """An exclusive lock, held from construction to `close` or the process's end.

    Raises:
        AlreadyRunning: with the other daemon's process id and endpoint.
        VelaturaError: `insecure` when the folder may be entered by others.
    """

    def __init__(self, base: Path | None = None) -> None:
        endpoint.private_folder(endpoint.run_folder(base))
        self._file = endpoint.lock_file(base).open("a+")
        if not _try_lock(self._file.fileno()):
            self._file.close()
            raise AlreadyRunning(who_runs(base))

    def close(self) -> None:
        """Gives the lock back."""
        self._file.close()


def who_runs(base: Path | None) -> str:
    """The daemon of this home folder, in words."""
    try:
        address = endpoint.read_file(endpoint.connection_file(base))
    except VelaturaError:
        return "another daemon is starting in this home folder"
    return (
        f"a daemon runs already: process {address.pid} at {address.endpoint}; stop it: velatura daemon stop"
    )


def _try_lock(fd: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(fd, 0, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
