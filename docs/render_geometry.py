"""Draws a sheet of all ways to move shapes, and judges them by the figures of `velatura bench pictures`:

    python docs/render_geometry.py FOLDER [PAIR ...] --vgg VGG19.safetensors

FOLDER holds the paintings that `PAIRS` names: public domain, or CC0 of the Art Institute of Chicago. The
photographs ship with the painter's training (public domain). What was made once is kept in `made` in it with
its times, so that an interrupted run goes on; remove that to make all anew. Times are of the worker's
processor, over all cores, so that what else the machine does hardly counts.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import velatura
from PIL import Image, ImageDraw, ImageOps
from safetensors.torch import load_file
from sheets import captioned, sheet
from velatura.pairs import Pair, as_map, pairs_of
from velatura_daemon.cli.bench_pictures import COLUMNS as FIGURES
from velatura_models.maths.quality import figures, look
from velatura_models.networks.encoder import encoder_from_state
from velatura_models.store.pictures import tensor_of

ROOT = Path(__file__).parent
IMAGES = ROOT / "images" / "geometry"
PHOTOS = ROOT.parent / "models" / "velatura_models" / "training" / "photos"
SIDE = 192
CELL = 192


@dataclass(frozen=True)
class Couple:
    """A content, the part of it that is painted, a painting, and pairs of places where they are not found."""

    content: str
    box: tuple[int, int, int, int]
    style: str
    pairs: tuple[tuple[float, float, float, float], ...] = ()
    """As shares of widths and heights."""


PAIRS = {
    "metzinger": Couple("astronaut.jpg", (70, 10, 250, 190), "robert_delaunay_1906_portrait.jpg"),
    "cherries": Couple("aic_36678.jpg", (60, 20, 384, 344), "robert_delaunay_1906_portrait.jpg"),
    "beard": Couple("aic_59960.jpg", (0, 20, 384, 470), "robert_delaunay_1906_portrait.jpg"),
    "towers": Couple(
        "rocket.jpg",
        (96, 0, 480, 384),
        "starry_night_google.jpg",
        (
            (0.496, 0.305, 0.191, 0.037),
            (0.461, 0.645, 0.146, 0.493),
            (0.539, 0.645, 0.229, 0.493),
            (0.453, 0.969, 0.112, 0.937),
            (0.547, 0.969, 0.342, 0.937),
            (0.215, 0.293, 0.059, 0.321),
            (0.195, 0.938, 0.029, 0.949),
            (0.801, 0.293, 0.578, 0.617),
            (0.809, 0.938, 0.586, 0.851),
        ),
    ),
}
GATYS: dict[str, Any] = {"objective": "gram", "iterations": 40, "levels": 2}
STROTSS: dict[str, Any] = {
    "objective": "strotss",
    "iterations": 210,
    "levels": 3,
    "learning_rate": 0.003,
    "content_weight": 1.5,
    "scale": 0.5,
}
COLUMNS: dict[str, dict[str, Any]] = {
    "Gatys": GATYS,
    "naive warp": {**GATYS, "shapes": "after"},
    "DST on Gatys": {**GATYS, "shapes": "joint"},
    "STROTSS": STROTSS,
    "DST on STROTSS": {**STROTSS, "iterations": 150, "content_weight": 2.5, "shapes": "joint"},
    "without style": {**STROTSS, "iterations": 20, "shapes": "only"},
}


class Row:
    """The pictures of one pair, made where they are not kept."""

    def __init__(self, v: velatura.Client, name: str, folder: Path) -> None:
        self.v, self.name, self.couple = v, name, PAIRS[name]
        self.made = folder / "made"
        self.made.mkdir(exist_ok=True)
        content = PHOTOS / self.couple.content
        image = Image.open(content if content.exists() else folder / self.couple.content).convert("RGB")
        self.whole = image.crop(self.couple.box)
        self.content = ImageOps.contain(self.whole, (SIDE, SIDE), Image.Resampling.LANCZOS)
        self.style = ImageOps.contain(Image.open(folder / self.couple.style).convert("RGB"), (1024, 1024))
        factor = min(self.content.size) / min(self.style.size)
        self.small_style = self.style.resize([round(n * factor) for n in self.style.size])

    def pairs(self) -> Path:
        """The file of pairs."""
        points = self.made / f"{self.name}.json"
        if not points.exists():
            placed = as_map([Pair(*row) for row in self.couple.pairs], self.content.size, self.style.size)
            found = placed if self.couple.pairs else self.v.keypoints(self.whole, self.style)
            points.write_text(json.dumps(found))
        return points

    def column(self, title: str) -> Image.Image:
        path, fields = self.made / f"{self.name} {title}.png", COLUMNS[title]
        if not path.exists():
            more: dict[str, Any] = {"deform": self.pairs(), **fields} if "shapes" in fields else fields
            before = self._processor_time()
            self.v.refine(self.content, style=self.style, **more).save(path)
            seconds = self._processor_time() - before
            path.with_suffix(".txt").write_text(f"{seconds:.0f}")
            print(f"{self.name}, {title}: {seconds:.0f} s", flush=True)
        return Image.open(path)

    def seconds(self, title: str) -> str:
        return (self.made / f"{self.name} {title}.txt").read_text()

    def _processor_time(self) -> float:
        times = psutil.Process(self.v.status()["worker"]["pid"]).cpu_times()
        return times.user + times.system


def dotted(image: Image.Image, points: list[tuple[float, float]]) -> Image.Image:
    """A picture in a cell with dots of as many colours as there are points."""
    shown = ImageOps.contain(image, (CELL, CELL), Image.Resampling.LANCZOS)
    pen = ImageDraw.Draw(shown)
    for number, (x, y) in enumerate(points):
        color = f"hsl({number * 360 // max(1, len(points))}, 100%, 55%)"
        x, y = x * shown.width, y * shown.height
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), color, "black")
    return ImageOps.pad(shown, (CELL, CELL), color="white")


def judged(rows: list[Row], vgg: Path) -> None:
    """Prints a table of figures, seen by the real VGG-19."""
    eye = encoder_from_state(load_file(vgg))
    looks = {row.couple.style: look(eye, tensor_of(row.small_style)) for row in rows}
    photos = [look(eye, tensor_of(row.content)) for row in rows]
    print("| |", " | ".join(FIGURES), "|")
    for title in COLUMNS:
        made = [look(eye, tensor_of(row.column(title))) for row in rows]
        pairs = zip(made, photos, (row.couple.style for row in rows), strict=True)
        found = vars(figures(pairs, looks))
        print("|", title, "|", " | ".join(f"{found[name]:.3f}" for name in FIGURES), "|")


def main(folder: Path, names: list[str], vgg: Path | None) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with velatura.connect() as v:
        rows = [Row(v, name, folder) for name in names]
        cells: list[list[Image.Image]] = []
        for row in rows:
            pairs = pairs_of(json.loads(row.pairs().read_text()))
            content = dotted(row.content, [(p.x, p.y) for p in pairs])
            style = dotted(row.style, [(p.x2, p.y2) for p in pairs])
            cells.append([captioned(content, f"{len(pairs)} pairs"), captioned(style, "")])
            for title in COLUMNS:
                cells[-1].append(captioned(dotted(row.column(title), []), f"{row.seconds(title)} s"))
    sheet(cells, ("content", "style", *COLUMNS), gap=4).save(IMAGES / "shapes.jpg", quality=88)
    if vgg is not None:
        judged(rows, vgg)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("pairs", nargs="*", default=list(PAIRS))
    parser.add_argument("--vgg", type=Path)
    given = parser.parse_args()
    main(given.folder, given.pairs, given.vgg)
