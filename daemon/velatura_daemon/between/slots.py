"""Slots: pieces of shared memory that pass between supervisor and worker as descriptors.

A slot has no name, so nothing is left behind when processes die and nobody else can open it. Its
space is reserved up front: a full disk or memory is an error here rather than a SIGBUS later. The
supervisor reads and writes slots with `pread`/`pwrite` and never maps them; the worker maps them.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from velatura.errors import VelaturaError

LARGE = 8 << 20
"""Bytes from which on a slot is weighed against the memory that is available, and closed by a thread."""

MARGIN = 256 << 20
"""Bytes of available memory that no slot may take."""


def create_slot(nbytes: int, reserve: bool = True) -> int:
    """A descriptor of fresh shared memory of `nbytes` (at least 1), all zero, closed on exec.

    Args:
        nbytes: its size.
        reserve: False leaves it to `reserve_slot`, piece by piece, where a large one at once would take
            too long; no piece may be touched before.

    Raises:
        VelaturaError: `out_of_memory` when the space cannot be reserved, `busy` when no descriptor is left.
    """
    _check_available(nbytes)
    with _told(nbytes):
        fd = _anonymous_file()
        try:
            os.ftruncate(fd, max(1, nbytes))
            if reserve:
                _reserve(fd, 0, max(1, nbytes))
        except BaseException:
            os.close(fd)
            raise
    return fd


def reserve_slot(fd: int, offset: int, length: int) -> None:
    """Reserves a piece of a slot, so that writing to it cannot fail.

    Raises:
        VelaturaError: `out_of_memory` when there is no room.
    """
    with _told(length):
        _reserve(fd, offset, length)


def map_slot(fd: int, nbytes: int, writable: bool = False) -> memoryview:
    """A slot's bytes in this process; unmapped when the last view of them is gone.

    The descriptor may be closed afterwards.

    Raises:
        VelaturaError: `out_of_memory` when there is no room in the address space.
    """
    with _told(nbytes):
        if writable:
            mapped = mmap.mmap(fd, max(1, nbytes), access=mmap.ACCESS_WRITE)
        else:  # private, as older kernels do not share what a client has sealed
            mapped = mmap.mmap(fd, max(1, nbytes), flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        return memoryview(mapped)[:nbytes]


def write_slot(fd: int, offset: int, data: bytes | memoryview) -> None:
    """Writes all of `data` at `offset`."""
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def read_slot(fd: int, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`; fewer only past the slot's end."""
    pieces = []
    while length:
        piece = os.pread(fd, length, offset)
        if not piece:
            break
        pieces.append(piece)
        offset, length = offset + len(piece), length - len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def close_slot(fd: int, nbytes: int) -> None:
    """Gives a slot's descriptor back, and with the last one its memory: of a large one, whose pages take the
    system milliseconds, on a thread of its own."""
    if nbytes < LARGE:
        os.close(fd)
    else:
        threading.Thread(target=os.close, args=(fd,), name="closing", daemon=True).start()


def available_memory() -> int | None:
    """Bytes that may still be taken without the kernel ending somebody for it; None where it does not say."""
    found = []
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) << 10)
    with contextlib.suppress(OSError, ValueError):  # a container's own limit; the text `max` means none
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        found.append(limit - int((group / "memory.current").read_text()))
    return min(found, default=None)


def _check_available(nbytes: int) -> None:
    """Memory files have no limit of their own: asked for too much, the kernel would end processes."""
    if nbytes < LARGE:
        return
    available = available_memory()
    if available is not None and nbytes + MARGIN > available:
        raise VelaturaError(
            "out_of_memory",
            f"no room for {nbytes >> 20} MB of shared memory: {available >> 20} MB are available, and"
            f" {MARGIN >> 20} MB of them stay free; close other programs",
        )


@contextlib.contextmanager
def _told(nbytes: int) -> Iterator[None]:
    """What the system refuses, in words: no call for memory ends more than the job that needed it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            words = f"no file descriptor is left for a picture ({error.strerror}): release results"
            raise VelaturaError("busy", f"{words}, or raise `ulimit -n`") from error
        words = f"no room for {nbytes} bytes of shared memory: {error.strerror}"
        raise VelaturaError("out_of_memory", words) from error


def _anonymous_file() -> int:
    """In memory; where memfd is missing, a temporary file that has no name any more."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("velatura-slot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    fd, path = tempfile.mkstemp(prefix="velatura-slot-")
    Path(path).unlink()
    return fd


def _reserve(fd: int, offset: int, length: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, offset, length)
        return
    zeros, end = bytes(1 << 20), offset + length  # macOS: on disk; a full one refuses the write
    while offset < end:
        offset += os.pwrite(fd, zeros[: end - offset], offset)
