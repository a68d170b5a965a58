"""Pieces of a batch: what a file of jobs, folders and options ask for. Painting them is in tests/extras."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import velatura
from velatura.errors import FieldError
from velatura_daemon.cluster.pieces import Piece, checked, read_jobs

STANDARD = Piece("", "", "stylize", (("mosaic", 1.0),), {"strength": 0.5})


def jobs(path: Path, text: str) -> list[tuple[str, Piece]]:
    path.write_text(text)
    return list(read_jobs(path, STANDARD))


def test_a_line_says_what_is_other_than_the_command_s(tmp_path: Path):
    second = '{"in": "b.jpg", "out": "w/b.png", "style": {"woodcut": 3, "x.png": 1}, "exact": true}'
    lines = f'{{"in": "a.jpg"}}\n\n{second}\n'
    (first, a), (second, b) = jobs(tmp_path / "jobs.jsonl", lines)
    assert first == "" and a.styles == STANDARD.styles and a.fields == {"strength": 0.5}
    assert (
        second == "w/b.png" and b.styles == (("woodcut", 3.0), ("x.png", 1.0)) and b.fields["exact"] is True
    )
    table = "in,style,strength,exact,kind,factor\na.jpg,great-wave,0.25,yes,,\nb.jpg,,,,upscale,8\n"
    (_, a), (_, b) = jobs(tmp_path / "jobs.csv", table)
    assert a.styles == (("great-wave", 1.0),) and a.fields == {"strength": 0.25, "exact": True}
    assert b.kind == "upscale" and b.fields == {"factor": 8}


@pytest.mark.parametrize(
    "line, named",
    [
        ("nonsense", "line 1: names no picture"),
        ('{"style": "mosaic"}', "names no picture"),
        ('{"in": "a", "strenth": 1}', "'strenth'"),
        ('{"in": "a", "strength": 3}', "strength"),
        ('{"in": "a", "kind": "texture"}', "kind"),
        ('{"in": "a", "kind": "dance"}', "kind"),
        ('{"in": "a", "style": 3}', "style is 3"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, named: str):
    with pytest.raises(FieldError, match=named):
        jobs(tmp_path / "jobs.jsonl", line)


def test_the_command_checks_before_it_starts_anything(tmp_path: Path):
    assert checked(STANDARD) is STANDARD
    (tmp_path / "a.png").touch()
    assert velatura("batch", "-s", "mosaic", "-o", tmp_path / "out").code == 3  # nothing to paint
    assert velatura("batch", tmp_path, "-o", tmp_path / "out").code == 3  # in no style
    assert velatura("batch", tmp_path, "-s", "mosaic", "-o", tmp_path / "out", "--cluster", "here").code == 3
    assert velatura("batch", "--jobs", tmp_path / "none.csv", "-s", "mosaic").code == 20
