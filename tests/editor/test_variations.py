"""What other settings would do, tried on the layer one after another."""

from __future__ import annotations

from dataclasses import replace

from velatura.editor.studio import Studio
from velatura.recipe import Texture

from editor.fake_paper import FakePaper
from editor.fakes import FakeDaemon, FakeLoop


def test_each_changes_one_setting_and_is_tried_behind_everything_else(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(800, 400)
    studio.look.choose("wave")
    variations, came = studio.variations, []
    variations.picture_came.connect(came.append)
    variations.show(True)
    base = replace(studio.look.stylize(), quality="fast")
    assert len({v.name for v in variations.offered}) == len(variations.offered) >= 6
    for variation in variations.offered:
        loop.run(0.1)
        (job,) = daemon.open
        assert job.recipe == replace(base, **variation.settings) != base
        assert job.options.priority == "batch" and job.content is not None
        assert job.content.layout.width == 160
        assert variations.picture(variation.name) is None
        daemon.finish(job, 1)
    loop.run(0.1)
    assert came == [v.name for v in variations.offered] and not daemon.open
    assert all(variations.picture(name) is not None for name in came)


def test_one_that_is_chosen_goes_into_the_controls(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(80, 40)
    studio.look.choose("wave")
    studio.variations.show(True)
    chosen = next(v for v in studio.variations.offered if "scale" in v.settings)
    studio.vary(chosen)
    assert studio.look.scale == chosen.settings["scale"] != 1 and studio.preview.on


def test_they_follow_the_style_end_with_the_strip_and_survive_a_failure(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    variations = studio.variations
    variations.show(True)
    assert variations.offered == ()
    studio.look.choose("wave")
    assert variations.words == "Open a picture first."
    paper.open(80, 40)
    studio.look.choose("mosaic")
    loop.run(0.1)
    first = daemon.job
    daemon.fail(first, "internal", "no")
    loop.run(0.1)
    assert daemon.job is not first and daemon.job.recipe is not None
    assert [s.name for s in daemon.job.recipe.styles] == ["mosaic"]
    variations.show(False)
    loop.run(0.1)
    assert not daemon.open and variations.offered == ()


def test_textures_vary_by_their_noise_too_and_are_tried_small_and_quickly(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(800, 400)
    studio.look.choose("wave")
    studio.look.seed = 7
    variations = studio.variations
    variations.show(True)
    assert not any("seed" in v.settings for v in variations.offered), "one pass has no noise"
    variations.show_kind("texture")
    seeds = [v.settings["seed"] for v in variations.offered if "seed" in v.settings]
    assert seeds == [8, 9, 10, 11, 12, 13]
    assert {"scale"} == {name for v in variations.offered for name in v.settings} - {"seed"}
    loop.run(0.1)
    (job,) = daemon.open
    recipe = job.recipe
    assert isinstance(recipe, Texture) and job.content is None
    assert (recipe.seed, recipe.width, recipe.height, recipe.iterations) == (8, 192, 192, 60)
    studio.vary(variations.offered[0])
    assert studio.look.seed == 8 and not studio.preview.on
    texture = studio.look.recipe("texture", (640, 480))
    assert isinstance(texture, Texture) and (texture.seed, texture.iterations) == (8, 300)


def test_a_refinement_varies_by_its_noise_where_it_begins_from_any(studio: Studio, paper: FakePaper) -> None:
    paper.open(80, 40)
    studio.look.choose("wave")
    studio.variations.show_kind("refine")
    studio.variations.show(True)
    assert not any("seed" in v.settings for v in studio.variations.offered)
    studio.look.init = "noise"
    studio.variations.show(True)
    assert any("seed" in v.settings for v in studio.variations.offered)


def test_they_come_before_what_the_preview_paints_at_rest(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """A fine preview takes seconds: it ends for small pictures that are looked at, and follows them."""
    paper.open(80, 40)
    studio.look.quality = "fine"
    studio.pick("wave")
    loop.run(0.2)
    daemon.finish(daemon.job, 1)
    loop.run(0.2)
    (fine,) = daemon.open
    assert fine.recipe == studio.look.stylize() and studio.preview.shown
    studio.gallery.in_sight(("wave", "mosaic"))
    studio.gallery.try_on_layer(True)
    loop.run(0.2)
    for _picture in range(2):
        (trial,) = daemon.open
        assert trial.options.priority == "batch" and fine.over and studio.preview.shown
        daemon.finish(trial, 2)
        loop.run(0.2)
    (quick,) = daemon.open
    assert quick.options.priority != "batch"
    daemon.finish(quick, 3)
    loop.run(0.2)
    (fine,) = daemon.open
    assert fine.recipe == studio.look.stylize() and fine.options.priority != "batch"
    daemon.finish(fine, 4)
    loop.run(0.2)
    studio.variations.show(True)
    loop.run(0.2)
    assert all(job.options.priority == "batch" for job in daemon.open)
    while daemon.open:
        daemon.finish(daemon.open[0], 5)
        loop.run(0.2)
    assert daemon.job.options.priority == "batch", "it is there in full size already"
