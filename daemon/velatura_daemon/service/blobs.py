"""Pictures that the daemon keeps for its clients, named by digest, under a budget in bytes.

What a job needs or has made is pinned; the rest goes, least recently used first, when room is needed.
Uploads and results to come are reserved beforehand, so that the budget holds whatever arrives.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from velatura.errors import VelaturaError
from velatura.pixels import Layout

from ..between.slots import close_slot

PAGE = 4096
"""Bytes that the smallest slot takes."""


@dataclass
class SlotBlob:
    """A picture in a slot of its own."""

    digest: str
    layout: Layout
    fd: int
    passing: bool = False
    """Whether nobody will ask for it again: it goes with its last pin."""
    pins: int = 0

    @property
    def cost(self) -> int:
        """Bytes of shared memory."""
        return cost(self.layout.nbytes)


def cost(nbytes: int) -> int:
    """Shared memory that `nbytes` take: whole pages."""
    return -(-max(1, nbytes) // PAGE) * PAGE


class BlobStore:
    """All blobs of the daemon.

    Args:
        budget: bytes of shared memory for all of them.
        most: blobs at most, since each takes a descriptor.
    """

    def __init__(self, budget: int, most: int = 4096) -> None:
        self.budget, self.most = budget, most
        self.reserved = 0
        self.used = 0
        self.pinned = 0
        self._blobs: OrderedDict[str, SlotBlob] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._blobs

    def __len__(self) -> int:
        return len(self._blobs)

    def get(self, digest: str) -> SlotBlob | None:
        """The blob of that name, which now counts as just used, or None."""
        if digest in self._blobs:
            self._blobs.move_to_end(digest)
        return self._blobs.get(digest)

    def pin(self, digest: str) -> SlotBlob:
        """Keeps a blob until as many `unpin`.

        Raises:
            VelaturaError: `unknown_blob` when it is not held.
        """
        blob = self.get(digest)
        if blob is None:
            raise VelaturaError("unknown_blob", f"picture {digest} is not held; send it first")
        blob.pins += 1
        if blob.pins == 1:
            self.pinned += blob.cost
        return blob

    def unpin(self, digest: str) -> None:
        """Gives one pin back; the blob stays until its room is needed."""
        blob = self._blobs[digest]
        blob.pins -= 1
        if blob.pins == 0:
            self.pinned -= blob.cost
            if blob.passing:
                self._drop(blob)
            self._make_room(0)

    def reserve(self, nbytes: int) -> int:
        """Sets room aside, dropping unpinned blobs, and gives the bytes to hand to `unreserve`.

        Raises:
            VelaturaError: `busy` when pinned blobs and other reservations leave too little.
        """
        amount = cost(nbytes)
        if self.pinned + self.reserved + amount > self.budget:
            raise VelaturaError(
                "busy",
                f"no room for {amount >> 20} MB beside {self.used + self.reserved >> 20} MB in use of"
                f" {self.budget >> 20} MB; fetch and release results, or raise blobs_mb",
            )
        self._make_room(amount)
        self.reserved += amount
        return amount

    def unreserve(self, amount: int) -> None:
        """Gives back what `reserve` returned."""
        self.reserved -= amount

    def add(self, digest: str, layout: Layout, fd: int, passing: bool = False) -> SlotBlob:
        """Takes a verified blob and its descriptor, in any case: results are never dropped. Of a blob held
        already, the descriptor is closed. `passing` as in `SlotBlob`."""
        held = self.get(digest)
        if held is not None:
            os.close(fd)
            return held
        blob = self._blobs[digest] = SlotBlob(digest, layout, fd, passing)
        self.used += blob.cost
        self._make_room(0, keep=blob)
        return blob

    def let_go(self, names: Iterable[str]) -> None:
        """Blobs that nobody will ask for again, where they are held: they go, or with their last pin."""
        for blob in [self._blobs[name] for name in names if name in self._blobs]:
            blob.passing = True
            if not blob.pins:
                self._drop(blob)

    def drop_unpinned(self) -> None:
        """Gives back what no job or transfer needs; clients send it again when they are asked to."""
        for blob in [b for b in self._blobs.values() if not b.pins]:
            self._drop(blob)

    def close(self) -> None:
        """Gives all memory back."""
        for blob in self._blobs.values():
            os.close(blob.fd)
        self._blobs.clear()
        self.used = self.pinned = 0

    def _make_room(self, amount: int, keep: SlotBlob | None = None) -> None:
        """Drops unpinned blobs other than `keep`, oldest first, until `amount` more bytes fit."""
        if self.used + self.reserved + amount <= self.budget and len(self._blobs) <= self.most:
            return
        for blob in [b for b in self._blobs.values() if not b.pins and b is not keep]:
            self._drop(blob)
            if self.used + self.reserved + amount <= self.budget and len(self._blobs) <= self.most:
                return

    def _drop(self, blob: SlotBlob) -> None:
        del self._blobs[blob.digest]
        self.used -= blob.cost
        close_slot(blob.fd, blob.cost)
