"""Time as the daemon counts it: nobody is late for time in which he could not run.

A laptop sleeps, a process is stopped, a machine computes something else. Deadlines by the wall clock would
then end sessions, and replace workers, that did nothing wrong.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

MOST = 2.0
"""Seconds that count at most between two readings of `Waking`; the supervisor reads it every half second."""


class Waking:
    """A clock that stands still while this process does. Call it for the seconds since it was made."""

    def __init__(self) -> None:
        self._read, self._awake = time.monotonic(), 0.0

    def __call__(self) -> float:
        read = time.monotonic()
        self._awake += min(read - self._read, MOST)
        self._read = read
        return self._awake


class Watch:
    """Since when something is awaited of a process, by a clock and by its processor time.

    Args:
        now: the clock's reading.
        pid: the process.
    """

    def __init__(self, now: float, pid: int) -> None:
        self.since, self._pid, self._computed = now, pid, processor_seconds(pid)

    def late(self, now: float, most: float) -> bool:
        """Whether more than `most` seconds have gone by, in which it had its chance."""
        silent = now - self.since
        return silent > most and stuck(processor_seconds(self._pid), self._computed, most)


def stuck(now: float | None, then: float | None, most: float) -> bool:
    """Whether a silent process is stuck, by its processor time: it computed nothing at all, or for longer
    than it may. In between it only has too little of the processor. None is unknown, and counts as stuck."""
    if now is None or then is None:
        return True
    return not max(0.1, most / 100) <= now - then <= most


def processor_seconds(pid: int) -> float | None:
    """Processor time that a process has used, all its threads together; None where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
