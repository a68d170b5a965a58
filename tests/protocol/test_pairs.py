"""Pairs of places: their file, and what no spline goes through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from velatura.errors import FieldError
from velatura.pairs import Pair, as_map, check_pairs, pairs_of, read_pairs

GOOD = {
    "content": [200, 100],
    "style": [50, 80],
    "pairs": [[20, 50, 25, 20], [100.5, 10, 5, 80], [0, 100, 50, 0]],
}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    pairs = pairs_of(GOOD)
    assert pairs[0] == Pair(0.1, 0.5, 0.5, 0.25)
    path = tmp_path / "points.json"
    path.write_text(json.dumps(as_map(pairs, (200, 100), (50, 80))))
    assert read_pairs(path) == pairs
    assert json.loads(path.read_text()) == GOOD
    path.write_text(json.dumps(as_map((), (200, 100), (50, 80))))
    assert read_pairs(path) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pairs": [[20, 50, 25, 81]]}, r"pairs\[0\].* y2 is 81; the style reaches from 0 to 80"),
        ({"pairs": [[-1, 50, 25, 8]]}, r"x is -1; the content reaches from 0 to 200"),
        ({"pairs": [[1, 2, 3]]}, "four numbers"),
        ({"pairs": [[1, 2, 3, float("nan")]]}, "four numbers"),
        ({"pairs": "many"}, "a list of"),
        ({"style": [0, 80]}, "width and height"),
        ({"content": None}, "width and height"),
    ],
)
def test_what_is_no_pair_is_said_in_words(change: dict, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        pairs_of(GOOD | change, "points.json")


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    with pytest.raises(FieldError, match=r"points\.json cannot be read"):
        read_pairs(path)
    path.write_text("{")
    with pytest.raises(FieldError, match=r"points\.json is not JSON"):
        read_pairs(path)


def test_points_that_no_spline_goes_through_are_a_field_s_error() -> None:
    pairs = pairs_of(GOOD)
    check_pairs(pairs, "pairs")
    check_pairs(pairs[:2], "pairs")  # too few is not wrong
    with pytest.raises(FieldError, match=r"pairs\[3\]: has the same place of the content as \[0\]"):
        check_pairs((*pairs, Pair(0.1, 0.5, 0.9, 0.9)), "pairs")
    with pytest.raises(FieldError, match=r"pairs\[3\]: has the same place of the style as \[0\]"):
        check_pairs((*pairs, Pair(0.9, 0.5, 0.5, 0.25)), "pairs")
    line = tuple(Pair(k / 10, 0.2 + k / 20, k / 10, (k - 2) ** 2 / 20) for k in range(5))
    with pytest.raises(FieldError, match="all lie on one line of the content"):
        check_pairs(line, "pairs")
