"""Refine and texture: a locked layer that improves step by step; stop keeps, cancel takes back."""

from __future__ import annotations

import pytest
from velatura.editor.geometry import Rect
from velatura.editor.growing import Growing
from velatura.editor.studio import Studio
from velatura.recipe import Texture

from editor.fake_paper import FakeDocument, FakePaper
from editor.fakes import FakeDaemon, FakeLoop


@pytest.fixture
def document(paper: FakePaper) -> FakeDocument:
    return paper.open(16, 12)


@pytest.fixture
def task(studio: Studio, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon) -> Growing:
    """A refinement of which two frames have been shown."""
    studio.look.choose("wave")
    made = studio.refine()
    assert isinstance(made, Growing)
    loop.run(0.1)
    daemon.progress(daemon.job, 1, 200)
    for value in (1, 2):
        daemon.frame(daemon.job, value)
        loop.run(0.1)
    assert made.frames == 2
    return made


def test_frames_go_into_one_locked_layer_in_one_step(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    assert [layer.name for layer in document.layers] == ["Sky", "Velatura: The Wave, refined"]
    grown = document.layers[1]
    assert grown.locked and set(grown.pixels) == {2} and task.can_stop
    assert daemon.job.options.preview_every == 0.7
    daemon.finish(daemon.job, 3)
    loop.run(0.1)
    assert task.state == "done" and set(grown.pixels) == {3} and not grown.locked
    assert document.steps == ["Velatura: The Wave, refined"] and len(document.layers) == 2
    assert document.made[grown.id].source == document.layers[0].id


def test_only_the_newest_of_many_frames_is_shown(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    for value in range(10, 20):
        daemon.frame(daemon.job, value)
    loop.run(0.1)
    assert set(document.layers[1].pixels) == {19} and task.frames <= 4


def test_a_selection_travels_as_the_mask(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(300, 300).selected = Rect(100, 100, 10, 10)
    studio.look.choose("wave")
    studio.refine()
    loop.run(0.1)
    content, mask = daemon.job.content, daemon.job.mask
    assert content is not None and mask is not None
    assert (mask.layout.width, mask.layout.height) == (content.layout.width, content.layout.height)
    assert bytes(mask.read(0, mask.layout.nbytes)).count(255) == 100


def test_stop_keeps_what_there_is(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    task.stop()
    assert daemon.job.stopping and not task.can_stop
    daemon.finish(daemon.job, 5)
    loop.run(0.1)
    assert task.state == "done" and set(document.layers[1].pixels) == {5}


def test_cancel_takes_layer_and_step_back(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    daemon.frame(daemon.job, 9)
    task.cancel()
    loop.run(0.2)
    assert task.state == "cancelled" and not daemon.open
    assert [layer.name for layer in document.layers] == ["Sky"] and document.steps == []


def test_cancel_while_another_picture_is_active_waits_for_the_artist(
    task: Growing, document: FakeDocument, paper: FakePaper, loop: FakeLoop
) -> None:
    paper.open(4, 4, "other")
    task.cancel()
    loop.run(3)
    assert len(document.layers) == 2
    paper.active = document
    loop.run(1)
    assert len(document.layers) == 1


@pytest.mark.parametrize("how", ["deleted", "closed"])
def test_a_layer_or_picture_that_is_gone_ends_the_job(
    task: Growing, document: FakeDocument, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, how: str
) -> None:
    if how == "deleted":
        document.delete("Velatura: The Wave, refined")
    else:
        paper.close(document)
    loop.run(1)
    assert task.state == "cancelled" and "gone" in task.words and not daemon.open
    daemon.frame(daemon.job, 9)
    loop.run(0.2)
    assert how == "closed" or len(document.layers) == 1, "no frame brings it back"


@pytest.mark.parametrize("noticed", ["by the watch", "by a frame"])
def test_a_layer_that_redo_brings_back_is_the_artists(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon, noticed: str
) -> None:
    """F4: it is unlocked, its recipe is known, and the list says so."""
    grown = document.layers[1]
    document.delete(grown.name)
    if noticed == "by a frame":
        daemon.frame(daemon.job, 9)
        loop.run(0.01)
        assert task.over
    loop.run(1)
    assert task.state == "cancelled" and grown.locked
    document.layers.append(grown)
    loop.run(1)
    assert not grown.locked and "back" in task.words
    assert document.made[grown.id].recipe == task.recipe
    document.delete(grown.name)
    loop.run(1)
    assert "back" in task.words, "told once"


def test_a_failure_leaves_its_layer_to_the_artist_and_a_retry_begins_a_new_one(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """F2: what the artist painted on the old layer since is not written over."""
    daemon.fail(daemon.job, "worker_died", "the process ended")
    loop.run(0.1)
    reached = document.layers[1]
    assert (task.state, task.can_retry, reached.locked) == ("failed", True, False)
    reached.pixels[:] = b"\x63" * len(reached.pixels)
    task.retry()
    loop.run(0.1)
    daemon.frame(daemon.job, 4)
    loop.run(0.1)
    daemon.finish(daemon.job, 6)
    loop.run(0.1)
    assert task.state == "done" and len(document.layers) == 3
    assert set(reached.pixels) == {0x63} and set(document.layers[2].pixels) == {6}
    assert len(document.steps) == 2 and not document.layers[2].locked


def test_a_job_that_is_cancelled_elsewhere_leaves_no_locked_layer(
    task: Growing, document: FakeDocument, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    daemon.cancel(daemon.job, "asked by another program")
    loop.run(0.1)
    assert task.state == "cancelled" and task.words == "Cancelled: asked by another program"
    assert len(document.layers) == 1


def test_a_paused_refinement_says_so(task: Growing, loop: FakeLoop, daemon: FakeDaemon) -> None:
    from velatura.jobs import JobChanged
    from velatura.jobstate import State

    daemon.job.state, daemon.job.reason = State.PAUSED, "a preview goes first"
    daemon.say(JobChanged(daemon.job))
    loop.run(0.1)
    assert task.words == "Paused: a preview goes first" and task.can_stop


def test_a_texture_grows_over_what_is_selected(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """It is made from nothing: no pixels are read, and it has no surroundings."""
    document = paper.open(300, 200)
    document.selected = Rect(50, 60, 40, 30)
    studio.look.choose("mosaic")
    studio.look.scale = 1.5
    task = studio.make("texture")
    assert task is not None
    loop.run(0.1)
    recipe = daemon.job.recipe
    assert isinstance(recipe, Texture) and (recipe.width, recipe.height, recipe.scale) == (40, 30, 1.5)
    assert daemon.job.content is None and daemon.job.mask is None and paper.reads == 0
    daemon.frame(daemon.job, 8)
    loop.run(0.1)
    assert document.layers[1].locked
    daemon.finish(daemon.job, 9)
    loop.run(0.1)
    made = document.layers[1]
    assert (made.name, made.rect) == ("Velatura: Mosaic, texture", document.selected)
    assert len(made.pixels) == 40 * 30 * 3 and set(made.pixels) == {9} and task.state == "done"
