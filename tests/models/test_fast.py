"""The network of Johnson et al. 2016 in its published form, its losses as the paper writes them, and the
trainer that paints in the user's own style."""

from pathlib import Path

import numpy as np
import pytest
import torch
from models.driving import stylized
from PIL import Image
from velatura_models.methods.loading import Loader, load_method
from velatura_models.methods.method import FoundStyle, StyleShare
from velatura_models.networks.encoder import Encoder
from velatura_models.networks.transform_net import TransformNet
from velatura_models.store.files import WeightsError, load_into
from velatura_models.store.nets import add_net, describe_net, save_net
from velatura_models.training import fast
from velatura_models.training.perceptual import Perceptual, total_variation
from velatura_models.training.run import read_metrics

PUBLISHED = {"norm": "batch", "upsampling": "transposed", "output": "tanh", "valid": True}


def test_the_published_form_has_the_shapes_of_supplementary_table_1():
    net = TransformNet(**PUBLISHED).eval()
    shapes = []

    def normalise(index, maps, scale, shift):
        shapes.append(tuple(maps.shape[1:]))
        return maps

    with torch.no_grad():
        made = net(torch.rand(1, 3, 256, 256), normalise=normalise)
    residual = [(128, side, side) for side in range(82, 62, -2)]
    assert shapes == [
        (32, 336, 336),
        (64, 168, 168),
        (128, 84, 84),
        *residual,
        (64, 128, 128),
        (32, 256, 256),
    ]
    assert made.shape == (1, 3, 256, 256)


def test_the_published_form_has_the_papers_parameters():
    net = TransformNet(**PUBLISHED)
    ends = (3 * 32 + 32 * 3) * 81 + 32 + 3
    between = 2 * (32 * 64 + 64 * 128) * 9 + 64 + 128 + 64 + 32
    residual = 10 * (128 * 128 * 9 + 128)
    normalised = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32)
    assert sum(p.numel() for p in net.convs.parameters()) == ends + between + residual
    assert ends + between + residual + normalised == 1679235


def test_the_published_form_does_not_normalise_its_output():
    torch.manual_seed(0)
    net, photo = TransformNet(**PUBLISHED, widths=(4, 6, 8), blocks=2).eval(), torch.rand(1, 3, 48, 64)
    with torch.no_grad():
        before = net(photo)
        net.gamma[:, -3:], net.beta[:, -3:] = 7.0, 3.0
        assert torch.equal(net(photo), before)
    assert before.min() >= -0.1 and before.max() <= 1.1


def test_losses_are_the_papers_equations_2_to_4():
    torch.manual_seed(0)
    vgg = Encoder((4, 6, 8, 8, 8)).eval().requires_grad_(False)
    loss = Perceptual(vgg, ("relu3_3",), ("relu1_2", "relu2_2"), relative=False)
    made, photos, style = torch.rand(2, 3, 24, 32), torch.rand(2, 3, 24, 32), torch.rand(1, 3, 40, 36)
    terms = loss(made, photos, loss.style_targets([style]), torch.zeros(2, dtype=torch.long))

    def maps(pictures, layer):
        return vgg(pictures, (layer,))[layer].double().numpy()

    def gram(one):  # eq. 3
        c, h, w = one.shape
        psi = one.reshape(c, h * w)
        return psi @ psi.T / (c * h * w)

    content = np.mean(
        [
            ((a - b) ** 2).sum() / a.size
            for a, b in zip(maps(made, "relu3_3"), maps(photos, "relu3_3"), strict=True)
        ]
    )
    wanted = {layer: gram(maps(style, layer)[0]) for layer in ("relu1_2", "relu2_2")}
    painted = np.mean(
        [
            sum(np.linalg.norm(gram(maps(made, layer)[i]) - wanted[layer]) ** 2 for layer in wanted)
            for i in range(2)
        ]
    )
    assert float(terms["content"]) == pytest.approx(content, rel=1e-4)
    assert float(terms["style"]) == pytest.approx(painted, rel=1e-4)


def test_total_variation_is_the_mean_squared_step():
    ramp = torch.arange(6.0).view(1, 1, 1, 6).expand(1, 3, 4, 6) * 0.1
    assert float(total_variation(ramp)) == pytest.approx(0.01)


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(3):
        small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((64, 48)).save(tmp_path / "photos" / f"{i}.png")
    stripes = np.zeros((48, 48, 3), np.uint8)
    stripes[::4] = (220, 40, 30)
    Image.fromarray(stripes).save(tmp_path / "my-painting.png")
    return tmp_path


def options(data, **changed):
    base = {
        "style": data / "my-painting.png",
        "content": data / "photos",
        "out": data / "run",
        "preset": "tiny",
        "style_side": 48,
        "sheet_every": 2,
    }
    return fast.FastOptions(**{**base, **changed})


def test_one_command_trains_a_network_that_the_method_then_paints_with(data):
    seen = []
    path = fast.main(options(data), lambda step, of, losses: seen.append((step, of, losses)))
    about = describe_net(path)
    assert path.name == "my-painting.transform.safetensors" and about.styles == ("my-painting",)
    assert about.trained["steps"] == 4 and about.trained["loss network"] == "slim"
    assert seen[-1][:2] == (4, 4) and set(seen[-1][2]) == {"content", "style", "smooth"}
    assert (data / "run/sheet-000004.jpg").is_file() and (data / "run/loss.png").is_file()

    add_net(path, data / "weights")
    method = load_method(Loader(method="fast", folder=data / "weights"))
    part = method.style(FoundStyle("my-painting", 1.0, lambda: None, lambda: None))
    photo = torch.rand(1, 3, 48, 64)
    made, _ = stylized(method, photo, [StyleShare(part)])
    with torch.no_grad():
        wanted = load_into(TransformNet, about)(photo)
    torch.testing.assert_close(made, wanted, rtol=1e-3, atol=1e-3)


def test_training_goes_on_where_it_stopped(data):
    fast.main(options(data, steps=2))
    fast.main(options(data, steps=3))
    assert [int(line["step"]) for line in read_metrics(data / "run")] == [1, 2, 3]


def test_training_brings_the_style_nearer(data):
    losses = []
    fast.main(
        options(data, steps=60, rate=1e-2, sheet_every=100), lambda s, n, found: losses.append(found["style"])
    )
    assert losses[-1] < 0.7 * losses[0]


def test_published_presets_are_the_published_numbers():
    johnson, coco = fast.PRESETS["published"], fast.PRESETS["coco"]
    assert (johnson.steps, johnson.batch, johnson.crop, johnson.rate) == (40000, 4, 256, 1e-3)
    assert johnson.content_layers == ("relu3_3",)
    assert johnson.style_layers == ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    assert (coco.batch, coco.crop, coco.rate, coco.content_weight, coco.smooth_weight) == (
        8,
        256,
        1e-3,
        2,
        200,
    )
    assert coco.content_layers == ("conv4_2",) and coco.style_layers[0] == "conv1_1"
    assert coco.style_weight == pytest.approx(40 * 0.2) and len(coco.style_layers) == 5
    assert coco.steps * coco.batch == pytest.approx(2 * 82783, abs=8)


@pytest.mark.parametrize("preset", ["published", "coco"])
def test_published_presets_train(data, preset):
    path = fast.main(options(data, preset=preset, steps=1, batch=1, crop=64))
    net = load_into(TransformNet, describe_net(path))
    assert (net.norm, net.valid) == (("batch", True) if preset == "published" else ("instance", False))


def known_net(path, norm="instance", styles=3):
    """A network whose second row makes pictures redder than the others."""
    torch.manual_seed(1)
    architecture = {"styles": styles, "widths": (4, 6, 8), "blocks": 1, "norm": norm}
    net = TransformNet(**architecture)
    if styles > 1:
        net.beta.data[:, -3:] = torch.tensor([-4.0, 4.0, 4.0])
        net.beta.data[1, -3:] = torch.tensor([2.0, -1.0, -1.0])
    names = [f"style-{i}" for i in range(styles)]
    return save_net(path, "transform", net, architecture, names, half=False), net


def test_a_start_gives_its_convolutions_and_its_nearest_row(data):
    path, known = known_net(data / "known.transform.safetensors")
    written = fast.main(options(data, start=str(path), steps=1, rate=0.0))
    net = load_into(TransformNet, describe_net(written))
    assert net.styles == 1
    torch.testing.assert_close(net.beta[0], known.beta[1], rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(net.convs[0].weight, known.convs[0].weight, rtol=1e-2, atol=1e-2)


def test_a_sweep_trains_every_pair_and_draws_them(data):
    seen = []
    path = fast.main(
        options(data, steps=1, content_weights=(1.0, 3.0), style_weights=(1.0, 10.0)),
        lambda step, of, losses: seen.append((step, of)),
    )
    assert path == data / "run/sweep.jpg" and Image.open(path).width > 300
    runs = sorted(folder.name for folder in (data / "run").iterdir() if folder.is_dir())
    assert runs == ["content-1-style-1", "content-1-style-10", "content-3-style-1", "content-3-style-10"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"preset": "best"}, ValueError, "known: published, coco, quick, tiny"),
        ({"crop": 34}, ValueError, "multiple of 4"),
        ({"crop": 8}, ValueError, "at least 16"),
        ({"start": "nobody"}, WeightsError, "no transform network 'nobody' is installed"),
        ({"vgg": Path(__file__)}, ValueError, "holds no VGG-shaped encoder"),
        ({"content": Path("/nowhere")}, FileNotFoundError, "below /nowhere, which does not exist"),
        ({"content": Path(__file__)}, FileNotFoundError, "which is a file; name a folder"),
    ],
)
def test_options_that_cannot_work_are_refused(data, change, error, words):
    with pytest.raises(error, match=words):
        fast.main(options(data, **change))


def test_a_start_that_is_another_kind_is_refused(data):
    conv = torch.nn.Conv2d(3, 3, 1)
    path = save_net(data / "x.superres.safetensors", "superres", conv, {"factor": 4})
    with pytest.raises(WeightsError, match="is no TransformNet"):
        fast.main(options(data, start=str(path)))
