"""The event loop that an editor brings: Qt's in Krita, GLib's in GIMP, a list of calls in the tests.

Everything in this room runs on the thread of that loop and returns within milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

End = Callable[[], None]
"""Ends what was begun; harmless when it has ended already."""


class Loop(Protocol):
    """What the link, the pump and the studio need of an event loop."""

    def watch(self, descriptor: int, call: Callable[[], None]) -> End:
        """Calls whenever a descriptor is readable."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> End:
        """Calls once, after so many seconds; 0 is as soon as the editor's own events are done."""
        ...

    def every(self, seconds: float, call: Callable[[], None]) -> End:
        """Calls again and again."""
        ...
