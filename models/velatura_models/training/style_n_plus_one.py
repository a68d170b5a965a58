"""Adds a style to a network with conditional instance norm (Dumoulin et al. 2017, section 3.1): every
convolution stays as it is, and only the new style's scales and shifts are trained, from those of the style
that comes nearest. About a minute of a processor for a narrow network.

`learn` is the training itself, one step each time it is asked, so that a daemon can do other things in
between; `main` is the command around it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..methods.painter import PAINTER
from ..networks.encoder import Encoder
from ..networks.playback import run_through
from ..networks.residency import placed
from ..networks.transform_net import TransformNet
from ..store.cards import resize_short
from ..store.files import Net, WeightsError, load_into
from ..store.nets import PHOTO, describe_net, find_net, save_net
from .crops import batches, whole_picture
from .painting import STYLE_SIDE, TrainerOptions, loss_network
from .perceptual import Perceptual
from .run import Report, Run, cosine, quiet

PHOTOS = Path(__file__).with_name("photos")
"""Photos that ship to practise on; `sample` is the one to look at a style on."""
SAMPLE = PHOTOS / "astronaut.jpg"

TRIED = 128
"""Side in pixels at which the styles that a network knows are tried."""


@dataclass(frozen=True, kw_only=True)
class StyleNPlusOneOptions(TrainerOptions):
    """How to train.

    Args:
        style: picture of the new style; its file name becomes the style's name.
        out: folder of the run; continued where it holds a checkpoint, and better when run again.
        net: the network to add to: a file, or the name of an installed one.
        weights: folder of your own weights, where an installed network is yours.
        steps: to take; where an earlier run in `out` has been, so many more.
    """

    style: Path
    content: Path
    net: str = PAINTER
    weights: Path | None = None
    vgg: Path | None = None
    content_weight: float = 0.8
    style_weight: float = 10.0
    style_side: int = STYLE_SIDE
    rate: float = 1e-2
    steps: int = 150
    batch: int = 2
    crop: int = 256


class AddedStyle(nn.Module):
    """The only parameters that are trained: one row of scales and one of shifts, `(1, channels)`."""

    def __init__(self, gamma: Tensor, beta: Tensor) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(gamma.clone()), nn.Parameter(beta.clone())


class Judge:
    """How far painted pictures are from a style, and from their photos.

    Args:
        vgg: the network that it sees with, from `loss_network`.
        picture: the style, `(1, 3, H, W)` in 0..1.
        side: short side in pixels at which the style is seen.
        content_weight, style_weight: of the terms of the total.
    """

    def __init__(
        self,
        vgg: Encoder,
        picture: Tensor,
        side: int = STYLE_SIDE,
        content_weight: float = 0.8,
        style_weight: float = 10.0,
    ) -> None:
        self._loss = Perceptual(vgg)
        self.weights = {"content": content_weight, "style": style_weight, "smooth": 0.0}
        self._targets = self._loss.style_targets([resize_short(picture, side)])

    def terms(self, made: Tensor, photos: Tensor) -> dict[str, Tensor]:
        """The losses of painted photos, both `(B, 3, H, W)`."""
        return self._loss(made, photos, self._targets)

    def off(self, made: Tensor, photos: Tensor) -> float:
        """The sum of these: what learning makes small."""
        with torch.no_grad():
            return float(sum(self.weights[name] * term for name, term in self.terms(made, photos).items()))


def main(options: StyleNPlusOneOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the style's file written at the end."""
    device = options.begin()
    path = Path(options.net)
    about = describe_net(path) if path.is_file() else find_net(options.net, "transform", options.weights)
    vgg, seen_with = loss_network(options.vgg, device)
    learning = learn(
        load_painter(about, device),
        about.styles,
        batches(options.content, options.crop, options.batch, options.seed),
        Judge(
            vgg,
            whole_picture(options.style).to(device),
            options.style_side,
            options.content_weight,
            options.style_weight,
        ),
        options.out,
        rate=options.rate,
        steps=options.steps,
        seed=options.seed,
        report=report,
        plots=True,
    )
    run = run_through(learning)
    trained = run.told(options.batch, options.crop, seen_with)
    return save_row(row_of(run), options.out, options.style.stem, about, trained)


def load_painter(about: Net, device: torch.device) -> TransformNet:
    """The network to add to.

    Raises:
        WeightsError: where rows cannot be added to it.
    """
    net = placed(load_into(TransformNet, about), device)
    if net.norm != "instance":
        raise WeightsError(
            "architecture", f"{about.path} has {net.norm} norm; a style can be added to conditional ones only"
        )
    return net


def learn(
    net: TransformNet,
    styles: Sequence[str],
    photos: Iterator[Tensor],
    judge: Judge,
    out: Path,
    *,
    rate: float = 1e-2,
    steps: int = 150,
    seed: int = 0,
    report: Report = quiet,
    plots: bool = False,
) -> Generator[Run, None, Run]:
    """Learns a row for a style, one step each time it is asked.

    Args:
        net: from `load_painter`. styles: its rows' names.
        photos: batches `(B, 3, h, w)` to paint, h and w multiples of 4.
        judge: says how good a painted batch is.
        out: folder of the run. Another call with the same network and picture goes on from where it is.
        rate: learning rate at its highest.
        steps: to take; where an earlier run has been, so many more. Whoever holds the run may change it.
        report: called every ten steps.

    Yields:
        The run, which holds steps and seconds, and by `row_of` the row as it is by then; at step 0 while the
        rows that the network has are tried. Always the same objects.

    Returns:
        The run at its end.
    """
    device = net.gamma.device
    row = AddedStyle(net.gamma[:1], net.beta[:1])
    optimizer = torch.optim.Adam(row.parameters(), rate, betas=(0.9, 0.99))
    shown: list[Tensor] = []
    run = Run(out, {"row": row}, optimizer, steps, report, every=10, seed=seed, plots=plots)
    run.steps = run.step + steps
    if run.step == 0:
        sample = resize_short(next(photos)[:1].to(device), TRIED)
        best = float("inf")
        for index in (number for number, name in enumerate(styles) if name != PHOTO):
            with torch.no_grad():
                tried = AddedStyle(net.gamma[index : index + 1], net.beta[index : index + 1])
                off = float(judge.terms(painted(net, tried, sample), sample)["style"])
            if off < best:
                best = off
                row.load_state_dict(tried.state_dict())
            yield run

    def losses() -> dict[str, Tensor]:
        batch = next(photos).to(device)
        made = painted(net, row, batch)
        shown[:] = batch, made.detach()
        return judge.terms(made, batch)

    made = (lambda: [list(part.unbind()) for part in shown]) if plots else None
    with closing(run.training(losses, judge.weights, cosine(warmup=10), sheet=made)) as taken:
        for _ in taken:
            yield run
    return run


def row_of(run: Run) -> AddedStyle:
    """The row that a run of `learn` has by now."""
    row = run.parts["row"]
    assert isinstance(row, AddedStyle)
    return row


def save_row(row: AddedStyle, folder: Path, name: str, about: Net, trained: dict[str, object]) -> Path:
    """Writes a style's file, `<name>.style.safetensors`, for the network that it was learned for."""
    path = folder / f"{name}.style.safetensors"
    return save_net(path, "style", row, {}, [name], trained, about.digest, half=False)


def painted(net: TransformNet, row: AddedStyle, batch: Tensor) -> Tensor:
    """A batch `(B, 3, H, W)` painted in the added style, H and W multiples of 4."""
    gamma, beta = (part.expand(len(batch), -1) for part in (row.gamma, row.beta))
    return run_through(net.steps(batch, gamma, beta))
