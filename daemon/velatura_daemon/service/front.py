"""The door before the ROUTER: accepts connections on the ipc socket and passes bytes on, counting.

libzmq limits the length of a frame but neither the number of a message's frames nor that of connections, and
holds a message until its last frame has come; so one peer could take all memory, and many all descriptors. A
thread reads the clients' ZMTP (rfc.zeromq.org/spec/23) just far enough to know where frames begin, cuts off
who sends a message that no client of ours could mean, and refuses connections over its budget. Everything
else goes through unchanged, to a socket that libzmq has bound in the same private folder.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from pathlib import Path

from velatura.wire import MAX_FRAME

log = logging.getLogger("velatura.daemon")

FRAMES = 8
"""Frames of one message at most; a right one has two, and one with a few more is told what is wrong."""

MESSAGE = 2 * MAX_FRAME
"""Bytes of one message at most, so of what a connection may hold unfinished."""

COMMAND = 1 << 16
"""Bytes of a ZMTP command (READY, PING) at most."""

GREETING = 64
PIECE = 1 << 18
"""Bytes passed on at a time; also what may wait for each direction of a connection."""

REST = 0.5
"""Seconds without accepting when the system has no descriptor left, and for last words at the end."""


class Cut(Exception):
    """The peer sends what no client means; the message says what."""


class Gate:
    """Reads what a client sends as far as the frames' heads; holds none of it."""

    def __init__(self) -> None:
        self._greeting = bytearray()
        self._head = bytearray()
        self._skip = self._frames = self._bytes = 0

    def pass_through(self, data: memoryview) -> None:
        """Looks at the next bytes.

        Raises:
            Cut: for another protocol than ZMTP 3, or a message over the limits.
        """
        at, end = 0, len(data)
        if len(self._greeting) < GREETING:
            at = min(end, GREETING - len(self._greeting))
            self._greeting += data[:at]
            if self._greeting[0] != 0xFF or (len(self._greeting) > 10 and self._greeting[10] < 3):
                raise Cut("it does not speak ZMTP 3")
        while at < end:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                at += step
                continue
            self._head.append(data[at])
            at += 1
            flags = self._head[0]
            if len(self._head) == (9 if flags & 2 else 2):
                self._skip = int.from_bytes(self._head[1:], "big")
                self._head.clear()
                self._check_frame(flags, self._skip)

    def _check_frame(self, flags: int, size: int) -> None:
        if flags & 4:
            if size > COMMAND:
                raise Cut(f"a command of {size} bytes")
            return
        self._frames += 1
        self._bytes += size
        if size > MAX_FRAME or self._frames > FRAMES or self._bytes > MESSAGE:
            raise Cut(f"a message of {self._frames} frames and {self._bytes} bytes so far")
        if not flags & 1:
            self._frames = self._bytes = 0


class _Flow:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, sink: socket.socket, gate: Gate | None) -> None:
        self.source, self.sink, self.gate = source, sink, gate
        self.waiting = memoryview(b"")
        """What the sink did not take yet; nothing more is read before it has."""

    def read(self, room: memoryview) -> bool:
        """Passes on what there is; False at the end."""
        count = self.source.recv_into(room)
        if not count:
            return False
        if self.gate is not None:
            self.gate.pass_through(room[:count])
        self.waiting = room[:count]
        self.write()
        self.waiting = memoryview(bytes(self.waiting))  # `room` is everybody's
        return True

    def write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.waiting:
                self.waiting = self.waiting[self.sink.send(self.waiting) :]


class Front:
    """The thread behind a listening socket.

    Args:
        listening: where clients connect; owned from here on.
        inner: the socket that the ROUTER is bound to.
        most: connections at a time.
    """

    def __init__(self, listening: socket.socket, inner: Path, most: int) -> None:
        self._listening, self._inner, self.most = listening, str(inner), most
        listening.setblocking(False)
        self._flows: dict[int, tuple[_Flow, _Flow]] = {}
        """By descriptor of either end: the flow out of it, and the one into it."""
        self._poll = select.poll()
        self._poll.register(listening, select.POLLIN)
        self._wake, self._bell = os.pipe()
        self._poll.register(self._wake, select.POLLIN)
        self._until = float("inf")
        self._accept_after = 0.0
        self._room = memoryview(bytearray(PIECE))
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Connections now."""
        return len(self._flows) // 2

    def stop_accepting(self) -> None:
        """Takes no more connections; those that are go on."""
        self._accept_after = float("inf")
        os.write(self._bell, b".")

    def close(self) -> None:
        """Ends the thread when the ROUTER's last words are through, or after a moment."""
        self._until = time.monotonic() + REST
        os.write(self._bell, b".")
        self._thread.join()
        self._listening.close()
        for fd in (self._wake, self._bell):
            os.close(fd)

    def _run(self) -> None:
        while time.monotonic() < self._until and (self._flows or self._until == float("inf")):
            resting = time.monotonic() < self._accept_after
            self._poll.modify(self._listening, 0 if resting else select.POLLIN)
            for fd, happened in self._poll.poll(
                REST * 1000 if resting or self._until < float("inf") else None
            ):
                if fd == self._wake:
                    os.read(self._wake, 4096)
                elif fd == self._listening.fileno():
                    self._accept()
                elif fd in self._flows:
                    self._serve(fd, happened)
        for fd in list(self._flows):
            self._end(fd)

    def _accept(self) -> None:
        try:
            client, _ = self._listening.accept()
        except BlockingIOError:
            return
        except OSError as error:  # no descriptor left
            log.error("no connection can be taken: %s", error)
            self._accept_after = time.monotonic() + REST
            return
        if len(self) >= self.most:
            log.warning("a connection is refused: %d are open", len(self))
            client.close()
            return
        try:
            inner = socket.socket(socket.AF_UNIX)
        except OSError as error:
            log.error("no connection can be taken: %s", error)
            client.close()
            return
        try:
            inner.connect(self._inner)
        except OSError as error:
            log.error("no connection can be taken: %s", error)
            client.close()
            inner.close()
            return
        up, down = _Flow(client, inner, Gate()), _Flow(inner, client, None)
        for end, out, into in ((client, up, down), (inner, down, up)):
            end.setblocking(False)
            self._flows[end.fileno()] = (out, into)
            self._poll.register(end, select.POLLIN)

    def _serve(self, fd: int, happened: int) -> None:
        out, into = self._flows[fd]
        try:
            if happened & select.POLLOUT:
                into.write()
            alive = True
            if happened & select.POLLIN and not out.waiting:
                alive = out.read(self._room)
            elif happened & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                alive = False
        except BlockingIOError:
            return
        except Cut as cut:
            log.warning("a connection is cut off: %s", cut)
            alive = False
        except OSError as error:
            log.debug("a connection broke: %s", error)
            alive = False
        except Exception:  # a defect costs this connection
            log.exception("a connection is given up")
            alive = False
        if not alive:
            self._end(fd)
            return
        for flow, other in ((out, into), (into, out)):
            wanted = (0 if flow.waiting else select.POLLIN) | (select.POLLOUT if other.waiting else 0)
            self._poll.modify(flow.source, wanted)

    def _end(self, fd: int) -> None:
        """Closes both ends of a connection."""
        if fd not in self._flows:
            return
        out, _ = self._flows[fd]
        for end in (out.source, out.sink):
            del self._flows[end.fileno()]
            self._poll.unregister(end)
            end.close()
