"""Training pictures: endless batches of random crops out of a folder."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..store.pictures import ENDINGS, read_rgb

FINEST = 2.3
"""A crop shows at least 1 / FINEST of a picture's short side: both whole pictures and details."""


def pictures_in(folder: Path) -> list[Path]:
    """All pictures below a folder, sorted.

    Raises:
        FileNotFoundError: when there are none.
    """
    found = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
    if not found:
        raise FileNotFoundError(f"no pictures ({', '.join(sorted(ENDINGS))}) below {folder}")
    return found


def random_crop(path: Path, side: int, rng: random.Random) -> np.ndarray:
    """A square crop `(side, side, 3)` uint8 at a random scale and place, mirrored half of the time."""
    rgb = read_rgb(path, side * 3)
    factor = side * rng.uniform(1, FINEST) / min(rgb.size)
    width, height = (max(side, round(s * factor)) for s in rgb.size)
    rgb = rgb.resize((width, height), Image.Resampling.LANCZOS)
    left, top = rng.randint(0, width - side), rng.randint(0, height - side)
    crop = np.asarray(rgb.crop((left, top, left + side, top + side)))
    return crop if rng.random() < 0.5 else crop[:, ::-1]


def whole_picture(path: Path) -> Tensor:
    """A picture `(1, 3, H, W)` float32 in 0..1."""
    pixels = np.asarray(read_rgb(path), np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def batches(folder: Path, side: int, count: int, seed: int) -> Iterator[Tensor]:
    """Endless batches `(count, 3, side, side)` float32 in 0..1, channels last; the next one is read while
    the last is used. Unreadable files are left out; when none can be read that is an error.
    """
    rng = random.Random(seed)
    paths = pictures_in(folder)

    def one_batch() -> Tensor:
        crops: list[np.ndarray] = []
        while len(crops) < count:
            path = rng.choice(paths)
            try:
                crops.append(random_crop(path, side, rng))
            except ValueError as error:
                paths.remove(path)
                if not paths:
                    raise ValueError(f"no picture below {folder} can be read; the last: {error}") from error
        stacked = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        return (stacked.float() / 255).contiguous(memory_format=torch.channels_last)

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(one_batch)
        while True:
            batch = ahead.result()
            ahead = pool.submit(one_batch)
            yield batch
