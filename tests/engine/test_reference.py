"""A recipe's reference: all frames of a clip are normalised by one picture's statistics."""

import numpy as np
import pytest
import skimage.data
from engines import pixels, run, slot
from PIL import Image
from velatura.errors import VelaturaError
from velatura.recipe import Style, Stylize

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
