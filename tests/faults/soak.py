"""A long mixed load on one daemon, and what it holds of the machine meanwhile: flat, or a leak.

    PYTHONPATH=tests python tests/faults/soak.py MINUTES [--real]

Clients come and go, pictures are new every time, every fifth job is long and every fifth is cancelled. Each
minute prints a row: memory of supervisor and worker, their descriptors, threads, bytes of shared memory,
jobs done and jobs lost (ended otherwise than they should).
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness import FAKE, REAL, Daemon, Talk, picture
from velatura.jobstate import State
from velatura.recipe import Recipe, Refine, Style, Stylize

ROW = "{:>4} {:>9} {:>9} {:>5} {:>5} {:>8} {:>8} {:>6} {:>5}"
HEAD = ("min", "superv.", "worker", "fds", "w.fds", "threads", "shared", "done", "lost")


def megabytes(pid: int) -> str:
    """Resident memory of a process's own."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return f"{int(status['RssAnon'].split()[0]) >> 10} MB"


def count(pid: int, what: str) -> int:
    return len(list(Path(f"/proc/{pid}/{what}").iterdir()))


def visits(daemon: Daemon, style: str, chance: random.Random) -> Iterator[tuple[int, int]]:
    """One client after another; after each, the jobs it saw end well and otherwise."""
    for visit in range(1 << 30):
        with daemon.connect(f"visitor {visit}") as talk:
            talk.ask("styles")
            yield one_visit(talk, style, chance)


def one_visit(talk: Talk, style: str, chance: random.Random) -> tuple[int, int]:
    good = lost = 0
    for _ in range(6):
        content = picture(
            chance.randrange(64, 700), chance.randrange(64, 500), seed=chance.randrange(1 << 16)
        )
        long = chance.random() < 0.2
        recipe: Recipe = (Refine(styles=(Style(name=style),), iterations=20) if long
                          else Stylize(styles=(Style(name=style),)))  # fmt: skip
        job = talk.submit(recipe, content, preview_every=0.1 if long else 0.0)
        if chance.random() < 0.2:
            talk.connection.cancel(job)
            talk.ended(job)
            good += job.over
        else:
            talk.ended(job)
            good += job.state is State.DONE
            lost += job.state is not State.DONE
    return good, lost


def main(minutes: float, engine: str, style: str) -> int:
    with Daemon(engine) as daemon, daemon.connect("the one who looks") as watch:
        assert daemon.process is not None
        print(ROW.format(*HEAD), flush=True)
        done = lost = 0
        began = shown = time.monotonic()
        for good, bad in visits(daemon, style, random.Random(1)):
            done, lost, now = done + good, lost + bad, time.monotonic()
            if now - shown >= 60 or now - began >= 60 * minutes:
                shown, status, pid = now, watch.status(), daemon.process.pid
                worker = status["worker"]["pid"]
                shared = f"{status['blobs']['bytes'] >> 20} MB"
                row = (
                    megabytes(pid),
                    megabytes(worker),
                    count(pid, "fd"),
                    count(worker, "fd"),
                    count(pid, "task"),
                )
                print(ROW.format(f"{(now - began) / 60:.0f}", *row, shared, done, lost), flush=True)
            if now - began >= 60 * minutes:
                return 1 if lost else 0
    raise AssertionError("visitors do not run out")


if __name__ == "__main__":
    real = "--real" in sys.argv
    sys.exit(main(float(sys.argv[1]), REAL if real else FAKE, "stained-glass" if real else "invert"))
