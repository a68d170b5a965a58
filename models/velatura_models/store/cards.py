"""Style cards: all that one backbone needs to know of a style picture, computed once.

A card holds, per style scale, the mean and deviation of every channel at relu1_1 ... relu5_1 (what
AdaIN takes), at scale 1 the second moments E[f f^T] at the same layers (Gram matrices divided by the
number of positions; minus mean mean^T the covariance that whitening and colouring take), and the
picture's colour statistics. Scale 1 is the picture with a short side of `BASE` pixels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from ..maths.color import ColorStats, color_stats
from ..maths.stats import mean_std
from ..networks.encoder import FIRST_LAYERS, Encoder

BASE = 512
"""Short side, in pixels, of a style picture at scale 1."""

SCALES = (0.5, 2**-0.5, 1.0, 2**0.5, 2.0)
"""Style scales that a card holds; between them statistics are interpolated."""

FORMAT = "velatura-card-1"


@dataclass(frozen=True)
class Card:
    """One style as one backbone sees it.

    Args:
        stats: `{scale: {layer: (mean (C,), deviation (C,))}}`, float32.
        grams: `{layer: (C, C)}` float32, E[f f^T] at scale 1.
        color: colour statistics of the picture.
    """

    stats: dict[float, dict[str, tuple[Tensor, Tensor]]]
    grams: dict[str, Tensor]
    color: ColorStats

    @property
    def nbytes(self) -> int:
        pairs = [t for layers in self.stats.values() for pair in layers.values() for t in pair]
        return sum(t.nbytes for t in (*pairs, *self.grams.values(), self.color.mean, self.color.cov))

    def at(self, scale: float) -> dict[str, tuple[Tensor, Tensor]]:
        """Statistics at a style scale, interpolated linearly in its logarithm; outside of what the card
        holds, those of the nearest scale."""
        held = sorted(self.stats)
        scale = min(max(scale, held[0]), held[-1])
        upper = next(s for s in held if s >= scale - 1e-9)
        lower = max((s for s in held if s <= scale + 1e-9), default=upper)
        if upper == lower:
            return self.stats[upper]
        t = math.log(scale / lower) / math.log(upper / lower)
        low, high = self.stats[lower], self.stats[upper]
        return {
            layer: (
                torch.lerp(low[layer][0], high[layer][0], t),
                torch.lerp(low[layer][1], high[layer][1], t),
            )
            for layer in low
        }


def compute_card(encoder: Encoder, picture: Tensor, scales: Sequence[float] = SCALES) -> Card:
    """The card of a picture.

    Args:
        encoder: the backbone, on any device and in any dtype.
        picture: `(1, 3, H, W)` RGB in 0..1. A picture smaller than `BASE` is not enlarged for scale 1.
        scales: which to compute; 1.0 must be among them.
    """
    weight = next(encoder.parameters())
    stats: dict[float, dict[str, tuple[Tensor, Tensor]]] = {}
    grams: dict[str, Tensor] = {}
    for scale in scales:
        sized = resize_short(picture, round(min(BASE, min(picture.shape[-2:])) * scale))
        with torch.inference_mode():
            features = encoder(sized.to(weight).contiguous(memory_format=torch.channels_last), FIRST_LAYERS)
        stats[scale] = {}
        for layer, maps in features.items():
            mean, std = mean_std(maps)
            stats[scale][layer] = (mean.flatten().cpu(), std.flatten().cpu())
            if scale == 1.0:
                flat = maps[0].flatten(1).float()
                grams[layer] = (flat @ flat.T / flat.shape[1]).cpu()
    return Card(stats, grams, color_stats(picture.float()))


def resize_short(picture: Tensor, side: int, least: int = 32) -> Tensor:
    """A picture `(1, 3, H, W)` scaled, antialiased, to a short side of `side` pixels, at least `least`."""
    height, width = picture.shape[-2:]
    factor = max(side, least) / min(height, width)
    size = (max(least, round(height * factor)), max(least, round(width * factor)))
    if size == (height, width):
        return picture
    return F.interpolate(picture.float(), size, mode="bicubic", antialias=True).clamp(0, 1)


def card_path(folder: Path, digest: str, backbone: str, weights: str) -> Path:
    """Where the card of a picture lies in a folder of computed ones, there or not.

    Args:
        digest: of the picture: that of its file, or the one it was sent under.
        backbone: `slim`, `vgg19`, ...
        weights: digest of the backbone's weights, so that new weights never meet old cards.
    """
    for part in (digest, backbone, weights):
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", part) or part.startswith("."):
            raise ValueError(f"not usable in a file name: {part!r}")
    return folder / f"{backbone}-{weights[:16]}" / f"{digest}.safetensors"


def save_card(card: Card, path: Path, backbone: str) -> None:
    """Writes a card as safetensors, float16, Gram matrices by their upper triangles.

    Args:
        backbone: digest of the encoder's weights; `load_card` refuses another.
    """
    tensors: dict[str, Tensor] = {"color.mean": card.color.mean.float(), "color.cov": card.color.cov.float()}
    for scale, layers in card.stats.items():
        for layer, (mean, std) in layers.items():
            tensors[f"stats.{scale:.4f}.{layer}"] = torch.stack([mean, std]).half()
    for layer, gram in card.grams.items():
        rows, columns = torch.triu_indices(*gram.shape)
        tensors[f"gram.{layer}"] = gram[rows, columns].half()
    save_file(tensors, path, metadata={"format": FORMAT, "backbone": backbone})


def load_card(path: Path, backbone: str) -> Card:
    """Reads a card.

    Raises:
        ValueError: not a card, or one of another backbone's weights.
        OSError, safetensors.SafetensorError: unreadable.
    """
    with safe_open(path, "pt") as file:
        meta = file.metadata() or {}
        if meta.get("format") != FORMAT:
            raise ValueError(f"{path.name} is not a style card of format {FORMAT}")
        if meta.get("backbone") != backbone:
            raise ValueError(f"{path.name} was made for other weights ({meta.get('backbone')})")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
    stats: dict[float, dict[str, tuple[Tensor, Tensor]]] = {}
    grams: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "stats":
            scale, layer = rest.rsplit(".", 1)
            key = min(SCALES, key=lambda s, v=float(scale): abs(s - v))
            mean, std = tensor.float()
            stats.setdefault(key, {})[layer] = (mean, std)
        elif kind == "gram":
            side = int(((8 * tensor.numel() + 1) ** 0.5 - 1) / 2)
            gram = torch.zeros(side, side)
            rows, columns = torch.triu_indices(side, side)
            gram[rows, columns] = tensor.float()
            grams[rest] = gram + gram.triu(1).T
    color = ColorStats(tensors["color.mean"].double(), tensors["color.cov"].double())
    return Card(stats, grams, color)
