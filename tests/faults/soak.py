"""A long mixed load on one daemon, and what it holds of the machine meanwhile: flat, or a leak.

    PYTHONPATH=tests python tests/faults/soak.py MINUTES [--real] [--pause SECONDS] [--cache MB] [--threads N]

Clients come and go, pictures are new every time, every fifth job is long and every fifth is cancelled; with
the real engine styles and methods change too. Each minute prints a row: memory of supervisor and worker, how
much of the worker's is caches, descriptors and threads of both, bytes of pictures in shared memory, jobs that
ended as they should, and jobs lost. The exit code is 1 if one was lost.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import FAKE, REAL, Daemon, Talk, picture
from velatura.jobstate import State
from velatura.recipe import Recipe, Refine, Style, Stylize

ROW = "{:>4} {:>9} {:>9} {:>9} {:>5} {:>5} {:>8} {:>8} {:>8} {:>6} {:>5}"
HEAD = (
    "min",
    "superv.",
    "worker",
    "of caches",
    "fds",
    "w.fds",
    "threads",
    "w.thr.",
    "shared",
    "done",
    "lost",
)


@dataclass(frozen=True)
class Load:
    """What an engine is given to do."""

    styles: tuple[str, ...]
    methods: tuple[str, ...]
    width: int
    height: int
    iterations: int


LOADS = {
    FAKE: Load(("invert",), ("auto",), 700, 500, 20),
    REAL: Load(
        ("stained-glass", "indigo-waves", "starry-night", "woodcut", "mosaic", "great-wave"),
        ("auto", "adain-skip", "multi", "adain"),
        256,
        192,
        4,
    ),
}


def megabytes(pid: int) -> str:
    """Resident memory of a process's own."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return f"{int(status['RssAnon'].split()[0]) >> 10} MB"


def count(pid: int, what: str) -> int:
    return len(list(Path(f"/proc/{pid}/{what}").iterdir()))


def recipe_of(load: Load, long: bool, chance: random.Random) -> Recipe:
    styles = (Style(name=chance.choice(load.styles)),)
    if long:
        return Refine(styles=styles, iterations=load.iterations)
    return Stylize(styles=styles, method=chance.choice(load.methods))


def one_visit(talk: Talk, load: Load, pause: float, chance: random.Random) -> Iterator[bool]:
    """Six jobs of a client; of each, whether it ended as it should."""
    talk.ask("styles")
    for _ in range(6):
        content = picture(
            chance.randrange(64, load.width),
            chance.randrange(64, load.height),
            seed=chance.randrange(1 << 16),
        )
        long, cancelled = chance.random() < 0.2, chance.random() < 0.2
        job = talk.submit(recipe_of(load, long, chance), content, preview_every=0.1 if long else 0.0)
        if cancelled:
            talk.connection.cancel(job)
        talk.ended(job)
        good = job.state is State.DONE or (cancelled and job.state is State.CANCELLED)
        if not good:
            print(f"lost: {job.state.value}, {job.error}", flush=True)
        yield good
        rests = time.monotonic() + pause
        while time.monotonic() < rests:
            talk.turn()


def visits(daemon: Daemon, load: Load, pause: float, chance: random.Random) -> Iterator[bool]:
    """One client after another, for ever; of each job, whether it ended as it should."""
    for visit in range(1 << 30):
        with daemon.connect(f"visitor {visit}") as talk:
            yield from one_visit(talk, load, pause, chance)


def held(daemon: Daemon) -> tuple[str | int, ...]:
    """What supervisor and worker hold now, in the order of `HEAD`."""
    with daemon.connect("the one who looks") as talk:
        status = talk.status()
    pid, worker = status["pid"], status["worker"]["pid"]
    caches = f"{status['engine'].get('cache_bytes', 0) >> 20} MB"
    own = (megabytes(pid), megabytes(worker), caches, count(pid, "fd"), count(worker, "fd"))
    return (*own, count(pid, "task"), count(worker, "task"), f"{status['blobs']['bytes'] >> 20} MB")


def main(minutes: float, engine: str, pause: float, cache: int, threads: int) -> int:
    with Daemon(engine, cache_mb=cache, threads=threads) as daemon:
        print(ROW.format(*HEAD), flush=True)
        done = lost = 0
        began = shown = time.monotonic()
        for good in visits(daemon, LOADS[engine], pause, random.Random(1)):
            done, lost, now = done + good, lost + (not good), time.monotonic()
            if now - shown >= 60 or now - began >= 60 * minutes:
                shown = now
                print(ROW.format(f"{(now - began) / 60:.0f}", *held(daemon), done, lost), flush=True)
            if now - began >= 60 * minutes:
                return 1 if lost else 0
    raise AssertionError("visitors do not run out")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("minutes", type=float)
    parser.add_argument("--real", action="store_true", help="the networks, not the tests' own engine")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that a client rests after a job")
    parser.add_argument("--cache", type=int, default=1024, help="MB that the worker's caches may hold")
    parser.add_argument(
        "--threads", type=int, default=0, help="CPU threads of the worker; 0 is the daemon's own"
    )
    given = parser.parse_args()
    harness.PATIENCE = 900.0  # it says what is held, not how fast: the machine may have other work
    sys.exit(main(given.minutes, REAL if given.real else FAKE, given.pause, given.cache, given.threads))
