"""Pictures to learn from and to look at, as networks of this package take them.

This package knows no client, so it has a small reader of its own: 8 bits, upright, sRGB, over white, by the
same rules as `velatura.pictures`, which reads what is painted on.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
"""Decoders that are used, whatever a file's name says."""
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def read_rgb(path: Path, least: int = 0) -> Image.Image:
    """A picture file as an upright sRGB image of 8 bits, transparent parts over white.

    Args:
        least: side in pixels that is enough: a JPEG may then come smaller, but not below it.

    Raises:
        ValueError: for whatever keeps it from being read, naming the file.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if least:
                image.draft("RGB", (least, least))
            image.load()
            profile = image.info.get("icc_profile")
            upright = ImageOps.exif_transpose(image)
        return _in_srgb(_eight_bits(upright), profile)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file") from error
    except Exception as error:  # decoders raise every kind of exception for damaged files
        raise ValueError(f"{path} cannot be read as a picture: {error}") from error


def tensor_of(image: Image.Image) -> Tensor:
    """An image of 8 bits as `(1, 3, H, W)` float32 in 0..1."""
    return torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int64)
        return Image.fromarray((np.clip(wide, 0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating point pictures have no known range; save as 8 or 16 bits")
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        layered = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            made = None  # damaged, or for other channels: the numbers are taken as sRGB's
        if made is not None:
            return made
    return image.convert("RGB")
