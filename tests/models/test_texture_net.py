"""Texture networks: the published shape, textures that repeat and tile exactly, and a trainer that trains."""

import numpy as np
import pytest
import torch
from models.driving import write_loss_network
from PIL import Image
from velatura_models.maths.tiling import Box
from velatura_models.networks.encoder import FIRST_LAYERS
from velatura_models.networks.texture_net import TextureNet, noise_field, settle, synthesise, texture_of
from velatura_models.store.files import WeightsError, load_into
from velatura_models.store.nets import describe_net, find_texture, save_net
from velatura_models.training import texture_net as trainer
from velatura_models.training.painting import loss_network
from velatura_models.training.perceptual import Perceptual
from velatura_models.training.run import read_metrics


def convolution(cin, cout, kernel):
    return cin * cout * kernel**2 + cout


def published(scales, width=8):
    """Parameters by the paper's description, section 4.2 and figure 2: a norm has two a channel."""

    def block(a, b):
        return convolution(a, b, 3) + convolution(b, b, 3) + convolution(b, b, 1) + 3 * 2 * b

    joins = [width * k for k in range(2, scales + 1)]
    own = scales * block(3, width)
    return own + sum(block(c, c) + 2 * c for c in joins) + convolution(width * scales, 3, 1)


@pytest.mark.parametrize("scales", [5, 6, 2])
def test_parameters_are_those_of_the_papers_description(scales):
    assert sum(p.numel() for p in TextureNet(scales).parameters()) == published(scales)


def test_five_scales_have_the_papers_sixty_five_thousand_weights_after_the_joins():
    net = TextureNet()
    weights = [p.numel() for p in net.after.parameters() if p.dim() == 4]
    assert sum(weights) == sum(c * c * (9 + 9 + 1) for c in (16, 24, 32, 40)) == 65664
    convolutions = [m for m in net.after.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [m.in_channels for m in convolutions] == [c for c in (16, 24, 32, 40) for _ in range(3)]
    assert [m.kernel_size[0] for m in convolutions] == [3, 3, 1] * 4


def settled(scales=3, norm="batch", seed=0):
    torch.manual_seed(seed)
    net = TextureNet(scales, norm=norm, calm=norm == "batch")
    settle(net, side=32, samples=2)
    return net.eval()


def test_a_texture_repeats_without_a_seam():
    """Rolled noise gives the rolled texture: no place is special, so none is a border."""
    net, field = settled(), noise_field(3, 3, (32, 48))
    rolled = [f.roll((16 // s, 8 // s), (2, 3)) for f, s in zip(field, (4, 2, 1), strict=True)]
    torch.testing.assert_close(net(rolled), net(field).roll((16, 8), (2, 3)))


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_tiles_equal_the_whole(norm):
    net = settled(norm=norm)
    assert net.halo == (20 if net.calm else 16) and net.grid == 4
    whole = texture_of(net, (72, 100), 1, side=512)
    torch.testing.assert_close(texture_of(net, (72, 100), 1, side=24), whole)
    torch.testing.assert_close(whole, net(noise_field(1, 3, (72, 100))))


def test_any_size_is_cut_out_of_the_next_larger_one_on_the_grid():
    net = settled()
    assert torch.equal(texture_of(net, (37, 50), 1), texture_of(net, (40, 52), 1)[:, :, :37, :50])
    boxes = [part[0] for part in synthesise(net, (37, 50), 1, side=24) if part is not None]
    assert sum(box.height * box.width for box in boxes) == 37 * 50


def test_noise_depends_on_seed_scale_and_place_only():
    field = noise_field(7, 2, (256, 192))
    part = noise_field(7, 2, (256, 192), Box(-16, 150, 80, 210))
    columns = torch.arange(150, 210) % 192
    rows = torch.arange(-16, 80) % 256
    assert torch.equal(part[1], field[1][:, :, rows][..., columns])
    assert not torch.equal(field[1], noise_field(8, 2, (256, 192))[1])
    for maps in field:  # uniform in 0..1, also from block to block
        assert abs(float(maps.mean()) - 0.5) < 0.01 and abs(float(maps.var()) - 1 / 12) < 0.002
        assert maps.unique().numel() > 0.99 * maps.numel()


def test_settled_statistics_make_every_channel_of_zero_mean_and_unit_deviation():
    net = settled(2)
    seen = []
    net.get_submodule("own.0.1").register_forward_hook(lambda _, x, y: seen.append(y.clone()))
    net(noise_field(99, 2, (128, 128)))
    mean, std = seen[0].mean((0, 2, 3)), seen[0].std((0, 2, 3))
    assert mean.abs().max() < 0.1 and (std - 1).abs().max() < 0.1


@pytest.mark.parametrize("wrong", [{"norm": "layer"}, {"scales": 0}, {"width": 0}, {"content": True}])
def test_what_cannot_be_built_is_said(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TextureNet(**wrong)


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize((80, 64)).save(tmp_path / "tiles.png")
    write_loss_network(tmp_path / "vgg.safetensors")
    return tmp_path


def options(data, **changed):
    base = {
        "style": data / "tiles.png",
        "out": data / "run",
        "vgg": data / "vgg.safetensors",
        "preset": "tiny",
        "scales": 3,
        "style_side": 64,
    }
    return trainer.TextureNetOptions(**{**base, **changed})


def test_a_texture_is_learned_saved_and_made_again(data):
    path = trainer.main(options(data, steps=30))
    first, *_, last = read_metrics(data / "run")
    assert last["style"] < 0.8 * first["style"]
    assert (data / "run/sheet-000030.jpg").is_file() and (data / "run/loss.png").is_file()
    about = describe_net(path)
    assert path.name == "tiles.texture.safetensors" and about.styles == ("tiles",)
    assert about.trained["steps"] == 30 and "32000" in about.trained["note"]
    net = load_into(TextureNet, about)
    assert torch.equal(texture_of(net, (40, 40), 5), texture_of(net, (40, 40), 5))
    assert not torch.equal(texture_of(net, (40, 40), 5), texture_of(net, (40, 40), 6))


def test_learning_is_resumed(data):
    trainer.main(options(data, norm="instance", rate=0.01, steps=2))
    trainer.main(options(data, norm="instance", rate=0.01, steps=3))
    assert [line["step"] for line in read_metrics(data / "run")] == [2, 3]
    assert set(read_metrics(data / "run")[0]) == {
        "step", "seconds", "style", "range", "colors", "grid", "detail"
    }  # fmt: skip


def test_the_published_preset_and_its_rate():
    preset = trainer.PRESETS["published"]
    assert (preset.steps, preset.batch, preset.rate, preset.crop) == (2000, 16, 0.1, 256)
    for step, power in ((0, 0), (999, 0), (1000, 1), (1199, 1), (1200, 2), (1999, 5)):
        assert trainer.fading(step, 2000) == pytest.approx(0.7**power)


def test_the_network_of_a_style_is_found_and_another_named(tmp_path):
    nets = tmp_path / "nets"
    net = settled()
    save_net(nets / "bark.texture.safetensors", "texture", net, {"scales": 3}, ["bark"])
    assert find_texture("bark", tmp_path).name == "bark"
    with pytest.raises(WeightsError, match=r"'slate'.*bark.*velatura train texture-net"):
        find_texture("slate", tmp_path)


def test_a_network_that_paints_is_refused_in_words(tmp_path):
    wide = {"scales": 3, "content": True}
    path = save_net(tmp_path / "oil.texture.safetensors", "texture", settled(3), wide, ["oil"])
    with pytest.raises(WeightsError, match="not run any more"):
        load_into(TextureNet, describe_net(path))


def test_tensors_of_another_shape_are_refused(tmp_path):
    path = save_net(tmp_path / "bark.texture.safetensors", "texture", settled(3), {"scales": 4}, ["bark"])
    with pytest.raises(WeightsError, match="is no TextureNet"):
        load_into(TextureNet, describe_net(path))


def test_what_looks_like_the_style_is_off_by_nothing_as_any_loss_network_sees_it():
    picture = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    encoder, _ = loss_network(None, torch.device("cpu"))
    assert encoder.metric, "the embedded one weighs Gram matrices as VGG-19 does"
    loss = Perceptual(encoder, (), FIRST_LAYERS)
    assert float(loss.style(loss.features(picture, FIRST_LAYERS), loss.style_targets([picture]))) < 1e-6
