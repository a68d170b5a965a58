"""Strips cover a rectangle once, crops contain what they must, reduced strips fit together."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from velatura.editor.geometry import (
    Rect,
    context_area,
    fitted,
    reduced_size,
    reduction,
    strips,
    work_area,
    zoom_factor,
)  # fmt: skip

places, sizes = st.integers(-500, 500), st.integers(1, 900)
rects = st.builds(Rect, places, places, sizes, sizes)


@given(rects, st.integers(1, 20000), st.integers(1, 16))
def test_strips_cover_every_row_once_and_in_order(rect: Rect, row_bytes: int, multiple: int) -> None:
    pieces = list(strips(rect, row_bytes, multiple, budget=65536))
    assert [y for p in pieces for y in range(p.y, p.bottom)] == list(range(rect.y, rect.bottom))
    assert all(p.x == rect.x and p.width == rect.width for p in pieces)
    assert all(p.height % multiple == 0 for p in pieces[:-1])
    assert all(p.height == multiple or p.height * row_bytes <= 65536 for p in pieces[:-1])


@given(rects, st.integers(1, 12))
def test_reduced_strips_add_up_to_the_reduced_picture(rect: Rect, factor: int) -> None:
    pieces = strips(rect, 4 * rect.width, factor, budget=20000)
    assert sum(reduced_size(p, factor)[1] for p in pieces) == reduced_size(rect, factor)[1]


@given(rects, rects)
def test_intersection_is_what_both_have(a: Rect, b: Rect) -> None:
    both = a.intersected(b)
    assert a.contains(both) and b.contains(both)
    assert both == b.intersected(a)
    x_overlap = max(0, min(a.right, b.right) - max(a.x, b.x))
    y_overlap = max(0, min(a.bottom, b.bottom) - max(a.y, b.y))
    assert both.pixels == x_overlap * y_overlap


@given(rects, rects)
def test_the_network_sees_the_selection_and_its_surroundings(layer: Rect, chosen: Rect) -> None:
    area = work_area(layer, chosen)
    if area.empty:
        assert not layer.intersected(chosen).pixels
        return
    seen = context_area(layer, area)
    assert layer.contains(seen) and seen.contains(area)
    assert work_area(layer, None) == layer == context_area(layer, layer)


@given(rects, st.integers(16, 2000))
def test_a_reduced_picture_fits_and_wastes_nothing(rect: Rect, longest: int) -> None:
    factor = reduction(rect, longest)
    assert max(reduced_size(rect, factor)) <= longest
    if factor > 1:
        assert math.ceil(max(rect.width, rect.height) / (factor - 1)) > longest


def test_zoom_says_how_small_a_picture_may_be() -> None:
    assert [zoom_factor(z) for z in (4.0, 1.0, 0.6, 0.5, 0.26, 0.1, 0.0)] == [1, 1, 1, 2, 3, 10, 1]


@given(rects, st.integers(1, 900), places, places)
def test_a_fitted_picture_has_the_side_asked_for_whatever_its_place(
    rect: Rect, side: int, dx: int, dy: int
) -> None:
    small, factor = fitted(rect, side)
    assert max(small.width, small.height) <= side and min(small.width, small.height) >= 1
    other, same = fitted(rect.moved(dx, dy), side)
    assert (small.width, small.height, factor) == (other.width, other.height, same)
    if max(rect.width, rect.height) <= side:
        assert small == rect and factor == 1
    assert fitted(rect, 0) == (rect, 1.0)


@given(rects, places, places)
def test_a_moved_rectangle_comes_back(rect: Rect, dx: int, dy: int) -> None:
    assert rect.moved(dx, dy).moved(-dx, -dy) == rect
    assert (rect.moved(dx, dy).width, rect.moved(dx, dy).height) == (rect.width, rect.height)
