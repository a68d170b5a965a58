"""What a layer knows of a picture: reconstructions from its responses, and the classic figure of them.

Gatys, Ecker & Bethge (CVPR 2016), figure 1: content reconstructions optimise noise until one layer
responds as it does to the photo; style reconstructions until the Gram matrices of the layers up to one
are the painting's. `python -m velatura_models.optimise.reconstruct PHOTO PAINTING -o figure.png` draws it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from ..networks.encoder import FIRST_LAYERS, Encoder, prepared
from ..networks.precision import faster_dtype
from ..store.cards import resize_short
from ..store.files import WeightsError
from ..store.pictures import read_rgb, tensor_of
from ..store.weights import load_backbone
from .gram import Gram
from .objective import RefineOptions
from .problem import Problem, StyleSource
from .pyramid import LEAST
from .refinement import Refinement

CONTENT_LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_1")
"""Of the figure's content row (a to e); the paper's last is conv5_2, the encoder ends at conv5_1."""


def content_reconstruction(
    encoder: Encoder, picture: Tensor, layer: str, iterations: int = 200
) -> Refinement:
    """Noise, to be made to look like a picture (1, 3, H, W) to one layer; run it, then take `picture()`.

    Raises:
        ValueError: for a layer that does not exist.
    """
    objective = Gram(content_weight=1.0, content_layers={layer: 1.0}, style_weight=0.0)
    options = RefineOptions(objective, iterations, learning_rate=0.05, init="noise", levels=1)
    return Refinement(encoder, Problem(_size(picture), content=picture), options)


def style_reconstruction(
    encoder: Encoder,
    picture: Tensor,
    layers: tuple[str, ...],
    size: tuple[int, int] | None = None,
    iterations: int = 200,
) -> Refinement:
    """Noise, to be given a picture's Gram matrices on some layers; run it, then take `picture()`.

    Args:
        size: height and width of the reconstruction; None is the picture's own.

    Raises:
        ValueError: for a layer that does not exist, or a picture too small for the layers.
    """
    objective = Gram(content_weight=0.0, style_layers=dict.fromkeys(layers, 1.0 / len(layers)))
    options = RefineOptions(objective, iterations, learning_rate=0.05, init="noise", levels=1)
    return Refinement(encoder, Problem(size or _size(picture), [StyleSource(picture)]), options)


def draw_figure(
    encoder: Encoder, photo: Tensor, painting: Tensor, path: Path, iterations: int = 200
) -> dict[str, Tensor]:
    """Draws the classic figure: style reconstructions above, content reconstructions below, shallow to
    deep from left to right, each row headed by its source. Needs matplotlib.

    Returns:
        The reconstructions by `style relu1_1` ... `content relu5_1`, each `(1, 3, H, W)`.
    """
    from matplotlib.figure import Figure

    rows = {
        "style": (
            painting,
            [
                style_reconstruction(encoder, painting, FIRST_LAYERS[: k + 1], _size(photo), iterations)
                for k in range(len(FIRST_LAYERS))
            ],
        ),
        "content": (
            photo,
            [content_reconstruction(encoder, photo, layer, iterations) for layer in CONTENT_LAYERS],
        ),
    }
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    axes = figure.subplots(2, 6)
    made = {}
    for line, (kind, (source, walks)) in zip(axes, rows.items(), strict=True):
        names = FIRST_LAYERS if kind == "style" else CONTENT_LAYERS
        _show(line[0], source, "painting" if kind == "style" else "photo")
        for axis, walk, name, letter in zip(line[1:], walks, names, "abcde", strict=True):
            for _ in walk.run():
                continue
            made[f"{kind} {name}"] = walk.picture()
            title = name if kind == "content" or name == names[0] else f"{names[0]} to {name}"
            _show(axis, made[f"{kind} {name}"], f"{letter}: {title}")
    figure.savefig(path, dpi=100)
    return made


def _show(axis, picture: Tensor, title: str) -> None:
    axis.imshow(picture[0].permute(1, 2, 0).clamp(0, 1).numpy())
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()


def _size(picture: Tensor) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-1]


def main(arguments: list[str] | None = None) -> None:
    """The command; see `--help`."""
    parser = argparse.ArgumentParser(
        prog="python -m velatura_models.optimise.reconstruct", description=__doc__
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("painting", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("reconstructions.png"))
    parser.add_argument("--backbone", default="slim", help="slim (default), vgg19 or vgg19-imagenet")
    parser.add_argument("--weights", type=Path, help="folder of pulled weights; slim needs none")
    parser.add_argument("--iterations", type=int, default=200, help="evaluations per picture")
    parser.add_argument("--side", type=int, default=192, help="short side of the pictures, in pixels")
    given = parser.parse_args(arguments)
    if given.side < LEAST:
        parser.error(f"--side is {given.side}; at least {LEAST} pixels")
    if given.iterations < 1:
        parser.error(f"--iterations is {given.iterations}; at least 1")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        read = (tensor_of(read_rgb(path)) for path in (given.photo, given.painting))
        photo, painting = (resize_short(picture, given.side) for picture in read)
        encoder = prepared(load_backbone(given.backbone, given.weights).to(device), faster_dtype(device))
        draw_figure(encoder, photo, painting, given.output, given.iterations)
    except (ValueError, OSError, WeightsError) as error:
        parser.error(str(error))
    print(given.output)


if __name__ == "__main__":
    main()
