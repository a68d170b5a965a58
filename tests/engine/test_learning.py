"""Learning a style: what it leaves, what a cancelled one leaves, and what another painter means for it."""

import itertools
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from engines import CONTENT, engine_at, pixels, run, scene, slot, task
from PIL import Image
from velatura.errors import FieldError, VelaturaError
from velatura.recipe import Learn, Style, Stylize
from velatura_daemon.engine import learn as learning
from velatura_daemon.engine.tasks import Checkpointed, Previewed, Progressed
from velatura_models.networks.transform_net import TransformNet
from velatura_models.store.nets import PHOTO, installed, save_net

MOSS = Learn((Style("moss"),), steps=3)
JUDGED = learning._off
"""What a row is judged by; in other tests each counts as better than what was before."""


def small_painter(folder, seed, name="painter"):
    torch.manual_seed(seed)
    net = TransformNet(3, widths=(4, 6, 8), blocks=1)
    torch.nn.init.normal_(net.gamma, 1.0, 0.2)
    about = {"styles": 3, "widths": [4, 6, 8], "blocks": 1}
    save_net(folder / f"{name}.transform.safetensors", "transform", net, about, ["ink", "wool", PHOTO])


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """With a small painter of the user's own in place of the one that ships."""
    with engine_at(tmp_path_factory.mktemp("home")) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr("velatura_daemon.engine.learn.FIRST_LOOK", 0.0)
        patch.setattr("velatura_daemon.engine.learn.CROP", 64)
        patch.setattr("velatura_models.training.style_n_plus_one.STYLE_SIDE", 64)
        small_painter(made.resources.paths.weights / "nets", 0)
        made.resources.library.add("moss", scene(96, 80, 3, seed=5))
        yield made


@pytest.fixture(autouse=True)
def nothing_learned(engine, monkeypatch):
    falling = itertools.count(0, -1)

    def better(*_):
        yield
        return float(next(falling))

    monkeypatch.setattr(learning, "_off", better)
    yield
    for net in installed("style", engine.resources.paths.weights):
        net.path.unlink()
    shutil.rmtree(engine.resources.paths.cache / "learning", ignore_errors=True)


def rows(engine):
    return [net.styles for net in installed("style", engine.resources.paths.weights)]


def test_a_learned_style_is_painted_in_one_pass_by_its_name_and_mixes(engine):
    assert run(engine, Stylize((Style("moss"),))).recipe.method == "adain-skip"
    events = []
    done = run(engine, MOSS, None, pictures=(), events=events, preview_every=0.01)
    steps = [event.step for event in events if isinstance(event, Progressed)]
    assert steps == sorted(steps) and steps[-1] == 2 and done.record["steps"] == 3
    looks = [event for event in events if isinstance(event, Previewed)]
    assert looks and all((look.layout.width, look.layout.height) == (384, 384) for look in looks)
    assert np.ptp(pixels(done)) > 20
    assert engine.resources.library.get("moss").learned == "yes"
    alone = run(engine, Stylize((Style("moss"),)))
    assert alone.recipe.method == "multi" and not alone.record["notes"]
    mixed = run(engine, Stylize((Style("moss", weight=1.0), Style("ink", weight=1.0))))
    assert mixed.recipe.method == "multi" and bytes(mixed.data) != bytes(alone.data)


def test_learning_again_goes_on_and_the_new_row_is_painted(engine):
    run(engine, MOSS, None, pictures=())
    before = run(engine, Stylize((Style("moss"),)))
    again = run(engine, MOSS, None, pictures=())
    assert again.record["steps"] == 6 and again.record["notes"] == ["went on from step 3"]
    assert bytes(run(engine, Stylize((Style("moss"),))).data) != bytes(before.data)


def test_a_row_is_kept_only_where_it_paints_the_style_better(engine, monkeypatch):
    run(engine, MOSS, None, pictures=())  # counts as better, whatever it is
    monkeypatch.setattr(learning, "_off", JUDGED)
    longer = run(engine, replace(MOSS, steps=12), None, pictures=()).record
    assert longer["better"] and longer["off"][1] < longer["off"][0] and len(longer["notes"]) == 1
    engine.resources.library.unlearn("moss")
    shown = run(engine, Stylize((Style("moss"),)), CONTENT, preview_side=50)
    short = run(engine, replace(MOSS, steps=1), CONTENT, pictures=(), preview_side=50)
    assert not short.record["better"] and rows(engine) == []
    assert "does not paint 'Moss' better yet than before" in short.record["notes"][-1]
    assert (pixels(short) == pixels(shown)[..., :3]).all(), "the look is at what the style gives"


def test_what_was_learned_is_taken_out_again(engine):
    before = run(engine, Stylize((Style("moss"),)))
    run(engine, MOSS, None, pictures=())
    assert engine.resources.library.unlearn("moss").learned == "" and rows(engine) == []
    assert bytes(run(engine, Stylize((Style("moss"),))).data) == bytes(before.data)
    for name, words in (("moss", "has learned nothing of"), ("nobody", "no style is called")):
        with pytest.raises(VelaturaError, match=words):
            engine.resources.library.unlearn(name)


def test_a_cancelled_one_leaves_no_row_and_the_next_goes_on(engine):
    steps = engine.run(task(Learn((Style("moss"),), steps=9), None, pictures=()))
    while not (isinstance(event := next(steps), Progressed) and event.step == 2):
        pass
    steps.close()
    assert rows(engine) == [] and engine.resources.library.get("moss").learned == ""
    again = run(engine, MOSS, None, pictures=()).record
    assert again["notes"] == ["went on from step 2"] and again["steps"] == 2 + MOSS.steps


def test_a_stopped_one_keeps_what_it_has(engine):
    done = run(engine, Learn((Style("moss"),), steps=500), None, pictures=(), stopping=lambda: True)
    assert "stopped on request" in done.record["notes"][-1] and rows(engine) == [("moss",)]


def test_a_worker_that_died_is_followed_by_one_that_goes_on(engine, monkeypatch):
    monkeypatch.setattr("velatura_daemon.engine.learn.SAVE_EVERY", 0.0)
    for event in engine.run(task(Learn((Style("moss"),), steps=9), None, pictures=())):
        if isinstance(event, Checkpointed):
            break
    resumed = run(engine, Learn((Style("moss"),), steps=9), None, pictures=(), checkpoint=event.state)
    assert resumed.record["notes"] == [f"went on from step {event.step}"]
    assert resumed.record["steps"] == 9


def test_it_is_tried_on_the_picture_that_is_sent_however_small(engine):
    done = run(engine, MOSS, slot(scene(16, 16), "RGBA"), pictures=())
    assert (done.layout.width, done.layout.height, done.layout.channels) == (16, 16, "RGB")
    smaller = run(engine, MOSS, CONTENT, pictures=(), preview_side=50)
    assert smaller.layout.width == 50


def test_with_another_painter_it_is_painted_as_any_picture_and_says_so(engine):
    nets = engine.resources.paths.weights / "nets"
    run(engine, MOSS, None, pictures=())
    small_painter(nets, 1)
    try:
        assert engine.resources.library.get("moss").learned == "outdated"
        done = run(engine, Stylize((Style("moss"),)))
        assert done.recipe.method == "adain-skip"
        assert "learned for another painter" in done.record["notes"][0]
        assert "velatura styles learn moss" in done.record["notes"][0]
        run(engine, MOSS, None, pictures=())  # for this one
        assert run(engine, Stylize((Style("moss"),))).recipe.method == "multi"
    finally:
        small_painter(nets, 0)


def test_a_style_that_a_network_alone_knows_needs_no_method_and_is_removed_by_its_name(engine):
    library, nets = engine.resources.library, engine.resources.paths.weights / "nets"
    net = TransformNet(1, widths=(4, 6, 8), blocks=1)
    about = {"widths": [4, 6, 8], "blocks": 1}
    save_net(nets / "felt.transform.safetensors", "transform", net, about, ["felt"])
    entry = library.get("felt")
    assert entry in library.list() and (entry.kind, entry.learned, entry.picture) == ("user", "yes", None)
    assert run(engine, Stylize((Style("felt"),), scale=1.5)).recipe.method == "fast"
    with pytest.raises(VelaturaError, match="known to its network alone"):
        run(engine, Stylize((Style("felt"), Style("moss"))))
    library.remove("felt")
    assert not (nets / "felt.transform.safetensors").exists()
    with pytest.raises(VelaturaError, match="no style is called 'felt'"):
        library.get("felt")


def test_one_style_of_a_network_of_several_is_not_removed_with_the_others(engine):
    with pytest.raises(FieldError, match=r"velatura models remove painter.transform"):
        engine.resources.library.remove("ink")


@pytest.mark.parametrize(
    ("name", "words"), [("ink", "which the painter knows already"), ("nobody", "no style is called")]
)
def test_what_cannot_be_learned_is_refused_in_words(engine, name, words):
    with pytest.raises(VelaturaError, match=words):
        run(engine, Learn((Style(name),)), None, pictures=())


@pytest.mark.parametrize(
    "picture",
    [
        np.full((64, 64, 3), 128, np.uint8),
        np.zeros((32, 900, 3), np.uint8),
        np.dstack([scene(40, 32, 3), np.eye(40, 32, dtype=np.uint8) * 255]),
    ],
    ids=["one colour", "long and black", "almost transparent"],
)
def test_odd_pictures_are_learned_without_nan(engine, picture):
    mode = "RGBA" if picture.shape[2] == 4 else "RGB"
    engine.resources.library.add("odd", Image.fromarray(picture, mode))
    try:
        run(engine, Learn((Style("odd"),), steps=2), None, pictures=())
        assert np.isfinite(pixels(run(engine, Stylize((Style("odd"),))))).all()
    finally:
        engine.resources.library.remove("odd")
    assert rows(engine) == []
