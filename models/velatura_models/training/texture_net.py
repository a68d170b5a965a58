"""Trains a texture network from one picture (Ulyanov et al. 2016): noise in, texture out.

Style is the Gram loss at relu1_1 ... relu5_1 (eq. 2-3 of the paper, whose layers these are). The preset
`published` is the paper's section 5: Adam at 0.1, 2000 steps of 16 pictures, the rate times 0.7 at half of
them and then every tenth of them (1000 and every 200). Departures: each layer's error is divided by its
target's size (see `perceptual`), what lies outside 0..1 costs a little, since a picture cannot show it, the
picture's colours, its finest detail and what is tied to the grid of pixels count beside Gram matrices, and
gradients are not normalised layer by layer as in the paper's supplement. A rate of 0.1 needs batch norm;
with instance norm 0.02 is a good one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..maths.tiling import round_up
from ..networks.encoder import FIRST_LAYERS
from ..networks.precision import autocast
from ..networks.residency import placed
from ..networks.texture_net import NOISE, TextureNet, settle, texture_of
from ..store.cards import resize_short
from ..store.files import load_into
from ..store.nets import describe_net, save_net
from .crops import whole_picture
from .painting import Preset, PresetOptions, chosen, loss_network, weights_of
from .perceptual import Perceptual, color_distance, color_ranks, finest, outside, phase_pattern
from .run import Report, Run, quiet

LEAST_DETAIL = 1 / 255
"""Added to what detail is divided by: a picture of one colour has none."""


PRESETS = {
    "published": Preset(2000, 16, 256, 0.1),
    "cpu": Preset(1500, 4, 160, 0.03),
    "tiny": Preset(20, 2, 64, 0.03),
}


@dataclass(frozen=True, kw_only=True)
class TextureNetOptions(PresetOptions):
    """How to train.

    Args:
        style: the picture.
        name: what the texture is to be called; by default as the picture's file.
        preset: `published`, `cpu` (minutes) or `tiny` (seconds, to try).
        crop: side in pixels of the textures that are compared.
        scales: K, the paper's.
        norm: `batch` or `instance`.
        color_weight, grid_weight, detail_weight: of the picture's colours, of what is tied to the grid of
            pixels, and of how much finest detail there is, see `perceptual`.
        start: a network of the same architecture to begin with.
    """

    style: Path
    name: str = ""
    preset: str = "cpu"
    scales: int = 5
    norm: str = "batch"
    style_side: int = 256
    color_weight: float = 2.0
    grid_weight: float = 10.0
    detail_weight: float = 1.0
    start: Path | None = None


def main(options: TextureNetOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the network written at the end."""
    preset = chosen(PRESETS, options)
    device = options.begin()
    architecture = {"scales": options.scales, "norm": options.norm, "calm": options.preset != "published"}
    net = placed(TextureNet(**architecture), device)
    if options.start is not None:
        net.load_state_dict(load_into(TextureNet, describe_net(options.start)).state_dict())
    crop = round_up(preset.crop, net.grid)
    optimizer = torch.optim.Adam(net.parameters(), preset.rate)
    vgg, seen_with = loss_network(options.vgg, device)
    loss = Perceptual(vgg, (), FIRST_LAYERS)
    style = resize_short(whole_picture(options.style), options.style_side).to(device)
    targets, colors = loss.style_targets([style]), color_ranks(style)
    details = finest(style[..., : style.shape[2] // 4 * 4, : style.shape[3] // 4 * 4])
    run = Run(options.out, {"net": net}, optimizer, preset.steps, report, every=25, seed=options.seed)

    def losses() -> dict[str, Tensor]:
        torch.manual_seed(options.seed + run.step)  # a run that is resumed sees the noise that it would have
        sides = [crop >> k for k in reversed(range(net.scales))]
        noise = [torch.rand(preset.batch, NOISE, side, side, device=device) for side in sides]
        noise = [field.contiguous(memory_format=torch.channels_last) for field in noise]
        with autocast(device):
            made = net(noise)
        return {
            "style": loss.style(loss.features(made, FIRST_LAYERS), targets),
            "range": outside(made),
            "colors": color_distance(made, colors),
            "grid": phase_pattern(made),
            "detail": ((finest(made) - details) / (details + LEAST_DETAIL)).square().mean(),
        }

    def drawn() -> list[list[Tensor]]:
        return sheet(net, style, crop)

    run.train(losses, weights_of(options), fading, sheet=drawn, sheet_every=options.sheet_every)
    settle(net)
    name = options.name or options.style.stem
    trained = run.told(preset.batch, crop, seen_with, **{"style side": options.style_side})
    if run.steps * preset.batch < 2000 * 16:
        trained["note"] = f"{run.steps * preset.batch} samples, where the paper takes 32000"
    path = options.out / f"{name}.texture.safetensors"
    return save_net(path, "texture", net, architecture, [name], trained)


def fading(step: int, steps: int) -> float:
    """The rate's factor: 1 for the first half, then 0.7, and 0.7 again after every tenth of all steps."""
    half, tenth = steps // 2, max(steps // 10, 1)
    return 1.0 if step < half else 0.7 ** (1 + (step - half) // tenth)


def sheet(net: TextureNet, style: Tensor, crop: int) -> list[list[Tensor]]:
    """The style beside samples as the network makes them once trained."""
    settle(net, samples=2)
    net.eval()
    shown = min(crop, *style.shape[-2:])
    samples = [texture_of(net, (shown, shown), seed)[0] for seed in range(3)]
    net.train()
    return [[style[0, :, :shown, :shown], *samples]]
