"""What grows with a picture, measured through a daemon: a strength slider, and the way of the pixels; and how
long a cold start takes.

A move of a slider is timed by the clock and in processor seconds of the worker, which other programs on the
machine disturb little; beside it stands its floor, the operations of what has to run over the best rate of a
plain convolution in the worker's own precision.
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

from velatura.editor.seen import SCREEN_SIDE

from . import bench_floors
from .bench_memory import processes, pss
from .benchmarks import SIDE, Tell, bench_daemon, noise, operations, rates

MOVES = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Strengths that a slider comes by."""
COMMAND = "from velatura_daemon.cli import main; main()"
REST = 0.3
"""Seconds in which a worker that has nothing left to do ahead takes less than a tenth of a processor."""
BYTES_SIDES = (4096, 2048)
"""Width and height of the RGBA picture that goes there and back: 33 MB."""


def slider(sides: Sequence[int], device: str = "", tell: Tell = lambda text: None) -> dict[str, Any]:
    """Seconds for every network and side: `first` (fresh content), `first_move` after what is done ahead,
    `move` (the median of those after it), all by the clock, `processor` (of a move), and the `floor` of what
    is `counted`: processor seconds, or on another device those of the clock. What an editor's slider over a
    picture larger than its screen asks for comes beside it, `view`: where one has zoomed in, a part of
    `SCREEN_SIDE` pixels painted by the statistics of the whole at that size. (Where all is in sight it is the
    picture reduced to `SCREEN_SIDE`, so what stands there.)"""
    counted, clock = ("processor", "process_time") if device in ("", "cpu") else ("move", "perf_counter")
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
                four, one = (by_side[side][counted] for side in ("2048", "1024"))
                by_side["four_megapixels_of_one"] = four / one
    return figures


def _moves(client: Any, recipe: dict[str, Any], image: Any) -> dict[str, float]:
    worker = processes().Process(client.status()["pid"]).children()[0]

    def seconds(strength: float) -> tuple[float, float]:
        before, began = sum(worker.cpu_times()[:2]), time.perf_counter()
        client.submit({**recipe, "strength": strength}, image).result()
        return time.perf_counter() - began, sum(worker.cpu_times()[:2]) - before

    first, _ = seconds(1.0)
    _until_at_rest(worker)
    first_move, _ = seconds(0.95)
    by_clock, processor = zip(*(seconds(strength) for strength in MOVES), strict=True)
    return {
        "first": first,
        "first_move": first_move,
        "move": statistics.median(by_clock),
        "processor": statistics.median(processor),
    }


def _until_at_rest(worker: Any) -> None:
    while True:
        before = sum(worker.cpu_times()[:2])
        time.sleep(REST)
        if sum(worker.cpu_times()[:2]) - before < 0.1 * REST:
            return


def pixels(tell: Tell = lambda text: None) -> dict[str, float]:
    """Milliseconds that 33 MB take to the worker and back, beside what the worker does with them: the first
    time, when the picture is handed over, and again, when it is known; and the floor, one copy there, at the
    rate at which memory is copied, while what comes back is mapped."""
    tell(f"{4 * BYTES_SIDES[0] * BYTES_SIDES[1] / 1e6:.0f} MB both ways")
    image = noise(BYTES_SIDES[0], 3)[: BYTES_SIDES[1]]
    recipe = {"kind": "stylize", "styles": [{"name": "mosaic"}], "method": "multi", "strength": 0.0}
    took: dict[str, list[float]] = {"sent": [], "known": []}
    with bench_daemon() as (client, _):
        for turn in range(6):
            fresh = image.copy()
            fresh[0, 0, 0] = turn
            for kind in took:
                began = time.perf_counter()
                job = client.submit(recipe, fresh)
                job.result()
                took[kind].append((time.perf_counter() - began - job.record["seconds"]) * 1000)
    floor = 2 * image.nbytes / rates()["gigabytes"] / 1e6
    return {**{f"{kind}_ms": min(times[1:]) for kind, times in took.items()}, "floor_ms": floor}


def start(tell: Tell = lambda text: None) -> dict[str, float]:
    """Seconds of `velatura --version`, of `velatura styles list` beside a running daemon, from nothing to the
    first picture; and megabytes that the daemon's processes, and its worker, hold once they have rested."""
    tell("a cold start")
    with bench_daemon() as (client, start):
        tell("commands")
        figures = {**start, "version": _command("--version"), "styles_list": _command("styles", "list")}
        tell("memory at rest")
        time.sleep(7)  # the worker gives memory back after five
        status = client.status()
        figures["idle_mb"] = float(pss(status["pid"]) >> 20)
        figures["idle_worker_mb"] = float(pss(status["worker"]["pid"]) >> 20)
    return figures


def _command(*words: str) -> float:
    """Processor seconds of a command, the least of three."""
    took = []
    for _ in range(3):
        before = sum(os.times()[2:4])
        subprocess.run([sys.executable, "-c", COMMAND, *words], stdout=subprocess.DEVNULL, check=True)
        took.append(sum(os.times()[2:4]) - before)
    return min(took)


def drawn(figures: dict[str, Any], path: Path) -> None:
    """Seconds of a slider's move, and its floor, against megapixels."""
    lines = {}
    for name, color in (("painter", "C0"), ("any_style", "C1")):
        by_side = {int(side): each for side, each in figures[name].items() if side.isdigit()}
        for label, figure, way in ((name, figures["counted"], "o-"), (f"{name}: floor", "floor", ":")):
            lines[label] = ({side: each[figure] for side, each in by_side.items()}, color + way)
    bench_floors.drawn(lines, "a slider's move", path)
