"""The store keeps to its budget and says what it holds; the table knows a runner for every kind of recipe."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import velatura_daemon.engine
from engines import STYLE, run
from hypothesis import given
from hypothesis import strategies as st
from velatura.effort import PACE
from velatura.pixels import Layout
from velatura.recipe import RECIPES, Stylize
from velatura_daemon.engine.compose import Canvas, Raster, keep
from velatura_daemon.engine.engine import RUNNERS
from velatura_daemon.engine.resources import CARD, PICTURE, SEEN, Key, Resources, Store, pace_on
from velatura_daemon.engine.tasks import Slot
from velatura_daemon.settings import Settings
from velatura_models.methods.loading import NETWORK
from velatura_models.networks.residency import Resident


@dataclass
class Thing:
    nbytes: int


def key(name, kind=PICTURE) -> Key:
    return kind, name


def names(store: Store, kind: str = PICTURE) -> set:
    return {k[1] for k in store if k[0] == kind}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60))))
def test_no_more_is_kept_than_the_budget(puts):
    store, last = Store(100), {}
    for name, size in puts:
        store[key(name)] = Thing(size)
        last[name] = size
        assert sum(store.bytes_by_kind().values()) <= 100
        assert name in names(store)  # the newest always fits
    assert sum(store.bytes_by_kind().values()) == sum(last[name] for name in names(store))


def test_the_least_recently_used_goes_first():
    store = Store(100)
    for name in "abc":
        store[key(name)] = Thing(30)
    store.get(key("a"))
    store.bytes_by_kind()  # to look is not to use
    store[key("d")] = Thing(30)
    assert names(store) == {"a", "c", "d"}


def test_what_is_larger_than_the_budget_is_not_kept():
    store = Store(100)
    store[key("a")] = Thing(10)
    store[key("b")] = Thing(200)
    assert names(store) == {"a"}


def test_what_was_used_is_measured_again_and_may_have_to_go():
    store, grows = Store(100), Thing(10)
    store[key("old")] = Thing(60)
    store.measure()
    store[key("grows")] = grows
    grows.nbytes = 50
    store.measure()
    assert names(store) == {"grows"} and store.bytes_by_kind() == {PICTURE: 50}
    store.get(key("grows"))
    grows.nbytes = 101
    store.measure()
    assert names(store) == set()


@pytest.fixture
def resources(monkeypatch, tmp_path) -> Resources:
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    return Resources(Settings(dtype="float32", threads=1, cache_mb=64))


def test_the_setting_is_the_budget_and_the_status_adds_up(resources):
    encoder = resources.loader.encoder()
    resources.store[key("p", PICTURE)] = Thing(1000)
    resources.store[key("c", CARD)] = Thing(100)
    status = resources.status()
    assert status["networks"] == ["slim/encoder"]
    assert status["network_bytes"] == Resident(encoder).nbytes and status["picture_bytes"] == 1000
    assert status["cache_bytes"] == Resident(encoder).nbytes + 1100
    assert status["cache_budget_bytes"] == 64 << 20


@given(st.integers(1, 8400), st.integers(0, 500), st.sampled_from([1000, 2500]))
def test_one_budget_holds_the_job_and_what_is_kept(side, other, memory):
    resources = Resources(Settings(dtype="float32", memory_mb=memory))
    picture = Raster(torch.zeros(1).expand(1, 3, side, side), None)
    for name, kept in ((key("other"), Thing(other << 20)), (key("net", NETWORK), Thing(80 << 20))):
        resources.store[name] = kept
    keep(picture, key("this"), resources.store)
    canvas = Canvas(Slot(Layout(side, side), memoryview(b"")), picture, None)
    activations, content = canvas.leaves(resources.job_bytes, resources.store)
    own = 0 if key("this") in resources.store else picture.nbytes
    assert resources.store.currsize + own + activations + content <= memory << 20
    assert activations >= 60 << 20 and key("net", NETWORK) in resources.store


def test_a_trim_leaves_the_networks_unless_they_are_asked_for(resources):
    encoder = resources.loader.encoder()
    for kind in (PICTURE, CARD, SEEN):
        resources.store[key("x", kind)] = Thing(10)
    resources.trim()
    assert set(resources.store.bytes_by_kind()) == {NETWORK}
    assert resources.loader.encoder() is encoder
    resources.trim(networks=True)
    assert resources.status()["cache_bytes"] == 0
    assert resources.loader.encoder() is not encoder


def test_a_network_is_kept_once_for_all_who_see_with_it_and_grows_as_it_works(resources):
    one, other = (replace(resources.loader, method=method).encoder() for method in ("adain", "wct"))
    assert one is other
    half = replace(resources.loader, dtype=torch.bfloat16).encoder()
    assert half is not one
    before = resources.status()["network_bytes"]
    one(torch.rand(1, 3, 32, 32), ("relu4_1",))
    resources.store.measure()
    assert resources.status()["network_bytes"] > before


def test_a_network_loaded_under_inference_serves_gradients_too(resources):
    with torch.inference_mode():
        encoder = resources.loader.encoder()
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    encoder(picture, ("relu2_1",))["relu2_1"].sum().backward()
    assert picture.grad is not None


def test_every_kind_of_recipe_has_its_runner():
    assert set(RUNNERS) == set(RECIPES.values())


def test_nobody_in_the_daemon_asks_which_class_a_recipe_is():
    kinds = {cls.__name__ for cls in RECIPES.values()} | {"Recipe"}
    asked = []
    rooms = Path(velatura_daemon.engine.__file__).parents[1]
    for path in [*rooms.glob("engine/*.py"), *rooms.glob("service/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                named = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                asked += [f"{path.name}:{node.lineno}"] if named & kinds else []
    assert asked == []


def test_no_module_keeps_networks():
    models = Path(velatura_daemon.engine.__file__).parents[3] / "models"
    for path in [*Path(velatura_daemon.engine.__file__).parent.glob("*.py"), *models.rglob("methods/*.py")]:
        assert "lru_cache" not in path.read_text("utf-8"), path.name


def test_a_card_is_trusted_to_be_quicker_until_it_was_measured():
    on_processor, on_card = (pace_on(torch.device(name)) for name in ("cpu", "cuda"))
    assert on_processor == dict(PACE)
    assert {name: 5 * seconds for name, seconds in on_card.items()} == pytest.approx(on_processor)


def test_a_rehearsal_loads_what_paints(engine, monkeypatch):
    """As on a card, where its kernels are compiled by it."""
    monkeypatch.setattr(engine, "resources", Resources(engine.resources.settings))
    engine._rehearse("multi")
    assert [key[1] for key in engine.resources.store if key[0] == NETWORK] == ["painter.transform"]


def test_at_rest_pictures_go_and_networks_in_float32_where_another_precision_is_used(engine, monkeypatch):
    store = engine.resources.store

    def networks():
        return {key[-1] for key in store if key[0] == NETWORK}

    run(engine, Stylize((STYLE,)))
    assert PICTURE in store.bytes_by_kind()
    engine.rest()
    assert PICTURE not in store.bytes_by_kind()
    assert networks() == {torch.float32}, "they are what jobs run in"
    monkeypatch.setattr(engine.resources, "dtype", torch.bfloat16)
    run(engine, Stylize((STYLE,)))
    engine.rest()
    assert networks() == {torch.bfloat16}
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    engine.rest()
    assert not emptied
    monkeypatch.setattr(engine.resources, "device", torch.device("cuda"))
    engine.rest()
    assert emptied, "a card's memory is for other programs, too"
