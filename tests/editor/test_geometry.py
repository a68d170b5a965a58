"""Strips cover a rectangle once, crops contain what they must, reduced strips fit together."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from velatura.blob import Blob, Picture
from velatura.editor.geometry import (
    Rect,
    around,
    context_area,
    cut,
    reduced_size,
    reduction,
    strips,
    thinned,
    work_area,
    zoom_factor,
)
from velatura.pixels import Layout

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


@given(rects, st.tuples(places, places), st.integers(1, 900))
def test_a_part_around_a_point_lies_within_and_is_as_large_as_can_be(
    rect: Rect, point: tuple[int, int], side: int
) -> None:
    part = around(point, side, rect)
    assert rect.contains(part)
    assert (part.width, part.height) == (min(side, rect.width), min(side, rect.height))
    inside = rect.grown(-side)
    if not inside.intersected(Rect(*point, 1, 1)).empty:
        assert part.middle == point


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_a_picture_is_cut_and_a_mask_is_thinned(width: int, height: int, factor: int) -> None:
    data = bytes(range(width * height))
    whole, layout = Rect(0, 0, width, height), Layout(width, height, "GRAY")
    part = cut(Picture(layout, memoryview(data)), Rect(width // 2, height // 2, width - width // 2, 1))
    at = height // 2 * width
    assert bytes(part.data) == data[at + width // 2 : at + width] and part.layout.width == width - width // 2
    thin = thinned(Blob(layout, data), factor)
    assert (thin.layout.width, thin.layout.height) == reduced_size(whole, factor)
    wanted = [data[y * width + x] for y in range(0, height, factor) for x in range(0, width, factor)]
    assert list(thin.read(0, thin.layout.nbytes)) == wanted


@given(rects, places, places)
def test_a_moved_rectangle_comes_back(rect: Rect, dx: int, dy: int) -> None:
    assert rect.moved(dx, dy).moved(-dx, -dy) == rect
    assert (rect.moved(dx, dy).width, rect.moved(dx, dy).height) == (rect.width, rect.height)
