"""The blobs of one session on their way: uploads into slots, downloads out of them.

`velatura.transfer` knows the rules of a single transfer; here they meet the store's budget. A few uploads
of a session move at a time and the others wait without memory, so what a session can tie up is bounded
by what it was granted. A transfer that stands still for `STALL` seconds is dropped.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import OrderedDict, deque
from collections.abc import Callable

from velatura import lending
from velatura.errors import FieldError, VelaturaError
from velatura.messages import Chunk, Credit, Drop, Error, Fetch, Have, Lent, Message, Offer
from velatura.pixels import RANDOM
from velatura.transfer import Phase, Receiver, Sender
from velatura.wire import Buffer, error_for

from ..between.slots import create_slot, map_slot, read_slot, reserve_slot
from .blobs import BlobStore

MOVING = 4
"""Transfers of a session that move at a time, in each direction; each with a window of chunks in memory."""

MOST = 64
"""Transfers of a session in each direction, waiting ones included."""

OWN = 4
"""Pictures of a session under names drawn at random that are kept: no other can name them, and a client only
its latest."""

STALL = 60.0
"""Seconds without progress after which a transfer is dropped."""

NO_ROOM = ("busy", "out_of_memory")
"""Errors that say that a picture cannot be kept, whatever the client sends."""

NAME = re.compile(rf"[0-9a-f]{{32}}|{RANDOM}[0-9a-f]{{31}}")


class _Incoming:
    """An upload with memory: a reservation, a slot, and the receiver that fills it."""

    def __init__(self, offer: Offer, store: BlobStore, now: float) -> None:
        self.store, self.touched = store, now
        nbytes = offer.layout.nbytes
        with contextlib.ExitStack() as undo:
            self.amount = store.reserve(nbytes)
            undo.callback(store.unreserve, self.amount)
            self.fd = create_slot(nbytes, reserve=False)
            undo.callback(os.close, self.fd)
            self.receiver = Receiver(offer, map_slot(self.fd, nbytes, writable=True))
            undo.pop_all()

    def take(self, chunk: Chunk, body: memoryview, now: float) -> Credit | Have:
        """Takes a chunk, reserving its memory first: never more at once than a moment's work."""
        self.touched = now
        if chunk.offset + chunk.length <= self.receiver.layout.nbytes:
            reserve_slot(self.fd, chunk.offset, chunk.length)
        return self.receiver.receive(chunk, body)

    def borrow(self, fd: int) -> None:
        """Takes memory that the client has sealed in place of one's own."""
        os.close(self.fd)
        self.fd = fd
        self.receiver.lent(map_slot(fd, self.receiver.layout.nbytes))

    def keep(self) -> None:
        """The blob is whole: the store has it from now on."""
        self.store.unreserve(self.amount)
        self.store.add(self.receiver.digest, self.receiver.layout, self.fd)

    def discard(self) -> None:
        self.store.unreserve(self.amount)
        os.close(self.fd)


class _Outgoing:
    """A download: a sender that reads a pinned blob."""

    def __init__(self, fetch: Fetch, store: BlobStore, now: float) -> None:
        blob = store.pin(fetch.digest)
        self.touched = now
        self.offered = False
        self.fd = blob.fd
        self.sender = Sender(
            fetch.transfer,
            blob.layout,
            blob.digest,
            lambda offset, length: read_slot(blob.fd, offset, length),
        )

    @property
    def lendable(self) -> bool:
        """Whether it may go as memory."""
        nbytes = self.sender.layout.nbytes
        return nbytes >= lending.LEAST and lending.is_sound(self.fd, nbytes, by_us=True)


class Transfers:
    """All transfers of one session.

    Args:
        store: where uploads end and downloads begin.
        max_blob: bytes of the largest upload taken.
        send: takes each message for the client.
        arrived: called with the digest of every upload that is complete and right.
        refused: called with the digest and the reason of every upload for which there was no room.
    """

    def __init__(
        self,
        store: BlobStore,
        max_blob: int,
        send: Callable[[Message], None],
        arrived: Callable[[str], None],
        refused: Callable[[str, VelaturaError], None],
    ) -> None:
        self.store, self.max_blob, self.send = store, max_blob, send
        self.arrived, self.refused = arrived, refused
        self.line: lending.LendingLine | None = None
        """On which memory is handed over, where the client is on this machine and has opened it."""
        self._waiting: OrderedDict[str, Offer] = OrderedDict()
        self._incoming: dict[str, _Incoming] = {}
        self._outgoing: OrderedDict[str, _Outgoing] = OrderedDict()
        self._ended: deque[str] = deque(maxlen=MOST)
        """Uploads that ended lately: chunks of theirs that were on their way are no mistake."""
        self._own: deque[str] = deque()

    def receive(
        self,
        message: Offer | Chunk | Lent | Credit | Have | Drop | Fetch | Error,
        body: memoryview | None,
        now: float,
    ) -> None:
        """Takes a message about a transfer.

        Raises:
            VelaturaError: what is to be reported to the client; the transfer has then ended.
        """
        if isinstance(message, Offer):
            self._offered(message, now)
        elif isinstance(message, Chunk) and body is not None:
            self._chunk(message, body, now)
        elif isinstance(message, Lent):
            self._lent(message, now)
        elif isinstance(message, Fetch):
            self._fetch(message, now)
        elif message.transfer in self._outgoing and isinstance(message, (Credit, Have, Drop, Error)):
            self._about_download(self._outgoing[message.transfer], message, now)
        elif isinstance(message, (Drop, Error)):
            self._end_upload(message.transfer, now)

    @property
    def ready(self) -> bool:
        """Whether `next_chunk` would give one."""
        return any(out.sender.ready for out in self._outgoing.values())

    def next_chunk(self, now: float) -> tuple[Chunk, Buffer] | None:
        """A chunk of the download whose turn it is, or None while no credit is there."""
        for name, out in self._outgoing.items():
            if out.sender.ready:
                out.touched = now
                self._outgoing.move_to_end(name)
                return out.sender.next_chunk()
        return None

    @property
    def verifying(self) -> bool:
        """Whether `verify` has something to do."""
        return any(each.receiver.phase is Phase.VERIFYING for each in self._incoming.values())

    def verify(self, now: float) -> None:
        """Goes on with lent memory whose digest is being recomputed, by as much as a chunk."""
        for name, incoming in self._incoming.items():
            if incoming.receiver.phase is Phase.VERIFYING:
                self._verify(name, incoming, now)
                return

    def check_time(self, now: float) -> None:
        """Drops what has stood still for too long."""
        for name, incoming in list(self._incoming.items()):
            if now - incoming.touched > STALL:
                words = f"no chunk came for {STALL:.0f} seconds; offer the picture again"
                self.send(error_for(VelaturaError("timeout", words), transfer=name))
                self._end_upload(name, now)
        for name, out in list(self._outgoing.items()):
            if out.offered and now - out.touched > STALL:
                self.send(out.sender.drop())
                self._end_download(name)
        self._offer_waiting(now)

    def lend_by(self, line: lending.LendingLine | None) -> None:
        """Takes a line in place of the one that there was."""
        if self.line is not None:
            self.line.close()
        self.line = line

    def close(self) -> None:
        """Gives up everything, silently."""
        self._waiting.clear()
        for incoming in self._incoming.values():
            incoming.discard()
        self._incoming.clear()
        for name in list(self._outgoing):
            self._end_download(name)
        self.lend_by(None)
        self.store.let_go(self._own)
        self._own.clear()

    def _offered(self, offer: Offer, now: float) -> None:
        if not offer.transfer or offer.transfer in self._waiting or offer.transfer in self._incoming:
            raise FieldError("offer.transfer", f"is {offer.transfer!r}, which is empty or in use")
        if not NAME.fullmatch(offer.digest):
            raise FieldError("offer.digest", f"is {offer.digest!r}; a digest has 32 small hex digits")
        if offer.layout.nbytes > self.max_blob:
            raise VelaturaError(
                "too_large",
                f"a picture of {offer.layout.nbytes} bytes; this daemon takes {self.max_blob}",
                "offer.layout",
            )
        if self.store.get(offer.digest) is not None:
            self.send(Have(offer.transfer, offer.digest))
            self._ended.append(offer.transfer)
            return
        if len(self._waiting) + len(self._incoming) >= MOST:
            raise VelaturaError("busy", f"{MOST} uploads are open already; finish some first")
        self._waiting[offer.transfer] = offer
        self._begin_waiting(now)

    def _begin_waiting(self, now: float) -> None:
        """Begins the next offers, as many as may move at a time."""
        while self._waiting and len(self._incoming) < MOVING:
            self._begin(next(iter(self._waiting)), now)

    def _begin(self, name: str, now: float) -> None:
        """Grants memory and credit to an offer that waits."""
        offer = self._waiting.pop(name)
        if self.store.get(offer.digest) is not None:
            self.send(Have(name, offer.digest))
            self._ended.append(name)
            return
        try:
            incoming = self._incoming[name] = _Incoming(offer, self.store, now)
        except VelaturaError as error:
            self.send(error_for(error, transfer=name))
            self._ended.append(name)
            self.refused(offer.digest, error)
            return
        self.send(incoming.receiver.begin())

    def _chunk(self, chunk: Chunk, body: memoryview, now: float) -> None:
        incoming = self._incoming.get(chunk.transfer)
        if incoming is None and chunk.transfer in self._ended:
            return
        if incoming is None:
            raise VelaturaError("bad_frame", f"a chunk for {chunk.transfer!r}, which has no credit")
        try:
            answer = incoming.take(chunk, body, now)
        except VelaturaError as error:
            self._end_upload(chunk.transfer, now)
            if error.code in NO_ROOM:
                self.refused(incoming.receiver.digest, error)
            raise
        self.send(answer)
        if incoming.receiver.phase is Phase.DONE:
            self._came(chunk.transfer, incoming, now)

    def _lent(self, message: Lent, now: float) -> None:
        """Memory in place of chunks: sealed, so that it stays what it is found to be."""
        if message.transfer in self._waiting:  # it needs none of what those that move share
            self._begin(message.transfer, now)
        incoming = self._incoming.get(message.transfer)
        fd = self.line.take(message.transfer) if self.line is not None else None
        if fd is None or incoming is None or not lending.is_sound(fd, incoming.receiver.layout.nbytes):
            if fd is not None:
                os.close(fd)
            if incoming is None and message.transfer in self._ended:
                return
            self._end_upload(message.transfer, now)
            words = "no sealed memory of the picture's size came with it"
            raise VelaturaError("bad_frame", f"{message.transfer!r} was lent, but {words}")
        try:
            incoming.borrow(fd)
        except VelaturaError:
            self._end_upload(message.transfer, now)
            raise
        self._verify(message.transfer, incoming, now)

    def _verify(self, name: str, incoming: _Incoming, now: float) -> None:
        incoming.touched = now
        try:
            answer = incoming.receiver.verify()
        except VelaturaError as error:
            self.send(error_for(error, transfer=name))
            self._end_upload(name, now)
            return
        if answer is not None:
            self.send(answer)
            self._came(name, incoming, now)

    def _came(self, name: str, incoming: _Incoming, now: float) -> None:
        del self._incoming[name]
        incoming.keep()
        digest = incoming.receiver.digest
        self.arrived(digest)
        if digest.startswith(RANDOM):
            self._own.append(digest)
            self.store.let_go(self._own.popleft() for _ in range(len(self._own) - OWN))
        self._begin_waiting(now)

    def _end_upload(self, name: str, now: float) -> None:
        self._waiting.pop(name, None)
        incoming = self._incoming.pop(name, None)
        if incoming is not None:
            incoming.discard()
            self._ended.append(name)
            self._begin_waiting(now)

    def _fetch(self, fetch: Fetch, now: float) -> None:
        if not fetch.transfer or fetch.transfer in self._outgoing:
            raise FieldError("fetch.transfer", f"is {fetch.transfer!r}, which is empty or in use")
        if len(self._outgoing) >= MOST:
            raise VelaturaError("busy", f"{MOST} downloads are open already; finish some first")
        self._outgoing[fetch.transfer] = _Outgoing(fetch, self.store, now)
        self._offer_waiting(now)

    def _offer_waiting(self, now: float) -> None:
        """Offers the next downloads, as many as may move at a time."""
        moving = sum(out.offered for out in self._outgoing.values())
        for out in self._outgoing.values():
            if moving < MOVING and not out.offered:
                out.offered, out.touched = True, now
                moving += 1
                self.send(out.sender.offer())
                if self.line is not None and out.lendable and self.line.give(out.sender.transfer, out.fd):
                    self.send(out.sender.lent())

    def _about_download(self, out: _Outgoing, message: Credit | Have | Drop | Error, now: float) -> None:
        out.touched = now
        try:
            out.sender.receive(message)
        finally:
            if out.sender.over:
                self._end_download(out.sender.transfer)
                self._offer_waiting(now)

    def _end_download(self, name: str) -> None:
        out = self._outgoing.pop(name)
        self.store.unpin(out.sender.digest)
