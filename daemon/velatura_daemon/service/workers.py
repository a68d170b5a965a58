"""The worker process as the supervisor sees it: started on need, watched, replaced when it dies or hangs.

The host knows no job; it passes messages both ways and keeps three watches: how long a start may take, how
long a busy worker may be silent, and how long a cancel may stay unheeded.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any

from velatura.schema import to_map

from ..between import orders
from ..between.channel import Channel, ChannelClosed
from ..logs import tail
from ..paths import Paths
from ..settings import Settings
from .clocks import Watch

log = logging.getLogger("velatura.daemon")

TRIES = 3
"""Starts in a row that may fail before the waiting jobs are told."""

PAUSES = (0.0, 0.5, 2.0)
"""Seconds before each of these tries."""


class WorkerHost:
    """One worker process, or none.

    Args:
        settings: passed on to the worker.
        paths: where its error output goes.
        said: called with every message of the worker and its descriptors.
        lost: called with the reason, in words, when the worker is gone without having been asked to go.
        rested: called when it was ended after a long idle time.
        hopeless: called with the reason when it cannot be started.
    """

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        said: Callable[[orders.FromWorker, list[int]], None],
        lost: Callable[[str], None],
        rested: Callable[[], None],
        hopeless: Callable[[str], None],
    ) -> None:
        self.settings, self.paths = settings, paths
        self._said, self._lost, self._rested, self._hopeless = said, lost, rested, hopeless
        self.state = "off"
        """`off`, `starting`, `warming` or `ready`."""
        self.status: dict[str, Any] = {}
        """The engine's own account of itself, as last heard."""
        self.starts = 0
        self.trouble = ""
        """Why the last attempt to start one failed, or that the card of an earlier one is gone."""
        self._card = ""
        self.channel: Channel | None = None
        """What to poll, or None while there is no worker."""
        self._process: subprocess.Popen[bytes] | None = None
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._heard = self._since = Watch(0.0, 0)
        self._not_before = 0.0
        self._failed_starts = 0
        self._closing: dict[str, Watch] = {}
        self._warms = False
        self._killed_for = ""

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self, now: float) -> None:
        """Starts a worker unless there is one, or one failed a moment ago."""
        if self._process is not None or now < self._not_before:
            return
        try:
            self._process, self.channel = self._launch()
        except OSError as error:
            log.error("no worker can be started: %s", error)
            self._start_failed(str(error), now)
            return
        self.state = "starting"
        self._heard = self._since = Watch(now, self.pid)
        self._killed_for = ""
        self.starts += 1
        log.info("worker %d starts", self.pid)
        self.send(orders.Init(to_map(self.settings)))

    def _launch(self) -> tuple[subprocess.Popen[bytes], Channel]:
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            with theirs, self._error_stream() as errors:
                process = subprocess.Popen(
                    [sys.executable, "-m", "velatura_daemon.engine.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=worker_environment(self.settings),
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                )
            undo.pop_all()
        return process, Channel(ours)

    def _error_stream(self) -> IO[bytes]:
        """Where the worker's last words go: a file, or nowhere where there can be none."""
        try:
            self.paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
            return self._error_file.open("wb")
        except OSError as error:
            log.error("the worker's output is not kept: %s", error)
            return open(os.devnull, "wb")  # noqa: PTH123  # no path of ours

    def warm(self, now: float) -> None:
        """Starts the worker, if need be, and has it load its networks."""
        self.start(now)
        self._warms = self.channel is not None
        self.send(orders.Warm())

    def send(self, order: orders.ToWorker, fds: Sequence[int] = (), now: float = 0.0) -> None:
        """Hands the worker an order; to one that has just died it is lost, as `lost` will tell."""
        if self.channel is None:
            return
        if isinstance(order, orders.Close):
            self._closing[order.job] = Watch(now, self.pid)
        if now > self._heard.since:
            self._heard = Watch(now, self.pid)
        try:
            self.channel.send(order, fds)
        except ChannelClosed:
            log.debug("worker %d is gone; %s is lost", self.pid, order)

    def readable(self, now: float) -> None:
        """Takes what the worker says."""
        if self.channel is None:
            return
        try:
            reports = self.channel.receive()
            if reports:
                self._heard = Watch(now, self.pid)
            for report, fds in reports:
                self._take(report, fds, now)
        except ChannelClosed:
            self._gone(now)
        except Exception:  # a defect: rather a new worker, whose loss is handled, than a job that never ends
            log.exception("worker %d", self.pid)
            self.replace("the worker said something that makes no sense")

    def writable(self) -> None:
        """Goes on with what the worker's socket did not take at once."""
        if self.channel is not None and self.channel.pending:
            try:
                self.channel.flush()
            except ChannelClosed:
                log.debug("worker %d is gone", self.pid)

    def check_time(self, now: float, busy: bool) -> None:
        """Replaces a worker that hangs, ends one that has been idle for long, and reaps what has ended."""
        self._leaving = [p for p in self._leaving if p.poll() is None]
        if self._process is None:
            return
        s = self.settings
        if self.state in ("starting", "warming"):
            if self._since.late(now, s.start_seconds):
                self.replace(f"the worker was not ready after {s.start_seconds:.0f} seconds")
            return
        if any(watch.late(now, s.cancel_grace) for watch in self._closing.values()):
            self.replace(f"the worker did not end a cancelled job within {s.cancel_grace:.0f} seconds")
        elif busy and self._heard.late(now, s.hang_seconds):
            self.replace(f"the worker hung: no sign of life for {s.hang_seconds:.0f} seconds")
        elif not busy and s.idle_seconds and now - self._heard.since > s.idle_seconds:
            log.info("worker %d ends after %d idle seconds", self.pid, s.idle_seconds)
            self._close()  # at which it ends
            self._rested()

    def replace(self, reason: str) -> None:
        """Ends the worker the hard way; `lost` follows with the reason, and a new one starts on need."""
        if self._process is not None:
            log.error("worker %d: %s; it is replaced", self.pid, reason)
            self._killed_for = reason
            self._process.kill()  # also ends a stopped process; its channel then closes

    def end(self) -> None:
        """Ends the worker for good and waits for it."""
        if self._process is not None:
            self._process.kill()
        self._close()
        for process in self._leaving:
            process.kill()
            process.wait()

    def _take(self, report: Any, fds: list[int], now: float) -> None:
        self.status = getattr(report, "status", self.status)
        if isinstance(report, orders.EngineReady):
            self.state, self._failed_starts = "warming" if self._warms else "ready", 0
            self.trouble = self._gone_card(str(self.status.get("device", "cpu")))
        elif isinstance(report, orders.Warming):
            self.state, self._since = "warming", Watch(now, self.pid)
        elif isinstance(report, orders.Warmed):
            self.state, self._warms = "ready", False
        elif isinstance(report, orders.Closed | orders.Delivered | orders.Broke):
            self._closing.pop(report.job, None)
        self._said(report, fds)

    def _gone_card(self, device: str) -> str:
        """Words where a worker falls back to the processor though an earlier one had a card, as when a
        machine wakes up without its driver; empty where all is well."""
        if device != "cpu":
            self._card = device
        if device != "cpu" or not self._card:
            return ""
        words = f"the graphics card ({self._card}) is gone: the processor computes, which is slow"
        log.error("%s", words)
        return words

    def _gone(self, now: float) -> None:
        """The channel closed: find out why and tell."""
        assert self._process is not None
        process, was_ready = self._process, self.state != "starting"
        try:
            code = process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        reason = self._killed_for or f"the worker process ended unexpectedly ({how})"
        last_words = tail(self._error_file, 12).strip().splitlines()
        log.error("worker %d: %s", process.pid, reason)
        for line in last_words:
            log.error("worker %d said: %s", process.pid, line)
        self._close()
        self._lost(reason)
        if not was_ready:
            self._start_failed((last_words or ["see the log"])[-1], now)

    def _start_failed(self, reason: str, now: float) -> None:
        """Another try after a pause, or after the last one the end of all hope."""
        self.trouble = reason
        self._failed_starts += 1
        if self._failed_starts < TRIES:
            self._not_before = now + PAUSES[self._failed_starts]
        else:
            self._failed_starts = 0
            self._hopeless(f"the worker cannot be started: {reason}")

    def _close(self) -> None:
        if self.channel is not None:
            self.channel.close()
        if self._process is not None:
            self._leaving.append(self._process)
        self.channel = self._process = None
        self.state, self.status, self._warms = "off", {}, False
        self._closing.clear()

    @property
    def _error_file(self):
        return self.paths.logs / "worker.err"


def worker_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker: the thread count, and what bounds and keeps its memory.

    With glibc's defaults every large tensor is fresh from the kernel and half the time goes into page
    faults; three of these variables have the allocator keep what it has until the process ends. Torch
    prepares a convolution anew for every size of picture and keeps it in two caches of 1,024 each: 800 MB
    that no budget counts. One size takes about fifty.
    """
    threads = str(settings.worker_threads())
    allocator = {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "100000000000",
        "MALLOC_TOP_PAD_": "67108864",
    }
    prepared = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128", "LRU_CACHE_CAPACITY": "128"}
    own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    return {**allocator, **prepared, **os.environ, **own}
