"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from . import show

QUIET_SECONDS = 5.0
"""Time between lines where there is no terminal."""


@contextmanager
def download_bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A callback for bytes that arrive: file name, bytes so far, bytes in all."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=show.console(sys.stderr),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}
    with bar:

        def told(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"{title}: {name}", total=total or None)
            bar.update(tasks[name], completed=done)

        yield told


class JobBar:
    """Progress of jobs, one bar a job: step, losses, time left.

    Where standard error is no terminal a line is printed every `QUIET_SECONDS` instead.
    """

    def __init__(self, overall: int = 0) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self.console = show.console(sys.stderr)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[steps]}"),
            TextColumn("{task.fields[losses]}"),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._task = None
        self._overall = None
        self._spoken = time.monotonic()
        self._ended, self._of = 0, overall
        if overall > 1:
            self._overall = self.bar.add_task("all", total=overall, steps=f"0/{overall}", losses="", left="")

    def __enter__(self) -> JobBar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def begin(self, title: str) -> None:
        """A new job is watched."""
        if self._task is not None:
            self.bar.remove_task(self._task)
        self._title = title
        self._task = self.bar.add_task(title, total=None, steps="", losses="", left="waiting")

    def step(self, step: int, of: int, losses: dict[str, float], seconds_left: float | None) -> None:
        """The job's newest progress."""
        words = " ".join(f"{name} {value:.4g}" for name, value in losses.items())
        left = f"{show.duration(seconds_left)} left" if seconds_left else ""
        if self._task is not None:
            self.bar.update(
                self._task, completed=step, total=max(of, 1), steps=f"{step}/{of}", losses=words, left=left
            )
        if not self.console.is_terminal and time.monotonic() - self._spoken >= QUIET_SECONDS:
            self._spoken = time.monotonic()
            show.note(" ".join(part for part in (f"{self._title}: {step}/{of}", words, left) if part))

    def say(self, text: str) -> None:
        """The state of the job in words, such as `paused: a preview runs`."""
        if self._task is not None:
            self.bar.update(self._task, left=text)

    def announce(self, text: str) -> None:
        """A line that stays, also where there is no terminal."""
        from rich.text import Text

        self.console.print(Text(text))

    def end(self) -> None:
        """The job is over; counts for the overall bar."""
        if self._overall is not None:
            self._ended += 1
            self.bar.update(self._overall, completed=self._ended, steps=f"{self._ended}/{self._of}")
