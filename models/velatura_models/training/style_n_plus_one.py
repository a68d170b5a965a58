"""Adds a style to a network with conditional instance norm (Dumoulin et al. 2017, section 3.1): every
convolution stays as it is, and only the new style's 3206 scales and shifts are trained, from the mean of
those that the network has. Minutes on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..networks.transform_net import TransformNet
from ..store.cards import resize_short
from ..store.errors import WeightsError
from ..store.nets import (
    describe_net,
    find_net,
    load_into,
    save_net,
)
from .crops import batches, whole_picture
from .painting import loss_network
from .perceptual import Perceptual
from .precision import autocast
from .run import (
    Report,
    Run,
    quiet,
    save_sheet,
)


@dataclass(frozen=True)
class StyleNPlusOneOptions:
    """How to train.

    Args:
        style: picture of the new style; its file name becomes the style's name.
        content: folder of photos.
        out: folder of the run; continued where it holds a checkpoint.
        net: the network to add to: a file, or the name of an installed one.
        weights: folder of your own weights, where an installed network is yours.
        vgg: weights that the loss sees with; the embedded `slim` when left out.
        style_side: short side in pixels at which the style picture is seen.
    """

    style: Path
    content: Path
    out: Path
    net: str = "sixteen"
    weights: Path | None = None
    vgg: Path | None = None
    content_weight: float = 1.0
    style_weight: float = 10.0
    style_side: int = 384
    rate: float = 1e-2
    steps: int = 300
    batch: int = 4
    crop: int = 128
    seed: int = 0
    device: str = "cpu"


class AddedStyle(nn.Module):
    """The only parameters that are trained: one row of scales and one of shifts, `(1, 1603)`."""

    def __init__(self, net: TransformNet) -> None:
        super().__init__()
        self.gamma = nn.Parameter(net.gamma.mean(0, keepdim=True).clone())
        self.beta = nn.Parameter(net.beta.mean(0, keepdim=True).clone())


def main(options: StyleNPlusOneOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the style's file written at the end."""
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    last = {"device": device, "memory_format": torch.channels_last}
    path = Path(options.net)
    about = describe_net(path) if path.is_file() else find_net(options.net, "transform", options.weights)
    net = load_into(TransformNet, about).to(**last)
    if net.norm != "instance":
        raise WeightsError(
            "architecture", f"{about.path} has {net.norm} norm; a style can be added to conditional ones only"
        )
    vgg, seen_with = loss_network(options.vgg, device)
    loss = Perceptual(vgg)
    picture = resize_short(whole_picture(options.style), options.style_side).to(device)
    targets = loss.style_targets([picture])
    row = AddedStyle(net).to(device)
    optimizer = torch.optim.Adam(row.parameters(), options.rate, betas=(0.9, 0.99))
    run = Run(options.out, {"row": row}, optimizer, options.steps, report, every=10)
    photos = batches(options.content, options.crop, options.batch, options.seed + run.step)
    while run.step < run.steps:
        run.cosine(warmup=10)
        batch = next(photos).to(device)
        with autocast(device):
            made = painted(net, row, batch)
        terms = loss(made, batch, targets, torch.zeros(len(batch), dtype=torch.long, device=device))
        optimizer.zero_grad(set_to_none=True)
        (options.content_weight * terms["content"] + options.style_weight * terms["style"]).backward()
        optimizer.step()
        run.done(terms)
        if run.step == run.steps:
            save_sheet([list(batch.unbind()), list(made.detach().unbind())], options.out / "sheet.jpg")
    trained = {
        "steps": run.step,
        "pictures": run.step * options.batch,
        "side": options.crop,
        "seconds": round(run.seconds),
        "loss network": seen_with,
    }
    name = options.style.stem
    written = options.out / f"{name}.style.safetensors"
    return save_net(written, "style", row, {}, [name], trained, about.digest, half=False)


def painted(net: TransformNet, row: AddedStyle, batch: Tensor) -> Tensor:
    """A batch `(B, 3, H, W)` painted in the added style."""
    out: list[Tensor] = []
    gamma, beta = (part.expand(len(batch), -1) for part in (row.gamma, row.beta))
    for _ in net.steps(batch, gamma, beta, out):
        pass
    return out[0]
