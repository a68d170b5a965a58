"""Trains one network for many styles (Dumoulin et al. 2017): conditional instance normalisation.

Every crop of a batch is painted in a style drawn at random; convolutions are shared, each style has its
own scales and shifts. Departures from the paper: relative losses (see `perceptual`), the VGG-19 layers
of AdaIN's loss, crops smaller than 256 px where there is no GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..networks.transform_net import TransformNet
from ..store.cards import resize_short
from ..store.nets import describe_net, load_into, save_net
from .crops import batches, pictures_in, whole_picture
from .painting import loss_network
from .perceptual import CONTENT_LAYERS, STYLE_LAYERS, Perceptual
from .precision import autocast
from .run import (
    Report,
    Run,
    quiet,
    save_sheet,
)


@dataclass(frozen=True)
class MultiOptions:
    """How to train.

    Args:
        content: folder of photos.
        styles: folder of style pictures; the file names become the styles' names.
        out: folder of the run; continued where it holds a checkpoint.
        vgg: weights that the loss sees with, safetensors with an `Encoder`'s names; the embedded `slim`
            when left out.
        start: a network of the same styles to start from.
        row_rate: learning rate of scales and shifts, which see only their own style's share of the batch.
        name: of the network's file.
        note: what its users should know of this training, such as that it was short.
        style_side: short side in pixels at which the style pictures are seen.
        batch: pictures a step; `copies` of them are of one photo, in different styles.
        sheet_every: steps between sample sheets.
    """

    content: Path
    styles: Path
    out: Path
    vgg: Path | None = None
    start: Path | None = None
    name: str = "multi"
    note: str = ""
    content_weight: float = 1.0
    style_weight: float = 10.0
    smooth_weight: float = 0.0
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    style_side: int = 384
    rate: float = 1e-3
    row_rate: float = 1e-2
    steps: int = 40000
    batch: int = 4
    copies: int = 2
    crop: int = 128
    sheet_every: int = 500
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.copies < 1 or self.batch % self.copies:
            raise ValueError(f"a batch of {self.batch} is no multiple of {self.copies} copies")


def main(options: MultiOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the network written at the end."""
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    last = {"device": device, "memory_format": torch.channels_last}
    vgg, seen_with = loss_network(options.vgg, device)
    paths = pictures_in(options.styles)
    names = [path.stem for path in paths]
    net = TransformNet(len(names)).to(**last)
    if options.start is not None:
        begun = load_into(TransformNet, describe_net(options.start))
        if begun.styles != len(names):
            raise ValueError(f"start: {options.start} knows {begun.styles} styles, not {len(names)}")
        net.load_state_dict(begun.state_dict())
    rows = [net.gamma, net.beta]
    groups = [{"params": net.convs.parameters()}, {"params": rows, "lr": options.row_rate}]
    optimizer = torch.optim.Adam(groups, options.rate, betas=(0.9, 0.99))
    run = Run(options.out, {"net": net}, optimizer, options.steps, report)
    loss = Perceptual(vgg, options.content_layers, options.style_layers)
    pictures = [resize_short(whole_picture(path), options.style_side).to(device) for path in paths]
    targets = loss.style_targets(pictures)
    photos = batches(options.content, options.crop, options.batch // options.copies, options.seed + run.step)
    while run.step < run.steps:
        run.cosine()
        batch = next(photos).to(device)
        index = torch.randint(len(names), (options.batch,), device=device)
        with autocast(device):
            made = net(
                batch.repeat_interleave(options.copies, 0), torch.eye(len(names), device=device)[index]
            )
        terms = loss(made, batch, targets, index)
        total = (
            options.content_weight * terms["content"]
            + options.style_weight * terms["style"]
            + options.smooth_weight * terms["smooth"]
        )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        run.done(terms)
        if run.step % options.sheet_every == 0 or run.step == run.steps:
            sheet(net, next(photos).to(device)[:2], options.out / f"sheet-{run.step:06d}.jpg")
    trained = {
        "steps": run.step,
        "pictures": run.step * options.batch,
        "side": options.crop,
        "seconds": round(run.seconds),
        "loss network": seen_with,
        "style weight": options.style_weight,
        "note": options.note,
    }
    path = options.out / f"{options.name}.transform.safetensors"
    return save_net(path, "transform", net, {"styles": len(names)}, names, trained)


@torch.no_grad()
def sheet(net: TransformNet, photos: Tensor, path: Path) -> None:
    rows = []
    for photo in photos:
        shares = torch.eye(net.styles, device=photo.device)
        with autocast(photo.device):
            made = net(photo[None].expand(net.styles, -1, -1, -1), shares)
        rows.append([photo, *made.unbind()])
    save_sheet(rows, path)
