"""Long work in short turns on the editor's own thread, the only one that its documents may be used from.

A piece of work is a generator that yields whenever the editor may go on. The pump runs the pieces in
turns of a few milliseconds, between which the editor's own events come first. What a turn took is recorded,
so that the promise "no slot of ours above 50 ms" can be checked where it is made.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from .loop import Loop

T = TypeVar("T")
Work = Generator[float | None, None, T]
"""Work that gives a `T` in the end; it may yield a number of seconds that it wants to wait at least."""

BUDGET = 0.008
"""Seconds that one turn of the pump begins new steps for."""

BREATH = 0.001
"""Seconds between two turns."""


class Timings:
    """How long our own slots took, the newest few thousand."""

    def __init__(self, keep: int = 20000) -> None:
        self.taken: deque[tuple[str, float]] = deque(maxlen=keep)

    def note(self, name: str, seconds: float) -> None:
        self.taken.append((name, seconds))

    def percentile(self, share: float, name: str = "") -> float:
        """The time that `share` (0..1) of the slots stayed within, in seconds; 0 when there were none."""
        times = sorted(t for n, t in self.taken if not name or n == name)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


timings = Timings()


def timed(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a slot: what it takes goes into `timings`."""

    def wrap(slot: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return slot(*args, **kwargs)
            finally:
                timings.note(name, time.perf_counter() - began)

        run.__name__, run.__doc__ = slot.__name__, slot.__doc__
        return run

    return wrap


class Pumped:
    """A piece of work under way; `cancel` ends it at its next step, running its `finally` clauses."""

    def __init__(
        self, work: Work[Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        self._work, self._done, self._failed = work, done, failed
        self.over = self._running = False
        self.wait = self.due = 0.0

    def cancel(self) -> None:
        """Also from an event that the editor handles amid the work, which then ends with its step."""
        if not self.over:
            self.over = True
            if not self._running:
                self._work.close()

    def step(self) -> None:
        """Runs to the next yield; the outcome goes to the callbacks given to `Pump.start`."""
        self._running = True
        try:
            self.wait = next(self._work) or 0.0
            if self.over:
                self._work.close()
            return
        except StopIteration as end:
            cancelled, self.over, value = self.over, True, end.value
        except Exception as error:
            self.over = True
            self._failed(error)
            return
        finally:
            self._running = False
        if cancelled:
            return
        try:
            self._done(value)
        except Exception as error:
            self._failed(error)


class Pump:
    """Runs pieces of work in turn.

    Args:
        loop: calls the turns.
        clock: seconds.
    """

    def __init__(self, loop: Loop, clock: Callable[[], float] = time.perf_counter) -> None:
        self._loop, self._clock = loop, clock
        self._tickets: deque[Pumped] = deque()

    def start(
        self,
        work: Work[T],
        done: Callable[[T], None] = lambda value: None,
        failed: Callable[[Exception], None] | None = None,
    ) -> Pumped:
        """Queues work. `done` gets its return value, `failed` what it raised (by default raised again)."""
        ticket = Pumped(work, done, failed or _raise)
        idle = not self._tickets
        self._tickets.append(ticket)
        if idle:
            self._loop.later(0.0, self._turn)
        return ticket

    @property
    def busy(self) -> bool:
        return bool(self._tickets)

    @timed("pump")
    def _turn(self) -> None:
        wait: float | None = 0.0
        try:
            wait = self.turn()
        finally:
            if self.busy:
                self._loop.later(BREATH + (wait or 0.0), self._turn)

    def turn(self) -> float | None:
        """Works for about `BUDGET` seconds.

        Returns:
            Seconds after which the next turn is due (0 is at once), or None when no work is left.
        """
        until = self._clock() + BUDGET
        resting = 0
        while self._tickets and resting < len(self._tickets):
            ticket = self._tickets.popleft()
            if not ticket.over and ticket.due > self._clock():
                self._tickets.append(ticket)
                resting += 1
                continue
            resting = 0
            if not ticket.over:
                try:
                    ticket.step()
                finally:
                    if not ticket.over:
                        ticket.due = self._clock() + ticket.wait
                        self._tickets.append(ticket)
            if self._clock() >= until:
                break
        if not self._tickets:
            return None
        return max(0.0, min(ticket.due for ticket in self._tickets) - self._clock())


def _raise(error: Exception) -> None:
    raise error
