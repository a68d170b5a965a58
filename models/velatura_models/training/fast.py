"""Trains a network that paints in one style, such as your own painting (Johnson et al. 2016).

`published` is the paper's form and settings; `coco` the settings that tutorials settled on, with VGG-19;
`quick` starts from a trained network (its row that comes nearest to the new style), looks at small crops, and
takes minutes on a processor. Weights are for the loss networks' own scale: see `PRESETS` for how they
convert. Departures: VGG-19 in place of VGG-16, whose layers of these names it has; gradients are clipped.

With several content or style weights one network is trained for each pair, and all are drawn in one figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..networks.precision import autocast
from ..networks.residency import placed
from ..networks.transform_net import STRIDE, TransformNet
from ..store.cards import resize_short
from ..store.files import load_into
from ..store.nets import describe_net, find_net, save_net
from .crops import batches, pictures_in, whole_picture
from .painting import Preset, PresetOptions, chosen, loss_network, weights_of
from .perceptual import CONTENT_LAYERS, STYLE_LAYERS, Perceptual
from .run import Report, Run, constant, cosine, figure_class, quiet

CONV_LAYERS = tuple(f"conv{block}_1" for block in range(1, 6))
LEAST = 16
"""Smallest crop: reflection padding at a quarter of the size needs some positions."""


@dataclass(frozen=True)
class FastPreset(Preset):
    """What a preset decides."""

    row_rate: float = 1e-3
    content_weight: float = 1.0
    style_weight: float = 10.0
    smooth_weight: float = 0.0
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    relative: bool = True
    cosine: bool = True
    """Whether the learning rate falls to its end; the papers keep it."""
    start: str = ""
    norm: str = "instance"
    upsampling: str = "nearest"
    output: str = "sigmoid"
    valid: bool = False
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 5


PRESETS = {
    "published": FastPreset(
        steps=40000,
        batch=4,
        crop=256,
        style_weight=5.0,
        smooth_weight=1.0,
        content_layers=("relu3_3",),
        style_layers=("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
        relative=False,
        cosine=False,
        norm="batch",
        upsampling="transposed",
        output="tanh",
        valid=True,
    ),
    "coco": FastPreset(
        steps=2 * 82783 // 8,
        batch=8,
        crop=256,
        content_weight=2.0,
        style_weight=40.0 * 0.2,
        smooth_weight=200.0,
        content_layers=("conv4_2",),
        style_layers=CONV_LAYERS,
        relative=False,
        cosine=False,
    ),
    "quick": FastPreset(steps=400, batch=4, crop=128, row_rate=1e-2, start="painter"),
    "tiny": FastPreset(steps=4, batch=2, crop=32, widths=(4, 6, 8), blocks=1),
}
"""Weights are for a normalised loss network, whose filters are 1 on average, and for pictures in 0..1.

Published ones are often for the plain VGG, whose filters of a layer are `m` on average (VGG-19 with 0..255
input: relu1_2 95, relu2_2 107, relu3_3 327, relu4_3 176), and for a total variation summed over 3 H W
values of 0..255. Content grows with m^2, style with m^4. Divide all by the content layer's m^2, which only
scales the gradient: style_weight = plain m_style^4 / m_content^2, smooth_weight = plain 255^2 3 H W /
m_content^2."""


@dataclass(frozen=True, kw_only=True)
class FastOptions(PresetOptions):
    """How to train.

    Args:
        style: your painting; its file name becomes the style's name.
        preset: `quick` (minutes on a processor, from a trained network), `published` (Johnson et al.: 40,000
            steps of 4 at 256 px), `coco` (20,695 of 8, the count for two epochs of COCO), `tiny` for tests.
        start: a network of this shape to start from, a file or the name of an installed one; `none` for
            random weights.
        weights: folder of your own weights, where an installed network is yours.
        crop: side of the crops in pixels, a multiple of 4.
        content_weights, style_weights: several of them, for a sweep: one run each pair, and a figure.
        sample: the photo in a sweep's figure; by default the first of `content`.
    """

    style: Path
    content: Path
    preset: str = "quick"
    start: str | None = None
    weights: Path | None = None
    style_side: int = 384
    content_weight: float | None = None
    style_weight: float | None = None
    smooth_weight: float | None = None
    content_weights: tuple[float, ...] = ()
    style_weights: tuple[float, ...] = ()
    sample: Path | None = None
    note: str = ""
    sheet_every: int = 200


def main(options: FastOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the network written at the end, or of a sweep's figure."""
    if options.content_weights or options.style_weights:
        return sweep(options, report)
    plan = chosen(PRESETS, options)
    if plan.crop % STRIDE or plan.crop < LEAST:
        raise ValueError(f"crop is {plan.crop}; it must be a multiple of {STRIDE}, at least {LEAST}")
    device = options.begin()
    vgg, seen_with = loss_network(options.vgg, device)
    loss = Perceptual(vgg, plan.content_layers, plan.style_layers, plan.relative)
    picture = resize_short(whole_picture(options.style), options.style_side).to(device)
    targets = loss.style_targets([picture])
    sample = next(batches(options.content, plan.crop, 2, options.seed)).to(device)

    def style_of(made: Tensor) -> float:
        return float(loss(made, sample, targets)["style"])

    net, architecture = _begin(plan, options, device, sample, style_of)
    groups = [
        {"params": net.convs.parameters()},
        {"params": [net.gamma, net.beta], "lr": plan.row_rate if options.rate is None else options.rate},
    ]
    optimizer = torch.optim.Adam(groups, plan.rate)
    batch = sample
    every = max(1, min(50, plan.steps // 20))
    run = Run(options.out, {"net": net}, optimizer, plan.steps, report, every=every, seed=options.seed)
    photos = batches(options.content, plan.crop, plan.batch, run.seed)
    weights = weights_of(plan)

    def losses() -> dict[str, Tensor]:
        nonlocal batch
        batch = next(photos).to(device)
        with autocast(device):
            made = net(batch)
        return loss(made, batch, targets)

    run.train(
        losses,
        weights,
        cosine(warmup=20) if plan.cosine else constant,
        sheet=lambda: [list(batch.unbind()), list(painted(net, batch).unbind())],
        sheet_every=options.sheet_every,
    )
    trained = run.told(
        plan.batch,
        plan.crop,
        seen_with,
        preset=options.preset,
        start=Path(plan.start).name.split(".")[0],
        weights=", ".join(f"{name} {weight:g}" for name, weight in weights.items()),
        note=options.note,
    )
    name = options.style.stem
    path = options.out / f"{name}.transform.safetensors"
    return save_net(path, "transform", net, architecture, [name], trained)


@torch.no_grad()
def painted(net: TransformNet, photos: Tensor) -> Tensor:
    """A batch `(B, 3, H, W)` as users will get it."""
    net.eval()
    with autocast(photos.device):
        made = net(photos).float()
    net.train()
    return made.clamp(0, 1)


def sweep(options: FastOptions, report: Report = quiet) -> Path:
    """Trains one network for each pair of a content and a style weight, each in a folder of its own, and
    draws what they make of one photo: from too little style to too much. Returns the figure's path."""
    plan = chosen(PRESETS, options)
    contents = options.content_weights or (plan.content_weight,)
    styles = options.style_weights or (plan.style_weight,)
    photo = resize_short(whole_picture(options.sample or pictures_in(options.content)[0]), 256)
    photo = photo[:, :, : photo.shape[2] // STRIDE * STRIDE, : photo.shape[3] // STRIDE * STRIDE]
    pairs = [(content, style) for content in contents for style in styles]
    made: dict[tuple[float, float], Tensor] = {}
    for number, (content, style) in enumerate(pairs):

        def along(step: int, of: int, losses: Mapping[str, float], number: int = number) -> None:
            report(number * plan.steps + step, len(pairs) * plan.steps, losses)

        one = replace(
            options,
            content_weight=content,
            style_weight=style,
            content_weights=(),
            style_weights=(),
            out=options.out / f"content-{content:g}-style-{style:g}",
        )
        net = load_into(TransformNet, describe_net(main(one, along)))
        made[content, style] = painted(net, photo)[0]
    return draw_sweep(photo[0], whole_picture(options.style)[0], made, options.out / "sweep.jpg")


def draw_sweep(photo: Tensor, style: Tensor, made: dict[tuple[float, float], Tensor], path: Path) -> Path:
    """The figure of a sweep: a row a content weight, a column a style weight; photo and style at the left.

    Args:
        photo, style: `(3, H, W)`.
        made: pictures by content and style weight.
    """
    contents, styles = (sorted({pair[axis] for pair in made}) for axis in (0, 1))
    ratio = photo.shape[1] / photo.shape[2]
    style = style[:, : round(style.shape[2] * ratio), : round(style.shape[1] / ratio)]
    height = 2.2 * photo.shape[1] / photo.shape[2] + 0.25
    shape = (len(contents), len(styles) + 1)
    figure = figure_class()(figsize=(2.2 * shape[1], height * shape[0]))
    axes = figure.subplots(*shape, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture, title in zip(axes[:, 0], (photo, style), ("photo", "style"), strict=False):
        axis.imshow(picture.permute(1, 2, 0).numpy())
        axis.set_title(title, fontsize=9)
    for (content, style_weight), picture in made.items():
        axis = axes[contents.index(content)][styles.index(style_weight) + 1]
        axis.imshow(picture.permute(1, 2, 0).float().cpu().numpy())
        axis.set_title(f"content {content:g}, style {style_weight:g}", fontsize=9)
    figure.tight_layout(pad=0.4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, pil_kwargs={"quality": 88})
    return path


def _begin(
    plan: FastPreset,
    options: FastOptions,
    device: torch.device,
    sample: Tensor,
    style_of: Callable[[Tensor], float],
) -> tuple[TransformNet, dict[str, object]]:
    """The network to train and its constructor's arguments: new, or what `plan.start` names, with the row
    that comes nearest.

    Args:
        sample: photos `(B, 3, H, W)` to try the rows on.
        style_of: the style loss of the sample as painted.

    Raises:
        WeightsError: where there is no such network, or it is another kind.
    """
    if plan.start in ("", "none"):
        fields = ("norm", "upsampling", "output", "valid", "widths", "blocks")
        architecture: dict[str, Any] = {name: getattr(plan, name) for name in fields}
        return placed(TransformNet(**architecture), device), architecture
    path = Path(plan.start)
    about = describe_net(path) if path.is_file() else find_net(plan.start, "transform", options.weights)
    known = placed(load_into(TransformNet, about), device)
    architecture = {**about.architecture, "styles": 1}
    net = placed(TransformNet(**architecture), device)
    net.load_state_dict({**known.state_dict(), **nearest_row(known, sample, style_of)})
    return net, architecture


@torch.no_grad()
def nearest_row(
    known: TransformNet, sample: Tensor, style_of: Callable[[Tensor], float]
) -> dict[str, Tensor]:
    """Scales and shifts of the style, or of the mean of all, that comes nearest to the new one."""
    shares = [*torch.eye(known.styles), torch.full((known.styles,), 1 / known.styles)]
    found = []
    for share in shares:
        row = share.to(sample)[None]
        found.append((style_of(known(sample, row.expand(len(sample), -1))), known.rows(row)))
    gamma, beta = min(found, key=lambda pair: pair[0])[1]
    return {"gamma": gamma, "beta": beta}
