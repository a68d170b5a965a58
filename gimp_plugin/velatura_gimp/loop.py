"""GLib's main loop as `velatura.editor` needs it, with nothing lost that goes wrong in it.

GLib prints an exception from a callback and goes on without it, so that a run would wait for ever: every
callback is guarded here, and what it raises goes to `failed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import GLib
from velatura.editor.loop import End


class GLibLoop:
    """Timers and descriptors of GLib's default context.

    Args:
        failed: called with what a callback raised; the callback is not called again.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed

    def watch(self, descriptor: int, call: Callable[[], None]) -> End:
        return self._begin(
            call, True, GLib.io_add_watch, descriptor, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN
        )

    def later(self, seconds: float, call: Callable[[], None]) -> End:
        if seconds <= 0:
            return self._begin(call, False, GLib.idle_add)
        return self._begin(call, False, GLib.timeout_add, int(seconds * 1000))

    def every(self, seconds: float, call: Callable[[], None]) -> End:
        return self._begin(call, True, GLib.timeout_add, int(seconds * 1000))

    def _begin(self, call: Callable[[], None], again: bool, add: Callable[..., int], *args: Any) -> End:
        alive = True

        def run(*_event: Any) -> bool:
            nonlocal alive
            alive = alive and again
            try:
                call()
            except Exception as error:
                alive = False
                self._failed(error)
            return alive

        source = add(*args, run)

        def end() -> None:
            nonlocal alive
            if alive:
                GLib.source_remove(source)
            alive = False

        return end
