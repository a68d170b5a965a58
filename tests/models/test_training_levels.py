"""The trainers of WCT's and style swap's decoders run, learn, resume, and refuse what cannot work."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from velatura_models.methods.style_swap import LEVEL
from velatura_models.networks.encoder import Encoder
from velatura_models.networks.level_decoder import LEVELS, LevelDecoder, LevelDecoders
from velatura_models.store.files import load_into, weights_digest
from velatura_models.store.nets import describe_net
from velatura_models.store.weights import load_backbone
from velatura_models.training import swap, wct
from velatura_models.training.run import read_metrics


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("photos", "paintings"):
        folder = tmp_path / kind
        folder.mkdir()
        for i in range(3):
            small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(small).resize((64, 48)).save(folder / f"{i}.png")
    return tmp_path


def train_wct(data, **changed):
    base = {"content": data / "photos", "style": data / "paintings", "out": data / "run", "preset": "tiny"}
    return wct.main(wct.WCTOptions(**{**base, **changed}))


def train_swap(data, **changed):
    base = {"content": data / "photos", "style": data / "paintings", "out": data / "run", "preset": "tiny"}
    return swap.main(swap.SwapOptions(**{**base, **changed}))


def test_all_five_levels_are_trained_into_one_file(data):
    path = train_wct(data)
    net = describe_net(path)
    assert (path.name, net.kind) == ("slim.wct.safetensors", "wct")
    assert net.needs == weights_digest(load_backbone("slim").state_dict())
    assert net.trained["warm-up"] == 4 and sum(net.trained["steps"].values()) == 8
    assert tuple(load_into(LevelDecoders, net)) == LEVELS
    assert set(read_metrics(data / "run")[-1]) == {"step", "seconds", *LEVELS[:-1]}
    assert (data / "run/sheet-000012.jpg").is_file() and (data / "run/loss.png").is_file()


@pytest.mark.parametrize(("train", "half", "whole"), [(train_wct, 6, 12), (train_swap, 2, 4)])
def test_training_goes_on_where_it_stopped(data, train, half, whole):
    train(data, steps=half)
    train(data, steps=whole)
    assert [int(line["step"]) for line in read_metrics(data / "run")] == [half, whole]


def test_a_swap_decoder_is_trained_from_another_for_adain(data):
    start = LevelDecoder((32, 64, 128, 256, 256), "relu4_1").state_dict()
    save_file(start, data / "start.safetensors")
    path = train_swap(data, steps=1, rate=1e-9, start=data / "start.safetensors")
    net = describe_net(path)
    assert (path.name, net.kind) == ("slim.style-swap.safetensors", "style-swap")
    decoder = load_into(LevelDecoders, net)[LEVEL]
    torch.testing.assert_close(decoder.convs[0].weight, start["convs.4.weight"], rtol=1e-2, atol=1e-3)
    assert set(read_metrics(data / "run")[-1]) == {"step", "seconds", "features", "pixels", "smooth"}
    assert (data / "run/sheet-000001.jpg").is_file()


def test_blocks_join_to_the_decoder():
    """What a block gives is what the next begins with, so that a decoder trained by blocks is one decoder."""
    torch.manual_seed(0)
    decoder = LevelDecoder((4, 6, 8, 8, 8), "relu4_1")
    assert [level for level, *_ in decoder.blocks()] == ["relu4_1", "relu3_1", "relu2_1", "relu1_1"]
    maps = x = torch.rand(1, 8, 4, 5)
    for _, start, stop in decoder.blocks():
        out = []
        for _ in decoder.steps(x, out, start, stop):
            pass
        x = out[0]
    torch.testing.assert_close(x, decoder(maps))
    encoder = Encoder((4, 6, 8, 8, 8), preprocess=False)
    losses = wct.block_losses(encoder, decoder, torch.rand(2, 3, 32, 32))
    assert list(losses) == ["relu4_1", "relu3_1", "relu2_1"]


def test_the_last_block_is_the_best_convolution_there_is():
    """Where the squared error is least, its gradient is nothing."""
    torch.manual_seed(0)
    encoder = Encoder((4, 6, 8, 8, 8), preprocess=False).requires_grad_(False)
    decoder, pictures = LevelDecoder(encoder.widths, "relu3_1"), torch.rand(4, 3, 24, 24)
    wct.solve_last(encoder, decoder, [pictures[:2], pictures[2:]])
    made: list[torch.Tensor] = []
    for _ in decoder.steps(encoder(pictures, ("relu1_1",))["relu1_1"], made, len(decoder.convs) - 1):
        pass
    error = torch.nn.functional.mse_loss(made[0], pictures)
    slopes = torch.autograd.grad(error, list(decoder.convs[-1].parameters()))
    assert float(error.detach()) < 0.1 and all(float(slope.abs().max()) < 1e-4 for slope in slopes)


def test_a_decoder_learns_to_invert():
    torch.manual_seed(0)
    encoder = Encoder((4, 6, 8, 8, 8), preprocess=False).requires_grad_(False)
    decoder = LevelDecoder(encoder.widths, "relu2_1")
    optimizer = torch.optim.Adam(decoder.parameters(), 3e-3)
    pictures, losses = torch.rand(2, 3, 32, 32), []
    for _ in range(30):
        loss = wct.level_loss(encoder, decoder, "relu2_1", pictures, 0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(
    ("train", "change", "message"),
    [
        (train_wct, {"crop": 40}, "crop is 40"),
        (train_wct, {"preset": "huge"}, "known: full, quick, tiny"),
        (train_wct, {"levels": ("relu4_2",)}, "'relu4_2' is unknown"),
        (train_wct, {"levels": ("relu1_1",)}, "which needs no training"),
        (train_swap, {"crop": 18}, "crop is 18"),
        (train_swap, {"batch": 0}, "batch 0"),
    ],
)
def test_options_that_cannot_work_are_refused(data, train, change, message):
    with pytest.raises(ValueError, match=message):
        train(data, **change)
