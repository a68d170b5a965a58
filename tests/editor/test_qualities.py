"""Qualities: the time is told, what takes long is asked first, a fine picture grows before one's eyes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from velatura.editor import patience
from velatura.editor.geometry import Rect
from velatura.editor.studio import Studio
from velatura.effort import EVALUATIONS, PATIENCE
from velatura.recipe import Refine, Style, Stylize, Texture, Upscale

from editor.fake_paper import FakeDocument, FakePaper, FakeSurface, Shown
from editor.fakes import FakeDaemon, FakeLoop

WIDTH, HEIGHT = 40, 30


@pytest.fixture
def document(paper: FakePaper, studio: Studio) -> FakeDocument:
    studio.look.choose("wave")
    return paper.open(WIDTH, HEIGHT)


def takes(studio: Studio, seconds: float) -> None:
    """A fine picture of the test's size takes so long on this device."""
    pace = seconds / (WIDTH * HEIGHT * EVALUATIONS["fine"])
    engine = {"device": "cpu", "pace": {"neighbours slim": pace, "neighbours vgg19": 4 * pace}}
    studio.link.status = {"engine": engine}


def test_apply_paints_in_the_quality_that_suits_the_device(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """No question where it takes a moment; the layer grows, and its recipe says what it became."""
    takes(studio, PATIENCE / 2)
    task = studio.apply()
    assert task is not None and studio.question is None
    loop.run(0.1)
    recipe = daemon.job.recipe
    assert isinstance(recipe, Stylize) and recipe.quality == "auto"
    daemon.progress(daemon.job, 3, 52)
    daemon.frame(daemon.job, 5)
    loop.run(0.1)
    assert task.can_stop and document.layers[1].locked and set(document.layers[1].pixels) == {5}
    daemon.finish(daemon.job, 9, ran=replace(recipe, quality="fine"))
    loop.run(0.1)
    layer = document.layers[1]
    assert set(layer.pixels) == {9} and not layer.locked
    ran = document.made[layer.id].recipe
    assert isinstance(ran, Stylize) and ran.quality == "fine"
    assert document.steps == ["Velatura: The Wave"]


@pytest.mark.parametrize(("number", "quality"), [(0, "fine"), (1, "fast")])
def test_what_takes_long_is_asked_in_one_line(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, number: int, quality: str
) -> None:
    takes(studio, 40)
    told: list[str] = []
    studio.told.connect(told.append)
    assert studio.apply() is None and studio.question is not None and not daemon.jobs
    assert studio.question.words == told[-1] == "Fine would take about 40 s here."
    assert studio.answer(studio.question.answers[number]) is not None and studio.question is None
    loop.run(0.1)
    recipe = daemon.job.recipe
    assert isinstance(recipe, Stylize) and recipe == replace(studio.look.stylize(), quality=quality)


def test_a_question_may_be_left_and_ends_with_the_look_that_it_was_about(
    studio: Studio, document: FakeDocument, daemon: FakeDaemon
) -> None:
    takes(studio, 40)
    studio.apply()
    assert studio.answer(None) is None and studio.question is None
    studio.apply()
    studio.look.choose("mosaic")
    assert studio.question is None and not daemon.jobs and studio.tasks == ()


def test_nothing_is_asked_of_a_style_without_picture_and_rendering(
    studio: Studio, document: FakeDocument, daemon: FakeDaemon, loop: FakeLoop
) -> None:
    for rendering in (True, False):
        daemon.answers["styles"][0].update(has_picture=False, has_rendering=rendering)
        studio.link.refresh()
        loop.run(0.1)
        takes(studio, 40)
        if rendering:
            assert studio.apply() is None and studio.question is not None
            studio.answer(None)
    assert studio.apply() is not None and studio.question is None


@pytest.mark.parametrize(
    ("recipe", "seconds"),
    [
        (Stylize((Style("wave"),)), 0),
        (Stylize((Style("wave"),), quality="auto", method="wct"), 0),
        (Stylize((Style("wave"),), quality="auto", strength=0.0), 0),
        (Stylize((Style("wave"),), quality="fine"), 52.0),
        (Stylize((Style("wave"),), quality="finest"), 160.0),
        (Refine((Style("wave"),), iterations=300), 90.0),
        (Texture((Style("wave"),), iterations=100), 30.0),
        (Texture((Style("wave"),), method="network"), 0),
        (Upscale(), 0),
    ],
)
def test_the_time_is_known_before_it_starts(
    studio: Studio, recipe: Stylize | Refine | Texture | Upscale, seconds: float
) -> None:
    """By the pace that was measured: here 1 and 0.3 seconds an evaluation of a million pixels."""
    studio.link.status = {"engine": {"pace": {"neighbours slim": 1e-6, "gram slim": 3e-7}}}
    assert patience.seconds(recipe, 1_000_000, studio.link) == pytest.approx(seconds)


def test_refine_paints_at_the_finest_quality_and_says_how_long_it_takes(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    takes(studio, 20)
    studio.look.method = "wct"
    studio.watch()
    assert studio.refine_words == "about 1 min"  # 160 evaluations for 52
    daemon.answers["models"] = [{"name": "vgg19", "kind": "backbone", "installed": True}]
    studio.link.refresh()
    loop.run(0.1)
    takes(studio, 20)
    studio.watch()
    assert studio.refine_words == "about 4 min"
    studio.refine()
    loop.run(0.1)
    recipe = daemon.job.recipe
    assert isinstance(recipe, Stylize) and (recipe.quality, recipe.method) == ("finest", "auto")
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    assert document.layers[1].name == "Velatura: The Wave, refined"
    assert studio.describe(recipe) == "The Wave, refined"


def test_a_selection_becomes_the_mask_of_a_fine_layer_at_its_end(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """Until then it cuts the frames out; where it is no mask, the daemon is told where to work."""
    document.selected = Rect(5, 5, 10, 10)
    studio.look.quality = "fine"
    studio.look.as_mask = True
    studio.apply()
    loop.run(0.1)
    assert daemon.job.mask is None
    daemon.frame(daemon.job, 5)
    loop.run(0.1)
    assert not document.layers[1].masked
    daemon.finish(daemon.job, 9)
    loop.run(0.1)
    assert document.layers[1].masked and len(document.steps) == 2
    studio.look.as_mask = False
    studio.apply()
    loop.run(0.1)
    assert daemon.job.mask is not None


def test_the_preview_is_fast_and_then_what_apply_gives(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    takes(studio, PATIENCE / 2)
    studio.preview.turn(True)
    loop.run(0.1)
    fast = daemon.job
    assert isinstance(fast.recipe, Stylize) and fast.recipe.quality == "fast"
    daemon.finish(fast, 1)
    loop.run(0.1)
    fine = daemon.job
    assert fine.recipe == studio.look.stylize() and fine.options.preview_every > 0
    daemon.progress(fine, 10, 52)
    daemon.frame(fine, 9)
    loop.run(0.1)
    assert isinstance(surface.image, Shown) and set(surface.image.pixels) == {1}, "still coarse"
    daemon.progress(fine, 40, 52)
    daemon.frame(fine, 2)
    loop.run(0.1)
    assert set(surface.image.pixels) == {2}
    assert not studio.preview.full_size and studio.preview.words
    daemon.finish(fine, 3)
    loop.run(0.1)
    assert studio.preview.full_size and studio.preview.words == ""
    studio.look.strength = 0.5
    studio.preview.request(released=False)
    loop.run(0.1)
    daemon.finish(daemon.job, 4)
    loop.run(0.1)
    assert isinstance(daemon.job.recipe, Stylize) and daemon.job.recipe.quality == "fast"
    studio.look.strength = 1.0
    jobs = len(daemon.jobs)
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    assert task.state == "done" and len(daemon.jobs) == jobs and set(document.layers[1].pixels) == {3}


def test_what_would_take_long_is_previewed_finely_in_the_size_that_does_not(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    takes(studio, 3.5 * PATIENCE)
    studio.preview.turn(True)
    loop.run(0.1)
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    fine = daemon.job
    assert isinstance(fine.recipe, Stylize) and fine.recipe.quality == "fine"
    assert fine.content is not None and fine.content.layout.width == WIDTH / 2
    daemon.finish(fine, 2)
    loop.run(0.1)
    assert studio.preview.shown and not studio.preview.full_size and studio.preview.words == ""
    assert studio.apply() is None and studio.question is not None, "that was not what Apply would write"


def test_apply_leaves_the_device_to_itself(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    """The preview goes on being seen until the layer is, and nothing is painted for it meanwhile."""
    takes(studio, PATIENCE / 2)
    studio.preview.turn(True)
    loop.run(0.1)
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    studio.apply()
    loop.run(0.1)
    assert len(daemon.open) == 1 and surface.image is not None
    painting = daemon.job
    daemon.frame(painting, 2)
    loop.run(0.1)
    assert surface.image is None and set(document.layers[1].pixels) == {2}
    studio.look.choose("mosaic")
    studio.preview.request(released=False)
    loop.run(0.1)
    daemon.finish(daemon.job, 3)
    loop.run(0.1)
    shown = surface.image
    assert shown is not None
    daemon.frame(painting, 4)
    loop.run(0.1)
    assert surface.image is shown, "another look is previewed while the layer grows"


def test_a_preview_beside_the_canvas_stays_when_its_layer_is_made(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    surface.canvas = False
    studio.look.quality = "fast"
    studio.preview.turn(True)
    for value in (1, 2):
        loop.run(0.1)
        daemon.finish(daemon.job, value)
    loop.run(0.1)
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    assert task.state == "done" and studio.preview.shown and studio.preview.image is not None
