"""Enlargements: what an upscale job promises about size, depth, alpha, tiles and errors."""

import numpy as np
import pytest
import torch
from engines import engine_at, pixels, run, slot
from PIL import Image
from velatura.errors import FieldError, VelaturaError
from velatura.messages import Submit
from velatura.pixels import Layout
from velatura.recipe import Upscale, recipe_from_map, recipe_to_map
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Progressed
from velatura_daemon.service.submission import check_parts, result_bytes
from velatura_daemon.settings import Settings
from velatura_models.networks.superres import SuperResNet
from velatura_models.store.nets import save_net


def scene(height=40, width=56, channels=3):
    """Softer than others, so that rounding between Pillow's two passes does not count."""
    small = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert("RGBA")
    return np.asarray(image)[..., :channels].copy()


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine with a small network of random weights for x4, as the user's own."""
    torch.manual_seed(0)
    architecture = {"factor": 4, "norm": "none", "width": 8, "blocks": 2}
    net = SuperResNet(**architecture)
    torch.nn.init.normal_(net.convs[-1].weight, std=0.1)
    with engine_at(tmp_path_factory.mktemp("home")) as made:
        nets = made.resources.paths.weights / "nets"
        save_net(nets / "own.superres.safetensors", "superres", net, architecture)
        yield made


def test_the_result_is_four_times_as_large_and_strength_0_is_pillows_bicubic(engine):
    content = slot(scene(), "RGB")
    plain = run(engine, Upscale(4, strength=0.0), content)
    assert (plain.layout.width, plain.layout.height) == (224, 160)
    wanted = Image.fromarray(scene()).resize((224, 160), Image.Resampling.BICUBIC)
    assert np.abs(pixels(plain).astype(int) - np.asarray(wanted, int)).max() <= 1
    full, half = (pixels(run(engine, Upscale(4, strength=s), content)).astype(int) for s in (1.0, 0.5))
    assert np.abs(full - pixels(plain)).max() > 5
    free = (full > 0) & (full < 255)
    assert np.abs(half - (full + pixels(plain)) / 2)[free].max() <= 1.5


def test_tiles_give_the_untiled_picture(engine):
    content = slot(scene(90, 120), "RGB")
    whole = run(engine, Upscale(), content)
    events = []
    tiled_engine = TorchEngine(Settings(dtype="float32", tile=160, threads=1))
    tiled_engine.resources.dtype = torch.float32
    tiled = run(tiled_engine, Upscale(), content, events=events)
    assert (whole.record["tiles"], tiled.record["tiles"]) == (1, 9)
    assert [e.step for e in events if isinstance(e, Progressed)][-1] == 9
    assert np.abs(pixels(tiled).astype(int) - pixels(whole).astype(int)).max() <= 1


def test_sixteen_bits_stay_sixteen(engine):
    deep = scene().astype(np.uint16) * 257 + 3
    made = pixels(run(engine, Upscale(), slot(deep, "RGB")))
    assert made.dtype == np.uint16 and len(np.unique(made % 257)) > 200


def test_float_pictures_keep_what_lies_beyond_white(engine):
    bright = np.full((24, 24, 3), 0.5, np.float32)
    bright[6:18, 6:18] = 4.0
    made = pixels(run(engine, Upscale(strength=0.0), slot(bright, "RGB", transfer="linear")))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[40:56, 40:56], 4.0, atol=1e-3)
    np.testing.assert_allclose(made[:8, :8], 0.5, atol=1e-3)


def test_alpha_is_enlarged_and_hidden_colours_do_not_bleed(engine):
    image = np.zeros((32, 32, 4), np.uint8)
    image[:] = (0, 255, 0, 0)
    image[8:24, 8:24] = (200, 0, 0, 255)
    made = pixels(run(engine, Upscale(strength=0.0), slot(image, "RGBA")))
    alpha = Image.fromarray(image[..., 3].astype(np.float32))  # 8 bits would be clipped between the passes
    wanted = np.asarray(alpha.resize((128, 128), Image.Resampling.BICUBIC)).clip(0, 255)
    assert np.abs(made[..., 3] - wanted).max() <= 0.51
    visible = made[..., 3] > 0
    assert made[..., 1][visible].max() <= 1 and made[..., 0][visible].min() >= 199


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 30)])
def test_pictures_smaller_than_the_network_work(engine, size):
    content = slot(scene(*size), "RGB")
    made = run(engine, Upscale(), content)
    assert (made.layout.height, made.layout.width) == (4 * size[0], 4 * size[1])


def test_a_preview_bounds_the_result(engine):
    made = run(engine, Upscale(), slot(scene(), "RGB"), preview_side=112)
    assert (made.layout.width, made.layout.height) == (112, 80)


def test_the_record_names_the_network_and_a_recipe_makes_it_again(engine):
    content = slot(scene(), "RGB")
    first = run(engine, Upscale(4, 0.8), content)
    assert [entry.split()[0] for entry in first.recipe.networks] == ["own.superres"]
    again = run(engine, recipe_from_map(recipe_to_map(first.recipe)), content)
    assert bytes(again.data) == bytes(first.data)


def test_what_cannot_work_is_refused_in_words(engine, monkeypatch):
    content = slot(scene(), "RGB")
    with pytest.raises(FieldError, match=r"recipe.factor: is 6; allowed: 4, 8"):
        recipe_from_map({"kind": "upscale", "factor": 6})
    with pytest.raises(FieldError, match="of the whole picture"):
        run(engine, Upscale(), content, mask=slot(scene(channels=1), "GRAY"))
    with pytest.raises(FieldError, match="of the whole picture"):
        check_parts(Submit(job="j", recipe=Upscale(), content="c", mask="m"))
    monkeypatch.setattr("velatura_models.store.nets.EMBEDDED", engine.resources.paths.weights / "nowhere")
    with pytest.raises(VelaturaError, match="velatura train superres --factor 8"):
        run(engine, Upscale(8), content)


def test_a_result_over_the_limits_is_refused_before_any_work():
    submit = Submit(job="j", recipe=Upscale(8), content="c")
    assert result_bytes(submit, Layout(100, 50, "RGB")) == 800 * 400 * 3
    with pytest.raises(VelaturaError, match="32000 x 24000") as failed:
        result_bytes(submit, Layout(4000, 3000, "RGB"))
    assert failed.value.code == "too_large"
