"""A picture on the client's side, on its way to the daemon: its layout, and its bytes as they are asked for.

The bytes lie in memory, or come strip by strip from a callable, so that a plug-in can hand over a layer
without a second full copy of it. A blob is named by its digest; until that is computed (in bounded pieces,
`hash_piece`) a recipe may name it by `key`, which `Connection.submit` replaces. For a daemon on this machine
it is put into memory to be lent meanwhile, and may then be named at random, which takes no hashing.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
from collections.abc import Callable
from dataclasses import dataclass

from . import lending
from .errors import VelaturaError
from .pixels import Layout, new_digest
from .schema import check
from .wire import Buffer

STRIP_BYTES = 1024 * 1024
"""How much is hashed or sent at a time: about a millisecond's work, so that a GUI thread stays free."""

Rows = Callable[[int, int], Buffer]
"""`rows(y, n)`: the bytes of `n` rows from row `y` on, tightly packed in the blob's layout."""

_names = itertools.count(1)


@dataclass(frozen=True)
class Picture:
    """Pixels that arrived: `data` holds `layout.nbytes` bytes, verified against the digest."""

    layout: Layout
    data: memoryview


class Blob:
    """A picture that the daemon may ask for.

    Args:
        layout: how the bytes are to be read.
        source: all bytes in one buffer (not to be changed before the job has ended), in sealed memory to be
            lent, or a callable `rows(y, n)` that gives the same bytes each time it is asked.

    Raises:
        VelaturaError: `bad_image` when a buffer has another size than the layout says; a `FieldError`
            for a layout out of range.
    """

    def __init__(self, layout: Layout, source: Buffer | Rows | lending.LentMemory) -> None:
        check(layout, "layout")
        self.layout = layout
        self.title = ""
        """What its owner calls it (a file), for messages."""
        self.digest = ""
        self._name = f"local-{next(_names)}"
        self._hash = new_digest(layout)
        self._hashed = 0
        self._random = False
        self.is_new = False
        """Whether no daemon can have it: it was named at random, and not given yet."""
        self.memory: lending.LentMemory | None = None
        """Where its bytes are for a daemon on this machine, once hashed."""
        self._filling: lending.LentMemory | None = None
        self._rows_of: Rows | None = None
        if isinstance(source, lending.LentMemory):
            self.memory, source = source, source.view
        if callable(source):
            self._rows_of = source
            self._data = memoryview(b"")
        else:
            self._data = memoryview(source).cast("B")
            if self._data.nbytes != layout.nbytes:
                raise VelaturaError(
                    "bad_image",
                    f"{self._data.nbytes} bytes; a {layout.width} x {layout.height} {layout.channels} "
                    f"{layout.depth} picture has {layout.nbytes}",
                )

    @property
    def key(self) -> str:
        """What a recipe calls this picture: the digest, or a provisional name until it is known."""
        return self.digest or self._name

    @property
    def aliases(self) -> tuple[str, ...]:
        """Every name that a recipe made earlier may use."""
        return (self._name, self.digest)

    @property
    def unhashed(self) -> int:
        """Bytes that are still to be hashed."""
        return self.layout.nbytes - self._hashed

    def read(self, offset: int, length: int) -> memoryview:
        """The bytes `offset..offset+length`; whole rows where they come from a callable.

        Raises:
            VelaturaError: `bad_image` when the callable gives another number of bytes.
        """
        if self._rows_of is None:
            return self._data[offset : offset + length]
        row = self.layout.row_bytes
        strip = memoryview(self._rows_of(offset // row, length // row)).cast("B")
        if strip.nbytes != length:
            raise VelaturaError(
                "bad_image",
                f"the source gave {strip.nbytes} bytes for {length // row} rows at row {offset // row}, "
                f"not {length}",
            )
        return strip

    def lend(self, random: bool = False, spare: lending.LentMemory | None = None) -> None:
        """Its bytes go into memory to be lent as they are hashed, where it is large and not hashed yet.

        Args:
            random: name it at random instead.
            spare: memory of its size, where there is some already.
        """
        if self.memory is not None or self._hashed or self.layout.nbytes < lending.LEAST:
            return
        with contextlib.suppress(OSError):  # no room: it goes in chunks
            self.memory = self._filling = spare or lending.LentMemory(self.layout.nbytes)
            self._random = random

    def hash_piece(self) -> bool:
        """Hashes one strip more; True when the name is known."""
        if not self.digest:
            rows = max(1, STRIP_BYTES // self.layout.row_bytes)
            length = min(rows * self.layout.row_bytes, self.layout.nbytes - self._hashed)
            strip = self.read(self._hashed, length)
            if self._filling is not None:
                self._filling.write(self._hashed, strip)
            if not self._random:
                self._hash.update(strip)
            self._hashed += length
            if self._hashed == self.layout.nbytes:
                if self._filling is not None:
                    self._filling.seal()
                    self._data, self._rows_of = self._filling.view, None  # its source may change now, or go
                self.is_new = self._random
                self.digest = lending.random_name() if self._random else self._hash.hexdigest()
        return bool(self.digest)

    def hash_whole(self) -> str:
        """The digest, computed at once: for small pictures, and where waiting is fine."""
        while not self.hash_piece():
            pass
        return self.digest


class Room:
    """Room for a picture that comes piece by piece from the top, where no piece takes longer the larger
    the whole is. On a system that has memory to be lent it is that, and not copied again."""

    def __init__(self, layout: Layout) -> None:
        self._layout, self._filled = layout, 0
        self._memory = _memory(layout.nbytes)

    def add(self, piece: Buffer) -> None:
        """The next rows."""
        view, at = memoryview(piece), self._filled
        self._filled += view.nbytes
        if isinstance(self._memory, memoryview):
            self._memory[at : self._filled] = view
        else:
            self._memory.write(at, view)

    def blob(self) -> Blob:
        """The picture, once all of it was added."""
        if isinstance(self._memory, lending.LentMemory):
            self._memory.seal()
        return Blob(self._layout, self._memory)


def _memory(nbytes: int) -> lending.LentMemory | memoryview:
    if lending.possible() and nbytes >= lending.LEAST:
        with contextlib.suppress(OSError):
            return lending.LentMemory(nbytes)
    return memoryview(mmap.mmap(-1, nbytes))  # pages come as they are written; a bytearray's all at once
