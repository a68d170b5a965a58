"""A recipe's reference: all frames of a clip are normalised by one picture's statistics."""

import io
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
from engines import pixels, run, scene, slot
from PIL import Image
from velatura.errors import VelaturaError
from velatura.recipe import Style, Stylize
from velatura_models.methods.picture_method import PictureMethod

METHODS = ["multi", "adain-skip", "wct"]
SIDE = 128
FRAME = np.asarray(Image.fromarray(skimage.data.coffee()).resize((SIDE, SIDE)))
MOVED = FRAME.copy()
MOVED[8:40, 8:40] = (255, 240, 0)  # something enters the picture
STILL_FRAME, MOVED_FRAME = slot(FRAME, "RGB"), slot(MOVED, "RGB")


def recipe(method, **fields):
    return Stylize((Style("great-wave"),), method=method, **fields)


@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_move_stays_when_something_else_does(engine, method):
    """Far from the change a frame with it is painted as one without; by its own statistics it is not. And a
    picture that is its own reference is painted as without."""
    far = np.s_[-32:, -32:]

    def both(**fields):
        held = (STILL_FRAME,)
        slots = (STILL_FRAME, MOVED_FRAME)
        return [pixels(run(engine, recipe(method, **fields), s, pictures=held)).astype(int) for s in slots]

    own, fixed = both(), both(reference=STILL_FRAME.digest)
    assert np.abs(own[0] - fixed[0]).max() <= 1
    assert np.abs(fixed[1] - fixed[0])[far].mean() < 0.2 * np.abs(own[1] - own[0])[far].mean()


def test_a_slider_over_a_part_soon_measures_nothing_more(engine, monkeypatch):
    """The painter's statistics are measured at quarters of the strength, and mixed between them."""
    measured = []
    of_thumbnail = PictureMethod._of_thumbnail

    def noted(self, content, painting):
        measured.append(painting.key)
        return of_thumbnail(self, content, painting)

    monkeypatch.setattr(PictureMethod, "_of_thumbnail", noted)
    made, counts = {}, []
    asked = replace(recipe("multi"), reference=MOVED_FRAME.digest)
    for strength in (0.5, 0.7, 0.6, 0.65):
        moved = replace(asked, strength=strength)
        made[strength] = pixels(run(engine, moved, MOVED_FRAME, pictures=(MOVED_FRAME,))).astype(int)
        counts.append(len(measured))
    assert counts == [2, 3, 3, 3], "the photo's and a half's; three quarters'; nothing"
    for strength, picture in made.items():
        own = pixels(run(engine, replace(asked, strength=strength, reference=""), MOVED_FRAME)).astype(int)
        assert np.sqrt(np.square(picture - own).mean()) < (1 if strength == 0.5 else 6)


def test_a_name_that_stands_for_another_picture_is_measured_anew(engine):
    def mine(seed):
        file = io.BytesIO()
        Image.fromarray(scene(96, 80, 3, seed=seed)).save(file, "PNG")
        engine.resources.library.add("mine", file.getvalue())
        return painted()

    def painted():
        asked = Stylize((Style("mine"),), method="adain-skip", reference=STILL_FRAME.digest)
        return pixels(run(engine, asked, MOVED_FRAME, pictures=(STILL_FRAME,)))

    mine(5)
    engine.resources.library.remove("mine")
    again = mine(6)
    engine.trim()
    assert (again == painted()).all()


def test_a_reference_serves_masks_regions_previews_and_kept_colours(engine):
    half = slot(np.where(np.arange(SIDE) < 64, 255, 0).astype(np.uint8)[None].repeat(SIDE, 0), "GRAY")
    mask = slot(np.full((SIDE, SIDE), 128, np.uint8), "GRAY")
    styles = (Style("great-wave", mask=half.digest), Style("starry-night"))
    for fields in ({"color": "statistics"}, {"method": "adain-skip"}):
        made = {}
        for reference in ("", STILL_FRAME.digest, MOVED_FRAME.digest):
            whole = Stylize(styles, strength=0.8, reference=reference, **fields)
            held = (half, STILL_FRAME, MOVED_FRAME)
            made[reference] = pixels(run(engine, whole, STILL_FRAME, mask, held, preview_side=64)).astype(int)
        own, same, other = made.values()
        assert np.abs(own - same).mean() < 0.5 * np.abs(own - other).mean()


def test_a_reference_that_was_not_sent_is_named(engine):
    with pytest.raises(VelaturaError, match="reference") as failure:
        run(engine, recipe("adain", reference="0" * 64), STILL_FRAME)
    assert failure.value.code == "unknown_blob"
