"""Training runs end to end on tiny networks and pictures, resumes, and refuses what cannot work."""

import copy
import random
import sys

import numpy as np
import pytest
import torch
from models.driving import write_loss_network
from PIL import Image
from safetensors.torch import load_file, save_file
from velatura_models.networks.encoder import FIRST_LAYERS, Encoder, prepared
from velatura_models.store.files import origin, read, weights_digest
from velatura_models.store.manifest import EMBEDDED
from velatura_models.store.weights import (
    DECODER_FORMAT,
    ENCODER_FORMAT,
    METRIC_FORMAT,
    load_backbone,
)
from velatura_models.training import adain, metric, slim
from velatura_models.training.crops import batches, random_crop, softened, whole_picture, with_flats
from velatura_models.training.perceptual import color_distance, color_ranks, finest
from velatura_models.training.run import read_metrics

TINY = (4, 6, 8, 8, 8)


@pytest.fixture
def data(tmp_path):
    """Folders of photos and paintings, and the weights of a teacher and an encoder."""
    rng = np.random.default_rng(0)
    for kind in ("photos", "paintings"):
        folder = tmp_path / kind
        folder.mkdir()
        for i in range(3):
            small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(small).resize((64, 48)).save(folder / f"{i}.png")
    write_loss_network(tmp_path / "vgg.safetensors")
    save_file(Encoder(TINY, preprocess=False).state_dict(), tmp_path / "small.safetensors")
    return tmp_path


def adain_options(data, **changed):
    base = {
        "encoder": data / "small.safetensors",
        "vgg": data / "vgg.safetensors",
        "content": data / "photos",
        "style": data / "paintings",
        "out": data / "run",
        "steps": 4,
        "batch": 2,
        "crop": 64,
        "sheet_every": 2,
    }
    return adain.AdaINOptions(**{**base, **changed})


def test_a_decoder_is_trained_with_sheet_plot_and_metrics(data):
    seen = []
    path = adain.main(adain_options(data), lambda step, of, losses: seen.append((step, of, losses)))
    state, about = read(path, DECODER_FORMAT)
    assert about["skips"] == "relu3_1,relu2_1" and "taps.relu3_1.weight" in state
    assert seen[-1][:2] == (4, 4) and set(seen[-1][2]) == {
        "content", "style", "gram", "colors", "identity", "range", "grid", "weave"
    }  # fmt: skip
    assert (data / "run/sheet-000004.jpg").is_file() and (data / "run/loss.png").is_file()


def test_colours_are_compared_wherever_they_lie_and_whatever_the_pictures_size():
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    turned = pictures.flatten(2)[:, :, torch.randperm(64 * 64)].view_as(pictures)
    assert color_distance(turned, color_ranks(pictures)) < 1e-6
    assert color_distance(pictures[:, :, :48, :32], color_ranks(pictures)) < 0.02
    moved = color_distance(pictures + torch.tensor([0.3, 0.0, 0.0]).view(1, 3, 1, 1), color_ranks(pictures))
    assert 0.1 < moved < 0.3  # of a shift of 0.3 a direction sees its own share


def test_some_photos_give_way_to_flat_areas_with_grain():
    photos = torch.full((200, 3, 16, 16), 0.5)
    torch.manual_seed(1)
    made = with_flats(photos, 0.5)
    same = (made == photos).flatten(1).all(1)
    assert 60 < same.sum() < 140 and made.min() >= 0 and made.max() <= 1
    assert (made[~same].std((2, 3)) > 1 / 255).all()


def test_some_photos_give_way_to_enlarged_parts_of_themselves():
    photos = torch.rand(200, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    made = softened(photos, 0.5)
    same = (made == photos).flatten(1).all(1)
    assert 60 < same.sum() < 140 and made.min() >= 0 and made.max() <= 1
    assert finest(made[~same])[:, :3].mean() < 0.8 * finest(photos)[:, :3].mean()


def test_a_crop_in_which_patterns_cannot_be_looked_for_is_refused(data):
    with pytest.raises(ValueError, match="crop is 32; allowed is 64 and more"):
        adain_options(data, crop=32)


def test_photos_take_the_colours_of_their_paintings_first():
    generator = torch.Generator().manual_seed(2)
    photos = 0.5 + 0.05 * torch.randn(2, 3, 32, 32, generator=generator)
    paintings = torch.tensor([0.6, 0.4, 0.3]).view(1, 3, 1, 1) + 0.04 * torch.randn(
        2, 3, 32, 32, generator=generator
    )
    moved = adain.with_palette(photos, paintings)
    for one, wanted in zip(moved, paintings, strict=True):
        torch.testing.assert_close(one.mean((1, 2)), wanted.mean((1, 2)), rtol=0, atol=1e-3)
        torch.testing.assert_close(one.flatten(1).cov(), wanted.flatten(1).cov(), rtol=0, atol=1e-4)


def test_training_goes_on_where_it_stopped(data):
    adain.main(adain_options(data, steps=2))
    adain.main(adain_options(data, steps=5))
    assert [int(line["step"]) for line in read_metrics(data / "run")] == [2, 5]


@pytest.mark.parametrize("change", [{"optimizer": "sgd"}, {"content_loss": "target"}, {"identity": 0}])
def test_published_choices_train_too(data, change):
    path = adain.main(adain_options(data, skips=(), upsampling="bilinear", steps=1, **change))
    state, about = read(path, DECODER_FORMAT)
    assert about["method"] == "adain" and about["upsampling"] == "bilinear"
    assert not any(name.startswith("taps.") for name in state)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(data):
    adain.main(adain_options(data, steps=1))
    good = (data / "run/checkpoint.pt").read_bytes()
    with pytest.raises(FloatingPointError, match="resume with a lower rate"):
        adain.main(
            adain_options(data, steps=9, style_weight=float("inf"), identity_weight=float("nan"), rate=1e30)
        )
    assert (data / "run/checkpoint.pt").read_bytes() == good


def test_slim_starts_from_the_teachers_channels_and_learns(data):
    def run(steps):
        return slim.main(
            slim.SlimOptions(
                vgg=data / "vgg.safetensors",
                content=data / "photos",
                style=data / "paintings",
                out=data / "distilled",
                widths=TINY,
                steps=steps,
                batch=2,
                crop=32,
            )
        )

    run(1)
    state, _ = read(run(80), ENCODER_FORMAT)
    assert state["conv5_1.weight"].shape == (8, 8, 3, 3)
    first, *_, last = read_metrics(data / "distilled")
    assert last["relu1_1"] < first["relu1_1"]


def test_features_are_scaled_to_a_size_and_else_stay_the_same():
    torch.manual_seed(4)
    first, then = Encoder((4, 4, 4, 4, 4)).eval(), Encoder((4, 4, 4, 4, 4)).eval()
    x = torch.rand(2, 3, 64, 64)
    layers = ("relu1_2", "relu3_1", "relu5_1")
    with torch.no_grad():
        scaled = copy.deepcopy(then)
        scaled.load_state_dict(slim.sized_as(first, then, x))
        wanted, before, after = (net(x, layers) for net in (first, then, scaled))
    for layer in layers:
        sizes = [float(maps[layer].square().mean()) for maps in (after, wanted)]
        assert sizes[0] == pytest.approx(sizes[1], rel=1e-3)
        factor = after[layer].norm() / before[layer].norm()
        torch.testing.assert_close(after[layer], before[layer] * factor, rtol=1e-3, atol=1e-5)


def test_narrowing_to_all_channels_is_the_teacher_itself(data):
    torch.manual_seed(1)
    teacher = Encoder((4, 4, 4, 4, 4)).eval()
    x = torch.rand(1, 3, 32, 32)
    student = slim.narrowed(teacher, (4, 4, 4, 4, 4), x)
    expected, got = teacher(x, ["relu5_1"])["relu5_1"], student(x, ["relu5_1"])["relu5_1"]
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_unreadable_pictures_are_left_out_and_none_left_is_an_error(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 not a picture")
    with pytest.raises(ValueError, match="no picture below"):
        next(batches(tmp_path, 16, 1, 0))
    Image.new("RGB", (40, 30), (200, 10, 10)).save(tmp_path / "good.png")
    batch = next(batches(tmp_path, 16, 2, 0))
    assert batch.shape == (2, 3, 16, 16) and batch[:, 0].min() > 0.7


def test_a_crop_shows_a_part_of_the_picture_undistorted_and_as_often_mirrored():
    ramp = torch.arange(120.0).expand(3, 80, 120)
    slopes = []
    for seed in range(60):
        crop = random_crop(ramp, 16, random.Random(seed))
        assert crop.shape == (3, 16, 16)
        slopes.append(float(crop[0, 8, 11] - crop[0, 8, 4]) / 7)
    steps = np.abs(slopes)
    assert 80 / 16 / 2.3 * 0.97 < steps.min() < 2.5 and 4.5 < steps.max() < 80 / 16 * 1.03
    assert 15 < sum(slope > 0 for slope in slopes) < 45


def test_without_matplotlib_a_training_says_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"pip install 'velatura\[train\]'"):
        adain.main(adain_options(data))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no pictures"):
        next(batches(tmp_path, 16, 1, 0))


def test_pictures_are_read_upright_in_their_own_depth_and_over_white(tmp_path):
    """As what is painted on is read: 16 bits are not clipped to white, orientation is applied."""
    Image.fromarray(np.full((8, 12), 26_000, np.uint16)).save(tmp_path / "gray16.png")
    assert abs(float(whole_picture(tmp_path / "gray16.png").mean()) - 26_000 / 65535) < 0.01
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (12, 8)).save(tmp_path / "phone.jpg", exif=turned)
    assert whole_picture(tmp_path / "phone.jpg").shape[-2:] == (12, 8)
    Image.new("RGBA", (4, 4)).save(tmp_path / "clear.png")
    assert float(whole_picture(tmp_path / "clear.png").min()) == 1
    (tmp_path / "torn.png").write_bytes((tmp_path / "gray16.png").read_bytes()[:40])
    with pytest.raises(ValueError, match=r"torn\.png cannot be read"):
        whole_picture(tmp_path / "torn.png")


def test_one_broken_picture_does_not_end_a_training(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "good.png")
    data = bytearray((tmp_path / "good.png").read_bytes())
    data[12:16] = b"\0\0\0\0"
    (tmp_path / "bad.png").write_bytes(data)
    crops = batches(tmp_path, 16, 8, seed=1)
    assert all(tuple(next(crops)[0, :, 0, 0]) == (1, 0, 0) for _ in range(3))


def test_a_metric_gives_the_distance_that_the_teacher_sees():
    torch.manual_seed(0)
    projection, maps = torch.randn(9, 4).double(), torch.randn(2, 4, 8, 6).double()
    fit = metric.Fit()
    fit.add(maps, torch.einsum("nc,bchw->bnhw", projection, maps))
    difference = torch.randn(4, 4).double()
    seen = projection @ difference @ projection.T
    through = fit.metric() @ difference @ fit.metric().T
    assert float(through.square().sum() / 4**2) == pytest.approx(float(seen.square().sum() / 9**2), rel=1e-2)


def test_a_metric_is_written_for_its_encoder(data):
    options = metric.MetricOptions(
        encoder=data / "small.safetensors", vgg=data / "vgg.safetensors", content=data / "photos",
        style=data / "paintings", out=data / "small.metric.safetensors", steps=2, crop=32,
    )  # fmt: skip
    state, about = read(metric.main(options), METRIC_FORMAT)
    assert {name: tuple(matrix.shape) for name, matrix in state.items()} == {
        layer: (channels, channels) for layer, channels in zip(FIRST_LAYERS, TINY, strict=True)
    }
    assert about["encoder"] == weights_digest(load_file(data / "small.safetensors"))


def test_the_embedded_encoder_has_its_metric_and_keeps_it_when_prepared():
    encoder = load_backbone("slim")
    assert set(encoder.metric) == set(FIRST_LAYERS)
    assert set(prepared(encoder, pool="avg").metric) == set(FIRST_LAYERS)


def test_what_is_trained_with_a_network_takes_over_its_licence(data):
    licence = {"licence": "MIT, with attribution", "distilled_from": "a teacher"}
    save_file(load_file(data / "small.safetensors"), data / "small.safetensors", metadata=licence)
    assert origin(adain.main(adain_options(data, steps=1))) == licence
    shipped = [path for path in EMBEDDED.glob("slim.*") if path.is_file()]
    assert len({origin(path)["licence"] for path in shipped}) == 1 and len(shipped) == 4
