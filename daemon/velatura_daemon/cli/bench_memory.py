"""Measurements of memory: what the daemon's processes hold, at rest and with a large picture in hand."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from velatura.jobstate import State

from .benchmarks import Tell, bench_daemon, noise
from .exits import USAGE, CommandError


def memory(
    side: int = 4096, method: str = "adain-skip", depth: int = 8, tell: Tell = lambda text: None
) -> dict[str, Any]:
    """What the daemon's processes hold while a large RGBA picture is painted: the peak of their summed PSS,
    that of the worker's own memory (pictures are in shared memory beside it); and how long a job was silent
    at most from its start to its end.

    Args:
        depth: bits of a channel, 8 or 16.
    """
    with bench_daemon() as (client, _):
        tell(f"painting {side} x {side}")
        status = client.status()
        pid, worker = status["pid"], processes().Process(status["worker"]["pid"])
        content = noise(side, 2)
        content = content if depth == 8 else content.astype(np.uint16) * 257
        held = [(pss(pid), own(worker.pid))]
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.1):
                held.append((pss(pid), own(worker.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        began, computed = time.perf_counter(), sum(worker.cpu_times()[:2])
        try:
            job = client.submit(
                {"kind": "stylize", "styles": [{"name": "starry-night"}], "method": method}, content
            )
            told = [time.perf_counter() for event in job if event.state is State.RUNNING]
            told.append(time.perf_counter())
            job.result()
            seconds, computed = time.perf_counter() - began, sum(worker.cpu_times()[:2]) - computed
        finally:
            done.set()
            watcher.join()
    all_idle, own_idle = held[0]
    return {
        "side": side,
        "depth": depth,
        "method": job.recipe.method,
        "idle_mb": all_idle >> 20,
        "peak_mb": max(all_of for all_of, _ in held) >> 20,
        "worker_idle_mb": own_idle >> 20,
        "worker_peak_mb": max(worker_of for _, worker_of in held) >> 20,
        "seconds": seconds,
        "processor_seconds": computed,
        "longest_silence": max(later - before for before, later in itertools.pairwise(told)),
    }


def processes() -> Any:
    """psutil, which knows what processes take.

    Raises:
        CommandError: naming the extra, where psutil is not installed.
    """
    try:
        import psutil
    except ImportError as error:
        words = "psutil measures processes and is not installed: pip install 'velatura[bench]'"
        raise CommandError(USAGE, words) from error
    return psutil


def pss(pid: int) -> int:
    """Bytes of proportional memory of a daemon and its worker processes; raises as `processes` does."""
    psutil = processes()
    daemon = psutil.Process(pid)
    total = 0
    for process in (daemon, *daemon.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total


def own(pid: int) -> int:
    """Bytes of memory that are a process's own, what it shares with others left out; Linux tells."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) << 10
