"""Textures in one pass, as the worker makes them: by name, any size, seamless, the same again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engines import engine_at, pixels, run
from velatura.errors import FieldError, VelaturaError
from velatura.recipe import Style, Texture, check_recipe, recipe_from_map, recipe_to_map
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Progressed
from velatura_models.networks.texture_net import TextureNet, noise_field, settle
from velatura_models.store.nets import save_net


@pytest.fixture(scope="module")
def net() -> TextureNet:
    torch.manual_seed(1)
    made = TextureNet(3)
    settle(made, side=32, samples=1)
    return made.eval()


@pytest.fixture(scope="module")
def engine(net: TextureNet, tmp_path_factory: pytest.TempPathFactory):
    with engine_at(tmp_path_factory.mktemp("home")) as made:
        path = made.resources.paths.weights / "nets/bark.texture.safetensors"
        save_net(path, "texture", net, {"scales": 3}, ["bark"], half=False)
        yield made


def texture(engine: TorchEngine, recipe: Texture, **changed) -> tuple[np.ndarray, list]:
    check_recipe(recipe)
    events: list = []
    return pixels(run(engine, recipe, None, events=events, **changed)), events


def network(width: int, height: int, **more) -> Texture:
    return Texture((Style("bark"),), width, height, method="network", **more)


def test_the_bytes_are_the_networks(engine, net):
    made, events = texture(engine, network(36, 24, seed=5))
    with torch.no_grad():
        wanted = net(noise_field(5, 3, (24, 36))).clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(made - wanted).max() <= 0.51
    assert events[-1].recipe.networks and [e for e in events if isinstance(e, Progressed)][-1].step == 1


def test_a_seed_gives_its_texture_again_and_another_seed_another(engine):
    first, again, other = (texture(engine, network(32, 32, seed=s))[0] for s in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_sizes_off_the_grid_are_cut_or_when_seamless_resampled_around(engine):
    whole, _ = texture(engine, network(40, 32))
    cut, _ = texture(engine, network(39, 30))
    assert np.array_equal(cut, whole[:30, :39])
    seamless, _ = texture(engine, network(39, 30, tileable=True))
    assert seamless.shape == (30, 39, 3)
    steps = np.abs(np.diff(seamless.astype(int), axis=1, append=seamless[:, :1].astype(int))).mean((0, 2))
    assert steps[-1] < 2 * steps.mean()  # the step over the border is like any other


def test_tiles_make_no_difference_and_are_reported(engine, monkeypatch):
    whole, _ = texture(engine, network(100, 60))
    monkeypatch.setattr("velatura_daemon.engine.texture.SIDE", 32)
    tiled, events = texture(engine, network(100, 60))
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert [e.step for e in events if isinstance(e, Progressed)] == list(range(1, 9))


def test_a_preview_bounds_the_result(engine):
    small, _ = texture(engine, network(64, 32), preview_side=16)
    assert small.shape == (8, 16, 3)


def test_what_no_network_makes_is_refused_in_words(engine):
    with pytest.raises(VelaturaError, match=r"no texture network of 'slate'.*bark.*train texture-net"):
        texture(engine, Texture((Style("slate"),), 32, 32, method="network"))
    with pytest.raises(VelaturaError, match="must be one name"):
        texture(engine, Texture((Style(digest="0" * 64),), 32, 32, method="network"))
    with pytest.raises(FieldError, match="blends need `optimise`"):
        check_recipe(Texture((Style("bark"), Style("slate")), method="network"))


def test_recipes_from_before_optimise():
    before = recipe_to_map(Texture((Style("bark"),)))
    del before["method"]
    assert recipe_from_map(before) == Texture((Style("bark"),), method="optimise")
