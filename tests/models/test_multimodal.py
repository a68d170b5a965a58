"""Multimodal transfer: the published shape, tiles, and three subnets that learn together."""

import numpy as np
import pytest
import torch
from models.driving import stylized, write_loss_network
from PIL import Image
from velatura_models.maths.tiling import Box, Tile
from velatura_models.methods.loading import Loader, load_method
from velatura_models.methods.method import FoundStyle, StyleShare
from velatura_models.methods.multimodal import Multimodal
from velatura_models.networks.multimodal_net import MultimodalNet
from velatura_models.networks.playback import run_through
from velatura_models.networks.residency import placed
from velatura_models.store.files import WeightsError, load_into
from velatura_models.store.nets import describe_net, save_net
from velatura_models.training import multimodal as trainer
from velatura_models.training.run import read_metrics

WIDTHS = (3, 4, 5)


def published(a, b, c):
    """Parameters by the paper's description, section 3.1, for widths a, b, c: every convolution but the last
    of a subnet has a norm with two numbers a channel."""

    def conv(cin, cout, kernel=3, norm=True):
        return cin * cout * kernel**2 + cout + 2 * cout * norm

    def residual(width, blocks):
        return 2 * blocks * conv(width, width)

    def down(cin):
        return conv(cin, a, 9) + conv(a, b) + conv(b, c)

    def up(width):
        return conv(width, b) + conv(b, a) + conv(a, 3, norm=False)

    style = down(3) + down(1) + 2 * residual(c, 3) + residual(2 * c, 3) + up(2 * c)
    enhance = down(3) + conv(c, c) + residual(c, 5) + conv(c, c) + up(c)  # one more down, one more up
    refine = down(3) + residual(c, 3) + up(c)
    return style + enhance + refine


@pytest.mark.parametrize("widths", [(32, 64, 128), (16, 32, 56), (3, 4, 5)])
def test_parameters_are_those_of_the_papers_description(widths):
    net = MultimodalNet(widths)
    assert sum(p.numel() for p in net.parameters()) == published(*widths)


def test_each_subnet_paints_at_twice_the_size_of_the_one_before():
    torch.manual_seed(0)
    net, x = MultimodalNet(WIDTHS), torch.rand(2, 3, 64, 96)
    made = net(x)
    assert [tuple(m.shape) for m in made] == [(2, 3, 16, 24), (2, 3, 32, 48), (2, 3, 64, 96)]
    layers = sum(len(block.norms) for block in net.blocks)
    assert len(net.strides) == layers == 9 + 9 + 8 + 17 + 11


def test_an_identity_begins_as_one_and_the_paper_has_it_in_the_refine_subnet():
    torch.manual_seed(0)
    x = torch.rand(1, 3, 64, 64)
    _, half, whole = MultimodalNet(WIDTHS)(x)
    above = torch.nn.functional.interpolate(half, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(whole, above)
    quarter, half, _ = MultimodalNet(WIDTHS)(x)
    above = torch.nn.functional.interpolate(quarter, scale_factor=2.0, mode="bilinear")
    assert not torch.allclose(half, above)


def test_luminance_has_a_block_of_its_own():
    """Two colours of one luminance differ for the RGB-block and are one for the L-block."""
    torch.manual_seed(0)
    net = MultimodalNet(WIDTHS)
    seen = {}
    for name in ("rgb", "luminance"):
        conv = net.get_submodule(f"{name}.convs.0")
        conv.register_forward_hook(lambda _, x, y, name=name: seen.setdefault(name, []).append(x[0]))
    red = torch.tensor([0.5, 0.1, 0.1]).view(1, 3, 1, 1)
    light = 0.299 * 0.5 + 0.587 * 0.1 + 0.114 * 0.1
    for color in (red, torch.full((1, 3, 1, 1), light)):
        net(color.expand(1, 3, 64, 64))
    torch.testing.assert_close(*seen["luminance"])
    assert not torch.allclose(*seen["rgb"])


@pytest.mark.parametrize(
    "wrong", [{"widths": [8, 8]}, {"widths": [0, 1, 2]}, {"identity": ["joint"]}, {"upsampling": "cubic"}]
)
def test_what_cannot_be_built_is_said(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MultimodalNet(**wrong)


def test_sides_off_the_grid_are_refused_by_the_network():
    for size in ((64, 72), (48, 64)):
        with pytest.raises(ValueError, match="multiples of 16 of at least 64"):
            MultimodalNet(WIDTHS)(torch.rand(1, 3, *size))


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    for name in ("bark", "slate"):
        net = MultimodalNet(WIDTHS)
        last = net.refine.convs[-1]
        assert isinstance(last, torch.nn.Conv2d)
        torch.nn.init.normal_(last.weight, std=0.1)
        path = tmp_path / f"nets/{name}.multimodal.safetensors"
        save_net(path, "multimodal", net, {"widths": WIDTHS}, [name], half=False)
    return tmp_path


def source(name):
    def nothing():
        raise AssertionError("a network of its own needs neither card nor picture")

    return FoundStyle(name, 1.0, nothing, nothing)


def painted(method, rgb, styles, strength=1.0, **more):
    return stylized(method, rgb, styles, strength, **more)[0]


def test_the_method_paints_what_the_network_paints(weights):
    method = load_method(Loader(method="multimodal", folder=weights))
    target = StyleShare(method.style(source("bark")))
    rgb = torch.rand(1, 3, 80, 64)
    net = load_into(MultimodalNet, describe_net(weights / "nets/bark.multimodal.safetensors"))
    net = placed(net, "cpu")
    expected = net(rgb.contiguous(memory_format=torch.channels_last))[-1]
    torch.testing.assert_close(painted(method, rgb, [target]), expected)
    assert torch.equal(painted(method, rgb, [target], 0.0), rgb)
    assert method.strength_in == "picture"
    small = torch.rand(1, 3, 24, 16)
    assert painted(method, small, [target]).shape == small.shape


def test_styles_and_regions_blend_pictures(weights):
    method = load_method(Loader(method="multimodal", folder=weights))
    rgb = torch.rand(1, 3, 72, 64)
    parts = [method.style(source(name)) for name in ("bark", "slate")]
    one, two = (painted(method, rgb, [StyleShare(part)]) for part in parts)
    blend = painted(method, rgb, [StyleShare(parts[0], 1.0), StyleShare(parts[1], 3.0)], 0.5)
    torch.testing.assert_close(blend, 0.5 * rgb + 0.5 * (0.25 * one + 0.75 * two))
    left = torch.zeros(1, 1, 72, 64)
    left[..., :32] = 1
    split = painted(method, rgb, [StyleShare(parts[0], 1.0, left), StyleShare(parts[1], 1.0, 1 - left)])
    torch.testing.assert_close(split, torch.where(left > 0, one, two), rtol=1e-4, atol=1e-4)


def test_the_halo_covers_all_that_a_pixel_depends_on():
    """The gradient of a pixel, with statistics that are given, ends within it."""
    torch.manual_seed(0)
    net = MultimodalNet(WIDTHS, identity=[])
    x = torch.rand(1, 3, 64, 1344, requires_grad=True)

    def given(index, maps, scale, shift):
        return maps * scale[..., None, None] + 1  # all open: no ReLU hides a path

    made = run_through(net.steps(x, given))[-1]
    made[0, :, 32, 672].sum().backward()
    assert x.grad is not None
    reached = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert 400 < 672 - int(reached.min()) <= Multimodal(Loader()).footprint.halo
    assert 400 < int(reached.max()) - 672 <= Multimodal(Loader()).footprint.halo


def test_tiles_with_exact_statistics_equal_the_whole(weights):
    """But for rounding, which 54 layers of random weights that normalise make visible."""
    torch.manual_seed(1)
    rgb = torch.rand(1, 3, 64, 1184)
    method = load_method(Loader(method="multimodal", folder=weights))
    target = StyleShare(method.style(source("bark")))
    expected = painted(method, rgb, [target])
    whole, cores = Box(0, 0, 64, 1184), (Box(0, 0, 64, 592), Box(0, 592, 64, 1184))
    cut = [Tile(core, core.grown(Multimodal(Loader()).footprint.halo, whole)) for core in cores]
    assert all(tile.outer != whole for tile in cut)
    errors = [
        float((painted(method, rgb, [target], exact=exact, cut=cut) - expected).square().mean().sqrt())
        for exact in (True, False)
    ]
    assert errors[0] < 0.01 * float(expected.std()) and errors[0] < 0.1 * errors[1]


def test_large_canvases_are_cut_on_the_networks_grid(weights):
    method = load_method(Loader(method="multimodal", folder=weights))
    cut = method.footprint.cut(3008, 5008, 1000)
    assert sum(tile.core.height * tile.core.width for tile in cut) == 3008 * 5008
    assert all(side % 16 == 0 for tile in cut for side in (tile.outer.top, tile.outer.left, tile.outer.right))


def test_a_style_without_a_network_is_refused_with_those_there_are(weights):
    method = load_method(Loader(method="multimodal", folder=weights))
    with pytest.raises(WeightsError, match=r"'moss'.*bark.*slate.*velatura train multimodal"):
        method.style(source("moss"))


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for name in ("photos/one.png", "painting.png"):
        small = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)  # fine: every crop is like any other
        if name == "painting.png":
            small = small // 2 + np.array([100, 0, 0], np.uint8)
        Image.fromarray(small).resize((128, 128)).save(tmp_path / name)
    write_loss_network(tmp_path / "vgg.safetensors")
    return tmp_path


def options(data, **changed):
    base = {
        "style": data / "painting.png",
        "content": data / "photos",
        "out": data / "run",
        "vgg": data / "vgg.safetensors",
        "preset": "tiny",
        "content_layers": ("relu2_1",),
        "style_layers": ("relu1_1", "relu2_1"),
    }
    return trainer.MultimodalOptions(**{**base, **changed})


def test_all_subnets_learn_together_and_training_goes_on(data, monkeypatch):
    monkeypatch.setattr(trainer, "with_flats", lambda photos: photos)  # one in 25 steps tells
    trainer.main(options(data, steps=2))
    path = trainer.main(options(data, steps=25, rate=0.003))
    lines = read_metrics(data / "run")
    assert [line["step"] for line in lines] == [2, 25]
    for name in trainer.SUBNETS:
        assert lines[-1][f"{name}.style"] < lines[0][f"{name}.style"]
    assert (data / "run/sheet-000025.jpg").is_file() and (data / "run/loss.png").is_file()
    about = describe_net(path)
    assert path.name == "painting.multimodal.safetensors" and about.styles == ("painting",)
    assert "25 crops of 64 px" in about.trained["note"]
    assert load_into(MultimodalNet, about).widths == (4, 4, 4)


def test_another_network_of_its_widths_is_a_start_however_it_enlarges(data):
    start = trainer.main(options(data, steps=1, upsampling="nearest"))
    path = trainer.main(options(data, steps=1, out=data / "next", start=start, rate=1e-9))
    first, then = (load_into(MultimodalNet, describe_net(each)) for each in (start, path))
    assert [net.refine.upsampling for net in (first, then)] == ["nearest", "bilinear"]
    for one, other in zip(first.parameters(), then.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match=r"widths \(4, 4, 4\), not \(4, 4, 8\)"):
        trainer.main(options(data, out=data / "wide", start=start, widths=(4, 4, 8)))


def test_a_subnet_learns_from_its_own_loss_and_those_behind_it():
    """Section 3.2: the gradient of a loss reaches the subnets before it, not those behind."""
    torch.manual_seed(0)
    net = MultimodalNet(WIDTHS, identity=[])
    for reached, made in enumerate(net(torch.rand(1, 3, 64, 64)), 1):
        net.zero_grad()
        made.sum().backward(retain_graph=True)
        grads = [
            any(p.grad is not None for p in b.parameters()) for b in (net.joint, net.enhance, net.refine)
        ]
        assert grads == [True] * reached + [False] * (3 - reached)


@pytest.mark.parametrize(("wrong", "words"), [({"preset": "huge"}, "huge"), ({"shares": (1.0,)}, "shares")])
def test_bad_options_are_said(data, wrong, words):
    with pytest.raises(ValueError, match=words):
        trainer.main(options(data, **wrong))
