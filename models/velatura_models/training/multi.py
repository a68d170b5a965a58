"""Trains one network for many styles (Dumoulin et al. 2017): conditional instance normalisation.

Every crop of a batch is painted in a style drawn at random; convolutions are shared, each style has its
own scales and shifts. Departures from the paper: narrower, with bilinear upsampling; relative losses (see
`perceptual`) at the VGG-19 layers of AdaIN's; one more row that gives the photo itself, so that strength can
fade between rows; what is written is the running mean of the weights. The network trains in float32: this
narrow, bfloat16 makes it no faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks.residency import placed
from ..networks.transform_net import TransformNet, plan
from ..store.cards import resize_short
from ..store.files import load_into
from ..store.nets import PHOTO, describe_net, save_net
from .crops import batches, pictures_in, whole_picture, with_flats
from .painting import STYLE_SIDE, TrainerOptions, loss_network, weights_of
from .perceptual import CONTENT_LAYERS, STYLE_LAYERS, Perceptual, color_distance, color_ranks, phase_pattern
from .run import Report, Run, cosine, quiet

PHOTO_EVERY = 4
"""Steps between two that train the photo's row."""
OTHERS = 1 / 5
"""Share of the pictures that are painted in `MultiOptions.others`."""


@dataclass(frozen=True, kw_only=True)
class MultiOptions(TrainerOptions):
    """How to train.

    Args:
        styles: folder of style pictures; the file names become the styles' names.
        others: folder of further paintings, whose rows are not kept: a fifth of the pictures is painted in
            these, so that what styles share serves one that is learned later.
        style_side: short side in pixels at which the loss sees the style pictures; larger ones give larger
            strokes.
        start: a network to start from; rows are taken by their styles' names, and styles that it does not
            know begin as its mean. Of a wider one the strongest channels are kept.
        only: styles that alone are trained, by their rows; all else stays as it is in `start`.
        copied: first steps, which only copy the pictures of `start`: for a narrower network.
        row_rate: learning rate of scales and shifts, which see only their own style's share of the batch.
        name: of the network's file.
        batch: pictures a step; `copies` of them are of one photo, in different styles.
        crop: side of the crops in pixels, a multiple of 8.
        sheet_every: steps between sample sheets, each with the network as it is by then.
        widths, blocks, upsampling: the network's, see `TransformNet`.
        photo: whether the last row is the photo itself.
        photo_weight: of that row's squared error.
        resized: share of the steps whose pictures are resized a little, at random, before the loss sees them,
            so that a pattern tied to the grid of pixels does not pay.
        color_weight: of the style picture's colours, see `perceptual.color_ranks`.
        grid_weight: of such a pattern, see `perceptual.phase_pattern`.
    """

    content: Path
    styles: Path
    others: Path | None = None
    vgg: Path | None = None
    start: Path | None = None
    only: tuple[str, ...] = ()
    copied: int = 0
    name: str = "multi"
    note: str = ""
    content_weight: float = 0.8
    style_weight: float = 10.0
    smooth_weight: float = 0.0
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    style_side: int = STYLE_SIDE
    rate: float = 1.5e-3
    row_rate: float = 6e-3
    steps: int = 14000
    batch: int = 4
    copies: int = 2
    crop: int = 256
    sheet_every: int = 500
    widths: tuple[int, ...] = (16, 32, 64)
    blocks: int = 5
    upsampling: str = "bilinear"
    photo: bool = True
    photo_weight: float = 20.0
    resized: float = 0.5
    color_weight: float = 1.0
    grid_weight: float = 10.0

    def __post_init__(self) -> None:
        if self.copies < 1 or self.batch % self.copies:
            raise ValueError(f"a batch of {self.batch} is no multiple of {self.copies} copies")
        if len(self.widths) != 3:
            raise ValueError(f"widths are {self.widths}; three are needed: at full, half and quarter size")


def main(options: MultiOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the network written at the end."""
    device = options.begin()
    vgg, seen_with = loss_network(options.vgg, device)
    paths = pictures_in(options.styles)
    names = [path.stem for path in paths] + [PHOTO] * options.photo
    others = pictures_in(options.others) if options.others is not None else []
    if len(set(names)) < len(names):
        raise ValueError(f"styles: two have one name, or one is called {PHOTO!r}: {', '.join(sorted(names))}")
    if unknown := set(options.only) - {path.stem for path in paths}:
        raise ValueError(f"only: {', '.join(sorted(unknown))} is not among the styles")
    if options.only and (options.start is None or others or options.copied):
        raise ValueError("only: goes on with a network's rows, so it needs start, and no others or copied")
    architecture: dict[str, Any] = {
        "styles": len(names),
        "widths": options.widths,
        "blocks": options.blocks,
        "upsampling": options.upsampling,
    }
    net = placed(TransformNet(**{**architecture, "styles": len(names) + len(others)}), device)
    rows = names + [""] * len(others)
    model = begin(net, options.start, rows) if options.start is not None else net
    groups = [{"params": [net.gamma, net.beta], "lr": options.row_rate}]
    if options.only:
        net.convs.requires_grad_(False)
    else:
        groups.insert(0, {"params": net.convs.parameters()})
    optimizer = torch.optim.Adam(groups, options.rate, betas=(0.9, 0.99))
    run = Run(options.out, {"net": net}, optimizer, options.steps, report, averaged="net", seed=options.seed)
    loss = Perceptual(vgg, options.content_layers, options.style_layers)
    pictures = [
        resize_short(whole_picture(path), options.style_side).to(device) for path in [*paths, *others]
    ]
    targets = loss.style_targets(pictures)
    colors = torch.cat([color_ranks(picture) for picture in pictures])
    photos = batches(options.content, options.crop, options.batch // options.copies, run.seed)
    shares = torch.eye(len(rows), device=device)
    drawn_of = torch.tensor([names.index(name) for name in options.only] or range(len(paths)), device=device)
    row_of = torch.tensor([*range(len(paths)), *range(len(names), len(rows))], device=device)

    weights = {**weights_of(options), "copied": options.photo_weight}

    def write() -> Path:
        more = {"style weight": options.style_weight, "note": options.note}
        trained = run.told(options.batch, options.crop, seen_with, **more)
        path = options.out / f"{options.name}.transform.safetensors"
        kept = TransformNet(**architecture)
        state = run.mean.state_dict()
        kept.load_state_dict({**state, **{row: state[row][: len(names)] for row in ("gamma", "beta")}})
        return save_net(path, "transform", kept, architecture, names, trained)

    def losses() -> dict[str, Tensor]:
        batch = next(photos).to(device)
        index = drawn_of[torch.randint(len(drawn_of), (options.batch,), device=device)]
        if others:
            other = torch.randint(len(paths), len(pictures), (options.batch,), device=device)
            index = torch.where(torch.rand(options.batch, device=device) < OTHERS, other, index)
        if run.step < options.copied:
            index = torch.randint(len(names), (options.batch,), device=device)
            photo = batch.repeat_interleave(options.copies, 0)
            with torch.no_grad():
                copied = model(photo, shares[index])
            return {"copied": F.mse_loss(net(photo, shares[index]), copied)}
        flat = with_flats(batch)
        made = net(flat.repeat_interleave(options.copies, 0), shares[row_of[index]])
        seen, before = made, flat
        if torch.rand(()) < options.resized:
            seen, before = resized(made, flat)
        terms = {**loss(seen, before, targets, index), "grid": phase_pattern(made)}
        terms["colors"] = color_distance(made, colors[index])
        if options.photo and not options.only and run.step % PHOTO_EVERY == 0:
            terms["photo"] = F.mse_loss(net(batch[:1], shares[len(paths)][None]), batch[:1])
        return terms

    def drawn() -> list[list[Tensor]]:
        return sheet(run.mean, next(photos).to(device)[:2])

    for step in run.training(losses, weights, cosine(), sheet=drawn, sheet_every=options.sheet_every):
        if step % options.sheet_every == 0:
            write()
    return write()


def resized(made: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
    """Both at one random size, 0.8 to 1.25 of their own, rounded to 8 pixels."""
    side = max(16, round(made.shape[-1] * float(torch.empty(()).uniform_(0.8, 1.25)) / 8) * 8)
    sides = {"size": (side, side), "mode": "bilinear", "antialias": True, "align_corners": False}
    return F.interpolate(made, **sides), F.interpolate(photos, **sides)


def begin(net: TransformNet, path: Path, names: Sequence[str]) -> TransformNet:
    """Takes over a trained network: its convolutions, and its rows by their styles' names; a style that it
    does not know begins as its mean. Returns it with these rows.

    Raises:
        ValueError: where it has fewer channels, or other blocks.
    """
    about = describe_net(path)
    model: TransformNet = load_into(TransformNet, about)
    if model.blocks != net.blocks or any(a < b for a, b in zip(model.widths, net.widths, strict=True)):
        raise ValueError(
            f"start: {path} has widths {model.widths} and {model.blocks} blocks, "
            f"not {net.widths} and {net.blocks}"
        )
    for row in ("gamma", "beta"):
        values = getattr(model, row).data
        rows = dict(zip(about.styles, values, strict=True))
        setattr(model, row, nn.Parameter(torch.stack([rows.get(name, values.mean(0)) for name in names])))
    net.load_state_dict(strongest(model, net.widths))
    return model.to(net.gamma.device).requires_grad_(False)


def strongest(net: TransformNet, widths: Sequence[int]) -> dict[str, Tensor]:
    """The state of a narrower network: the channels of `net` that its styles scale most.

    The residual blocks add to the same channels, so that these are chosen once, by the sum over the blocks.
    """
    trunk = range(2, 3 + 2 * net.blocks, 2)
    scales = [scale.square().mean(0) for scale in net.gamma.split(net.channels, 1)]
    together = torch.stack([scales[index] for index in trunk]).sum(0)
    kept = [
        (together if index in trunk else scale).topk(layer.cout).indices.sort().values
        for index, (scale, layer) in enumerate(zip(scales, plan(widths, net.blocks), strict=True))
    ]
    whole, state = net.state_dict(), {}
    before = torch.arange(3)
    for index, here in enumerate(kept):
        state[f"convs.{index}.weight"] = whole[f"convs.{index}.weight"][here][:, before]
        state[f"convs.{index}.bias"] = whole[f"convs.{index}.bias"][here]
        before = here
    for row in ("gamma", "beta"):
        parts = whole[row].split(net.channels, 1)
        state[row] = torch.cat([part[:, here] for part, here in zip(parts, kept, strict=True)], 1)
    return state


def sheet(net: nn.Module, photos: Tensor) -> list[list[Tensor]]:
    """A row a photo: itself, then painted in every style."""
    shares = torch.eye(net.get_parameter("gamma").shape[0], device=photos.device)
    return [[photo, *(net(photo[None], share[None])[0] for share in shares)] for photo in photos]
