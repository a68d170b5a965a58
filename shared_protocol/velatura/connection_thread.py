"""A connection driven by a thread of its own, so that any number of threads can wait for jobs on it.

`client` builds the Python API on this. All methods of `Connection` run on the one thread; other threads
hand it calls and wait for events under one condition.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any, TypeVar

from .connection import TICK, Connection
from .endpoint import Address
from .errors import VelaturaError
from .jobs import Down, HappenedEvent, Up

T = TypeVar("T")


class ConnectionThread:
    """Runs a `Connection` on a thread of its own; safe to use from several threads.

    Args:
        address: of the daemon.
        client: name and version of the program.
        base: home folder, for the client's key.
        handle: called on that thread with every event; must be quick.
    """

    def __init__(
        self, address: Address, client: str, base: Path | None, handle: Callable[[HappenedEvent], None]
    ) -> None:
        self.address = address
        self.changed = threading.Condition()
        """Notified after every event; hold it while looking at what `handle` changes."""
        self.down: Down | None = None
        """Why the daemon does not answer, while it does not."""
        self._connection = Connection(address, client, base=base)
        self._handle = handle
        self._calls: deque[tuple[Callable[[Connection], Any], Future]] = deque()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="velatura", daemon=True)
        self._thread.start()

    @property
    def up(self) -> bool:
        """Whether the daemon answers."""
        return self._connection.up

    @property
    def lends(self) -> bool:
        """Whether pictures go as memory."""
        return self._connection.lends

    @property
    def most(self) -> int:
        """Bytes of a picture that the daemon takes."""
        return self._connection.most

    @property
    def alive(self) -> bool:
        """Whether this can still be used."""
        return self._thread.is_alive() and not self._closing

    def call(self, action: Callable[[Connection], T]) -> T:
        """Runs `action(connection)` on the thread; gives what it gives, raises what it raises.

        Raises:
            VelaturaError: `not_running` when it is closed.
        """
        if threading.current_thread() is self._thread:
            return action(self._connection)
        future: Future = Future()
        self._calls.append((action, future))
        self._ring()
        while True:
            try:
                return future.result(timeout=1.0)
            except NotYet:
                if future.done():
                    raise
                if not self._thread.is_alive():
                    raise VelaturaError("not_running", "the connection is closed") from None

    def wait_up(self, timeout: float) -> None:
        """Waits until the daemon answers.

        Raises:
            VelaturaError: what keeps it from answering; `timeout` when nothing is known.
        """
        until = time.monotonic() + timeout
        with self.changed:
            while not self.up:
                left = until - time.monotonic()
                if self.down is not None and (self.down.final or left <= 0):
                    raise self.down.error
                if left <= 0:
                    raise VelaturaError("timeout", f"the daemon did not answer within {timeout:g} seconds")
                self.changed.wait(left)

    def close(self) -> None:
        """Ends the thread and the session with the daemon; safe to call twice."""
        self._closing = True
        self._ring()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)

    def _ring(self) -> None:
        try:
            self._bell.send(b"!")
        except (BlockingIOError, OSError):
            return  # already ringing, or closed: nobody left to wake

    def _run(self) -> None:
        try:
            while not self._closing:
                while self._calls:
                    self._answer(*self._calls.popleft())
                self._tell(self._connection.process())
                self._connection.wait(TICK, self._ear)
                self._hush()
        finally:
            self._connection.close()
            closed = VelaturaError("not_running", "the connection is closed")
            while self._calls:
                self._calls.popleft()[1].set_exception(closed)
            self._tell([Down(closed, final=True)])
            self._ear.close()
            self._bell.close()

    def _answer(self, action: Callable[[Connection], Any], future: Future) -> None:
        # apart from the loop, as `_tell`, lest its variables hold a job, with its pictures, until the next
        try:
            future.set_result(action(self._connection))
        except BaseException as error:  # handed to the thread that asked
            future.set_exception(error)

    def _tell(self, events: list[HappenedEvent]) -> None:
        if not events:
            return
        with self.changed:
            for event in events:
                if isinstance(event, Up):
                    self.down = None
                elif isinstance(event, Down):
                    self.down = event
                self._handle(event)
            self.changed.notify_all()

    def _hush(self) -> None:
        try:
            self._ear.recv(4096)
        except BlockingIOError:
            return
