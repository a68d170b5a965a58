"""How much VGG-19 would make of a difference that a narrower encoder sees.

A distilled encoder (`slim`) was taught through 1x1 projections P to VGG-19's channels, so its own channels
are axes of no meaning: where Gram matrices are compared as they are, a direction that VGG-19 does not care
for counts like one that it lives by. At each layer P is fitted by least squares, and

    |P D P'|^2 / (4 N^2) = |R D R'|^2 / (4 C^2),    R'R = (C / N) P'P,

is the distance (Gatys et al. 2016, eq. 4) that VGG-19 with N channels sees where C channels differ by D.
R, `(C, C)`, is what is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..networks.encoder import FIRST_LAYERS, encoder_from_state
from ..networks.residency import placed
from ..store.files import origin, weights_digest
from ..store.weights import save_metric
from .crops import batches
from .painting import TrainerOptions
from .run import Report, quiet

RIDGE = 1e-4
"""Of the channels' mean power: keeps directions that hardly occur finite."""


@dataclass(frozen=True, kw_only=True)
class MetricOptions(TrainerOptions):
    """What to fit on.

    Args:
        encoder: weights of the narrower encoder.
        vgg: VGG-19 weights, safetensors with an `Encoder`'s names.
        content, style: folders of photos and paintings; each step takes one crop of each.
        out: the file to write.
    """

    encoder: Path
    vgg: Path
    content: Path
    style: Path
    steps: int = 100
    crop: int = 224


@torch.inference_mode()
def main(options: MetricOptions, report: Report = quiet) -> Path:
    """Fits every layer's metric, and returns the path of the file."""
    device = options.begin()
    state = load_file(options.encoder)
    student = placed(encoder_from_state(state), device)
    teacher = placed(encoder_from_state(load_file(options.vgg)), device)
    photos = batches(options.content, options.crop, 1, options.seed)
    paintings = batches(options.style, options.crop, 1, options.seed + 1)
    fits = {layer: Fit() for layer in FIRST_LAYERS}
    for step in range(options.steps):
        pictures = torch.cat([next(photos), next(paintings)]).to(device)
        narrow, wide = student(pictures, FIRST_LAYERS), teacher(pictures, FIRST_LAYERS)
        for layer, fit in fits.items():
            fit.add(narrow[layer], wide[layer])
        report(step + 1, options.steps, {})
    metric = {layer: fit.metric().float() for layer, fit in fits.items()}
    about = {**origin(options.encoder), "pictures": str(2 * options.steps), "side": str(options.crop)}
    save_metric(options.out, metric, weights_digest(state), about)
    return options.out


class Fit:
    """Least squares from one encoder's channels to another's, from sums over positions."""

    def __init__(self) -> None:
        self.own = self.joint = torch.zeros(())

    def add(self, narrow: Tensor, wide: Tensor) -> None:
        """Maps of the same pictures, `(B, C, h, w)` and `(B, N, h, w)`."""
        f, v = (maps.transpose(0, 1).flatten(1).double() for maps in (narrow, wide))
        self.own = self.own + f @ f.T / f.shape[1]
        self.joint = self.joint + v @ f.T / f.shape[1]

    def metric(self) -> Tensor:
        """R, `(C, C)` float64, symmetric: the square root of (C / N) P'P."""
        channels = len(self.own)
        ridge = RIDGE * self.own.diagonal().mean() * torch.eye(channels).to(self.own)
        projection = torch.linalg.solve(self.own + ridge, self.joint.T).T
        values, vectors = torch.linalg.eigh(projection.T @ projection * (channels / len(projection)))
        return vectors * values.clamp_min(0).sqrt() @ vectors.T
