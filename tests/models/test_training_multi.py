"""The trainers of many-style networks: losses equal their formulas, runs resume, styles are added."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from velatura_models.methods.method import Resources, Source
from velatura_models.methods.painter import Painter
from velatura_models.networks.encoder import Encoder
from velatura_models.networks.transform_net import TransformNet
from velatura_models.store.errors import WeightsError
from velatura_models.store.nets import (
    add_net,
    describe_net,
    load_into,
    save_net,
)
from velatura_models.training.multi import MultiOptions
from velatura_models.training.multi import main as train_multi
from velatura_models.training.perceptual import Perceptual, gram, total_variation
from velatura_models.training.style_n_plus_one import StyleNPlusOneOptions
from velatura_models.training.style_n_plus_one import main as add_style

WIDTHS = (4, 6, 8, 8, 8)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for folder, names in (("photos", "ab"), ("styles", ["ink", "wool"]), ("mine", ["moss"])):
        (tmp_path / folder).mkdir()
        for name in names:
            coarse = Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8))
            coarse.resize((48, 48), Image.Resampling.BICUBIC).save(tmp_path / folder / f"{name}.png")
    torch.manual_seed(0)
    save_file(Encoder(WIDTHS, preprocess=False).state_dict(), tmp_path / "eyes.safetensors")
    return tmp_path


def options(folder, **kwargs):
    small = {"batch": 2, "crop": 32, "style_side": 32, "vgg": folder / "eyes.safetensors"}
    usual = {"content": folder / "photos", "styles": folder / "styles", "out": folder / "run", **small}
    return MultiOptions(**{**usual, **kwargs})


def test_gram_and_total_variation_are_their_formulas():
    maps = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    got = gram(torch.tensor(maps, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(got, np.einsum("bchw,bdhw->bcd", maps, maps) / 20, rtol=1e-5)
    wanted = np.square(np.diff(maps, axis=2)).mean() + np.square(np.diff(maps, axis=3)).mean()
    assert float(total_variation(torch.tensor(maps))) == pytest.approx(wanted)


def test_a_picture_has_no_loss_to_itself_and_relative_style_is_one_for_nothing():
    torch.manual_seed(0)
    loss = Perceptual(Encoder(WIDTHS, preprocess=False).requires_grad_(False))
    picture = torch.rand(1, 3, 32, 32)
    targets, index = loss.style_targets([picture]), torch.zeros(1, dtype=torch.long)
    same = loss(picture, picture, targets, index)
    assert float(same["content"]) < 1e-6 and float(same["style"]) < 1e-6
    far = loss(torch.zeros_like(picture), picture, {k: v * 1e6 for k, v in targets.items()}, index)
    assert float(far["style"]) == pytest.approx(1, abs=1e-3)


def test_a_run_resumes_where_it_was_and_its_network_paints(pictures):
    train_multi(options(pictures, steps=2, sheet_every=2))
    steps = []
    path = train_multi(
        options(pictures, steps=4, sheet_every=2), lambda step, of, losses: steps.append((step, of))
    )
    assert steps == [(4, 4)]
    assert (pictures / "run" / "sheet-000004.jpg").is_file() and (pictures / "run" / "loss.png").is_file()
    about = describe_net(path)
    assert about.styles == ("ink", "wool") and about.trained["pictures"] == 8
    made = load_into(TransformNet, about)(torch.rand(1, 3, 16, 16), torch.tensor([[0.5, 0.5]]))
    assert made.shape == (1, 3, 16, 16) and torch.isfinite(made).all()
    again = train_multi(options(pictures, steps=1, start=path, out=pictures / "next"))
    assert describe_net(again).styles == about.styles
    with pytest.raises(ValueError, match="knows 2 styles, not 1"):
        train_multi(options(pictures, start=path, styles=pictures / "mine", out=pictures / "other"))


def test_style_n_plus_one_trains_its_row_alone(pictures):
    path = train_multi(options(pictures, steps=2))
    made = add_style(
        StyleNPlusOneOptions(
            style=pictures / "mine" / "moss.png",
            content=pictures / "photos",
            out=pictures / "moss",
            net=str(path),
            vgg=pictures / "eyes.safetensors",
            steps=3,
            batch=2,
            crop=32,
            style_side=32,
        )
    )
    assert sum(t.numel() for t in load_state(made).values()) == 3206
    weights = pictures / "weights"
    add_net(path, weights), add_net(made, weights)
    painter = Painter(Resources(method="multi", weights=weights))
    moss, ink = (painter.style(Source(name, 1.0, None, None)).data for name in ("moss", "ink"))
    assert moss.net is ink.net and not torch.equal(moss.gamma, ink.gamma)


def test_a_style_cannot_be_added_to_a_network_with_batch_norm(pictures):
    path = pictures / "old.transform.safetensors"
    save_net(path, "transform", TransformNet(norm="batch"), {"norm": "batch"}, ["old"])
    with pytest.raises(WeightsError, match="batch norm; a style can be added to conditional ones only"):
        add_style(
            StyleNPlusOneOptions(
                pictures / "mine" / "moss.png", pictures / "photos", pictures / "out", net=str(path)
            )
        )


def test_a_batch_must_hold_whole_copies(pictures):
    with pytest.raises(ValueError, match="a batch of 3 is no multiple of 2 copies"):
        options(pictures, batch=3)


def load_state(path):
    from safetensors.torch import load_file

    return load_file(path)
