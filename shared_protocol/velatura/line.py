"""The client's socket: a DEALER with the protocol's limits and a monitor that tells when the peer is gone.

Nothing here blocks except `wait`, which is for programs without an event loop.
"""

from __future__ import annotations

import struct
import time
from enum import Enum
from pathlib import Path
from typing import Any

import zmq

from . import keys, wire
from .endpoint import Address
from .errors import VelaturaError

REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
WATCHED = REFUSED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL

GOODBYE = 100
"""Milliseconds that a goodbye may take to leave; everything else is lost at once."""


class Mishap(str, Enum):
    """What the monitor saw."""

    LOST = "lost"  # the peer's end was closed: the daemon ended, or the machine is gone
    REFUSED = "refused"  # the daemon does not admit this key, or is another kind of server
    UNKNOWN = "unknown"  # it hung up before it said who it is, as one with another key does


class Line:
    """One connection to one address, reconnecting by itself.

    Args:
        address: of the daemon.
        base: home folder whose client key is used with TCP.

    Raises:
        VelaturaError: `insecure` for TCP without CURVE.
    """

    def __init__(self, address: Address, base: Path | None = None) -> None:
        if address.endpoint.startswith("tcp://") and len(address.server_key) != keys.KEY_LENGTH:
            raise VelaturaError("insecure", "TCP is used with CURVE only, and no server key is given")
        self._context = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.DEALER)
        wire.limit(self._socket)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is queued for a daemon that is not there
        self._socket.setsockopt(zmq.RECONNECT_IVL, 100)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        if address.server_key:
            self._socket.curve_publickey, self._socket.curve_secretkey = keys.key_pair("client", base)
            self._socket.curve_serverkey = address.server_key.encode()
        self._monitor = self._socket.get_monitor_socket(WATCHED)
        self._socket.connect(address.endpoint)
        self.fd = int(self._socket.FD)
        """Edge-triggered descriptor: readable means look again."""
        self.sent_at = time.monotonic()
        """When something was last sent."""

    def send(self, frames: list[wire.Buffer]) -> bool:
        """Sends a message; False when there is no peer now, or it is behind."""
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=len(frames) == 1)
        except zmq.Again:
            return False
        self.sent_at = time.monotonic()
        return True

    def receive(self) -> list[memoryview] | None:
        """The frames of the next message, or None."""
        try:
            return [frame.buffer for frame in self._socket.recv_multipart(zmq.NOBLOCK, copy=False)]
        except zmq.Again:
            return None

    def readable(self) -> bool:
        """Whether `receive` would give a message."""
        return bool(int(self._socket.EVENTS) & zmq.POLLIN)

    def mishap(self) -> Mishap | None:
        """The next thing that went wrong with the connection, or None."""
        try:
            frames = self._monitor.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        kind = struct.unpack("=hi", frames[0])[0]
        if kind & REFUSED:
            return Mishap.REFUSED
        return Mishap.UNKNOWN if kind & zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL else Mishap.LOST

    def wait(self, seconds: float, for_room: bool, wake: Any = None) -> None:
        """Blocks until a message or mishap comes, there is room to send (`for_room`), `wake` is readable, or
        time is up."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if for_room else 0))
        poller.register(self._monitor, zmq.POLLIN)
        if wake is not None:
            poller.register(wake, zmq.POLLIN)
        poller.poll(int(seconds * 1000))

    def close(self, goodbye: list[wire.Buffer] | None = None) -> None:
        """Closes for good, after a last message where there is one."""
        linger = GOODBYE if goodbye and self.send(goodbye) else 0
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(linger)
        self._context.term()
