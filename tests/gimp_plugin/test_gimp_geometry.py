"""Rectangles and masks of the GIMP plug-in, without GIMP."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).parents[2] / "gimp_plugin" / "velatura_gimp" / "geometry.py"
spec = importlib.util.spec_from_file_location("velatura_gimp_geometry", SOURCE)
assert spec is not None and spec.loader is not None
geometry = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = geometry
spec.loader.exec_module(geometry)
Rect = geometry.Rect

sides = st.integers(1, 40)
places = st.integers(-30, 30)
rects = st.builds(Rect, places, places, sides, sides)


def covered(rect: Rect) -> set[tuple[int, int]]:
    return {(x, y) for x in range(rect.x, rect.x + rect.width) for y in range(rect.y, rect.y + rect.height)}


@given(rects, rects)
def test_an_intersection_is_what_both_cover(a: Rect, b: Rect) -> None:
    assert covered(a.intersection(b)) == covered(a) & covered(b)
    assert a.intersection(b).empty == (not covered(a) & covered(b))


@given(rects, st.integers(1, 5000), st.integers(1, 10**9))
def test_strips_cover_everything_once(rect: Rect, row_bytes: int, limit: int) -> None:
    strips = rect.strips(row_bytes)
    assert sum(s.height for s in strips) == rect.height
    assert set().union(*(covered(s) for s in strips)) == covered(rect)
    assert all(s.height == 1 or s.height * row_bytes <= geometry.STRIP_BYTES for s in strips)


@given(rects, st.integers(1, 60))
def test_a_fitted_rectangle_has_the_side_asked_for_at_most(rect: Rect, side: int) -> None:
    small = rect.scaled(rect.fitted(side))
    assert max(small.width, small.height) <= max(side, 1)
    assert min(small.width, small.height) >= 1
    if max(rect.width, rect.height) <= side:
        assert small == rect


@given(rects, places, places)
def test_content_and_mask_scale_to_the_same_size_whatever_the_offset(rect: Rect, dx: int, dy: int) -> None:
    a, b = rect.scaled(rect.fitted(13)), rect.moved(dx, dy)
    b = b.scaled(b.fitted(13))
    assert (a.width, a.height) == (b.width, b.height)


@given(st.binary(min_size=1, max_size=60), st.sampled_from([(4, 1), (8, 2), (16, 4), (2, 1)]), st.randoms())
def test_cut_makes_pixels_transparent_exactly_where_the_mask_is_0(mask: bytes, size, random) -> None:
    pixel, alpha = size
    pixels = bytearray(random.randbytes(len(mask) * pixel))
    before = np.frombuffer(bytes(pixels), np.uint8).reshape(-1, pixel)
    geometry.cut(pixels, pixel, alpha, geometry.hard(mask))
    after = np.frombuffer(bytes(pixels), np.uint8).reshape(-1, pixel)
    touched = np.frombuffer(mask, np.uint8) > 0
    assert np.array_equal(after[touched], before[touched])
    assert np.array_equal(after[:, :-alpha], before[:, :-alpha]), "colours stay"
    assert not after[~touched, -alpha:].any()


@given(rects, rects, st.randoms())
def test_cropped_takes_the_part_over_the_inner_rectangle(box: Rect, other: Rect, random) -> None:
    inner = box.intersection(other)
    mask = random.randbytes(box.width * box.height)
    whole = np.frombuffer(mask, np.uint8).reshape(box.height, box.width)
    y, x = inner.y - box.y, inner.x - box.x
    expected = whole[y : y + inner.height, x : x + inner.width].tobytes() if not inner.empty else b""
    assert geometry.cropped(mask, box, inner) == expected
