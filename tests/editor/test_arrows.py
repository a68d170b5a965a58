"""Shapes as arrows: found by the daemon, moved by hand, kept with the layer and with what was made."""

from __future__ import annotations

import pytest
import torch
from velatura.blob import Picture
from velatura.editor.arrows import Leading
from velatura.editor.geometry import Rect
from velatura.editor.studio import Studio
from velatura.jobs import JobEnded
from velatura.jobstate import State
from velatura.messages import Result
from velatura.pairs import Pair
from velatura.pixels import Layout
from velatura.recipe import Keypoints, Refine
from velatura_models.maths.spline import similarity, transformed

from editor.fake_paper import FakeDocument, FakePaper
from editor.fakes import FakeDaemon, FakeLoop

ROWS = [[20, 30, 30, 10], [90, 25, 60, 14], [25, 80, 33, 40], [85, 78, 55, 37]]
"""Pixels of a layer of 120 x 100 and of a style of 80 x 50."""


def find(studio: Studio, daemon: FakeDaemon, loop: FakeLoop, rows: list[list[int]]) -> None:
    studio.arrows.find()
    loop.run(0.2)
    job = daemon.job
    assert isinstance(job.recipe, Keypoints) and job.content is not None
    size = [job.content.layout.width, job.content.layout.height]
    job.state, job.picture = State.DONE, Picture(job.content.layout, memoryview(b""))
    record = {"content": size, "style": [80, 50], "pairs": rows}
    job.result = Result(job.id, "x", job.content.layout, job.recipe, record)
    daemon.say(JobEnded(job))
    loop.run(0.2)


@pytest.fixture
def document(studio: Studio, paper: FakePaper) -> FakeDocument:
    opened = paper.open(120, 100)
    studio.look.choose("wave")
    studio.watch()
    return opened


def test_what_the_daemon_finds_can_be_moved_and_goes_into_the_refinement(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    arrows, seen = studio.arrows, []
    arrows.changed.connect(seen.append)
    find(studio, daemon, loop, ROWS)
    assert arrows.words == "4 pairs were found." and not arrows.finding and "arrows" in seen
    assert [arrow.place for arrow in arrows.arrows] == [(x, y) for x, y, *_ in ROWS]
    assert studio.look.shapes == "joint"
    assert arrows.at(arrows.arrows[1].goal, 5) == (1, True)
    assert arrows.at((60, 55), 5) is None
    arrows.move(1, (70, 40))
    arrows.aim(2, (50, 60))
    assert arrows.arrows[2].goal == pytest.approx((50, 60), abs=0.1)
    arrows.delete(0)
    new = arrows.add((60, 50))
    assert arrows.arrows[new].goal == pytest.approx((60, 50), abs=0.1)
    studio.make("refine")
    loop.run(0.2)
    recipe = daemon.job.recipe
    assert isinstance(recipe, Refine) and recipe.shapes == "joint" and len(recipe.pairs) == 4
    assert recipe.pairs[0] == Pair(70 / 120, 40 / 100, 60 / 80, 14 / 50)


def test_they_are_stored_with_what_was_made_and_come_back(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    find(studio, daemon, loop, ROWS)
    before = studio.arrows.arrows
    studio.make("refine")
    loop.run(0.2)
    daemon.finish(daemon.job)
    loop.run(1)
    studio.arrows.clear()
    studio.look.shapes = "keep"
    document.active = document.layers[-1].id
    studio.watch()
    assert studio.arrows.arrows == ()  # those of the layer, which has none
    studio.restyle()
    assert document.active == document.layers[0].id and studio.look.shapes == "joint"
    for arrow, other in zip(studio.arrows.arrows, before, strict=True):
        assert (*arrow.place, *arrow.there) == pytest.approx((*other.place, *other.there))


def test_a_layer_and_a_style_keep_their_own_and_a_selection_moves_none(
    studio: Studio, document: FakeDocument, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    find(studio, daemon, loop, ROWS)
    places = [arrow.place for arrow in studio.arrows.arrows]
    studio.look.choose("mosaic")
    assert studio.arrows.arrows == () and studio.look.pairs == ()
    studio.look.choose("wave")
    assert [arrow.place for arrow in studio.arrows.arrows] == places and len(studio.look.pairs) == 4
    other = paper.open(50, 50)
    studio.watch()
    assert studio.arrows.arrows == ()
    paper.active = document
    studio.watch()
    assert [arrow.place for arrow in studio.arrows.arrows] == places
    document.layer("Sky").rect = Rect(0, 0, 60, 100)  # as a smaller part of it is painted
    studio.watch()
    assert [arrow.place for arrow in studio.arrows.arrows] == places
    assert [pair.x for pair in studio.look.pairs] == [20 / 60, 25 / 60] and other is not document


def test_without_good_pairs_and_without_a_style_it_is_said(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    find(studio, daemon, loop, [])
    assert studio.arrows.words == "No good pairs were found: the two pictures show nothing alike."
    assert studio.look.shapes == "keep" and studio.arrows.arrows == ()
    studio.arrows.add((10, 10), (0.5, 0.5))
    assert studio.arrows.words == "Shapes move with three arrows or more."
    studio.arrows.find()
    loop.run(0.2)
    daemon.fail(daemon.job, "unknown_style", "its picture is not here")
    loop.run(0.2)
    assert not studio.arrows.finding and "picture" in studio.arrows.words
    studio.look.toggle("wave")
    studio.arrows.find()
    assert studio.arrows.words == "Choose a style first."


def test_the_style_s_picture_comes_where_they_are_shown(
    studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    daemon.answers["style_picture"] = [{"name": "wave", "digest": "cc"}]
    daemon.thumbnails["cc"] = Picture(Layout(40, 20, "RGB"), memoryview(bytes(2400)))
    assert studio.arrows.style is None
    studio.arrows.show(True)
    loop.run(0.2)
    assert ("style_picture", {"name": "wave"}) in daemon.asked
    assert studio.arrows.style is daemon.thumbnails["cc"]
    index = studio.arrows.add((10, 10), (0.2, 0.4))
    studio.arrows.place_there(index, (1.3, 0.5))
    assert studio.arrows.arrows[index].there == (1.0, 0.5), "moved on it, and no farther than its border"


def test_arrows_lead_where_the_refinement_s_own_similarity_does() -> None:
    places = tuple(((x, y), (x2 / 80, y2 / 50)) for x, y, x2, y2 in ROWS)
    lead = Leading(
        tuple(((float(x), float(y)), there) for (x, y), there in places), 80 / 50, Rect(0, 0, 120, 100)
    )
    rows = torch.tensor(ROWS, dtype=torch.float64)
    goals = transformed(rows[:, 2:], similarity(rows[:, 2:], rows[:, :2]))
    for (_place, there), goal in zip(places, goals.tolist(), strict=True):
        assert lead(there) == pytest.approx(goal)
        assert lead.back((goal[0], goal[1])) == pytest.approx(there)
