"""Trains a super-resolution network with the feature loss (Johnson et al. 2016, section 4.2).

Crops are blurred, reduced, enlarged again by the network, and compared with the original in the features of
a loss network at relu2_2 (eq. 2). `pixel_weight` adds the squared error of the pixels, which the paper trains
its baseline with: it raises PSNR and keeps colours, the feature loss alone gives crisper edges. The network
begins as a bicubic enlargement (see `networks.superres`), so that a short run is no worse than that.
`grid_weight` is of what is tied to the grid of pixels, `grain` of noise on what is enlarged: with both, noise
is enlarged without a pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks.precision import autocast
from ..networks.residency import placed
from ..networks.superres import LEAST, SuperResNet, bicubic, degraded
from ..store.nets import save_net
from .crops import batches
from .painting import Preset, PresetOptions, chosen, loss_network, weights_of
from .perceptual import phase_pattern
from .run import Report, Run, constant, cosine, quiet

LAYER = "relu2_2"
GRAINY = 1 / 4
"""Share of the batches that get grain."""


@dataclass(frozen=True)
class SuperresPreset(Preset):
    """What a preset decides."""

    feature_weight: float = 1.0
    pixel_weight: float = 0.0
    grid_weight: float = 0.0
    grain: float = 0.0
    """Highest deviation of the noise, which a quarter of the batches gets; 0 to 1."""
    norm: str = "batch"
    upsampling: str = "nearest"
    residual: bool = True
    width: int = 64
    blocks: int = 4
    cosine: bool = False
    """Whether the learning rate falls to its end; the paper keeps it."""


PRESETS = {
    "published": SuperresPreset(200000, 4, 288, upsampling="transposed", residual=False),
    "quick": SuperresPreset(
        3000, 8, 96, pixel_weight=1000.0, grid_weight=20.0, grain=4 / 255, norm="none", cosine=True
    ),
    "tiny": SuperresPreset(4, 2, 64, width=8, blocks=1, norm="none"),
}


@dataclass(frozen=True, kw_only=True)
class SuperresOptions(PresetOptions):
    """How to train.

    Args:
        content: folder of photos, as large and sharp as there are.
        factor: how much larger: 4 or 8.
        preset: `published` (batch 4, Adam 1e-3, 200,000 steps at 288 px, batch norm, transposed convolutions,
            tanh), `quick` for a processor (crops of 96 px, no norm, pixel loss added), `tiny` for tests.
        crop: side of the large crops in pixels, a multiple of the factor.
        grid_weight: of what is tied to the grid of pixels, see `perceptual.phase_pattern`.
        sheet_every: steps between sample sheets: enlarged bicubically, by the network, original.
    """

    content: Path
    factor: int = 4
    preset: str = "quick"
    feature_weight: float | None = None
    pixel_weight: float | None = None
    grid_weight: float | None = None
    note: str = ""
    sheet_every: int = 500


def main(options: SuperresOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the network written at the end."""
    plan = chosen(PRESETS, options)
    least = max(LEAST, 2) * options.factor
    if plan.crop % options.factor or plan.crop < least:
        raise ValueError(f"crop is {plan.crop}; it must be a multiple of {options.factor}, at least {least}")
    device = options.begin()
    vgg, seen_by = loss_network(options.vgg, device)
    architecture = {
        "factor": options.factor,
        "norm": plan.norm,
        "upsampling": plan.upsampling,
        "residual": plan.residual,
        "width": plan.width,
        "blocks": plan.blocks,
        "calm": plan.residual,
    }
    net = placed(SuperResNet(**architecture), device)
    optimizer = torch.optim.Adam(net.parameters(), plan.rate)
    run = Run(options.out, {"net": net}, optimizer, plan.steps, report, seed=options.seed)
    photos = batches(options.content, plan.crop, plan.batch, run.seed)
    weight = next(vgg.parameters())

    def losses() -> dict[str, Tensor]:
        large = next(photos).to(device)
        small = degraded(large, options.factor)
        if torch.rand(()) < GRAINY:
            small = small + torch.randn_like(small) * (plan.grain * torch.rand(()))
        with autocast(device):
            made = net(small)
        with torch.no_grad():
            wanted = vgg(large.to(weight), (LAYER,))[LAYER]
        features = vgg(made.to(weight).contiguous(memory_format=torch.channels_last), (LAYER,))[LAYER]
        return {
            "feature": F.mse_loss(features.float(), wanted.float()),
            "pixel": F.mse_loss(made, large),
            "grid": phase_pattern(made),
        }

    run.train(
        losses,
        weights_of(plan),
        cosine() if plan.cosine else constant,
        clip=1.0,
        sheet=lambda: sheet(net, next(photos).to(device)[:4]),
        sheet_every=options.sheet_every,
    )
    words = (
        f"{plan.feature_weight:g} x {LAYER} + {plan.pixel_weight:g} x pixels + {plan.grid_weight:g} x grid"
    )
    trained = run.told(plan.batch, plan.crop, seen_by, loss=words, note=options.note)
    path = options.out / f"x{options.factor}.superres.safetensors"
    return save_net(path, "superres", net, architecture, trained=trained)


def sheet(net: SuperResNet, photos: Tensor) -> list[list[Tensor]]:
    """A row a photo: enlarged bicubically, by the network, and the original."""
    small = degraded(photos, net.factor)
    net.eval()
    made = net(small)
    net.train()
    rows = zip(bicubic(small, net.factor), made, photos, strict=True)
    return [list(row) for row in rows]
