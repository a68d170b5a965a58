"""Pictures handed over as memory between two programs of one machine, in place of bytes on the wire.

Whoever has a large picture puts it into memory that has no name (a memfd) and is sealed, so that nobody can
change or shorten it any more, and gives the other the descriptor through a line of its own beside the
messages (SCM_RIGHTS); `Lent` then says which transfer it was for. Linux alone has such memory; elsewhere, and
between two machines, pictures travel as chunks.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import secrets
import socket
import weakref
from pathlib import Path

from .pixels import RANDOM

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LEAST = 1 << 20
"""Bytes from which on a picture is lent; below, a chunk is as quick."""

FEATURE = "lending"
"""What a daemon that takes and gives memory says in its welcome."""

KEPT_SIZE = 0x2 | 0x4
"""F_SEAL_SHRINK and F_SEAL_GROW."""
UNCHANGED, NO_MORE_CHANGED = 0x8, 0x10
"""F_SEAL_WRITE; F_SEAL_FUTURE_WRITE, under which whoever has mapped it already may go on writing."""
ADD_SEALS, GET_SEALS = 1033, 1034
POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE."""

NAME_BYTES = 128


def possible() -> bool:
    """Whether this system has such memory."""
    return fcntl is not None and hasattr(os, "memfd_create") and hasattr(socket, "SOCK_SEQPACKET")


def random_name() -> str:
    """A name for a picture that is not named by its digest."""
    return RANDOM + secrets.token_hex(16)[1:]


class LentMemory:
    """Memory to be lent; given back when it is collected, or with the last process that has it.

    Args:
        nbytes: its size.
        at_once: have its pages from the start, and mapped, the dearer half of filling it; else as they are
            written, so that no call takes long.

    Raises:
        OSError: there is no room, or no descriptor.
    """

    def __init__(self, nbytes: int, at_once: bool = False) -> None:
        self.nbytes = nbytes
        self.fd = os.memfd_create("velatura-lent", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.close = weakref.finalize(self, os.close, self.fd)
        self._mapped: mmap.mmap | None = None
        try:
            os.ftruncate(self.fd, nbytes)
            if at_once:
                os.posix_fallocate(self.fd, 0, nbytes)
                self._mapped = mmap.mmap(self.fd, nbytes)
                with contextlib.suppress(OSError):  # a kernel before 5.14: page by page, as they are written
                    self._mapped.madvise(POPULATE_WRITE)
        except OSError:
            self.close()
            raise

    def write(self, offset: int, data: memoryview) -> None:
        """Writes all of `data` at `offset`."""
        if self._mapped is not None:
            self._mapped[offset : offset + len(data)] = data
            return
        while data:
            done = os.pwrite(self.fd, data, offset)
            data, offset = data[done:], offset + done

    def seal(self) -> None:
        """It stays as it is from now on."""
        if self._mapped is not None:
            self._mapped.close()
        seal(self.fd)

    @functools.cached_property
    def view(self) -> memoryview:
        """Its bytes, once sealed; mapped once, which takes as long as looking through them."""
        return view(self.fd, self.nbytes)


def seal(fd: int, mapped: bool = False) -> bool:
    """Seals memory; False where the system cannot.

    Args:
        mapped: whether it is mapped for writing here, by somebody who is done.
    """
    if fcntl is None:
        return False
    try:
        fcntl.fcntl(fd, ADD_SEALS, KEPT_SIZE | (NO_MORE_CHANGED if mapped else UNCHANGED))
    except OSError:  # no such memory, or a kernel before 5.1
        return False
    return True


def is_sound(fd: int, nbytes: int, by_us: bool = False) -> bool:
    """Whether a descriptor is sealed memory of at least `nbytes`.

    Args:
        by_us: whether it was written by a process that is done with it, although it may be mapped there.
    """
    if fcntl is None:
        return False
    try:
        seals = fcntl.fcntl(fd, GET_SEALS)
    except OSError:
        return False
    enough = seals & (UNCHANGED | (NO_MORE_CHANGED if by_us else 0))
    return seals & KEPT_SIZE == KEPT_SIZE and bool(enough) and os.fstat(fd).st_size >= nbytes


def view(fd: int, nbytes: int) -> memoryview:
    """The bytes of sealed memory; what is written into the view is this process' own."""
    access = mmap.PROT_READ | mmap.PROT_WRITE
    return memoryview(mmap.mmap(fd, nbytes, flags=mmap.MAP_PRIVATE, prot=access))


class LendingLine:
    """One end of the line on which descriptors go; never blocks. Owns the socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    def give(self, transfer: str, fd: int) -> bool:
        """Hands a descriptor over; False where the other end does not take it now."""
        try:
            socket.send_fds(self._end, [transfer.encode()], [fd])
        except OSError:
            return False
        return True

    def take(self, transfer: str) -> int | None:
        """The descriptor that was handed over for a transfer, which the caller then owns; those that came
        before it, for transfers that ended, are closed. None where it did not come."""
        while True:
            try:
                name, fds, _, _ = socket.recv_fds(self._end, NAME_BYTES, 1)
            except OSError:
                return None
            if fds and name == transfer.encode():
                return fds[0]
            for fd in fds:
                os.close(fd)
            if not name:
                return None

    def close(self) -> None:
        self._end.close()


def door_of(endpoint: str) -> Path | None:
    """Where a daemon takes lines, beside its ipc socket; None where it listens elsewhere."""
    kind, _, path = endpoint.partition("://")
    return Path(path).with_name("lending") if kind == "ipc" and possible() else None


def opened(endpoint: str, session: str) -> LendingLine | None:
    """A line from a session to its daemon; None where there is none to be had."""
    door = door_of(endpoint)
    if door is None:
        return None
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.connect(str(door))
            socket.send_fds(out, [session.encode()], [theirs.fileno()])
    except OSError:
        ours.close()
        return None
    return LendingLine(ours)


class Door:
    """Where a daemon takes the lines of its sessions.

    Args:
        path: of the socket, in a folder that only its owner may enter.
    """

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # of a daemon that was killed
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(path))
        self._path = path

    def fileno(self) -> int:
        return self._socket.fileno()

    def take(self) -> tuple[str, LendingLine] | None:
        """The next line and the token of its session; None where there is none."""
        while True:
            try:
                token, fds, _, _ = socket.recv_fds(self._socket, NAME_BYTES, 1)
            except OSError:
                return None
            for fd in fds:
                with contextlib.suppress(OSError):  # no socket
                    return token.decode("ascii", "replace"), LendingLine(socket.socket(fileno=fd))
                os.close(fd)

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)
