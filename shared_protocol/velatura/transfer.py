"""Blobs on the wire, without I/O: a sender and a receiver that take messages and give messages.

The way of a blob, the same in both directions:

    sender                         receiver
    Offer(transfer, digest, layout) ->
                                   <- Credit(4)   go on      | Have: held already | Error: refused
    Chunk(offset 0) + bytes        ->
    Chunk(offset n) + bytes        ->
                                   <- Credit(1)   after each chunk
    ...
                                   <- Have        complete, digest recomputed and right

Where both share a machine the sender may hand its memory over instead (`lending`), and then says `Lent`.
At most `WINDOW` chunks are in flight, so memory is bounded by what a checked offer announced, and a
cancel never waits behind an upload. Chunks come in order and without gaps. Either side may `Drop`.
The receiver writes into memory that its owner supplies (a shared-memory slot, a bytearray).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import Enum

from .errors import VelaturaError
from .messages import CHUNK_BYTES, WINDOW, Chunk, Credit, Drop, Error, Have, Lent, Offer
from .pixels import RANDOM, Layout, new_digest
from .wire import Buffer, as_exception


class Phase(str, Enum):
    """Where a transfer is."""

    OFFERED = "offered"  # announced; nothing has moved
    MOVING = "moving"  # chunks are on their way
    VERIFYING = "verifying"  # the receiver has all of it, lent, and looks whether it is right
    DONE = "done"  # the receiver has it, verified
    ENDED = "ended"  # given up; `error` says why, None after a drop


class Sender:
    """The side that has the blob.

    Args:
        transfer: its name, unique in the session.
        layout: of the blob.
        digest: of the blob, computed beforehand (`pixels.digest`).
        read: gives `length` bytes from byte `offset` on; called in order, once per chunk.
        chunk_bytes: longest chunk to send; whole rows go into a chunk where they fit.
    """

    def __init__(
        self,
        transfer: str,
        layout: Layout,
        digest: str,
        read: Callable[[int, int], Buffer],
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        if not 1 <= chunk_bytes <= CHUNK_BYTES:
            raise ValueError(f"chunk_bytes is {chunk_bytes}; allowed is 1 to {CHUNK_BYTES}")
        self.transfer, self.layout, self.digest = transfer, layout, digest
        self.phase = Phase.OFFERED
        self.error: VelaturaError | None = None
        self.sent = 0
        self._read = read
        self._credit = 0
        rows = max(1, chunk_bytes // layout.row_bytes)
        self._step = min(rows * layout.row_bytes, chunk_bytes)

    def offer(self) -> Offer:
        """The message that opens the transfer."""
        return Offer(self.transfer, self.digest, self.layout)

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent or is expected."""
        return self.phase in (Phase.DONE, Phase.ENDED)

    @property
    def ready(self) -> bool:
        """Whether `next_chunk` would give one: there is credit, and bytes are left."""
        return self.phase is Phase.MOVING and self._credit > 0 and self.sent < self.layout.nbytes

    def receive(self, message: Credit | Have | Error | Drop) -> None:
        """Takes what the receiver says. Anything that comes after the end is ignored.

        Raises:
            VelaturaError: `bad_frame` for credit beyond the window, or `Have` of another blob; the transfer
                has then ended and `error` is set.
        """
        if self.over:
            return
        if isinstance(message, Credit):
            self._credit += message.chunks
            self.phase = Phase.MOVING
            if self._credit > WINDOW:
                raise self._end("bad_frame", f"credit for {self._credit} chunks; at most {WINDOW}")
        elif isinstance(message, Have):
            if message.digest != self.digest:
                raise self._end("bad_frame", f"the other side has {message.digest!r}, not what was offered")
            self.phase = Phase.DONE
        elif isinstance(message, Error):
            self.phase, self.error = Phase.ENDED, as_exception(message)
        else:
            self.phase = Phase.ENDED

    def next_chunk(self) -> tuple[Chunk, Buffer] | None:
        """The next chunk and its bytes, or None while there is no credit or nothing left.

        Raises:
            VelaturaError: `bad_image` when `read` gives another number of bytes; the transfer has then ended.
        """
        if not self.ready:
            return None
        length = min(self._step, self.layout.nbytes - self.sent)
        body = memoryview(self._read(self.sent, length))
        if body.nbytes != length:
            raise self._end("bad_image", f"the source gave {body.nbytes} bytes at {self.sent}, not {length}")
        chunk = Chunk(self.transfer, self.sent, length)
        self.sent += length
        self._credit -= 1
        return chunk, body

    def lent(self) -> Lent:
        """All of it at once: its memory was handed over."""
        self.sent = self.layout.nbytes
        return Lent(self.transfer)

    def drop(self) -> Drop:
        """Gives up; the message tells the receiver."""
        self.phase = Phase.ENDED
        return Drop(self.transfer)

    def _end(self, code: str, message: str) -> VelaturaError:
        self.phase, self.error = Phase.ENDED, VelaturaError(code, message)
        return self.error


class Receiver:
    """The side that wants the blob.

    Args:
        offer: what was announced (checked by `wire.unpack`).
        into: writable memory of exactly `offer.layout.nbytes` bytes. It holds garbage until `phase` is DONE.

    Raises:
        VelaturaError: `too_large` when `into` has another size.
    """

    def __init__(self, offer: Offer, into: memoryview | bytearray) -> None:
        self.transfer, self.layout, self.digest = offer.transfer, offer.layout, offer.digest
        self.into = memoryview(into).cast("B")
        if self.into.nbytes != self.layout.nbytes:
            raise VelaturaError(
                "too_large", f"{self.layout.nbytes} bytes announced, room for {self.into.nbytes}"
            )
        self.phase = Phase.OFFERED
        self.received = 0
        self._hash = new_digest(self.layout)

    @property
    def over(self) -> bool:
        """Whether no further chunk is expected."""
        return self.phase in (Phase.DONE, Phase.ENDED)

    def begin(self) -> Credit:
        """Allows the first window; send it to the sender."""
        self.phase = Phase.MOVING
        return Credit(self.transfer, WINDOW)

    def receive(self, chunk: Chunk, body: Buffer) -> Credit | Have:
        """Takes one chunk: writes it, hashes it, and gives the answer to send.

        Raises:
            VelaturaError: `bad_frame` for a chunk before `begin`, out of order, overlapping, repeated, past
                the end or of another length than announced; `digest_mismatch` when the last chunk shows
                other bytes than offered. The transfer has then ended, and `into` must not be used.
        """
        if self.phase is not Phase.MOVING:
            raise self._end("bad_frame", f"a chunk for a transfer that is {self.phase.value}")
        piece = memoryview(body).cast("B")
        end = chunk.offset + chunk.length
        if piece.nbytes != chunk.length:
            raise self._end("bad_frame", f"a chunk of {piece.nbytes} bytes announced as {chunk.length}")
        if chunk.offset != self.received:
            raise self._end("bad_frame", f"chunk at byte {chunk.offset}, expected {self.received}")
        if not chunk.offset < end <= self.layout.nbytes:
            raise self._end("bad_frame", f"chunk to byte {end} of a blob of {self.layout.nbytes}")
        self.into[chunk.offset : end] = piece
        if not self.digest.startswith(RANDOM):  # which tells nothing of the bytes
            self._hash.update(piece)
        self.received = end
        if end < self.layout.nbytes:
            return Credit(self.transfer, 1)  # the one just used up; a slow owner may send it later
        return self._whole()

    def lent(self, data: Buffer) -> None:
        """The sender has handed its memory over, which takes the place of `into`; `verify` goes through it.

        Raises:
            VelaturaError: `bad_frame` where none was allowed; the transfer has then ended.
        """
        if self.phase is not Phase.MOVING:
            raise self._end("bad_frame", f"memory for a transfer that is {self.phase.value}")
        self.into, self.received, self.phase = memoryview(data).cast("B"), 0, Phase.VERIFYING

    def verify(self) -> Have | None:
        """Hashes the next piece of lent memory, as long as a chunk; the answer to send after the last.

        Raises as `receive` does.
        """
        if not self.digest.startswith(RANDOM):
            piece = self.into[self.received : self.received + CHUNK_BYTES]
            self._hash.update(piece)
            self.received += piece.nbytes
            if self.received < self.layout.nbytes:
                return None
        return self._whole()

    def _whole(self) -> Have:
        found = self.digest if self.digest.startswith(RANDOM) else self._hash.hexdigest()
        if not hmac.compare_digest(found.encode(), self.digest.encode()):
            raise self._end("digest_mismatch", f"the bytes make {found}, announced was {self.digest!r}")
        self.phase = Phase.DONE
        return Have(self.transfer, self.digest)

    def drop(self) -> Drop:
        """Gives up; the message tells the sender. What was received is to be discarded."""
        self.phase = Phase.ENDED
        return Drop(self.transfer)

    def _end(self, code: str, message: str) -> VelaturaError:
        self.phase = Phase.ENDED
        return VelaturaError(code, message)
