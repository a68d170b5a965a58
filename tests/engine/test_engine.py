"""The engine on the embedded networks: what a stylize job promises about its pixels, caches and errors."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from engines import CONTENT, PAINTING, STYLE, pixels, run, scene, slot
from PIL import Image
from safetensors import SafetensorError
from skimage.data import chelsea, coffee
from velatura.errors import VelaturaError
from velatura.recipe import Style, Stylize
from velatura_daemon.engine import sources as sources_module
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.resources import SEEN
from velatura_daemon.engine.tasks import Progressed
from velatura_daemon.settings import Settings
from velatura_models.methods.adain import AdaIN


def test_strength_0_gives_the_bytes_back_and_1_changes_them(engine):
    assert bytes(run(engine, Stylize((STYLE,), strength=0.0)).data) == bytes(CONTENT.data)
    assert bytes(run(engine, Stylize((STYLE,))).data) != bytes(CONTENT.data)


def test_outside_the_mask_no_byte_changes(engine):
    mask = np.zeros((72, 104), np.uint8)
    mask[20:40, 30:60] = 200
    after = pixels(run(engine, Stylize((STYLE,)), mask=slot(mask, "GRAY")))
    before = np.frombuffer(CONTENT.data, "u1").reshape(after.shape)
    assert (after[mask == 0] == before[mask == 0]).all()
    assert (after[mask > 0] != before[mask > 0]).any()


def test_an_empty_mask_changes_nothing(engine):
    empty = slot(np.zeros((72, 104), np.uint8), "GRAY")
    assert bytes(run(engine, Stylize((STYLE,)), mask=empty).data) == bytes(CONTENT.data)


def test_a_second_strength_uses_the_cached_features(engine):
    engine.trim()
    assert run(engine, Stylize((STYLE,), strength=0.9)).record["cached"] is False
    cached = run(engine, Stylize((STYLE,), strength=0.4))
    assert cached.record["cached"] is True
    engine.trim()
    fresh = run(engine, Stylize((STYLE,), strength=0.4))
    assert bytes(fresh.data) == bytes(cached.data)


def test_idle_time_rebuilds_the_newest_content(engine):
    engine.trim()
    run(engine, Stylize((STYLE,)))
    store = engine.resources.store
    seen, before = [store.get(key) for key in store if key[0] == SEEN], store.bytes_by_kind()[SEEN]
    assert [e.rebuilt.nbytes for e in seen] == [0]
    while engine.idle():
        pass
    assert all(e.rebuilt.complete for e in seen)
    assert store.bytes_by_kind()[SEEN] > before  # what it grew by is counted
    assert engine.idle() is False


def test_tiles_give_the_untiled_picture(engine):
    big = slot(scene(240, 240), "RGBA")
    whole = pixels(run(engine, Stylize((STYLE,), strength=0.8), big)).astype(int)
    tiled_engine = TorchEngine(Settings(dtype="float32", tile=64, threads=1))
    events = []
    finished = run(tiled_engine, Stylize((STYLE,), strength=0.8), big, events=events)
    assert finished.record["tiles"] == 16
    told = [e for e in events if isinstance(e, Progressed)]
    assert [e.step for e in told] == list(range(told[-1].of + 1)), "each tile of every pass counts"
    assert {e.of for e in told} == {32}, "they are measured, then painted"
    assert np.abs(pixels(finished).astype(int) - whole).max() <= 1


def test_the_same_recipe_gives_the_same_bytes(engine):
    recipe = Stylize((STYLE,), strength=0.7)
    first = run(engine, recipe)
    engine.trim()
    assert bytes(run(engine, recipe).data) == bytes(first.data)


def test_auto_is_resolved_and_recorded(engine):
    finished = run(engine, Stylize((STYLE,)))
    assert finished.recipe.method in ("adain", "adain-skip")
    for key in ("velatura", "torch", "device", "dtype", "threads", "tile", "seconds"):
        assert key in finished.record


def test_a_preview_is_small_and_shows_the_same(engine):
    big = slot(scene(256, 384), "RGBA")
    small = run(engine, Stylize((STYLE,)), big, preview_side=96)
    assert (small.layout.width, small.layout.height) == (96, 64)
    full = Image.fromarray(pixels(run(engine, Stylize((STYLE,)), big))).resize((96, 64))
    assert np.abs(np.asarray(full, int) - pixels(small).astype(int)).mean() < 60


def test_kept_luminance_colours_only_change_in_lightness(engine):
    after = pixels(run(engine, Stylize((STYLE,), color="luminance"))).astype(int)
    before = np.frombuffer(CONTENT.data, "u1").reshape(after.shape).astype(int)
    moved = after[..., :3] - before[..., :3]
    free = ((after[..., :3] > 0) & (after[..., :3] < 255)).all(-1)
    assert free.any() and np.ptp(moved[free], axis=-1).max() <= 1


def test_kept_statistics_bring_the_colours_back(engine):
    photo, painting = (slot(resized, "RGB") for resized in (small(coffee(), 2), small(chelsea(), 2)))

    def distance(color):
        recipe = Stylize((Style(digest=painting.digest),), color=color)
        after = pixels(run(engine, recipe, photo, pictures=(painting,))).astype(float)
        return np.abs(after.mean((0, 1)) - small(coffee(), 2).mean((0, 1))).sum()

    assert distance("statistics") < distance("style") / 2


def small(picture, times=1):
    return np.asarray(Image.fromarray(picture).resize((104 * times, 72 * times)))


def test_a_blend_lies_between_its_styles(engine):
    other = slot(255 - scene(96, 80, 3, seed=9), "RGB")
    pictures = (PAINTING, other)

    def mean(one, two):
        styles = tuple(
            Style(digest=p.digest, weight=w) for p, w in zip(pictures, (one, two), strict=True) if w
        )
        return pixels(run(engine, Stylize(styles), pictures=pictures)).astype(float).mean()

    first, second, between = mean(1, 0), mean(0, 1), mean(1, 1)
    assert min(first, second) - 3 <= between <= max(first, second) + 3


def test_a_single_pixel_and_a_sliver_work(engine):
    for size in ((1, 1), (1, 40), (17, 3)):
        content = slot(scene(*size), "RGBA")
        assert run(engine, Stylize((STYLE,)), content).layout == content.layout


def test_transparent_layers_keep_alpha_and_have_no_halo(engine):
    array = scene().copy()
    array[:, :52, 3] = 0
    array[:, :52, :3] = (255, 0, 255)  # garbage where nothing shows
    clean = array.copy()
    clean[:, :52, :3] = 0
    one = pixels(run(engine, Stylize((STYLE,)), slot(array, "RGBA")))
    two = pixels(run(engine, Stylize((STYLE,)), slot(clean, "RGBA")))
    assert (one[..., 3] == array[..., 3]).all()
    assert (one[:, 52:] == two[:, 52:]).all()


def test_cards_are_computed_once_and_kept_on_disk(engine, monkeypatch):
    engine.trim()
    run(engine, Stylize((STYLE,)))
    engine.trim()
    monkeypatch.setattr(sources_module, "compute_card", lambda *a: pytest.fail("computed again"))
    run(engine, Stylize((STYLE,)))


def test_a_damaged_cached_card_is_made_again(engine):
    run(engine, Stylize((STYLE,)))
    engine.trim()
    cards = list((engine.resources.paths.cache / "cards").rglob("*.safetensors"))
    for card in cards:
        card.write_bytes(b"damaged")
    run(engine, Stylize((STYLE,)))
    assert any(card.read_bytes() != b"damaged" for card in cards)


def test_a_cache_that_cannot_be_written_costs_only_time(engine, monkeypatch):
    def full(*_):
        raise SafetensorError("No space left on device")

    expected = pixels(run(engine, Stylize((STYLE,))))
    for card in (engine.resources.paths.cache / "cards").rglob("*.safetensors"):
        card.unlink()
    engine.trim()
    monkeypatch.setattr(sources_module, "save_card", full)
    found = pixels(run(engine, Stylize((STYLE,))))
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 2, "but for the card's rounding"


def test_stroke_size_changes_the_picture(engine):
    small = pixels(run(engine, Stylize((STYLE,), scale=0.5)))
    large = pixels(run(engine, Stylize((STYLE,), scale=2.0)))
    assert (small != large).any()


@pytest.mark.parametrize(
    ("recipe", "code", "words"),
    [
        (Stylize((Style("no-such-style"),)), "unknown_style", "no-such-style"),
        (Stylize((Style(digest="ab"),)), "unknown_blob", "ab"),
        (Stylize((STYLE,), backbone="vgg19"), "unknown_model", "velatura models pull vgg19"),
        (Stylize((STYLE,), backbone="vgg19-imagenet"), "unknown_model", "no decoder"),
    ],
)
def test_what_cannot_be_done_is_said(engine, recipe, code, words):
    with pytest.raises(VelaturaError, match=words) as caught:
        run(engine, recipe)
    assert caught.value.code == code


def test_out_of_memory_frees_caches_then_says_so_and_the_next_job_passes(engine, monkeypatch):
    run(engine, Stylize((STYLE,)))
    calls = []

    def fail(*args):
        calls.append(engine.resources.store.bytes_by_kind())
        raise torch.OutOfMemoryError("no memory")
        yield

    monkeypatch.setattr(AdaIN, "encode", fail)
    with pytest.raises(VelaturaError, match="does not fit") as caught:
        run(engine, Stylize((STYLE,)), slot(scene(40, 40), "RGBA"))
    assert caught.value.code == "out_of_memory" and len(calls) == 4
    assert SEEN in calls[0] and SEEN not in calls[1]
    monkeypatch.undo()
    run(engine, Stylize((STYLE,)), slot(scene(40, 40), "RGBA"))


def test_the_status_names_the_device_and_why(engine):
    status = engine.status()
    assert (
        status["device"] == str(engine.resources.device)
        and status["device_reason"]
        and status["dtype"] == "float32"
    )
    assert any(name.startswith("slim/") for name in status["networks"])


def test_a_device_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        wanted = f"cuda:{torch.cuda.device_count()}"
    else:
        wanted = "cuda"
    with pytest.raises(VelaturaError, match=wanted):
        TorchEngine(Settings(device=wanted))


def test_16_bit_layers_come_back_finer_than_8_bits(engine):
    deep = slot((scene().astype("<u2") << 8) | 0x5A, "RGBA")
    after = pixels(run(engine, Stylize((STYLE,), strength=0.5), deep))
    assert len(np.unique(after[..., 0] & 0xFF)) > 64


def test_a_style_from_the_library_works_by_name(engine):
    buffer = io.BytesIO()
    Image.fromarray(scene(96, 80, 3, seed=5)).save(buffer, "PNG")
    engine.resources.library.add("my-painting", buffer.getvalue())
    by_name = run(engine, Stylize((Style("my-painting"),)))
    by_picture = run(engine, Stylize((STYLE,)))
    assert bytes(by_name.data) == bytes(by_picture.data)


# -- networks that paint in their own styles -------------------------------------------------------

MULTI = Stylize((Style("mosaic"),), method="multi")


def test_the_network_of_many_styles_is_taken_for_the_styles_that_it_knows(engine):
    names = (Style("mosaic"), Style("starry-night"))
    assert run(engine, Stylize(names)).recipe.method == "multi"
    assert run(engine, Stylize(names, scale=1.5)).recipe.method == "multi"
    assert run(engine, Stylize(names, scale=0.7)).recipe.method == "adain-skip"  # smaller than its own
    assert run(engine, Stylize((*names, STYLE))).recipe.method == "adain-skip"


def test_the_network_of_many_styles_paints_and_says_how_strength_works(engine):
    mask = np.zeros((72, 104), np.uint8)
    mask[20:40, 30:60] = 200
    finished = run(engine, replace(MULTI, scale=0.5), mask=slot(mask, "GRAY"))
    after = pixels(finished)
    before = np.frombuffer(CONTENT.data, "u1").reshape(after.shape)
    assert (after[mask == 0] == before[mask == 0]).all() and (after[mask > 0] != before[mask > 0]).any()
    assert finished.record["strength_in"] == "picture"
    assert finished.recipe.scale == 1.0  # what it was trained for
    assert bytes(run(engine, replace(MULTI, strength=0.0)).data) == bytes(CONTENT.data)


def test_another_strength_of_such_a_network_needs_no_pass(engine):
    engine.trim()
    assert run(engine, MULTI).record["cached"] is False
    cached = run(engine, replace(MULTI, strength=0.4))
    assert cached.record["cached"] is True
    engine.trim()
    assert bytes(run(engine, replace(MULTI, strength=0.4)).data) == bytes(cached.data)


def test_a_style_that_such_a_network_does_not_know_is_refused_in_words(engine):
    with pytest.raises(
        VelaturaError, match=r"paints in the style.*it knows.*and \d+ more.*style-n-plus-one"
    ) as caught:
        run(engine, replace(MULTI, styles=(STYLE,)))
    assert caught.value.code == "unknown_model"


def test_a_job_may_run_on_another_device_or_is_told_that_there_is_none(engine):
    recipe = Stylize((STYLE,))
    with pytest.raises(VelaturaError, match="is 'cuda:77', which torch cannot use"):
        run(engine, recipe, device="cuda:77")
    with pytest.raises(VelaturaError, match="is 'toaster'; allowed are auto, cpu"):
        run(engine, recipe, device="toaster")
    assert bytes(run(engine, recipe, device="cpu").data) == bytes(run(engine, recipe).data)
    assert engine.on("cpu") is engine.resources and not engine.others


@pytest.mark.parametrize(
    "painting",
    [
        np.full((40, 40, 3), (30, 160, 90), np.uint8),
        np.full((1, 1, 3), 200, np.uint8),
        np.dstack([np.full((40, 40, 3), 90, np.uint8), np.zeros((40, 40), np.uint8)]),
        scene(channels=3),
    ],
    ids=["of one colour", "of one pixel", "transparent", "equal to the photo"],
)
def test_an_odd_style_gives_a_picture_without_nan(engine, painting):
    sent = slot(np.ascontiguousarray(painting), "RGBA" if painting.shape[2] == 4 else "RGB")
    recipe = Stylize((Style(digest=sent.digest),))
    for strength, content in ((1.0, CONTENT), (0.5, slot(scene(16, 16), "RGBA"))):
        with np.errstate(invalid="raise"):
            made = run(engine, replace(recipe, strength=strength), content, pictures=(sent,))
        assert made.layout == content.layout
    kept = run(engine, replace(recipe, strength=0.0), pictures=(sent,))
    assert bytes(kept.data) == bytes(CONTENT.data)
