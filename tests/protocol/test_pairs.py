"""Pairs of places: their file, and what no spline goes through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from velatura.blob import Blob
from velatura.errors import FieldError
from velatura.pairs import Pair, as_map, as_text, check_pairs, deformed, pairs_of, read_pairs
from velatura.pixels import Layout
from velatura.recipe import Refine, Style
from velatura.styles import warn_of_stretch

GOOD = {
    "content": [200, 100],
    "style": [50, 80],
    "pairs": [[20, 50, 25, 20], [100.5, 10, 5, 80], [0, 100, 50, 0]],
}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    pairs = pairs_of(GOOD)
    assert pairs[0] == Pair(0.1, 0.5, 0.5, 0.25)
    path = tmp_path / "points.json"
    path.write_text(as_text(as_map(pairs, (200, 100), (50, 80))))
    assert read_pairs(path) == pairs
    assert json.loads(path.read_text()) == GOOD and len(path.read_text().splitlines()) == 2 + len(pairs)
    path.write_text(as_text(as_map((), (200, 100), (50, 80))))
    assert read_pairs(path) == ()


def test_places_that_are_stretched_are_told(recwarn: pytest.WarningsRecorder) -> None:
    assert deformed(GOOD)["pairs"] == pairs_of(GOOD)
    like, unlike = (Blob(Layout(*size, "RGB"), bytes(size[0] * size[1] * 3)) for size in ((25, 40), (40, 25)))
    for deform in (None, "auto"):
        warn_of_stretch(deform, Layout(1, 9, "RGB"), Refine(), [])
    of_like = Refine((Style(digest=like.key),))
    warn_of_stretch(GOOD, Layout(401, 200, "RGB"), of_like, [unlike, like])  # the same, at other sizes
    assert not recwarn.list
    warn_of_stretch(GOOD, Layout(200, 200, "RGB"), Refine((Style(digest=unlike.key),)), [unlike, like])
    words = [str(warning.message) for warning in recwarn.list]
    assert "for a content of 200 x 100; this one has 200 x 200" in words[0]
    assert "for a style of 50 x 80; this one has 40 x 25" in words[1] and len(words) == 2


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
    check_pairs(pairs)
    check_pairs(pairs[:2])  # too few is not wrong
    with pytest.raises(FieldError, match=r"pairs\[3\]: has the same place of the content as \[0\]"):
        check_pairs((*pairs, Pair(0.1, 0.5, 0.9, 0.9)))
    with pytest.raises(FieldError, match=r"pairs\[3\]: has the same place of the style as \[0\]"):
        check_pairs((*pairs, Pair(0.9, 0.5, 0.5, 0.25)))
    line = tuple(Pair(k / 10, 0.2 + k / 20, k / 10, (k - 2) ** 2 / 20) for k in range(5))
    with pytest.raises(FieldError, match="all lie on one line of the content"):
        check_pairs(line)
