"""The live preview: at screen size while a slider moves, then in full; never stale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from velatura.editor import fullsize
from velatura.editor.geometry import Rect
from velatura.editor.memory import Memory
from velatura.editor.paper import Refused
from velatura.editor.preview import LivePreview
from velatura.editor.reduced import LONG_SIDE, STEPS, at_reduced_size, caveat
from velatura.editor.seen import GRID, SCREEN_SIDE, patch, place_in
from velatura.editor.studio import Studio
from velatura.kind import Within
from velatura.recipe import Refine, Style, Stylize, Texture

from editor.fake_paper import FakeDocument, FakePaper, FakeSurface, Shown
from editor.fakes import FakeDaemon, FakeLoop


@pytest.fixture
def document(paper: FakePaper) -> FakeDocument:
    return paper.open(40, 30)


@pytest.fixture
def preview(studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon) -> LivePreview:
    """The preview of a style, shown in full size."""
    studio.look.choose("wave")
    studio.preview.turn(True)
    loop.run(0.1)
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    daemon.finish(daemon.job, 2)
    loop.run(0.1)
    assert studio.preview.full_size and studio.preview.words == ""
    return studio.preview


def slide(studio: Studio, strength: float, released: bool = False) -> None:
    studio.look.strength = strength
    studio.preview.request(released)


def pixels(surface: FakeSurface) -> set[int]:
    assert isinstance(surface.image, Shown)
    return set(surface.image.pixels)


def test_first_at_screen_size_then_in_full(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    paper.open(2 * SCREEN_SIDE + 2, 3)
    studio.look.choose("wave")
    studio.look.scale = 1.8
    studio.preview.turn(True)
    loop.run(0.1)
    small = daemon.job
    assert small.content is not None and small.content.layout.width == -(-(2 * SCREEN_SIDE + 2) // 3)
    assert isinstance(small.recipe, Stylize) and small.recipe.scale == pytest.approx(1.8 / 3, abs=1e-3)
    daemon.finish(small, 1)
    loop.run(0.1)
    assert surface.image == Shown(bytes([1]) * small.content.layout.nbytes, 3, False)
    assert studio.preview.shown and not studio.preview.full_size
    assert "full size" in studio.preview.words
    full = daemon.job
    assert full.recipe == studio.look.stylize() and full.content is not None
    assert full.content.layout.width == 2 * SCREEN_SIDE + 2
    daemon.finish(full, 2)
    loop.run(0.1)
    assert isinstance(surface.image, Shown) and surface.image.full and studio.preview.full_size
    assert paper.active is not None and paper.active.steps == [], "the document never knows"


def test_of_a_small_picture_the_first_is_what_apply_gives(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, paper: FakePaper
) -> None:
    studio.look.quality = "fast"
    studio.look.choose("wave")
    studio.preview.turn(True)
    loop.run(0.1)
    daemon.finish(daemon.job, 1, notes=["it is flat"])
    loop.run(0.1)
    assert len(daemon.jobs) == 1 and studio.preview.full_size and studio.preview.words == "It is flat."
    task = studio.apply()
    loop.run(0.1)
    assert task is not None and task.notes == "It is flat." and len(daemon.jobs) == 1
    assert set(document.layers[1].pixels) == {1}
    slide(studio, 0.5, released=True)
    loop.run(0.1)
    daemon.finish(daemon.job, 2, mixed=(0.25, 0.75))
    loop.run(0.1)
    assert not studio.preview.full_size and len(daemon.jobs) == 3, "one that is mixed is not that"


def test_a_picture_that_goes_while_it_is_read_is_followed_by_what_comes_next(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, paper: FakePaper
) -> None:
    studio.look.choose("wave")
    studio.preview.turn(True)
    paper.close(document)
    loop.run(1)
    assert studio.preview.words == "Open a picture first."
    paper.open(20, 10)
    loop.run(1)
    assert studio.preview.words == "Painting a preview…" and daemon.job.content is not None


def test_a_drag_sends_recipes_only_and_each_replaces_the_one_before(
    preview: LivePreview, studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    before = len(daemon.jobs)
    for strength in (0.9, 0.8, 0.7, 0.6):
        slide(studio, strength)
        loop.run(0.01)
    assert len(daemon.jobs) == before + 1, "one runs; the others only replace what is asked next"
    first = daemon.job
    daemon.finish(first, 3)
    loop.run(0.05)
    newest = daemon.job
    assert newest is not first and isinstance(newest.recipe, Stylize) and newest.recipe.strength == 0.6
    assert newest.content is first.content and newest.options.supersede == first.options.supersede
    daemon.finish(newest, 4)
    loop.run(0.1)
    assert not preview.full_size and len(daemon.jobs) == before + 2, "the hand is still on the slider"
    assert [first.options.slider, newest.options.slider] == ["mixed", "mixed"]
    slide(studio, 0.5, released=True)
    loop.run(0.05)
    assert daemon.job.options.slider == "ahead", "what is seen at rest is exact"
    daemon.finish(daemon.job, 5)
    loop.run(0.05)
    assert daemon.job.recipe == studio.look.stylize() and daemon.job.content is not newest.content
    assert daemon.job.options.slider == "exact"


def test_a_picture_mixed_of_others_tells_nothing_of_how_quick_the_device_is(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(2 * SCREEN_SIDE, 3)
    studio.look.choose("wave")
    studio.look.scale = 0.5  # strokes that cannot shrink any more
    studio.preview.turn(True)
    loop.run(0.1)
    sizes = []
    for strength, mixed in ((0.7, (0.5, 0.75)), (0.6, ())):
        daemon.finish(daemon.job, 1, mixed=mixed)
        loop.run(0.1)
        slide(studio, strength)
        loop.run(0.1)
        assert daemon.job.content is not None
        sizes.append(daemon.job.content.layout.width)
    assert sizes == [SCREEN_SIDE, 2 * SCREEN_SIDE]


def test_moving_on_stops_the_full_size(
    preview: LivePreview, studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    slide(studio, 0.5, released=True)
    loop.run(0.05)
    daemon.finish(daemon.job)
    loop.run(0.05)
    full = daemon.job
    slide(studio, 0.4)
    loop.run(0.05)
    assert full.over and not full.picture


def test_turning_it_off_leaves_nothing(
    preview: LivePreview, studio: Studio, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    slide(studio, 0.5)
    loop.run(0.05)
    preview.turn(False)
    assert surface.image is None and not preview.shown and not daemon.open
    jobs = len(daemon.jobs)
    slide(studio, 0.3, released=True)
    loop.run(3)
    assert len(daemon.jobs) == jobs and surface.image is None


def test_without_a_style_there_is_nothing_to_show(
    preview: LivePreview, studio: Studio, loop: FakeLoop, surface: FakeSurface
) -> None:
    studio.look.toggle("wave")
    preview.request(released=True)
    assert surface.image is None and preview.words == ""


def test_apply_writes_what_the_preview_has_computed(
    preview: LivePreview, studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon,
    surface: FakeSurface,
) -> None:  # fmt: skip
    jobs = len(daemon.jobs)
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    assert task.state == "done" and len(daemon.jobs) == jobs, "no network ran again"
    assert set(document.layers[1].pixels) == {2}
    assert surface.image is None and not preview.shown, "the layer itself is seen"


def test_apply_notices_a_stroke_of_one_pixel(
    preview: LivePreview, studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """F1: a change too small for any thumbnail, made just before Apply, is in what Apply sends."""
    document.layers[0].pixels[1234] ^= 1
    task = studio.apply()
    assert task is not None
    loop.run(0.05)
    assert task.state == "running" and daemon.job.content is not None
    assert bytes(daemon.job.content.read(0, 4800)) == document.layers[0].pixels


@pytest.mark.parametrize("what", ["strength", "selection", "layer"])
def test_apply_takes_no_result_of_something_else(
    preview: LivePreview,
    studio: Studio,
    document: FakeDocument,
    loop: FakeLoop,
    daemon: FakeDaemon,
    what: str,
) -> None:
    if what == "strength":
        studio.look.strength = 0.5
    elif what == "selection":
        document.selected = Rect(2, 2, 5, 5)
    else:
        document.layers.append(
            type(document.layers[0])("l99", "Sea", Rect(0, 0, 40, 30), pixels=document.layers[0].pixels)
        )
        document.active = "l99"
    jobs = len(daemon.jobs)
    studio.apply()
    loop.run(0.05)
    assert len(daemon.jobs) > jobs and daemon.job.recipe == studio.look.stylize()


def test_a_stroke_of_one_pixel_renews_the_preview(
    preview: LivePreview, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    loop.run(3)
    jobs = len(daemon.jobs)
    document.layers[0].pixels[77] ^= 1
    loop.run(2)
    assert len(daemon.jobs) == jobs + 1
    daemon.finish(daemon.job, 6)
    loop.run(0.1)
    assert pixels(surface) == {6}


def test_an_unchanged_layer_asks_for_nothing(
    preview: LivePreview, loop: FakeLoop, daemon: FakeDaemon, paper: FakePaper
) -> None:
    jobs, reads = len(daemon.jobs), paper.reads
    loop.run(20)
    assert (len(daemon.jobs), paper.reads) == (jobs, reads)


def test_a_selection_that_moves_gets_a_new_preview(
    preview: LivePreview, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document.selected = Rect(0, 0, 10, 10)
    jobs = len(daemon.jobs)
    loop.run(1)
    assert len(daemon.jobs) == jobs + 1


def test_it_comes_back_where_something_can_be_painted_on_again(
    preview: LivePreview, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, studio: Studio
) -> None:
    told: list[str] = []
    studio.told.connect(told.append)
    document.selected = Rect(500, 500, 5, 5)
    loop.run(2)
    assert not preview.shown and "does not touch" in preview.words and len(told) == 1
    document.selected = None
    loop.run(1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert preview.shown


def test_a_closed_picture_clears_it(
    preview: LivePreview, paper: FakePaper, document: FakeDocument, loop: FakeLoop, surface: FakeSurface
) -> None:
    paper.close(document)
    loop.run(1)
    assert surface.image is None and preview.words == "Open a picture first."


def test_a_job_that_fails_says_why_and_shows_no_other_look(
    preview: LivePreview, studio: Studio, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    slide(studio, 0.5)
    loop.run(0.05)
    daemon.fail(daemon.job, "unknown_style", "this network does not know it")
    loop.run(0.05)
    assert preview.words == "No preview: this network does not know it" and surface.image is None


def test_it_comes_back_with_the_daemon(
    preview: LivePreview, studio: Studio, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    slide(studio, 0.5)
    loop.run(0.05)
    daemon.die()
    loop.run(1)
    assert preview.words.startswith("No preview") and studio.link.state == "stopped"
    daemon.there = True
    studio.link.restart()
    loop.run(0.5)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert preview.shown


def test_above_a_size_the_full_picture_is_left_to_apply(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fullsize.PIXELS > 10_000_000
    monkeypatch.setattr(fullsize, "PIXELS", 100)
    paper.open(20, 20)
    studio.look.choose("wave")
    studio.preview.turn(True)
    loop.run(0.1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert studio.preview.shown and not daemon.open and paper.reads == 0


def test_without_a_canvas_the_docker_is_told_to_show_it(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    surface.canvas = False
    studio.look.choose("wave")
    studio.preview.turn(True)
    loop.run(0.1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert studio.preview.shown and not studio.preview.on_canvas and studio.preview.image is surface.image


def test_after_a_job_that_failed_it_shows_the_look_as_it_is(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """Apply lets the preview rest, perhaps before it has shown the style that was chosen last."""
    paper.open(40, 30)
    studio.pick("wave")
    loop.run(0.1)
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    studio.pick("mosaic")
    task = studio.apply()
    loop.run(0.1)
    assert task is not None and studio.preview.shown
    daemon.fail(daemon.job, "internal", "it broke")
    loop.run(0.1)
    assert task.state == "failed"
    assert [style.name for style in daemon.job.recipe.styles] == ["mosaic"] and not daemon.job.over


def test_where_the_full_size_would_take_long_it_is_left_to_apply(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """By the time that the small picture took: here a second for a sixteenth of the pixels."""
    paper.open(40, 40)
    studio.look.choose("wave")
    studio.preview.side = 10
    studio.preview.turn(True)
    loop.run(1.0)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert studio.preview.shown and not daemon.open and paper.reads == 0
    assert "2 times finer" in studio.preview.words, "and it says what a reduced picture cannot show"


def test_a_part_is_looked_at_in_full_size(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    document = paper.open(40, 30)
    studio.look.choose("wave")
    preview = studio.preview
    preview.side = preview.close_side = 10
    preview.turn(True)
    loop.run(0.05)
    preview.look_close(True, (39, 0))
    loop.run(0.05)
    part = daemon.job
    assert part.content is not None and preview.original is part.content
    assert bytes(part.content.read(0, 400)) == document.layers[0].cut(Rect(30, 0, 10, 10))
    assert isinstance(part.recipe, Stylize) and part.recipe.scale == 1, "at its own stroke size"
    (whole,) = part.pictures
    assert whole.layout.width == 40 and part.recipe.reference in whole.aliases, (
        "by the statistics of the whole"
    )
    assert part.recipe.place == Within(30 / 40, 0, 10 / 40, 10 / 30), "and where it lies in it"
    daemon.finish(part, 1)
    loop.run(0.05)
    daemon.finish(daemon.job, 2)
    loop.run(0.05)
    assert surface.image == Shown(bytes([2]) * 400, 1, True), "cut out of the full size, once that has come"
    jobs = len(daemon.jobs)
    preview.look_close(True, (0, 0))
    loop.run(0.1)
    assert len(daemon.jobs) == jobs and surface.image == Shown(bytes([2]) * 400, 1, True)


def test_what_takes_many_steps_grows_on_a_small_copy_where_the_selection_is(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    paper.open(2 * LONG_SIDE, 8).selected = Rect(0, 0, 2 * LONG_SIDE, 2)
    studio.look.choose("wave")
    studio.preview.kind = "refine"
    studio.preview.turn(True)
    loop.run(0.1)
    job = daemon.job
    assert isinstance(job.recipe, Refine) and job.recipe.iterations == STEPS and job.recipe.scale == 0.5
    assert job.content is not None and job.content.layout.width == LONG_SIDE and job.options.preview_every
    assert job.mask is not None and bytes(job.mask.read(0, 4 * LONG_SIDE)) == (
        b"\xff" * LONG_SIDE + b"\0" * 3 * LONG_SIDE
    )
    daemon.progress(job, 5, STEPS)
    daemon.frame(job, 7)
    loop.run(0.1)
    assert pixels(surface) == {7} and f"5 of {STEPS}" in studio.preview.words
    slide(studio, 0.5)
    loop.run(0.1)
    assert job.over and daemon.job is not job, "the newest does not wait for one of many steps"


def test_an_enlargement_is_previewed_on_a_part_and_a_texture_at_a_small_size(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(40, 30)
    studio.preview.side = studio.preview.close_side = 16
    studio.preview.kind = "upscale"
    studio.preview.turn(True)
    loop.run(0.1)
    assert daemon.job.content is not None and daemon.job.recipe == studio.look.recipe("upscale")
    assert bytes(daemon.job.content.read(0, 64)) == document.layers[0].cut(Rect(18, 13, 4, 4))
    studio.preview.kind = "texture"
    studio.look.choose("wave")
    studio.preview.request(True)
    loop.run(0.1)
    assert daemon.job.content is None and isinstance(daemon.job.recipe, Texture)
    assert (daemon.job.recipe.width, daemon.job.recipe.height) == (40, 30)


def test_what_a_reduced_picture_cannot_show_is_said() -> None:
    recipe = Stylize((Style("wave"),), scale=1.5)
    assert at_reduced_size(recipe, 3).scale == 0.5 and caveat(recipe, 3) == "", "strokes shrink as far"
    assert at_reduced_size(recipe, 6).scale == 0.5 and "2 times finer" in caveat(recipe, 6)
    assert "Stroke size 150 % keeps them" in caveat(Stylize((Style("wave"),), method="fast"), 1.5)
    painted = Stylize((Style("wave"),))
    assert "2 times finer" in caveat(painted, 2, {"wave"}) and "200 %" in caveat(painted, 2, {"wave"})
    larger = replace(painted, scale=3.0)
    assert caveat(larger, 3, {"wave"}) == "" and at_reduced_size(larger, 2, {"wave"}).scale == 1.5
    assert at_reduced_size(larger, 4, {"wave"}).scale == 1, "no smaller than the network's own"
    assert at_reduced_size(replace(larger, quality="fine"), 2).scale == 1, "step by step 2 is the largest"
    assert "keeps" not in caveat(painted, 9, {"wave"}), "out of the slider's reach"
    assert caveat(Stylize((Style("wave"),)), 1) == ""
    big = Texture((Style("wave"),), width=8 * LONG_SIDE, height=2 * LONG_SIDE, iterations=20)
    small = at_reduced_size(big, 1)
    assert (small.width, small.height, small.scale, small.iterations) == (LONG_SIDE, LONG_SIDE // 4, 0.5, 20)


def test_a_style_that_is_pressed_shows_something(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path
) -> None:
    """The preview comes by itself, or words say what is missing, unless the artist does without."""
    studio.pick("wave")
    assert studio.preview.on and studio.preview.words == "Open a picture first."
    paper.open(40, 30)
    studio.pick("mosaic")
    loop.run(0.1)
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    assert studio.preview.shown
    studio.show_preview(False)
    studio.pick("wave")
    assert not studio.preview.on and Memory(tmp_path / "memory.json").settings["preview"] is False
    for name in ("mosaic", "a", "b", "c"):
        assert not studio.gallery.words
        studio.pick(name, mix=True)
    assert studio.look.styles == ("wave", "mosaic", "a", "b") and "at most four" in studio.gallery.words


def test_after_a_stroke_the_layer_is_looked_at_at_once(
    preview: LivePreview, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    """And where the stroke changed nothing, what is shown closes over it again."""
    loop.run(3)
    shown, surface.image = surface.image, None
    preview.look_now()
    loop.run(0.05)
    assert surface.image is shown
    jobs = len(daemon.jobs)
    document.layers[0].pixels[77] ^= 1
    preview.look_now()
    loop.run(0.05)
    assert len(daemon.jobs) == jobs + 1


def test_zoomed_in_it_is_painted_in_full_size_where_one_looks(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, surface: FakeSurface
) -> None:
    """By the statistics of the whole; it follows the view, and the whole takes its place once it is there."""
    document = paper.open(80, 60)
    studio.look.choose("wave")
    studio.preview.side = 20
    surface.in_sight = Rect(50, 40, 12, 10)
    studio.preview.turn(True)
    loop.run(0.05)
    part = daemon.job
    assert part.content is not None and part.content.layout.width == 20
    assert bytes(part.content.read(0, 1600)) == document.layers[0].cut(Rect(46, 35, 20, 20))
    assert isinstance(part.recipe, Stylize) and part.recipe.reference in part.pictures[0].aliases
    surface.in_sight = Rect(52, 42, 12, 10)
    loop.run(1)
    assert daemon.job is part, "still within what was read"
    surface.in_sight = Rect(0, 0, 12, 10)
    loop.run(0.05)
    daemon.finish(part, 1)
    loop.run(1)
    assert daemon.job.content is not None and daemon.job.content.layout.width == 20
    assert bytes(daemon.job.content.read(0, 1600)) == document.layers[0].cut(Rect(0, 0, 20, 20))
    daemon.finish(daemon.job, 2)
    loop.run(0.1)
    assert daemon.job.content is not None and daemon.job.content.layout.width == 80
    daemon.finish(daemon.job, 3)
    loop.run(0.1)
    assert (
        studio.preview.full_size and isinstance(surface.image, Shown) and len(surface.image.pixels) == 19200
    )
    jobs = len(daemon.jobs)
    surface.in_sight = Rect(30, 30, 12, 10)
    loop.run(2)
    assert len(daemon.jobs) == jobs, "the whole is there"


def test_where_the_device_is_quick_strokes_have_their_size_while_a_slider_moves(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """At half of the size strokes of 70 % cannot shrink as far; here a whole preview takes no time."""
    paper.open(40, 8)
    studio.look.choose("wave")
    studio.preview.side = 20
    studio.preview.turn(True)
    loop.run(0.02)
    assert daemon.job.content is not None and daemon.job.content.layout.width == 20
    daemon.finish(daemon.job, 1)
    loop.run(0.1)
    studio.look.scale = 0.7
    studio.preview.request(released=False)
    loop.run(0.1)
    assert daemon.job.content.layout.width == 40
    assert isinstance(daemon.job.recipe, Stylize) and daemon.job.recipe.scale == 0.7


def test_a_look_that_is_no_recipe_yet_is_said(
    studio: Studio, paper: FakePaper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in GIMP, where a style of one's own may be chosen before its file is."""

    def recipe(*unused: object) -> None:
        raise Refused("No style picture is chosen.")

    paper.open(40, 30)
    studio.look.choose("wave")
    monkeypatch.setattr(studio.look, "recipe", recipe)
    studio.preview.turn(True)
    assert studio.preview.words == "No preview: No style picture is chosen."


def test_where_a_part_lies_in_a_reduced_whole_whose_last_pixels_reach_beyond_it() -> None:
    assert place_in(Rect(10, 0, 101, 50), Rect(35, 10, 51, 40), 2) == Within(25 / 102, 0.2, 0.5, 0.8)


def test_preview_and_apply_take_the_strokes_that_suit_the_layer(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(2048, 2)
    studio.look.choose("wave")
    studio.preview.turn(True)
    loop.run(0.1)
    assert isinstance(daemon.job.recipe, Stylize) and daemon.job.recipe.scale == 1 and studio.look.scale == 2
    studio.apply()
    loop.run(0.1)
    assert isinstance(daemon.job.recipe, Stylize) and daemon.job.recipe.scale == 2
    paper.open(40, 30)
    loop.run(1.0)
    assert studio.look.scale == 1, "another layer, another size"


def test_a_part_lies_on_the_grid_of_strokes_and_has_all_that_is_in_sight() -> None:
    whole = Rect(7, 3, 3000, 2000)
    for factor, view in ((1, Rect(1111, 777, 800, 600)), (2, Rect(1400, 3, 1607, 1300))):
        found = patch(view.middle, SCREEN_SIDE, whole, factor)
        assert whole.contains(found) and found.contains(view)
        assert (found.x - 7) % (GRID * factor) == (found.y - 3) % (GRID * factor) == 0
        assert max(found.width, found.height) <= SCREEN_SIDE * factor
