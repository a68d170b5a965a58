"""Pixels in and out: every layout, exact where nothing changes, alpha and depth kept."""

import numpy as np
import pytest
import torch
from engines import LAYOUTS, random_slot
from hypothesis import given, settings
from hypothesis import strategies as st
from velatura.errors import VelaturaError
from velatura.pictures import icc
from velatura.pixels import LUMA, Layout
from velatura_daemon.engine.compose import (
    Canvas,
    Raster,
    as_array,
    encode_picture,
    read_mask,
    read_picture,
    shrink,
)
from velatura_daemon.engine.tasks import Slot
from velatura_models.maths import color
from velatura_models.maths.color import decode_srgb, encode_srgb
from velatura_models.maths.sizes import fill_transparent, preview_size
from velatura_models.maths.tiling import Box


def change(slot, made, mask=None, box=None):
    out = bytearray(slot.data)
    picture = read_picture(slot)
    box = box or picture.box
    Canvas(slot, picture, mask).put(memoryview(out), box, made(picture))
    return out


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_writing_back_what_was_seen_changes_no_byte(layout):
    slot = random_slot(layout)
    assert change(slot, lambda picture: picture.rgb) == slot.data


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_bytes_outside_the_mask_and_all_alpha_stay(layout):
    slot = random_slot(layout)
    mask = torch.zeros(1, 1, 5, 7)
    mask[..., 2:4, 3:6] = 0.5
    after = as_array(layout, memoryview(change(slot, lambda p: 1 - p.rgb, mask)))
    before = as_array(layout, slot.data)
    outside = mask[0, 0].numpy() == 0
    assert (after[outside] == before[outside]).all()
    assert (after[~outside] != before[~outside]).any()
    if layout.has_alpha:
        assert (after[..., -1] == before[..., -1]).all()


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_written_picture_is_read_as_it_was_made(layout):
    """Where a pixel is visible, and within the depth's own step."""
    slot = random_slot(layout)
    color = torch.tensor([0.25, 0.5, 0.75]).view(1, 3, 1, 1)
    if layout.channels.startswith("GRAY"):
        color = torch.full((1, 3, 1, 1), 0.5)
    out = change(slot, lambda p: color.expand_as(p.rgb))
    again = read_picture(Slot(layout, memoryview(out)))
    alpha = torch.ones(1, 1, 5, 7) if again.alpha is None else again.alpha
    step = {"u8": 1 / 255, "u16": 1 / 65535, "f16": 2e-3, "f32": 1e-5}[layout.depth]
    slope = 13 if layout.transfer == "linear" else 1
    seen = alpha > 0.3
    error = ((again.rgb - color).abs() * seen).max()
    assert float(error) <= 4 * step * slope + 1e-6


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_encoding_a_whole_picture_is_the_inverse_of_reading_it(layout):
    slot = random_slot(layout)
    picture = read_picture(slot)
    again = read_picture(Slot(layout, memoryview(encode_picture(picture, layout))))
    alpha = torch.ones(1, 1, 5, 7) if picture.alpha is None else picture.alpha
    assert float(((again.rgb - picture.rgb).abs() * (alpha > 0.3)).max()) < 0.05
    if picture.alpha is not None and again.alpha is not None:
        assert float((again.alpha - picture.alpha).abs().max()) < 0.003


def test_16_bits_stay_16_bits():
    """A smooth ramp through a small change keeps more than 256 values."""
    layout = Layout(4096, 1, "RGB", "u16")
    ramp = np.repeat(np.linspace(0, 65535, 4096).astype("<u2")[None, :, None], 3, 2)
    out = change(Slot(layout, memoryview(ramp.tobytes())), lambda p: p.rgb * 0.9)
    assert len(np.unique(as_array(layout, memoryview(out))[..., 0])) > 3000


def test_values_beyond_white_keep_what_lies_beyond():
    layout = Layout(1, 1, "RGBA", "f32", transfer="linear")
    slot = Slot(layout, memoryview(np.array([4.0, 0.5, 0.5, 1.0], "<f4").tobytes()))
    out = as_array(layout, memoryview(change(slot, lambda p: p.rgb)))
    assert out[0, 0, 0] == 4.0


def test_premultiplied_equals_straight():
    straight = random_slot(Layout(7, 5, "RGBA", "f32"))
    values = as_array(straight.layout, straight.data).copy()
    values[..., :3] *= values[..., 3:]
    multiplied = Slot(Layout(7, 5, "RGBA", "f32", premultiplied=True), memoryview(values.tobytes()))
    a, b = read_picture(straight), read_picture(multiplied)
    seen = a.alpha > 0
    assert float(((a.rgb - b.rgb).abs() * seen).max()) < 1e-4


def test_the_colour_under_transparent_pixels_comes_from_their_neighbours():
    rgb = torch.zeros(1, 3, 33, 47)
    alpha = torch.zeros(1, 1, 33, 47)
    rgb[..., 10:20, 10:20] = 0.8
    alpha[..., 10:20, 10:20] = 1
    rgb[..., 0, 0] = 1.0  # garbage under a transparent pixel
    filled = fill_transparent(rgb, alpha)
    torch.testing.assert_close(filled[..., 10:20, 10:20], rgb[..., 10:20, 10:20])
    assert float((filled - 0.8).abs().max()) < 1e-4


def test_a_wholly_transparent_picture_is_gray():
    filled = fill_transparent(torch.rand(1, 3, 9, 9), torch.zeros(1, 1, 9, 9))
    assert float((filled - 0.5).abs().max()) < 1e-6


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(bad):
    layout = Layout(2, 1, "RGB", "f32")
    data = np.array([0, 0, 0, bad, 0, 0], "<f4").tobytes()
    with pytest.raises(VelaturaError, match="1 values that are NaN or infinite") as caught:
        read_picture(Slot(layout, memoryview(data)))
    assert caught.value.code == "bad_image"


def test_a_mask_must_be_gray_and_of_the_contents_size():
    content = Layout(4, 4)
    with pytest.raises(VelaturaError, match="a mask is GRAY"):
        read_mask(Slot(Layout(4, 4, "RGB"), memoryview(bytes(48))), content)
    with pytest.raises(VelaturaError, match="4 x 3 pixels, the content 4 x 4"):
        read_mask(Slot(Layout(4, 3, "GRAY"), memoryview(bytes(12))), content)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20000), st.integers(1, 20000), st.integers(0, 4096))
def test_a_preview_fits_its_side_and_keeps_the_shape(width, height, side):
    w, h = preview_size(width, height, side)
    assert 1 <= w <= width and 1 <= h <= height
    if side and max(width, height) > side:
        assert max(w, h) == side
    else:
        assert (w, h) == (width, height)


def test_shrinking_keeps_alpha_and_mean_colour():
    picture = Raster(torch.rand(1, 3, 64, 96), torch.rand(1, 1, 64, 96))
    small = shrink(picture, 24)
    assert small.rgb.shape == (1, 3, 16, 24) and small.alpha.shape == (1, 1, 16, 24)
    assert float((small.rgb.mean() - picture.rgb.mean()).abs()) < 0.02


def test_the_srgb_curve_is_that_of_the_standard():
    """IEC 61966-2-1: 0.5 encoded is 0.21404 linear; 0.04045 / 12.92 is where the line ends."""
    assert float(decode_srgb(torch.tensor(0.5))) == pytest.approx(0.2140411, abs=1e-6)
    assert float(encode_srgb(torch.tensor(0.0031308))) == pytest.approx(0.04045, abs=1e-4)
    values = torch.linspace(0, 1, 1001)
    torch.testing.assert_close(encode_srgb(decode_srgb(values)), values, rtol=0, atol=1e-5)
    for ours, theirs in ((decode_srgb, icc.linear), (encode_srgb, icc.encoded)):  # with torch and without
        np.testing.assert_allclose(ours(values), theirs(values.numpy()), rtol=0, atol=1e-6)


def test_there_is_one_lightness():
    """Rec. 601's, with and without torch: gray results, kept colours and masks agree."""
    assert color.LUMA == LUMA and sum(LUMA) == pytest.approx(1)


def test_only_the_box_is_written():
    slot = random_slot(Layout(7, 5, "RGBA"))
    box = Box(1, 2, 3, 5)
    out = bytearray(slot.data)
    picture = read_picture(slot)
    Canvas(slot, picture, None).put(memoryview(out), box, torch.zeros(1, 3, 2, 3))
    changed = (as_array(slot.layout, memoryview(out)) != as_array(slot.layout, slot.data)).any(-1)
    assert changed[1:3, 2:5].any() and changed.sum() == changed[1:3, 2:5].sum()
