"""Stroke sizes beyond a method's own: painted in a smaller picture first, enlarged, and painted over."""

import io
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from engines import PAINTING, STYLE, pixels, run, scene, slot
from PIL import Image
from velatura.editor.geometry import Rect
from velatura.editor.seen import place_in
from velatura.recipe import Style, Stylize
from velatura_daemon.engine import stylize

PHOTO = np.asarray(Image.fromarray(skimage.data.coffee()).resize((192, 128)))
CONTENT = slot(PHOTO, "RGB")
WHOLE = Rect(0, 0, 192, 128)
MASK = np.zeros((128, 192), np.uint8)
MASK[20:80, 30:100] = 255
PAINTED = Stylize((Style("great-wave"),), method="multi", scale=3.0)
ANY = Stylize((STYLE,), method="adain-skip", scale=6.0)
BOTH = pytest.mark.parametrize("recipe", [PAINTED, ANY], ids=["painter", "any style"])


def made(engine, recipe, content=CONTENT, **more):
    return pixels(run(engine, recipe, content, pictures=(PAINTING, content), **more)).astype(int)


def reduced(picture, factor):
    height, width = picture.shape[:2]
    image = Image.fromarray(picture.astype("u1"))
    return np.asarray(image.resize((width // factor, height // factor), Image.Resampling.BOX)).astype(int)


@BOTH
def test_strokes_are_those_of_a_smaller_picture(engine, recipe):
    """Reduced again, the picture is nearer to one that was painted as small than what the method's own
    strokes give."""
    own = min(recipe.scale, 2.0) if recipe is ANY else 1.0
    factor = int(recipe.scale / own)
    small = slot(np.ascontiguousarray(reduced(PHOTO, factor).astype("u1")), "RGB")
    wanted = made(engine, replace(recipe, scale=own), small)
    large, plain = (reduced(made(engine, replace(recipe, scale=s)), factor) for s in (recipe.scale, own))
    assert np.abs(large - wanted).mean() < 0.75 * np.abs(plain - wanted).mean()


@BOTH
def test_strength_fades_over_the_original_and_0_is_exact(engine, recipe):
    full, half, none = (made(engine, replace(recipe, strength=s)) for s in (1.0, 0.5, 0.0))
    assert (none == PHOTO).all()
    assert np.abs(half - (full + PHOTO) / 2).max() <= 1
    assert run(engine, recipe, CONTENT, pictures=(PAINTING,)).record["strength_in"] == "picture"


@BOTH
def test_outside_of_a_mask_not_a_byte_changes(engine, recipe):
    picture = made(engine, recipe, mask=slot(MASK, "GRAY"))
    assert (picture[MASK == 0] == PHOTO[MASK == 0]).all() and (picture[MASK > 0] != PHOTO[MASK > 0]).any()


@pytest.mark.parametrize("color", ["luminance", "statistics"])
def test_the_contents_colours_are_kept(engine, color):
    recipe = replace(PAINTED, color=color)

    def hue(picture):
        return (picture - picture.mean(-1, keepdims=True)).mean((0, 1))

    ours, theirs = (np.abs(hue(made(engine, r)) - hue(PHOTO)).max() for r in (recipe, PAINTED))
    assert ours < theirs / 2


def test_another_strength_needs_no_pass_and_the_recipe_names_its_size(engine, monkeypatch):
    engine.trim()
    finished = run(engine, PAINTED, CONTENT)
    assert finished.recipe.scale == 3.0 and finished.recipe.method == "multi"
    monkeypatch.setattr(stylize, "stylized", None)
    assert run(engine, replace(PAINTED, strength=0.4), CONTENT).record["cached"]


def test_a_name_that_stands_for_another_picture_is_painted_anew(engine):
    def mine(seed):
        file = io.BytesIO()
        Image.fromarray(scene(96, 80, 3, seed=seed)).save(file, "PNG")
        engine.resources.library.add("mine", file.getvalue())
        return made(engine, replace(ANY, styles=(Style("mine"),)))

    mine(5)
    engine.resources.library.remove("mine")
    again = mine(6)
    engine.trim()
    assert (again == made(engine, replace(ANY, styles=(Style("mine"),)))).all()


def test_tiles_give_what_the_whole_gives(engine, monkeypatch):
    recipe = replace(ANY, scale=4.0)
    whole = made(engine, recipe)
    engine.trim()
    monkeypatch.setattr(engine.resources, "settings", replace(engine.resources.settings, tile=64))
    assert np.abs(made(engine, recipe) - whole).mean() < 2


def test_a_picture_that_is_its_own_reference_is_painted_as_without(engine):
    assert np.abs(made(engine, replace(PAINTED, reference=CONTENT.digest)) - made(engine, PAINTED)).max() <= 2


@BOTH
def test_a_part_begins_as_it_does_in_the_whole(engine, recipe):
    """A reference of half the size is enough to lay out in it what the part lacks."""
    part, reference = np.s_[32:112, 64:160], slot(reduced(PHOTO, 2).astype("u1"), "RGB")
    content = slot(PHOTO[part].copy(), "RGB")
    place = place_in(WHOLE, Rect(64, 32, 96, 80), 2)
    whole = made(engine, recipe)[part]
    recipe, pictures = replace(recipe, reference=reference.digest), (PAINTING, reference)
    off = [
        np.abs(pixels(run(engine, replace(recipe, place=at), content, pictures=pictures)) - whole).mean()
        for at in (place, None)
    ]
    assert off[0] < off[1] / 2


def test_parts_of_the_same_pixels_are_painted_each_at_its_place(engine):
    content, pictures = slot(np.full((64, 64, 3), 120, np.uint8), "RGB"), (PAINTING, CONTENT)
    recipe = replace(PAINTED, reference=CONTENT.digest)
    one, other = (
        pixels(run(engine, replace(recipe, place=place_in(WHOLE, at, 1)), content, pictures=pictures))
        for at in (Rect(0, 0, 64, 64), Rect(100, 50, 64, 64))
    )
    assert (one != other).any()


def test_another_part_needs_the_whole_no_more(engine, monkeypatch):
    engine.trim()
    pictures = (PAINTING, CONTENT)
    for at in (Rect(0, 0, 64, 64), Rect(100, 50, 64, 64)):
        content = slot(PHOTO[at.y : at.bottom, at.x : at.right].copy(), "RGB")
        recipe = replace(PAINTED, reference=CONTENT.digest, place=place_in(WHOLE, at, 1))
        assert run(engine, recipe, content, pictures=pictures).recipe.place == recipe.place
        monkeypatch.setattr(stylize, "stylized", None)


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (3, 200)])
def test_small_pictures_have_no_smaller_ones_to_be_painted_in(engine, size):
    tiny = slot(np.full((*size, 3), 90, np.uint8), "RGB")
    for recipe in (replace(PAINTED, scale=8.0), replace(ANY, scale=8.0)):
        assert made(engine, recipe, tiny).shape == (*size, 3)


def test_step_by_step_the_largest_size_is_a_refinements(engine):
    recipe = Stylize((STYLE,), quality="fine", scale=6.0)
    assert run(engine, recipe, slot(PHOTO[:48, :48].copy(), "RGB")).recipe.scale == 2.0
