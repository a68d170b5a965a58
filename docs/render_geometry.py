"""Draws a sheet of all ways to move shapes, with Velatura:  python docs/render_geometry.py STYLES [PAIR ...]

STYLES is a folder with the paintings that `PAIRS` names, all in the public domain; the photographs ship with
the painter's training (public domain or CC0). What was made once is kept in `made` in it, so that an
interrupted run goes on; remove that to make all anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import velatura
from PIL import Image, ImageDraw, ImageOps

ROOT = Path(__file__).parent
IMAGES = ROOT / "images" / "geometry"
PHOTOS = ROOT.parent / "models" / "velatura_models" / "training" / "photos"
CELL = (160, 160)
PAIRS = {
    "metzinger": ("astronaut", (60, 0, 240, 180), "robert_delaunay_1906_portrait.jpg"),
    "rocket": ("rocket", (96, 0, 480, 384), "starry_night_google.jpg"),
    "fichu": ("astronaut", (60, 0, 240, 180), "aic_14594.jpg"),
    "piazza": ("piazza-gae-aulenti", (96, 0, 480, 384), "the_scream.jpg"),
}
"""Photograph, the part of it, and painting."""

GATYS: dict[str, Any] = {"objective": "gram", "iterations": 50, "levels": 2}
STROTSS: dict[str, Any] = {"objective": "strotss", "iterations": 150, "levels": 3, "learning_rate": 0.004}
COLUMNS: dict[str, dict[str, Any]] = {
    "STROTSS": STROTSS,
    "DST on STROTSS": {**STROTSS, "shapes": "joint"},
    "Gatys": GATYS,
    "naive warp": {**GATYS, "shapes": "after"},
    "DST on Gatys": {**GATYS, "shapes": "joint"},
    "without style": {**STROTSS, "iterations": 75, "shapes": "only"},
}
ORDER = ("Gatys", "naive warp", "DST on Gatys", "STROTSS", "DST on STROTSS", "without style")


def row(v: velatura.Client, name: str, styles: Path) -> list[Image.Image]:
    """Content, pairs, style, and every column."""
    photo, box, painting = PAIRS[name]
    folder = styles / "made"
    folder.mkdir(exist_ok=True)
    content = (
        Image.open(PHOTOS / f"{photo}.jpg").convert("RGB").crop(box).resize(CELL, Image.Resampling.LANCZOS)
    )
    style = Image.open(styles / painting).convert("RGB")
    points, drawn = folder / f"{name}.json", folder / f"{name}.png"
    if not points.exists():
        points.write_text(json.dumps(v.keypoints(content, style, out=drawn)))
    made = {}
    for title, fields in COLUMNS.items():
        path = folder / f"{name} {title}.png"
        if not path.exists():
            more: dict[str, Any] = {"deform": points, **fields} if "shapes" in fields else fields
            job = v.refine(content, style=style, wait=False, **more)
            job.result().save(path)
            print(f"{name}, {title}: {job.record['seconds']:.0f} s", flush=True)
        made[title] = Image.open(path)
    shown = ImageOps.pad(style, CELL, color="white")
    return [content, shown, Image.open(drawn).convert("RGB"), *(made[title] for title in ORDER)]


def main(styles: Path, names: list[str]) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with velatura.connect() as v:
        rows = [row(v, name, styles) for name in names]
    titles = ("content", "style", "pairs", *ORDER)
    gap, head = 6, 16
    width, height = CELL
    sheet = Image.new(
        "RGB", (len(titles) * (width + gap) - gap, head + len(rows) * (height + gap) - gap), "white"
    )
    pen = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        pen.text((column * (width + gap) + 4, 2), title, fill="black")
        for line, pictures in enumerate(rows):
            sheet.paste(pictures[column], (column * (width + gap), head + line * (height + gap)))
    sheet.save(IMAGES / "shapes.jpg", quality=85)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PAIRS))
