"""Trains style swap's decoder (Chen & Schmidt 2016, eq. 5): features in, a picture out with those features,

    L = |Phi(g(H)) - H|^2 + lambda TV(g(H)),

where the H are features of photos, of paintings, and of photos swapped with paintings, to which no picture
belongs exactly: the decoder learns to give the nearest. Departures from the paper: the feature error is
divided by the mean square of the features and TV is a mean of squares, so that one lambda suits every encoder
and size; photos and paintings must also come back as they were, since features alone leave colours open for a
narrow encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from ..methods.style_swap import LEVEL, swap
from ..networks.encoder import Encoder
from ..networks.level_decoder import LevelDecoders
from ..networks.precision import autocast, faster_dtype
from ..networks.residency import placed
from ..store.files import weights_digest
from ..store.nets import save_net
from ..store.weights import load_backbone
from .crops import batches
from .painting import chosen
from .perceptual import total_variation
from .run import Report, Run, cosine, quiet


@dataclass(frozen=True)
class Schedule:
    """What a preset decides."""

    steps: int
    batch: int
    crop: int
    rate: float = 1e-3


PRESETS = {"full": Schedule(80000, 2, 256), "quick": Schedule(1500, 4, 128), "tiny": Schedule(4, 1, 32)}


@dataclass(frozen=True)
class SwapOptions:
    """How to train.

    Args:
        content, style: folders of photos and paintings.
        out: folder of the run; continued where it holds a checkpoint.
        backbone: whose features are to be decoded.
        weights: folder of pulled weights, where the backbone does not ship.
        start: decoder for AdaIN, safetensors, whose last layers this one begins with.
        preset: `full` (80,000 steps of the paper's batch, 256 px), `quick` for a processor, `tiny` for tests.
        steps: instead of the preset's.
        batch: photos a step, as many paintings, and every photo swapped with one; instead of the preset's.
        crop: their side in pixels, a multiple of 4; instead of the preset's.
        rate: Adam's step, instead of the preset's.
        pixel_weight: of the squared error to photos and paintings that are not swapped; 0 as published.
        smooth_weight: lambda.
        sheet_every: steps between sample sheets: photo, painting, each as decoded, and the swapped.
    """

    content: Path
    style: Path
    out: Path
    backbone: str = "slim"
    weights: Path | None = None
    start: Path | None = None
    preset: str = "quick"
    steps: int | None = None
    batch: int | None = None
    crop: int | None = None
    rate: float | None = None
    pixel_weight: float = 10.0
    smooth_weight: float = 1.0
    sheet_every: int = 500
    seed: int = 0
    device: str = "cpu"


def main(options: SwapOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the decoder written at the end."""
    plan = chosen(PRESETS, options)
    if plan.crop % 4 or plan.crop < 16 or plan.batch < 1:
        raise ValueError(f"crop is {plan.crop}, batch {plan.batch}: a multiple of 4 from 16 on, at least 1")
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    encoder = load_backbone(options.backbone, options.weights)
    needs = weights_digest(encoder.state_dict())
    encoder = placed(encoder, device, faster_dtype(device))
    decoders = LevelDecoders(encoder.widths, (LEVEL,))
    decoders.begin_from({} if options.start is None else load_file(options.start))
    decoders = placed(decoders, device)
    optimizer = torch.optim.Adam(decoders.parameters(), plan.rate, betas=(0.9, 0.99))
    shown: list[Tensor] = []
    run = Run(options.out, {"decoders": decoders}, optimizer, plan.steps, report, every=20, seed=options.seed)
    photos = batches(options.content, plan.crop, plan.batch, run.seed)
    paintings = batches(options.style, plan.crop, plan.batch, run.seed + 1)

    def losses() -> tuple[Tensor, dict[str, Tensor]]:
        pictures = torch.cat([next(photos), next(paintings)]).to(device)
        terms, made = losses_of(encoder, decoders, pictures)
        shown[:] = *pictures.chunk(2), *made.detach().chunk(3)
        total = terms["features"] + options.smooth_weight * terms["smooth"]
        return total + options.pixel_weight * terms["pixels"], terms

    run.train(
        losses,
        cosine(),
        clip=1.0,
        sheet=lambda: [list(part.unbind()) for part in shown],
        sheet_every=options.sheet_every,
    )
    trained = {
        "steps": run.step,
        "crops": run.step * plan.batch * 3,
        "crop": plan.crop,
        "loss network": options.backbone,
        "loss": f"features + {options.pixel_weight:g} x pixels + {options.smooth_weight:g} x TV",
        "pictures": "photos, paintings, photos swapped with paintings",
    }
    if run.step < PRESETS["full"].steps:
        trained["note"] = f"short: {run.step} steps of {PRESETS['full'].steps}"
    path = options.out / f"{options.backbone}.style-swap.safetensors"
    return save_net(path, "style-swap", decoders, decoders.architecture, trained=trained, needs=needs)


def losses_of(
    encoder: Encoder, decoders: LevelDecoders, pictures: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """The loss terms of a batch, and the pictures made.

    Args:
        pictures: B photos, then B paintings.

    Returns:
        The losses, and `(3 B, 3, H, W)`: photos and paintings decoded, then photos swapped with paintings.
    """
    weight = next(encoder.parameters())
    with torch.no_grad():
        plain = encoder(pictures.to(weight), (LEVEL,))[LEVEL]
        photos, paintings = plain.chunk(2)
        swapped = [swap(c[None], s[None]) for c, s in zip(photos, paintings, strict=True)]
        features = torch.cat([plain, *[each.to(plain) for each in swapped]])
        features = features.contiguous(memory_format=torch.channels_last)
    with autocast(pictures.device):
        made = decoders[LEVEL](features).float()
    again = encoder(made.to(weight).contiguous(memory_format=torch.channels_last), (LEVEL,))[LEVEL]
    error = F.mse_loss(again.float(), features.float())
    return {
        "features": error / features.float().square().mean(),
        "pixels": F.mse_loss(made[: len(pictures)], pictures),
        "smooth": total_variation(made),
    }, made
