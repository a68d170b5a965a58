"""The line between supervisor and worker: orders, reports and descriptors over a socket pair.

A message is a 4-byte little-endian length, then a msgpack map (`orders.to_plain`). Descriptors ride on
a message's first byte (SCM_RIGHTS) and arrive no later than it; `fds` in the map says how many.
Neither end trusts the network here: both are this program.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import msgpack

from .orders import FromWorker, ToWorker, from_plain, to_plain

LENGTH = struct.Struct("<I")
LARGEST = 4 << 20
"""Bytes of the largest message; anything larger belongs into a slot."""

MAX_FDS = 64
READ_BYTES = 1 << 16


class ChannelClosed(Exception):
    """The process at the other end is gone."""


class Channel:
    """One end of the line. Owns the socket and descriptors in its buffers.

    Sending never blocks: what the socket does not take now goes out on the next `flush`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setblocking(False)
        self._out: deque[tuple[bytes, list[int]]] = deque()
        self._in = bytearray()
        self._fds: deque[int] = deque()

    def fileno(self) -> int:
        return self.sock.fileno()

    @property
    def pending(self) -> bool:
        """Whether something still waits to be sent."""
        return bool(self._out)

    def send(self, message: ToWorker | FromWorker, fds: Sequence[int] = ()) -> None:
        """Sends a message; the descriptors are duplicated, so the caller keeps and closes its own.

        Raises:
            ChannelClosed: the other end is gone.
            OSError: no descriptor is left to duplicate into; nothing was sent.
        """
        packed = bytes(msgpack.packb({**to_plain(message), "fds": len(fds)}) or b"")
        if len(packed) > LARGEST or len(fds) > MAX_FDS:
            raise ValueError(f"{type(message).__name__} of {len(packed)} bytes and {len(fds)} descriptors")
        ours: list[int] = []
        try:
            for fd in fds:
                ours.append(os.dup(fd))
        except OSError:
            _close_all(ours)
            raise
        self._out.append((LENGTH.pack(len(packed)) + packed, ours))
        self.flush()

    def flush(self) -> None:
        """Sends as much as the socket takes without waiting."""
        while self._out:
            data, fds = self._out[0]
            try:
                done = socket.send_fds(self.sock, [data], fds) if fds else self.sock.send(data)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise ChannelClosed(str(error)) from error
            _close_all(fds)
            if done < len(data):
                self._out[0] = (data[done:], [])
            else:
                self._out.popleft()

    def receive(self) -> list[tuple[ToWorker | FromWorker, list[int]]]:
        """All whole messages that have arrived, each with its descriptors, which the caller then owns.

        Raises:
            ChannelClosed: the other end is gone and everything it sent has been returned before.
        """
        closed = ""
        while not closed:
            try:
                data, fds, flags, _ = socket.recv_fds(self.sock, READ_BYTES, MAX_FDS)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                closed = str(error)
                break
            for fd in fds:
                os.set_inheritable(fd, False)
            self._fds.extend(fds)
            if flags & socket.MSG_CTRUNC:
                closed = "descriptors were cut off"
            if not data:
                closed = "end of file"
            self._in += data
        messages = list(self._whole_messages())
        if closed and not messages:
            raise ChannelClosed(closed)
        return messages

    def _whole_messages(self) -> Iterator[tuple[ToWorker | FromWorker, list[int]]]:
        while len(self._in) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._in)
            end = LENGTH.size + length
            if len(self._in) < end:
                return
            plain = msgpack.unpackb(bytes(self._in[LENGTH.size : end]))
            del self._in[:end]
            yield from_plain(plain), [self._fds.popleft() for _ in range(plain["fds"])]

    def close(self) -> None:
        """Closes the socket and every descriptor still in a buffer."""
        for _, fds in self._out:
            _close_all(fds)
        self._out.clear()
        _close_all(self._fds)
        self._fds.clear()
        self.sock.close()


def _close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)
