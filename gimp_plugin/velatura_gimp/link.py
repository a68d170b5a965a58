"""The plug-in's end of the connection, driven by GLib's main loop, so that nothing in GIMP ever waits for it.

A `Link` finds the daemon or starts it, opens the connection, and hands every event to its listener. The
ZeroMQ descriptor is edge-triggered, so after each look at it the connection is asked whether more is due.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import velatura
from gi.repository import GLib
from velatura.connection import TICK, Connection
from velatura.errors import VelaturaError
from velatura.jobs import Down, Up

from . import installation
from .words import _

PATIENCE = 15.0
"""Seconds of silence after which a daemon that listens is given up; it answers in milliseconds."""


class Link:
    """A connection that looks after itself.

    Args:
        listener: called with each event of the connection (`velatura.jobs`), and with `Down(final=True)`
            when no daemon could be found, started or understood.
    """

    def __init__(self, listener: Callable[[Any], None]) -> None:
        self.connection: Connection | None = None
        self._listener = listener
        self._sources: list[int] = []
        self._closed = False
        self._start = installation.Start()
        self._down_since = 0.0
        self._sources.append(GLib.timeout_add(int(TICK * 1000), self._tick))
        self._again = GLib.idle_add(self._look_again)

    @property
    def up(self) -> bool:
        """Whether the daemon answers."""
        return self.connection is not None and self.connection.up

    def look(self) -> None:
        """Works on whatever is due, for some milliseconds; call it after using `connection`."""
        if self._closed:
            return
        if self.connection is None:
            self._connect()
        if self.connection is None:
            return
        for event in self.connection.process():
            if isinstance(event, Up):
                self._down_since = 0.0
            elif isinstance(event, Down):
                self._down_since = time.monotonic()
            self._listener(event)
            if self._closed:
                return
        if self.connection.pending and not self._again:
            self._again = GLib.idle_add(self._look_again)

    def close(self) -> None:
        """Ends the session, and with it its jobs."""
        if self._closed:
            return
        self._closed = True
        for source in [*self._sources, self._again]:
            if source:
                GLib.source_remove(source)
        if self.connection is not None:
            self.connection.close()

    def _connect(self) -> None:
        try:
            address = self._start.address()
            if address is None:
                return
            self.connection = Connection(address, f"GIMP plug-in {velatura.__version__}", keep_alive=True)
        except VelaturaError as error:
            self._give_up(error)
            return
        self._down_since = time.monotonic()
        self._sources.append(
            GLib.io_add_watch(self.connection.fd, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, self._ready)
        )

    def _give_up(self, error: VelaturaError) -> None:
        listener = self._listener
        self.close()
        listener(Down(error, final=True))

    def _ready(self, *_watch: Any) -> bool:
        self.look()
        return not self._closed

    def _tick(self) -> bool:
        if self._down_since and time.monotonic() - self._down_since > PATIENCE:
            self._give_up(
                VelaturaError(
                    "timeout",
                    _("The Velatura daemon does not answer. Stop it (velatura daemon stop) and try again."),
                )
            )
            return False
        self.look()
        return not self._closed

    def _look_again(self) -> bool:
        self._again = 0
        self.look()
        return False
