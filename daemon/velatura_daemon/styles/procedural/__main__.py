"""`python -m velatura_daemon.styles.procedural FOLDER`: paints the procedural style pictures again."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from . import PAINTERS, SEED, SIZE

BUDGET = 205_000
"""Largest picture file, in bytes."""


def encoded(picture: np.ndarray, budget: int = BUDGET) -> bytes:
    """The picture `(h, w, 3)` uint8 as WebP of the best quality that fits the budget."""
    image = Image.fromarray(picture)
    for quality in range(95, 39, -3):
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= budget:
            return out.getvalue()
    raise ValueError(f"a picture of {image.width} x {image.height} does not fit {budget} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m velatura_daemon.styles.procedural", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--only", nargs="+", choices=sorted(PAINTERS), default=sorted(PAINTERS))
    parser.add_argument("--size", type=int, default=SIZE, help="side in pixels")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        target = arguments.folder / f"{name}.webp"
        data = encoded(PAINTERS[name](arguments.size, arguments.seed))
        target.write_bytes(data)
        print(f"{target}  {len(data)} bytes")


if __name__ == "__main__":
    main()
