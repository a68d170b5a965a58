"""A peer that speaks the wire by hand: a bare DEALER, polite or hostile as a test wants it."""

from __future__ import annotations

import secrets
import time
from typing import Any, TypeVar

import zmq
from harness import PATIENCE, Daemon
from velatura import messages as m
from velatura import wire

M = TypeVar("M", bound=m.Message)


class Peer:
    """One DEALER socket.

    Args:
        daemon: whom to talk to.
        hello: whether to open a session first.
    """

    def __init__(self, daemon: Daemon, hello: bool = True) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(daemon.address().endpoint)
        self.session = secrets.token_hex(16)
        if hello:
            self.send(m.Hello(session=self.session, client="peer"))
            self.welcome = self.expect(m.Welcome)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()

    def send(self, message: m.Message, body: bytes | None = None) -> None:
        self.send_raw(*wire.pack(message, body))

    def send_raw(self, *frames: Any) -> None:
        self.socket.send_multipart(list(frames))

    def receive(self, patience: float = PATIENCE) -> tuple[m.Message, bytes]:
        """The next message other than the daemon's pings."""
        end = time.monotonic() + patience
        while self.socket.poll(max(0, int((end - time.monotonic()) * 1000))):
            frames = self.socket.recv_multipart()
            message, body = wire.unpack(frames)
            if not isinstance(message, m.Alive):
                return message, bytes(body or b"")
        raise AssertionError(f"nothing came within {patience:.0f} s")

    def expect(self, kind: type[M]) -> M:
        """The next message, which must be of this kind."""
        message, _ = self.receive()
        assert isinstance(message, kind), message
        return message

    def wait_for(self, kind: type[M]) -> M:
        """The next message of this kind; others before it are passed over."""
        while True:
            message, _ = self.receive()
            if isinstance(message, kind):
                return message

    def error(self) -> m.Error:
        return self.expect(m.Error)

    def vanish(self) -> None:
        """Closes the socket without a word."""
        self.socket.close(0)
        self.context.term()
