"""What a layer knows of a picture: shallow ones nearly all, and the figure shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.nn.functional import avg_pool2d
from velatura_models.networks.encoder import FIRST_LAYERS, prepared
from velatura_models.optimise.reconstruct import (
    CONTENT_LAYERS,
    content_reconstruction,
    main,
    style_reconstruction,
)
from velatura_models.store.weights import load_backbone

from .conftest import random_picture

PICTURE = random_picture(48, 64, 3).float()


def test_a_shallow_layer_gives_the_picture_back_and_a_deep_one_does_not() -> None:
    """In means over 8 x 8 pixels: the embedded backbone sees little of the finest colour noise."""
    encoder = prepared(load_backbone("slim"), pool="avg")
    errors = {}
    for layer in ("relu1_2", "relu5_1"):
        walk = content_reconstruction(encoder, PICTURE, layer, iterations=25)
        for _ in walk.run():
            continue
        errors[layer] = float(avg_pool2d(walk.picture() - PICTURE, 8).square().mean() ** 0.5)
    assert errors["relu1_2"] < 0.3 * float(avg_pool2d(PICTURE, 8).std())
    assert errors["relu5_1"] > 2 * errors["relu1_2"]


def test_a_style_reconstruction_takes_any_size() -> None:
    encoder = prepared(load_backbone("slim"), pool="avg")
    walk = style_reconstruction(encoder, PICTURE, FIRST_LAYERS[:2], (40, 100), iterations=30)
    course = [step.losses["total"] for step in walk.run() if step.whole]
    assert min(course) < 0.1 * course[0]
    assert tuple(walk.picture().shape) == (1, 3, 40, 100)


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(ValueError, match="relu8_1"):
        content_reconstruction(prepared(load_backbone("slim")), PICTURE, "relu8_1")


def test_the_command_draws_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("photo", "painting"):
        pixels = (PICTURE[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    out = tmp_path / "figure.png"
    sources = [str(tmp_path / "photo.png"), str(tmp_path / "painting.png")]
    main([*sources, "-o", str(out), "--iterations", "1", "--side", "32"])
    assert capsys.readouterr().out.strip() == str(out)
    with Image.open(out) as figure:
        assert figure.width > 2 * figure.height
    assert len(CONTENT_LAYERS) == len(FIRST_LAYERS) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["missing.png", "missing.png"], "missing.png: no such file"),
        (["photo.png", "photo.png", "--side", "16"], "--side is 16; at least 32"),
        (["photo.png", "photo.png", "--iterations", "0"], "--iterations is 0; at least 1"),
        (["photo.png", "photo.png", "--backbone", "vgg16"], "known: slim, vgg19"),
    ],
)
def test_the_command_says_what_is_wrong(
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 40)).save("photo.png")
    with pytest.raises(SystemExit):
        main(options)
    assert words in capsys.readouterr().err
