"""Stand-ins for what an editor brings: an event loop whose time is ours, a document, a surface."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from velatura.editor.loop import End


class FakeLoop:
    """An event loop with a clock of its own: `run` lets time pass and calls what is due, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._ended: set[int] = set()
        self._names = itertools.count()

    @property
    def waiting(self) -> int:
        """How many calls are arranged for."""
        return sum(name not in self._ended for _, name, _ in self._due)

    def watch(self, descriptor: int, call: Callable[[], None]) -> End:
        return self.every(0.001, call)

    def later(self, seconds: float, call: Callable[[], None]) -> End:
        name = next(self._names)
        heapq.heappush(self._due, (self.now + seconds, name, call))
        return lambda: self._ended.add(name)

    def every(self, seconds: float, call: Callable[[], None]) -> End:
        ends: list[End] = []

        def again() -> None:
            ends[:] = [self.later(seconds, again)]
            call()

        ends.append(self.later(seconds, again))
        return lambda: ends[0]()

    def run(self, seconds: float) -> None:
        """Lets so many seconds pass, at once."""
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, name, call = heapq.heappop(self._due)
            if name not in self._ended:
                call()
        self.now = until
