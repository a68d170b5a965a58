"""The line between supervisor and worker: msgpack maps and descriptors over a socket pair.

A message is a 4-byte little-endian length, then a map whose `k` names its kind. Descriptors ride on
a message's first byte (SCM_RIGHTS) and arrive no later than it; `fds` in the map says how many.
Neither end trusts the network here: both are this program.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgpack

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

    def send(self, kind: str, fds: Sequence[int] = (), **fields: Any) -> None:
        """Sends a message; the descriptors are duplicated, so the caller keeps and closes its own.

        Raises:
            ChannelClosed: the other end is gone.
        """
        packed = msgpack.packb({"k": kind, "fds": len(fds), **fields}, use_bin_type=True)
        if packed is None or len(packed) > LARGEST or len(fds) > MAX_FDS:
            raise ValueError(f"message {kind!r} of {len(packed or b'')} bytes and {len(fds)} descriptors")
        self._out.append((LENGTH.pack(len(packed)) + packed, [os.dup(fd) for fd in fds]))
        self.flush()

    def flush(self) -> None:
        """Sends as much as the socket takes without waiting."""
        while self._out:
            data, fds = self._out[0]
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            try:
                done = self.sock.sendmsg([data], rights)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise ChannelClosed(str(error)) from error
            for fd in fds:
                os.close(fd)
            if done < len(data):
                self._out[0] = (data[done:], [])
            else:
                self._out.popleft()

    def receive(self) -> list[tuple[dict[str, Any], list[int]]]:
        """All whole messages that have arrived, each with its descriptors, which the caller then owns.

        Raises:
            ChannelClosed: the other end is gone and everything it sent has been returned before.
        """
        closed = ""
        while not closed:
            try:
                data, rights, flags, _ = self.sock.recvmsg(READ_BYTES, socket.CMSG_SPACE(MAX_FDS * 4))
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                closed = str(error)
                break
            for level, kind, raw in rights:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    got = array.array("i", raw[: len(raw) - len(raw) % 4])
                    for fd in got:
                        os.set_inheritable(fd, False)
                    self._fds.extend(got)
            if flags & socket.MSG_CTRUNC:
                closed = "descriptors were cut off"
            if not data:
                closed = "end of file"
            self._in += data
        messages = list(self._whole_messages())
        if closed and not messages:
            raise ChannelClosed(closed)
        return messages

    def _whole_messages(self):
        while len(self._in) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._in)
            end = LENGTH.size + length
            if len(self._in) < end:
                return
            message = msgpack.unpackb(bytes(self._in[LENGTH.size : end]), raw=False)
            del self._in[:end]
            yield message, [self._fds.popleft() for _ in range(message["fds"])]

    def close(self) -> None:
        """Closes the socket and every descriptor still in a buffer."""
        for _, fds in self._out:
            self._fds.extend(fds)
        self._out.clear()
        while self._fds:
            os.close(self._fds.popleft())
        self.sock.close()
