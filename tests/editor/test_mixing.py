"""The mixing pad: corners are pure, shares sum to 1, places and shares belong together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from velatura.editor.mixing import CORNERS, clamp, point_of, shares

points = st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))


@given(st.sampled_from([1, 2, 3, 4]), points)
def test_shares_are_a_partition(count: int, point: tuple[float, float]) -> None:
    mixed = shares(count, point)
    assert len(mixed) == count and all(share >= 0 for share in mixed)
    assert sum(mixed) == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_corner_is_one_style_alone(count: int) -> None:
    for i, corner in enumerate(CORNERS[count]):
        assert shares(count, corner) == pytest.approx(tuple(float(i == j) for j in range(count)))


@given(st.sampled_from([2, 3, 4]), points)
def test_the_place_of_a_mix_gives_the_mix_back(count: int, point: tuple[float, float]) -> None:
    inside = clamp(count, point)
    assert point_of(shares(count, inside)) == pytest.approx(inside, abs=1e-6)


@given(st.sampled_from([2, 3, 4]), points)
def test_clamping_twice_changes_nothing(count: int, point: tuple[float, float]) -> None:
    inside = clamp(count, point)
    assert clamp(count, inside) == pytest.approx(inside, abs=1e-9)
