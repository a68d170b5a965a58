"""Trains the three subnets of multimodal transfer in one style (Wang et al. 2017), all together.

The hierarchical stylization loss is the sum over the subnets of content and Gram loss, each at its own
size, of the photo and of the style picture at that size (section 3.2 of the paper): a subnet learns from its
own loss and from those behind it. The preset `published` has the paper's sizes 256, 512 and 1024 (steps and
rate are ours); the others are for processors, with smaller pictures and widths. Departures: relative losses
(see `perceptual`), and with those presets all subnets, not the refine subnet alone, add to their input, which
keeps the content from the first step on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.tiling import round_up
from ..networks.multimodal_net import GRID, LEAST, SUBNETS, MultimodalNet
from ..networks.precision import autocast
from ..networks.residency import placed
from ..store.cards import resize_short
from ..store.files import load_into
from ..store.nets import describe_net, save_net
from .crops import batches, whole_picture, with_flats
from .painting import Preset, PresetOptions, chosen, loss_network, weights_of
from .perceptual import (
    CONTENT_LAYERS,
    STYLE_LAYERS,
    Perceptual,
    color_distance,
    color_ranks,
    outside,
    phase_pattern,
)
from .run import Report, Run, cosine, quiet


@dataclass(frozen=True)
class MultimodalPreset(Preset):
    """See `MultimodalOptions`."""

    widths: tuple[int, ...] = ()
    identity: tuple[str, ...] = ()


PRESETS = {
    "published": MultimodalPreset(160000, 1, 1024, 1e-3, (32, 64, 128), ("refine",)),
    "cpu": MultimodalPreset(4000, 2, 128, 2e-3, (16, 32, 56), SUBNETS),
    "tiny": MultimodalPreset(10, 1, 64, 2e-3, (4, 4, 4), SUBNETS),
}


@dataclass(frozen=True, kw_only=True)
class MultimodalOptions(PresetOptions):
    """How to train.

    Args:
        style: the picture to paint like.
        name: what the style is to be called; by default as the picture's file.
        preset: `published`, `cpu` (an hour) or `tiny` (seconds, to try).
        crop: side in pixels at which the refine subnet is trained; the others see half and a quarter.
        widths: channels at full, half and quarter size.
        identity: subnets that add to their input.
        start: a network of the same widths to start from.
        upsampling: how maps are enlarged within a subnet; the paper's is `nearest`.
        color_weight: of the style picture's colours, see `perceptual.color_ranks`.
        grid_weight: of what is tied to the grid of pixels, in every subnet's picture.
        style_side: short side in pixels at which the refine subnet's loss sees the style; by default
            twice `crop`, and `crop` itself with the published preset.
        shares: how much each subnet's loss counts, style, enhance, refine.
    """

    style: Path
    content: Path
    name: str = ""
    preset: str = "cpu"
    widths: tuple[int, ...] = ()
    identity: tuple[str, ...] = ()
    start: Path | None = None
    upsampling: str = "bilinear"
    color_weight: float = 2.0
    grid_weight: float = 10.0
    style_side: int = 0
    content_weight: float = 1.0
    style_weight: float = 10.0
    smooth_weight: float = 0.0
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    shares: tuple[float, ...] = (1.0, 1.0, 1.0)


def main(options: MultimodalOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the network written at the end."""
    if len(options.shares) != len(SUBNETS) or min(options.shares) < 0:
        raise ValueError(f"shares is {options.shares}; three numbers of at least 0 are needed")
    preset = chosen(PRESETS, options)
    device = options.begin()
    base = PRESETS[options.preset]
    architecture = {
        "widths": list(options.widths or base.widths),
        "identity": list(options.identity or base.identity),
        "upsampling": options.upsampling,
    }
    net = MultimodalNet(**architecture)
    if options.start is not None:
        start = load_into(MultimodalNet, describe_net(options.start))
        if start.widths != net.widths:
            raise ValueError(f"{options.start} has widths {start.widths}, not {net.widths}")
        net.load_state_dict(start.state_dict())
    net = placed(net, device)
    crop = max(round_up(preset.crop, GRID), LEAST)
    optimizer = torch.optim.Adam(net.parameters(), preset.rate, betas=(0.9, 0.99))
    run = Run(options.out, {"net": net}, optimizer, preset.steps, report, every=25, seed=options.seed)
    vgg, seen_with = loss_network(options.vgg, device)
    loss = Perceptual(vgg, options.content_layers, options.style_layers)
    side = options.style_side or crop * (1 if options.preset == "published" else 2)
    painting = whole_picture(options.style).to(device)
    targets = [loss.style_targets([resize_short(painting, side // size)]) for size in (4, 2, 1)]
    colors = color_ranks(painting)
    photos = batches(options.content, crop, preset.batch, run.seed)

    each = {**weights_of(options), "range": 1.0}
    shares = zip(SUBNETS, options.shares, strict=True)
    weights = {f"{name}.{term}": share * each[term] for name, share in shares for term in each}

    def losses() -> dict[str, Tensor]:
        batch = with_flats(next(photos).to(device))
        with autocast(device):
            made = net(batch)
        return losses_of(loss, made, batch, targets, colors)

    run.train(
        losses,
        weights,
        cosine(warmup=min(100, max(1, preset.steps // 10))),
        sheet=lambda: sheet(net, next(photos).to(device)[:2]),
        sheet_every=options.sheet_every,
    )
    name = options.name or options.style.stem
    trained = run.told(preset.batch, crop, seen_with, **{"style side": side})
    if run.step * preset.batch * crop**2 < 10000 * 1024**2:
        trained["note"] = f"{run.step * preset.batch} crops of {crop} px, where the paper's are 1024 px"
    return save_net(
        options.out / f"{name}.multimodal.safetensors", "multimodal", net, architecture, [name], trained
    )


def losses_of(
    loss: Perceptual, made: list[Tensor], photos: Tensor, targets: list[dict[str, Tensor]], colors: Tensor
) -> dict[str, Tensor]:
    """Every subnet's terms, named `style.content` and so on.

    Args:
        made: of the three subnets, smallest first.
        photos: `(B, 3, H, W)`.
        targets: Gram matrices of the style as each subnet's loss sees it.
        colors: of the style, from `color_ranks`.
    """
    terms: dict[str, Tensor] = {}
    for name, size, picture, target in zip(SUBNETS, (4, 2, 1), made, targets, strict=True):
        seen = loss(picture, F.avg_pool2d(photos, size), target)
        seen |= {
            "colors": color_distance(picture, colors),
            "grid": phase_pattern(picture),
            "range": outside(picture),
        }
        terms |= {f"{name}.{term}": value for term, value in seen.items()}
    return terms


def sheet(net: MultimodalNet, photos: Tensor) -> list[list[Tensor]]:
    """Photos, and what each subnet made of them."""
    with autocast(photos.device):
        made = net(photos)
    large = [F.interpolate(picture.float(), photos.shape[-2:], mode="bilinear") for picture in made]
    return [[photo, *(m[i] for m in large)] for i, photo in enumerate(photos)]
