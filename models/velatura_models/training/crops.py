"""Training pictures: endless batches of random crops out of a folder, and whole pictures."""

from __future__ import annotations

import logging
import random
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from ..maths.grain import GRAIN
from ..store.pictures import ENDINGS, read_rgb, tensor_of

FINEST = 2.3
"""A crop shows at least 1 / FINEST of a picture's short side: both whole pictures and details."""


def pictures_in(folder: Path) -> list[Path]:
    """All pictures below a folder, sorted.

    Raises:
        FileNotFoundError: when there are none.
    """
    found = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
    if not found:
        why = "" if folder.is_dir() else ", which is a file" if folder.exists() else ", which does not exist"
        raise FileNotFoundError(
            f"no pictures ({', '.join(sorted(ENDINGS))}) below {folder}{why}; name a folder"
        )
    return found


def whole_picture(path: Path) -> Tensor:
    """A picture `(1, 3, H, W)` float32 in 0..1."""
    return tensor_of(read_rgb(path))


def random_crop(picture: Tensor, side: int, rng: random.Random) -> Tensor:
    """A square crop `(3, side, side)` of a picture `(3, H, W)`, at a random scale and place, mirrored half of
    the time."""
    height, width = picture.shape[1:]
    shown = max(1, round(min(height, width) / rng.uniform(1, FINEST)))
    top, left = rng.randint(0, height - shown), rng.randint(0, width - shown)
    crop = transforms.resized_crop(picture, top, left, shown, shown, [side, side], antialias=True)
    return crop if rng.random() < 0.5 else transforms.horizontal_flip(crop)


def softened(photos: Tensor, share: float = 1 / 4) -> Tensor:
    """Photos of which some, at random, give way to a part of themselves, enlarged: without the finest detail,
    as many a large canvas is.

    Args:
        photos: `(N, 3, H, W)` in 0..1.
        share: how many, on average.
    """
    side = photos.shape[-1]
    part = round(side / (1 + 2 * float(torch.rand(()))))
    top, left = torch.randint(0, side - part + 1, (2,)).tolist()
    parts = photos[..., top : top + part, left : left + part]
    enlarged = torch.nn.functional.interpolate(parts, photos.shape[-2:], mode="bicubic").clamp(0, 1)
    chosen = torch.rand(len(photos), 1, 1, 1, device=photos.device) < share
    return torch.where(chosen, enlarged, photos).contiguous(memory_format=torch.channels_last)


def with_flats(photos: Tensor, share: float = 1 / 16) -> Tensor:
    """Photos of which some, at random, give way to areas without any detail but the grain that networks are
    shown there (see `maths.grain`), so that these are painted, too.

    Args:
        photos: `(N, 3, H, W)` in 0..1.
        share: how many, on average.
    """
    cells = int(torch.randint(1, 5, ()))
    colors = torch.rand(len(photos), 3, cells, cells, device=photos.device)
    mode = "nearest" if torch.rand(()) < 0.5 else "bilinear"
    flats = torch.nn.functional.interpolate(colors, photos.shape[-2:], mode=mode)
    grained = (flats + GRAIN * torch.randn_like(photos[:, :1])).clamp(0, 1)
    chosen = torch.rand(len(photos), 1, 1, 1, device=photos.device) < share
    return torch.where(chosen, grained, photos).contiguous(memory_format=torch.channels_last)


def batches(folder: Path, side: int, count: int, seed: int) -> Generator[Tensor, None, None]:
    """Endless batches `(count, 3, side, side)` float32 in 0..1, channels last; the next one is read while
    the last is used. Files that cannot be read are left out with a word in the log; when none can be, that is
    an error.
    """
    rng = random.Random(seed)
    paths = pictures_in(folder)

    def one_batch() -> Tensor:
        crops: list[Tensor] = []
        while len(crops) < count:
            path = rng.choice(paths)
            try:
                planes = torch.from_numpy(np.array(read_rgb(path, side * 3))).permute(2, 0, 1)
                crops.append(random_crop(planes, side, rng))
            except ValueError as error:
                paths.remove(path)
                if not paths:
                    raise ValueError(f"no picture below {folder} can be read; the last: {error}") from error
                logging.getLogger(__name__).warning("left out: %s", error)
        return (torch.stack(crops).float() / 255).contiguous(memory_format=torch.channels_last)

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(one_batch)
        while True:
            batch = ahead.result()
            ahead = pool.submit(one_batch)
            yield batch
