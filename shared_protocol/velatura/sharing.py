"""Pictures in memory of this program that the daemon on this machine has as well, the latest few.

One that is handed over again is looked for among them, byte by byte, which is quicker than hashing it; so
these are named at random. What comes from a file is named by its digest all the same: the next program that
reads it then finds what the daemon knows of it.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING

from .blob import Blob
from .lending import LEAST, LentMemory

if TYPE_CHECKING:
    from .pictures.arrays import Pixels

KEPT = 2
LATER = 0.05
"""Seconds after which memory is made and given back, so that this picture is on its way first."""


class Shared:
    """The latest few, and memory for the next, whose making takes longer than filling it; for any thread."""

    def __init__(self) -> None:
        self._blobs: deque[Blob] = deque()
        self._spare: LentMemory | None = None

    def blob(self, pixels: Pixels) -> Blob:
        """A picture as the connection takes it: the one that was handed over before, where it is the same."""
        blob = pixels.blob()
        if pixels.kind == "path" or blob.layout.nbytes < LEAST:
            return blob
        for known in list(self._blobs):
            if known.layout == blob.layout and known.memory is not None and pixels.same(known.memory.view):
                return known
        spare, self._spare = self._spare, None
        blob.lend(True, spare if spare is not None and spare.nbytes == blob.layout.nbytes else None)
        blob.hash_whole()
        if blob.memory is not None:
            goes = [self._blobs.popleft() for _ in range(len(self._blobs) + 1 - KEPT)]
            self._blobs.append(blob)
            later = threading.Timer(LATER, self._set_aside, (blob.layout.nbytes, goes))
            later.daemon = True
            later.start()
        return blob

    def _set_aside(self, nbytes: int, goes: list[Blob]) -> None:
        """Makes memory for the next, and gives that of the oldest back."""
        goes.clear()
        with contextlib.suppress(OSError):  # no room: it is tried again when it is needed
            self._spare = LentMemory(nbytes, at_once=True)
