"""What the trainers share: presets, where networks lie in memory, and the loss network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..networks.encoder import Encoder, encoder_from_state
from ..networks.precision import faster_dtype
from ..networks.residency import placed
from ..store.weights import load_backbone

S = TypeVar("S")

STYLE_SIDE = 512
"""Short side in pixels at which losses see the painter's style pictures: it sets the size of its strokes."""


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """What every trainer is told."""

    out: Path
    seed: int = 0
    device: str = "cpu"

    def begin(self) -> torch.device:
        """Seeds torch, and gives the device to train on."""
        torch.manual_seed(self.seed)
        return torch.device(self.device)


@dataclass(frozen=True)
class Preset:
    """What a preset chooses; trainers add to it."""

    steps: int
    batch: int
    crop: int
    rate: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class PresetOptions(TrainerOptions):
    """What a trainer with presets is told besides; None leaves a field to the preset."""

    preset: str
    vgg: Path | None = None
    steps: int | None = None
    batch: int | None = None
    crop: int | None = None
    rate: float | None = None
    sheet_every: int = 250


def weights_of(said: Any) -> dict[str, float]:
    """What each loss counts, from options or a preset: `content` by its field `content_weight`, and so on."""
    given = {f.name.removesuffix("_weight"): f.name for f in fields(said) if f.name.endswith("_weight")}
    return {"colors" if name == "color" else name: getattr(said, field) for name, field in given.items()}


def chosen(presets: Mapping[str, S], options: PresetOptions) -> S:
    """The preset that options name, with those of its fields that they give themselves.

    Args:
        presets: dataclasses by name.
        options: has fields of the same names as the presets', None where not given.

    Raises:
        ValueError: for a preset that does not exist.
    """
    if options.preset not in presets:
        raise ValueError(f"preset is {options.preset!r}; known: {', '.join(presets)}")
    preset: Any = presets[options.preset]
    given = {f.name: getattr(options, f.name, None) for f in fields(preset)}
    return replace(preset, **{name: value for name, value in given.items() if value is not None})


def loss_network(path: Path | None, device: torch.device) -> tuple[Encoder, str]:
    """The network that a loss sees with, and how to name it; without a path the encoder that ships.

    Raises:
        ValueError: where the file holds no encoder.
    """
    if path is None:
        encoder, name = load_backbone("slim"), "slim"
    else:
        try:
            encoder, name = encoder_from_state(load_file(path)), path.stem
        except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as error:
            raise ValueError(f"vgg: {path} holds no VGG-shaped encoder: {error}") from error
    return placed(encoder, device, faster_dtype(device)), name
