"""Refine and texture as the worker runs them: events, bytes, checkpoints, stop, and errors in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from engines import CONTENT, PAINTING, STYLE, engine_at, pixels, scene, slot, task
from PIL import Image
from torch import Tensor
from velatura.errors import VelaturaError
from velatura.pairs import Pair
from velatura.pixels import Layout
from velatura.recipe import (
    UNSET,
    Keypoints,
    Recipe,
    Refine,
    Style,
    Stylize,
    Texture,
    check_recipe,
    recipe_to_map,
    settled,
)
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.keypoints import NONE
from velatura_daemon.engine.optimising import tile_side
from velatura_daemon.engine.tasks import Checkpointed, EngineTask, Finished, Previewed, Progressed, Slot
from velatura_models.networks.encoder import Encoder
from velatura_models.optimise.terms import Terms
from velatura_models.store.weights import encoder_path, save_encoder

HEIGHT, WIDTH = 72, 104


REFINE = Refine((STYLE,), iterations=6, levels=1, tv_weight=0.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory):
    with engine_at(tmp_path_factory.mktemp("home")) as made:
        made.warm()
        yield made


@pytest.fixture(autouse=True)
def only_whole_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress after evaluations alone, so that a slow machine tells no more of it."""
    monkeypatch.setattr("velatura_daemon.engine.optimising.TICK", math.inf)


def run(engine: TorchEngine, what: EngineTask) -> tuple[Finished, list]:
    events = list(engine.run(what))
    assert isinstance(events[-1], Finished)
    return events[-1], events


def mask_slot(top: int, left: int, bottom: int, right: int, value: int = 255) -> Slot:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top:bottom, left:right] = value
    return slot(mask[..., None], "GRAY")


def test_every_evaluation_reports_step_losses_and_time_left(engine: TorchEngine) -> None:
    finished, events = run(engine, task(REFINE))
    progress = [event for event in events if isinstance(event, Progressed)]
    assert [event.step for event in progress] == [1, 2, 3, 4, 5, 6]
    assert all(event.of == 6 for event in progress)
    for event in progress:
        assert set(event.losses) == {"content", "style", "total"}
        assert event.losses["total"] == pytest.approx(event.losses["content"] + event.losses["style"])
    assert progress[0].seconds_left > progress[-1].seconds_left == 0
    assert progress[-1].losses["total"] < progress[0].losses["total"]
    assert finished.record["steps"] == 6
    assert finished.layout == CONTENT.layout
    before = np.frombuffer(CONTENT.data, "u1").reshape(HEIGHT, WIDTH, 4)
    assert (pixels(finished)[..., :3] != before[..., :3]).mean() > 0.5
    assert (pixels(finished)[..., 3] == before[..., 3]).all()


def test_refining_works_after_stylizing_loaded_the_networks(engine: TorchEngine) -> None:
    """Stylizing runs in inference mode; what it loads must still serve gradients."""
    run(engine, task(Stylize((STYLE,))))
    run(engine, task(replace(REFINE, iterations=1)))


def test_outside_the_mask_no_byte_changes(engine: TorchEngine) -> None:
    content = slot(scene(channels=3).astype(np.uint16) * 257, "RGB")
    finished, _ = run(engine, task(REFINE, content, mask_slot(20, 30, 40, 60)))
    before = np.frombuffer(content.data, "<u2").reshape(HEIGHT, WIDTH, 3)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[20:40, 30:60] = True
    assert (pixels(finished)[~inside] == before[~inside]).all()
    assert (pixels(finished)[inside] != before[inside]).mean() > 0.5


@pytest.mark.parametrize("place", [(0, 0), (31, 57), (HEIGHT - 1, WIDTH - 1)])
def test_a_mask_of_one_pixel_changes_one_pixel(engine: TorchEngine, place: tuple[int, int]) -> None:
    row, column = place
    recipe = replace(REFINE, levels=3, init="noise")
    finished, events = run(engine, task(recipe, mask=mask_slot(row, column, row + 1, column + 1)))
    losses = [event.losses["total"] for event in events if isinstance(event, Progressed)]
    assert np.isfinite(losses).all()
    changed = (pixels(finished) != pixels(CONTENT)).any(-1)
    assert np.argwhere(changed).tolist() == [[row, column]]


def test_each_region_takes_its_own_style(engine: TorchEngine) -> None:
    """A bright style on the left, a dark one on the right; where no region is, bytes may stay."""
    bright = slot(255 - scene(96, 80, 3, seed=5) // 5, "RGB")
    dark = slot(scene(96, 80, 3, seed=6) // 5, "RGB")
    left, right = mask_slot(0, 0, HEIGHT, 50), mask_slot(0, 50, HEIGHT, WIDTH)
    styles = (Style(digest=bright.digest, mask=left.digest), Style(digest=dark.digest, mask=right.digest))
    recipe = replace(REFINE, styles=styles, iterations=10, content_weight=0.0, style_weight=100.0)
    finished, _ = run(engine, task(recipe, pictures=(bright, dark, left, right)))
    made = pixels(finished)[..., :3].astype(float)
    assert made[:, :50].mean() > made[:, 50:].mean() + 30


def test_every_option_of_the_recipe_reaches_the_optimiser(engine: TorchEngine) -> None:
    """Each of these changes the picture; that the same recipe does not, another test shows."""
    base = replace(REFINE, iterations=2, init="noise")
    changes = [
        {"pooling": "avg"}, {"optimizer": "adam"}, {"seed": 1}, {"tv_weight": 500.0}, {"scale": 0.5},
        {"learning_rate": 0.1}, {"content_weight": 0.1}, {"style_weight": 20.0}, {"color": "luminance"},
        {"color": "statistics"}, {"init": "content"}, {"content_layers": (("relu2_2", 1.0),)},
        {"style_layers": (("relu1_1", 1.0), ("relu3_1", 0.25))},
        {"style_layers": (("relu1_1", 1.0), ("relu3_1", 0.5))},
    ]  # fmt: skip
    made = [bytes(run(engine, task(replace(base, **change)))[0].data) for change in [{}, *changes]]
    assert len(set(made)) == len(made)


def test_a_loss_that_is_not_finite_is_said_with_the_last_good_picture(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = Terms.evaluate, [0]

    def breaks(self: Terms, picture: Tensor):
        found = yield from real(self, picture)
        count[0] += 1
        if count[0] > 3:
            found.losses["total"] = math.nan
        return found

    good, _ = run(engine, task(replace(REFINE, iterations=3)))
    monkeypatch.setattr(Terms, "evaluate", breaks)
    finished, events = run(engine, task(replace(REFINE, iterations=50)))
    assert any("not finite 5 times in a row; kept the last good" in n for n in finished.record["notes"])
    progress = [event for event in events if isinstance(event, Progressed)]
    assert all(math.isfinite(event.losses["total"]) for event in progress)
    assert np.abs(pixels(finished).astype(float) - pixels(good)).max() <= 1


def test_tiles_fit_the_memory_that_the_optimiser_leaves(engine: TorchEngine) -> None:
    encoder = engine.resources.loader.encoder()
    sides = [tile_side(encoder, engine.resources, (side, side)) for side in (256, 1024, 4096)]
    assert sides == sorted(sides, reverse=True) and all(side % 16 == 0 for side in sides)
    # 1500 MB are enough for an uncut picture of 512 pixels, in float32 as well
    assert sides[0] >= 512


def test_a_soft_mask_blends(engine: TorchEngine) -> None:
    """At a quarter of the mask's strength, a quarter of the change."""
    full, _ = run(engine, task(REFINE, mask=mask_slot(0, 0, HEIGHT, WIDTH, 255)))
    faint, _ = run(engine, task(REFINE, mask=mask_slot(0, 0, HEIGHT, WIDTH, 64)))
    before = np.frombuffer(CONTENT.data, "u1").reshape(HEIGHT, WIDTH, 4).astype(float)
    whole, part = pixels(full) - before, pixels(faint) - before
    np.testing.assert_allclose(part, whole * 64 / 255, atol=2.5)


def test_previews_come_at_their_size_while_it_runs(engine: TorchEngine) -> None:
    what = task(REFINE, preview_every=1e-6, preview_side=52)
    finished, events = run(engine, what)
    previews = [event for event in events if isinstance(event, Previewed)]
    assert [event.step for event in previews] == [0, 1, 2, 3, 4, 5, 6], "what it begins with comes at once"
    assert all((event.layout.width, event.layout.height) == (52, 36) for event in previews)
    assert (finished.layout.width, finished.layout.height) == (WIDTH, HEIGHT)
    assert (pixels(previews[0]) != pixels(previews[-1])).any()
    small = np.asarray(Image.fromarray(pixels(finished)).resize((52, 36), Image.Resampling.BOX))
    assert np.abs(small.astype(float) - pixels(previews[-1]))[..., :3].mean() < 6


def test_without_previews_the_side_bounds_the_result(engine: TorchEngine) -> None:
    finished, _ = run(engine, task(REFINE, preview_side=52))
    assert (finished.layout.width, finished.layout.height) == (52, 36)


def test_a_stop_keeps_the_best_so_far(engine: TorchEngine) -> None:
    seen: list[int] = []
    what = task(replace(REFINE, iterations=1000), stopping=lambda: len(seen) >= 3)
    for event in engine.run(what):
        if isinstance(event, Progressed):
            seen.append(event.step)
    assert isinstance(event, Finished)
    assert event.record["steps"] == 3
    assert any("stopped on request at step 3 of 1000" in note for note in event.record["notes"])
    assert bytes(event.data) != bytes(CONTENT.data)


def test_a_cancelled_job_closes_cleanly(engine: TorchEngine) -> None:
    steps = engine.run(task(REFINE))
    while not isinstance(next(steps), Progressed):
        continue
    steps.close()  # type: ignore[attr-defined]  # a generator
    assert list(steps) == []


def test_a_job_resumes_from_its_checkpoint(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("velatura_daemon.engine.optimising.CHECKPOINT_EVERY", 0.0)
    states = [event for event in engine.run(task(REFINE)) if isinstance(event, Checkpointed)]
    assert states
    third = next(event for event in states if event.step >= 3)
    finished, events = run(engine, task(REFINE, checkpoint=third.state))
    progress = [event.step for event in events if isinstance(event, Progressed)]
    assert progress == list(range(third.step + 1, 7))
    assert f"resumed at step {third.step}" in finished.record["notes"]


def test_out_of_memory_a_job_goes_on_from_its_checkpoint(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("velatura_daemon.engine.optimising.CHECKPOINT_EVERY", 0.0)
    evaluate, calls = Terms.evaluate, []

    def short(self: Terms, picture: Tensor):
        calls.append(1)
        if len(calls) == 4:
            raise torch.OutOfMemoryError("no memory")
        return (yield from evaluate(self, picture))

    monkeypatch.setattr(Terms, "evaluate", short)
    finished, _ = run(engine, task(REFINE))
    assert len(calls) == REFINE.iterations + 1
    assert "resumed at step 3" in finished.record["notes"]


def test_a_checkpoint_that_cannot_be_read_is_said_and_the_job_begins_again(engine: TorchEngine) -> None:
    finished, events = run(engine, task(REFINE, checkpoint=b"\x08\0\0\0\0\0\0\0rubbish!"))
    assert next(e for e in events if isinstance(e, Progressed)).step == 1
    assert any("began again" in note for note in finished.record["notes"])


def test_the_same_recipe_gives_the_same_bytes(engine: TorchEngine) -> None:
    recipe = replace(REFINE, init="noise", seed=4, iterations=3)
    one, two = (bytes(run(engine, task(recipe))[0].data) for _ in range(2))
    assert one == two


def test_a_refinement_can_begin_from_the_stylized_picture(engine: TorchEngine) -> None:
    start = run(engine, task(Stylize((STYLE,))))[0]
    recipe = replace(REFINE, init="stylized", iterations=1, learning_rate=1e-4)
    finished, _ = run(engine, task(recipe))
    assert np.abs(pixels(finished).astype(float) - pixels(start)).max() <= 1


def test_a_built_in_style_that_is_a_card_alone_is_refined_from_its_gram_matrices(engine: TorchEngine) -> None:
    names = [entry.name for entry in engine.resources.library.list() if entry.picture is None]
    if not names:
        pytest.fail("the library has no style that ships as a card alone")
    recipe = replace(REFINE, styles=(Style(name=names[0]),), pooling="avg", scale=2.0)
    finished, events = run(engine, task(recipe, pictures=()))
    progress = [event for event in events if isinstance(event, Progressed)]
    assert progress[-1].losses["total"] < progress[0].losses["total"]
    assert isinstance(finished.recipe, Refine)
    assert (finished.recipe.pooling, finished.recipe.scale) == ("max", 1.0)
    assert len(finished.record["notes"]) == 2
    with pytest.raises(VelaturaError, match=r"recipe.style_layers.*conv3_2"):
        run(engine, task(replace(recipe, style_layers=(("conv3_2", 1.0),)), pictures=()))


@pytest.mark.parametrize(
    ("objective", "terms"),
    [
        ("neighbours", {"neighbours", "style", "palette", "content", "total"}),
        ("strotss", {"transport", "moments", "palette", "content", "total"}),
    ],
)
def test_an_objective_is_refined_and_the_result_s_recipe_carries_its_numbers(
    engine: TorchEngine, objective: str, terms: set[str]
) -> None:
    recipe = Refine((STYLE,), objective=objective, iterations=9)
    mask = mask_slot(16, 20, 60, 90)
    finished, events = run(engine, task(recipe, mask=mask, preview_every=1e-6))
    assert finished.recipe == replace(settled(recipe), backbone="slim", networks=finished.recipe.networks)
    own = {name: value for name, value in UNSET[objective].items() if name != "iterations"}
    assert own.items() <= recipe_to_map(finished.recipe).items()
    progress = [event for event in events if isinstance(event, Progressed)]
    assert [event.step for event in progress] == list(range(1, 10))
    assert set(progress[0].losses) == terms
    assert sum(isinstance(event, Previewed) for event in events) >= 8
    changed = (pixels(finished) != pixels(CONTENT)).any(2)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[16:60, 20:90] = True
    assert changed[inside].mean() > 0.5 and not changed[~inside].any()


def test_what_neighbours_see_of_a_style_is_kept(engine: TorchEngine) -> None:
    recipe = Refine((STYLE,), objective="neighbours", iterations=6, levels=1)
    engine.resources.trim()
    first, _ = run(engine, task(recipe))
    held = engine.resources.store.bytes_by_kind()["style"]
    assert held > 100_000
    again, _ = run(engine, task(recipe))
    assert engine.resources.store.bytes_by_kind()["style"] == held
    assert bytes(first.data) == bytes(again.data)


def test_neighbours_of_a_work_whose_picture_is_not_here_are_those_of_its_rendering(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = engine.resources.library
    work = next(entry for entry in library.list() if entry.picture is None)
    recipe = Refine((Style(name=work.name),), objective="neighbours", iterations=3, levels=1, scale=0.5)
    finished, _ = run(engine, task(recipe, pictures=()))
    (note,) = finished.record["notes"]
    assert "rendering" in note and f"(`velatura styles pull {work.name}`)" in note
    monkeypatch.setattr(library, "get", lambda name: replace(work, url=""))
    (note,) = run(engine, task(recipe, pictures=()))[0].record["notes"]
    assert "rendering" in note and "fetched" not in note  # there is no address to pull it from
    monkeypatch.setattr(library, "get", lambda name: replace(work, rendering=None))
    pull = rf"without its picture; fetch that \(`velatura styles pull {work.name}`\)"
    with pytest.raises(VelaturaError, match=pull):
        run(engine, task(recipe, pictures=()))


def test_keypoints_are_drawn_on_the_content_and_told(engine: TorchEngine) -> None:
    content = slot(scene(240, 256, 3), "RGB")
    bent = slot(np.roll(scene(240, 256, 3), (6, 10), (0, 1)), "RGB")
    recipe = Keypoints((Style(digest=bent.digest),), most=8)
    finished, events = run(engine, task(recipe, content, pictures=(bent,)))
    assert sum(isinstance(event, Progressed) for event in events) > 20
    assert finished.record["content"] == finished.record["style"] == [256, 240]
    pairs = np.array(finished.record["pairs"])
    assert 3 <= len(pairs) <= 8
    moved = pairs[:, 2:] - pairs[:, :2]
    assert float((np.abs(moved - (10, 6)).max(1) <= 4).mean()) >= 0.8
    drawn = (pixels(finished) != pixels(content)).any(2)
    assert all(drawn[int(y), int(x)] for x, y, *_ in pairs) and drawn.mean() < 0.3

    gray = slot(np.full((40, 60, 3), 128, np.uint8), "RGB")
    finished, _ = run(engine, task(recipe, gray, pictures=(bent,)))
    assert finished.record["pairs"] == [] and "no good pairs" in finished.record["notes"][0]


PAIRS = (
    Pair(0.2, 0.3, 0.3, 0.35),
    Pair(0.7, 0.3, 0.6, 0.3),
    Pair(0.3, 0.7, 0.3, 0.6),
    Pair(0.7, 0.7, 0.7, 0.8),
)


@pytest.mark.parametrize(
    ("objective", "shapes"), [("gram", "joint"), ("strotss", "only"), ("neighbours", "after")]
)
def test_shapes_move_inside_the_mask_with_previews_and_the_recipe_says_by_which_pairs(
    engine: TorchEngine, objective: str, shapes: str
) -> None:
    recipe = Refine(
        (STYLE,), objective=objective, iterations=4, levels=1, shapes=shapes, pairs=PAIRS, reach=1.0
    )
    finished, events = run(engine, task(recipe, mask=mask_slot(8, 8, 66, 96), preview_every=1e-6))
    assert finished.recipe == replace(settled(recipe), backbone="slim", networks=finished.recipe.networks)
    assert sum(isinstance(event, Previewed) for event in events) >= 3
    losses = next(event for event in events if isinstance(event, Progressed)).losses
    assert ("points" in losses) == (shapes != "after")
    changed = (pixels(finished) != pixels(CONTENT)).any(2)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[8:66, 8:96] = True
    assert changed[inside].any() and not changed[~inside].any()


def test_a_deformation_stops_resumes_and_is_made_again(engine: TorchEngine) -> None:
    recipe = Refine((STYLE,), objective="strotss", iterations=3, levels=1, shapes="joint", pairs=PAIRS)
    whole, events = run(engine, task(recipe))
    state = next(event.state for event in events if isinstance(event, Checkpointed))
    resumed, _ = run(engine, task(recipe, checkpoint=state))
    assert "resumed at step 1" in resumed.record["notes"]
    stopped, events = run(engine, task(recipe, stopping=lambda: True))
    assert any("stopped on request" in note for note in stopped.record["notes"])
    again, _ = run(engine, task(replace(whole.recipe, networks=())))
    assert bytes(again.data) == bytes(whole.data)


@pytest.mark.parametrize("pairs", [(), PAIRS[:2]])
def test_with_too_few_pairs_shapes_stay(engine: TorchEngine, pairs: tuple[Pair, ...]) -> None:
    gray = slot(np.full((40, 60, 3), 128, np.uint8), "RGB")
    recipe = Refine((STYLE,), iterations=2, levels=1, shapes="joint", pairs=pairs)
    finished, _ = run(engine, task(recipe, gray))
    assert isinstance(finished.recipe, Refine) and finished.recipe.shapes == "keep"
    notes = finished.record["notes"]
    words = f"shapes stay: it takes 3 pairs of places, not {len(pairs)}" if pairs else f"{NONE}; shapes stay"
    assert words in notes


def test_strotss_paints_pairs_of_places_alike(engine: TorchEngine) -> None:
    recipe = Refine((STYLE,), objective="strotss", iterations=3, levels=1)
    plain, _ = run(engine, task(recipe))
    paired, _ = run(engine, task(replace(recipe, pairs=PAIRS)))
    assert bytes(plain.data) != bytes(paired.data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"color": "luminance"}, r"color.*leaves colours in their places, but shapes move"),
        ({"pairs": (PAIRS[0], *PAIRS)}, r"pairs\[1\].*same place of the content as \[0\]"),
        ({"pairs": (*PAIRS, Pair(0.5, 1.5, 0.5, 0.5))}, r"pairs\[4\]\.y.*is 1\.5; allowed is 0 to 1"),
        ({"reach": 1.5}, "reach"),
    ],
)
def test_what_cannot_be_deformed_is_a_field_s_error(change: dict, words: str) -> None:
    with pytest.raises(VelaturaError, match=words):
        check_recipe(replace(Refine((STYLE,), shapes="joint", pairs=PAIRS), **change))


@pytest.mark.parametrize("tileable", [False, True])
def test_a_texture_of_any_size(engine: TorchEngine, tileable: bool) -> None:
    recipe = Texture((STYLE,), width=75, height=50, iterations=4, levels=1, tileable=tileable)
    finished, events = run(engine, task(recipe, None, preview_every=1e-6, preview_side=20))
    assert finished.layout == Layout(75, 50, "RGB")
    preview = next(event for event in events if isinstance(event, Previewed))
    assert max(preview.layout.width, preview.layout.height) == 20
    assert pixels(finished).std() > 10


def test_the_backbone_is_vgg19_where_it_was_pulled_and_the_pictures_are_at_hand(engine: TorchEngine) -> None:
    finished, _ = run(engine, task(REFINE))
    assert finished.recipe.backbone == "slim"
    assert run(engine, task(Stylize((STYLE,))))[0].recipe.backbone == "slim"
    path = encoder_path("vgg19", engine.resources.paths.weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_encoder(path, "vgg19", Encoder((4, 8, 8, 8, 8)).state_dict(), {})
    try:
        assert run(engine, task(REFINE))[0].recipe.backbone == "vgg19"
        assert run(engine, task(replace(REFINE, init="stylized")))[0].recipe.backbone == "vgg19"
        assert run(engine, task(Texture((STYLE,), 64, 64, 2)))[0].recipe.backbone == "vgg19"
        assert run(engine, task(Stylize((STYLE,))))[0].recipe.backbone == "slim"
        card = next(e.name for e in engine.resources.library.list() if e.cards and e.picture is None)
        assert run(engine, task(replace(REFINE, styles=(Style(card),))))[0].recipe.backbone == "slim"
    finally:
        path.unlink()


UNPAINTABLE = {
    "transparent": (WIDTH, None, None, "the picture is transparent everywhere"),
    "mask of nothing": (0, (0, 0, 0, 0), None, ""),  # told by whoever read it
    "mask of what is transparent": (50, (0, 0, HEIGHT, 50), None, "the mask covers transparent pixels only"),
    "region beside the mask": (0, (0, 0, 9, 9), (20, 20, 40, 40), "no style has a region where"),
}
"""So many columns that are transparent, the mask, the style's region, what is said."""


@pytest.mark.parametrize("quality", ["refine", "fast", "fine", "finest"])
@pytest.mark.parametrize("case", UNPAINTABLE)
def test_where_nothing_can_be_painted_the_original_comes_back_at_every_quality(
    engine: TorchEngine, quality: str, case: str
) -> None:
    columns, mask, region, said = UNPAINTABLE[case]
    picture = scene().copy()
    picture[:, :columns, 3] = 0
    where = mask_slot(*(region or (0, 0, HEIGHT, WIDTH)))
    style = replace(STYLE, mask=where.digest if region else "")
    recipe = replace(REFINE, styles=(style,)) if quality == "refine" else Stylize((style,), quality=quality)
    over = mask_slot(*mask) if mask else None
    result, _ = run(engine, task(recipe, slot(picture, "RGBA"), over, (PAINTING, where)))
    assert bytes(result.data) == picture.tobytes()
    assert [note for note in result.record["notes"] if said and note.startswith(said)] or not said


@pytest.mark.parametrize("recipe", [REFINE, Stylize((STYLE,)), Texture((STYLE,), 64, 64, 1)])
def test_a_style_of_one_colour_is_told(engine: TorchEngine, recipe: Recipe) -> None:
    plain = slot(np.full((200, 200, 3), (200, 40, 30), np.uint8), "RGB")
    told = task(replace(recipe, styles=(Style(digest=plain.digest),)), pictures=(plain,))
    if isinstance(recipe, Texture):
        told = replace(told, content=None)
    assert any("has one colour only" in said for said in run(engine, told)[0].record["notes"])


def test_what_cannot_be_done_is_said_with_the_field(engine: TorchEngine) -> None:
    def refuse(words: str, what: EngineTask) -> None:
        with pytest.raises(VelaturaError, match=words) as caught:
            run(engine, what)
        known = ("bad_field", "bad_image", "unknown_blob", "unknown_style", "unknown_model")
        assert caught.value.code in known

    refuse("content: is missing", task(REFINE, None))
    refuse("mask: is 10 x 10 pixels", task(REFINE, mask=slot(np.ones((10, 10, 1), np.uint8), "GRAY")))
    no_layer = (("relu6_1", 0.0), ("relu1_1", 1.0))
    refuse("recipe.style_layers: has no relu6_1; known", task(replace(REFINE, style_layers=no_layer)))
    refuse("recipe.content_layers: has no relu6_1; known", task(replace(REFINE, content_layers=no_layer)))
    hole = scene(channels=3).astype("<f4") / 255
    hole[3, 4, 1] = np.nan
    refuse("NaN", task(REFINE, slot(hole, "RGB")))
    refuse("velatura models pull vgg19", task(replace(REFINE, backbone="vgg19")))
    tiny = slot(scene(9, 13, 3), "RGB")
    refuse("13 x 9 pixels", task(replace(REFINE, styles=(Style(digest=tiny.digest),)), pictures=(tiny,)))
    refuse("unknown_style|no style", task(replace(REFINE, styles=(Style(name="no-such-style"),))))
    far = replace(REFINE, styles=(replace(STYLE, mask=PAINTING.digest),))
    refuse("a mask is GRAY", task(far))
    with pytest.raises(VelaturaError, match="nothing to optimise"):
        check_recipe(replace(REFINE, style_weight=0.0, content_weight=0.0))
    with pytest.raises(VelaturaError, match="iterations: is 0; allowed is 1 to 5000"):
        check_recipe(replace(REFINE, iterations=0))


def test_a_large_picture_yields_between_tiles(engine: TorchEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    large = slot(scene(112, 420, 3), "RGB")
    recipe = replace(REFINE, iterations=2)
    whole, _ = run(engine, task(recipe, large))
    monkeypatch.setattr("velatura_daemon.engine.optimising.tile_side", lambda *_: 256)
    tiled, events = run(engine, task(recipe, large))
    assert tiled.record["tile"] == 256
    first = next(i for i, event in enumerate(events) if isinstance(event, Progressed) and event.step == 1)
    assert first > 8  # 3 for each tile, so that others may run
    changed = np.abs(
        pixels(whole).astype(float) - np.frombuffer(large.data, "u1").reshape(112, 420, 3)
    ).mean()
    assert changed > 3
    assert np.abs(pixels(tiled).astype(float) - pixels(whole)).mean() < 0.02 * changed
