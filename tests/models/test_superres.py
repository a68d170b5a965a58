"""Super-resolution: the network's published form, its tiles, how pictures are degraded, and its trainer."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from velatura_models.networks.calm import Calm
from velatura_models.networks.superres import SuperResNet, bicubic, degraded
from velatura_models.store.files import WeightsError, load_into
from velatura_models.store.nets import describe_net, find_superres, save_net
from velatura_models.training import superres
from velatura_models.training.run import read_metrics


@pytest.mark.parametrize(("factor", "small"), [(4, 72), (8, 36)])
@pytest.mark.parametrize("form", ["published", "ours"])
def test_the_shapes_are_those_of_the_supplementary_table(factor, small, form):
    published = {"norm": "batch", "upsampling": "transposed", "residual": False}
    net = SuperResNet(factor, **(published if form == "published" else {})).eval()
    shapes = []
    for norm in net.norms:
        norm.register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape[1:])))
    with torch.no_grad():
        made = net(torch.rand(1, 3, small, small))
    ups = [(64, small * 2**k, small * 2**k) for k in range(1, int(math.log2(factor)) + 1)]
    assert shapes == [(64, small, small)] * 9 + ups
    assert made.shape == (1, 3, 288, 288)


def test_what_is_added_has_no_mesh():
    # 1/9 of a cycle a pixel is of a small picture; nearest upsampling repeats it at 1/4 + 1/9
    for cycles, least, most in ((0, 1, 1), (1 / 9, 0.9, 1.05), (1 / 4 + 1 / 9, 0, 0.1)):
        across = torch.cos(2 * math.pi * cycles * torch.arange(64)).expand(1, 3, 64, 64)
        for wave in (across, across.mT):
            left = Calm()(wave)[..., 8:-8, 8:-8].norm() / wave[..., 8:-8, 8:-8].norm()
            assert least - 1e-5 < left < most + 1e-5


@pytest.mark.parametrize("factor", [4, 8])
def test_parameters_are_those_of_the_layers(factor):
    threes = 8 + int(math.log2(factor))
    weights = 3 * 64 * 81 + threes * 64 * 64 * 9 + 64 * 3 * 81
    biases = 64 * (1 + threes) + 3
    norms = 2 * 64 * (1 + threes)
    assert sum(p.numel() for p in SuperResNet(factor).parameters()) == weights + biases + norms
    assert sum(p.numel() for p in SuperResNet(factor, "none").parameters()) == weights + biases


def test_an_untrained_network_is_the_bicubic_enlargement():
    x = torch.rand(2, 3, 12, 10)
    for factor in (4, 8):
        torch.testing.assert_close(SuperResNet(factor).eval()(x), bicubic(x, factor))


@pytest.mark.parametrize("factor", [4, 8])
@pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
def test_no_pixel_depends_on_more_than_the_halo(factor, upsampling):
    torch.manual_seed(0)
    net = SuperResNet(factor, "none", upsampling, width=4, blocks=2, calm=True)
    torch.nn.init.normal_(net.convs[-1].weight)
    x = torch.rand(1, 3, 9, 80, requires_grad=True)
    net(x)[:, :, :, 40 * factor : 41 * factor].sum().backward()
    reached = torch.nonzero(x.grad[0].abs().sum((0, 1))).flatten()
    assert reached.min() >= 40 - net.halo and reached.max() <= 40 + net.halo
    assert reached.max() - 40 >= net.halo - 3  # and it is not much larger than it must be


def test_degrading_is_a_gaussian_of_one_pixel_and_a_bicubic_reduction():
    picture = np.random.default_rng(0).random((48, 64)).astype(np.float32)
    blurred = gaussian_filter(picture, 1.0, mode="mirror", truncate=3.0)
    wanted = np.asarray(Image.fromarray(blurred).resize((16, 12), Image.Resampling.BICUBIC))
    made = degraded(torch.from_numpy(picture).expand(1, 3, -1, -1), 4)
    np.testing.assert_allclose(made[0, 1].numpy(), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"factor": 3}, "allowed: 4, 8"), ({"norm": "instance"}, "none of"), ({"upsampling": "x"}, "none of")],
)
def test_arguments_out_of_range_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        SuperResNet(**change)


def test_pictures_below_the_least_side_are_refused():
    with pytest.raises(ValueError, match="both sides must be at least 8"):
        SuperResNet()(torch.rand(1, 3, 7, 20))


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        small = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(small).resize((128, 96)).save(folder / f"{i}.png")
    return folder


def options(photos, **changed):
    base = {"content": photos, "out": photos.parent / "run", "preset": "tiny", "sheet_every": 2}
    return superres.SuperresOptions(**{**base, **changed})


@pytest.mark.parametrize("factor", [4, 8])
def test_the_trainer_writes_a_network_that_loads(photos, factor):
    seen = []
    path = superres.main(options(photos, factor=factor), lambda step, of, losses: seen.append((step, losses)))
    net = load_into(SuperResNet, describe_net(path))
    assert path.name == f"x{factor}.superres.safetensors" and net.factor == factor
    assert seen[-1][0] == 4 and set(seen[-1][1]) == {"feature", "grid", "pixel"}
    assert (photos.parent / "run/sheet-000004.jpg").is_file()
    assert describe_net(path).trained["loss network"] == "slim"


def test_the_published_preset_is_the_papers_and_trains(photos):
    paper = superres.PRESETS["published"]
    assert (paper.steps, paper.batch, paper.crop, paper.rate) == (200000, 4, 288, 1e-3)
    assert (paper.feature_weight, paper.pixel_weight, superres.LAYER) == (1.0, 0.0, "relu2_2")
    path = superres.main(options(photos, preset="published", steps=1, batch=1, crop=64))
    net = load_into(SuperResNet, describe_net(path))
    assert (net.residual, net.upsampling, type(net.norms[0]).__name__) == (False, "transposed", "BatchNorm2d")


def test_training_goes_on_where_it_stopped(photos):
    superres.main(options(photos, steps=2))
    superres.main(options(photos, steps=3))
    assert [int(line["step"]) for line in read_metrics(photos.parent / "run")] == [2, 3]


def test_the_pixel_loss_falls_below_bicubic(photos):
    lines = []
    superres.main(
        options(photos, steps=60, pixel_weight=100.0, rate=3e-3, sheet_every=100),
        lambda step, of, losses: lines.append(losses["pixel"]),
    )
    bicubic_loss = []
    for crops, _ in zip(superres.batches(photos, 64, 8, 5), range(8), strict=False):
        enlarged = bicubic(degraded(crops, 4), 4)
        bicubic_loss.append(float((enlarged - crops).square().mean()))
    assert lines[-1] < np.mean(bicubic_loss)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"preset": "huge"}, "known: published, quick, tiny"), ({"crop": 50}, "multiple of 4")],
)
def test_options_that_cannot_work_are_refused(photos, change, words):
    with pytest.raises(ValueError, match=words):
        superres.main(options(photos, **change))


def test_a_file_that_is_no_network_is_refused(tmp_path):
    net = torch.nn.Conv2d(3, 3, 1)
    path = save_net(tmp_path / "x4.superres.safetensors", "superres", net, {"factor": 4})
    with pytest.raises(WeightsError, match="is no SuperResNet"):
        load_into(SuperResNet, describe_net(path))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WeightsError, match="truncated or damaged"):
        describe_net(path)
    assert find_superres_or_none(tmp_path) is None


def find_superres_or_none(folder):
    try:
        return find_superres(5, folder)
    except WeightsError as error:
        assert "velatura train superres --factor 5" in str(error)
        return None
