"""What grows with a picture, measured through a daemon: a strength slider, and the way of the pixels; and how
long a cold start takes.

A move of a slider is timed as an editor asks for it, by the clock; and painted, by the clock and in processor
seconds of the worker, which other programs on the machine disturb little. Beside that stands its floor, the
operations of what has to run over the best rate of a plain convolution in the worker's own precision.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from velatura.editor.seen import SCREEN_SIDE

from . import bench_floors
from .bench_memory import own, processes, pss
from .benchmarks import (
    SIDE,
    Tell,
    bench_daemon,
    child,
    noise,
    operations,
    rates,
    worker_environment_here,
)

MOVES = (0.9, 0.81, 0.7, 0.56, 0.44)
"""Strengths that a slider comes by."""
COMMAND = "from velatura_daemon.cli import main; main()"
REST = 0.3
"""Seconds in which a worker that has nothing left to do ahead does nothing."""
BYTES_SIDES = (4096, 2048)
"""Width and height of the RGBA picture that goes there and back: 33 MB."""


def slider(sides: Sequence[int], device: str = "", tell: Tell = lambda text: None) -> dict[str, Any]:
    """What a move of a strength slider takes, for every network and side: see `_moves`. `floor` is that of a
    picture that is painted, in processor seconds, or on another device by the clock (`counted` says which).
    Where a picture is larger than an editor's screen, `view` is what is asked for when one has zoomed in: a
    part of `SCREEN_SIDE` pixels painted by the statistics of the whole at that size. (Where all is in sight
    it is the picture reduced to `SCREEN_SIDE`, so what stands there.)"""
    counted, clock = ("processor", "process_time") if device in ("", "cpu") else ("painted", "perf_counter")
    best = rates(device, clock)
    figures: dict[str, Any] = {"gflops": best, "counted": counted}
    with bench_daemon(device) as (client, _):
        style, dtype = {"name": "mosaic"}, client.status()["engine"]["dtype"]
        for name, method in (("painter", "multi"), ("any_style", "adain-skip")):
            figures[name] = {}
            for side in sides:
                tell(f"{name}: a slider over {side} x {side} pixels")
                recipe = {"kind": "stylize", "styles": [style], "method": method}
                gflop = operations("slim", method, decoding_alone=True) * (side / SIDE) ** 2
                image = noise(side, side)
                measured: dict[str, Any] = _moves(client, recipe, image)
                if side > SCREEN_SIDE:
                    whole = client.upload(image[:: side // SCREEN_SIDE, :: side // SCREEN_SIDE])
                    part = image[:SCREEN_SIDE, :SCREEN_SIDE]
                    measured["view"] = _moves(client, {**recipe, "reference": whole}, part)
                figures[name][str(side)] = {**measured, "floor": gflop / best[dtype]}
            by_side = figures[name]
            if {"1024", "2048"} <= by_side.keys():
                for figure in ("move", counted):
                    four, one = (by_side[side][figure] for side in ("2048", "1024"))
                    by_side[f"four_megapixels_of_one_{figure}"] = four / one
    return figures


def _moves(client: Any, recipe: dict[str, Any], image: Any) -> dict[str, float]:
    """Seconds by the clock: `first`, of a fresh content at full strength; `first_move`, and `move` (the
    median of those after it) as an editor asks while the hand moves; `painted`, the same strengths exactly,
    and `processor`, what that takes of the worker's processors. `ahead` is what they did ahead; `off` is how
    far moves are from what is painted, root mean square, of 255."""
    worker = processes().Process(client.status()["pid"]).children()[0]

    def timed(strength: float, slider: str) -> tuple[Any, float, float]:
        before, began = _processor(worker), time.perf_counter()
        made = client.submit({**recipe, "strength": strength}, image, slider=slider).result()
        return made, time.perf_counter() - began, _processor(worker) - before

    _, first, _ = timed(1.0, "ahead")
    before = _processor(worker)
    _until_at_rest(worker)
    _, first_move, _ = timed(0.95, "mixed")
    _until_at_rest(worker)
    ahead = _processor(worker) - before
    moved, seconds, _ = zip(*(timed(strength, "mixed") for strength in MOVES), strict=True)
    exact, painted, processor = zip(*(timed(strength, "exact") for strength in MOVES), strict=True)
    off = np.subtract(moved, exact, dtype=np.float32)[..., :3]
    return {
        "first": first,
        "ahead": ahead,
        "first_move": first_move,
        "move": statistics.median(seconds),
        "painted": statistics.median(painted),
        "processor": statistics.median(processor),
        "off": float(np.sqrt(np.square(off).mean())),
    }


def _processor(worker: Any) -> float:
    """Seconds that it has computed for."""
    return sum(worker.cpu_times()[:2])


def _until_at_rest(worker: Any) -> None:
    while True:
        before, waits = _processor(worker), worker.status() == "sleeping"
        time.sleep(REST)
        if waits and worker.status() == "sleeping" and _processor(worker) == before:
            return


def pixels(tell: Tell = lambda text: None) -> dict[str, float]:
    """Milliseconds that 33 MB take to the worker and back, beside what the worker does with them: the first
    time, when the picture is handed over, and again, when it is known; and the floor, one copy there, at the
    rate at which memory is copied, while what comes back is mapped. The result of the time before is given
    back before the clock starts."""
    tell(f"{4 * BYTES_SIDES[0] * BYTES_SIDES[1] / 1e6:.0f} MB both ways")
    image = noise(BYTES_SIDES[0], 3)[: BYTES_SIDES[1]]
    recipe = {"kind": "stylize", "styles": [{"name": "mosaic"}], "method": "multi", "strength": 0.0}
    took: dict[str, list[float]] = {"sent": [], "known": []}
    with bench_daemon() as (client, _):
        for turn in range(6):
            fresh = image.copy()
            fresh[0, 0, 0] = turn
            for kind in took:
                job = None
                began = time.perf_counter()
                job = client.submit(recipe, fresh)
                job.result()
                took[kind].append((time.perf_counter() - began - job.record["seconds"]) * 1000)
    floor = 2 * image.nbytes / rates()["gigabytes"] / 1e6
    return {**{f"{kind}_ms": min(times[1:]) for kind, times in took.items()}, "floor_ms": floor}


def start(tell: Tell = lambda text: None) -> dict[str, float]:
    """Seconds of `velatura --version`, of `velatura styles list` beside a running daemon, from nothing to the
    first picture; and megabytes that the daemon's processes, and its worker, hold once they have rested: with
    what they share with others, and the worker's own beside those of a program that has imported torch."""
    tell("a cold start")
    with bench_daemon() as (client, start):
        tell("commands")
        figures = {**start, "version": _command("--version"), "styles_list": _command("styles", "list")}
        tell("memory at rest")
        _until_at_rest(processes().Process(client.status()["worker"]["pid"]))
        time.sleep(6)  # the worker gives memory back after five
        status = client.status()
        figures["idle_mb"] = float(pss(status["pid"]) >> 20)
        worker = status["worker"]["pid"]
        figures["idle_worker_mb"], figures["own_mb"] = pss(worker) / 2**20, own(worker) / 2**20
    figures["own_torch_mb"] = child("bench_sizes", "torch_alone", worker_environment_here())
    return figures


def torch_alone() -> float:
    """Megabytes of this process's own, with torch and little else in it."""
    return own(os.getpid()) / 2**20


def _command(*words: str) -> float:
    """Processor seconds of a command, the least of three."""
    took = []
    for _ in range(3):
        before = sum(os.times()[2:4])
        subprocess.run([sys.executable, "-c", COMMAND, *words], stdout=subprocess.DEVNULL, check=True)
        took.append(sum(os.times()[2:4]) - before)
    return min(took)


def drawn(figures: dict[str, Any], path: Path) -> None:
    """Seconds of a slider's move by the clock, of painting it as they are counted, and the floor of that."""
    lines, counted = {}, figures["counted"]
    for name, color in (("painter", "C0"), ("any_style", "C1")):
        by_side = {int(side): each for side, each in figures[name].items() if side.isdigit()}
        for label, figure, way in (
            ("move", "move", "o-"),
            (counted, counted, "s--"),
            ("floor", "floor", ":"),
        ):
            seconds = {side: each[figure] for side, each in by_side.items()}
            lines[f"{name.replace('_', ' ')}: {label}"] = (seconds, color + way)
    bench_floors.drawn(lines, "a slider's move", path)
