"""One daemon per home folder: the lock that is taken before anything is bound.

The lock is the kernel's, so it goes with the process however that ends; the connection file
says who holds it.
"""

from __future__ import annotations

from filelock import FileLock, Timeout
from velatura import endpoint
from velatura.errors import VelaturaError


class AlreadyRunning(Exception):
    """Another daemon serves this home folder; the message says which."""


class InstanceLock:
    """An exclusive lock, held from construction to `close` or the process's end.

    Raises:
        AlreadyRunning: with the other daemon's process id and endpoint.
        VelaturaError: `insecure` when the folder may be entered by others, or its home written to.
    """

    def __init__(self) -> None:
        endpoint.check_own(endpoint.home())
        endpoint.private_folder(endpoint.run_folder())
        self._lock = FileLock(endpoint.run_folder() / "daemon.lock", mode=0o600)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise AlreadyRunning(who_runs()) from None

    def close(self) -> None:
        """Gives the lock back."""
        self._lock.release()


def who_runs() -> str:
    """The daemon of this home folder, in words."""
    try:
        address = endpoint.read_file(endpoint.connection_file())
    except VelaturaError:
        return "another daemon is starting in this home folder"
    return (
        f"a daemon runs already: process {address.pid} at {address.endpoint}; stop it: velatura daemon stop"
    )
