"""Apply: from the click to the layer, on the layer that was active at the click."""

from __future__ import annotations

import pytest
from velatura.editor.diagnostics import diagnostics
from velatura.editor.geometry import Rect
from velatura.editor.memory import Memory
from velatura.editor.studio import KEPT, Studio
from velatura.recipe import Style, Stylize, Upscale

from editor.fake_paper import FakePaper, Shown
from editor.fakes import FakeDaemon, FakeLoop


@pytest.fixture
def told(studio: Studio) -> list[str]:
    """What is said to an artist who does not see the docker."""
    heard: list[str] = []
    studio.told.connect(heard.append)
    return heard


def test_a_new_layer_above_the_one_that_was_active(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(20, 10)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None and task.state == "reading" and task.title == "The Wave on Sky"
    loop.run(0.1)
    assert task.state == "running" and daemon.job.recipe == studio.look.stylize()
    assert (
        daemon.job.content is not None and bytes(daemon.job.content.read(0, 800)) == document.layers[0].pixels
    )
    daemon.finish(daemon.job, 7)
    loop.run(0.1)
    assert task.state == "done" and task.words == "Done"
    assert [layer.name for layer in document.layers] == ["Sky", "Velatura: The Wave"]
    assert set(document.layers[1].pixels) == {7} and not document.layers[1].locked
    assert document.steps == ["Velatura: The Wave"]
    made = document.made[document.layers[1].id]
    assert made.recipe == studio.look.stylize() and made.source == document.active == document.layers[0].id
    assert made.record == {"build": "fake"}


def test_what_the_daemon_notes_of_a_result_is_said(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    document = paper.open(20, 10)
    document.chosen = [document.active, document.active]
    studio.look.choose("wave")
    notes = [
        "nothing could be painted here",
        "wave is seen in a rendering; fetch it (`velatura styles pull wave`)",
    ]
    said = "Done. Nothing could be painted here. Wave is seen in a rendering; fetch it."
    for start in (studio.apply, studio.apply_to_all):
        task = start()
        assert task is not None
        while not task.over:
            loop.run(0.1)
            daemon.finish(daemon.job, notes=notes)
            loop.run(0.1)
        assert f"Done. {task.notes}" == said and told[-1] == f"{task.title}: {said}"


def test_the_selection_bounds_the_layer_and_the_network_sees_its_surroundings(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(600, 300)
    document.selected = Rect(200, 100, 80, 40)
    studio.look.choose("wave")
    studio.look.as_mask = True
    studio.apply()
    loop.run(0.1)
    assert daemon.job.content is not None
    assert (daemon.job.content.layout.width, daemon.job.content.layout.height) == (80 + 2 * 96, 40 + 2 * 96)
    daemon.finish(daemon.job)
    loop.run(0.1)
    made = document.layers[1]
    assert (made.rect, made.masked) == (document.selected, True)
    assert document.steps == ["Velatura: The Wave", "mask of Velatura: The Wave"]


def test_the_result_goes_where_it_was_asked_for(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    """Whatever picture is active when it comes."""
    mine = paper.open(8, 8, "mine")
    studio.look.choose("wave")
    studio.apply()
    other = paper.open(8, 8, "other")
    loop.run(0.1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert (len(mine.layers), len(other.layers)) == (2, 1)


def test_what_cannot_be_done_is_said(
    studio: Studio, paper: FakePaper, told: list[str], daemon: FakeDaemon
) -> None:
    assert studio.apply() is None and told == ["Open a picture first."]
    document = paper.open(8, 8)
    assert studio.apply() is None and told[-1] == "Choose a style first."
    studio.look.choose("wave")
    document.selected = Rect(100, 100, 4, 4)
    assert studio.refine() is None and "does not touch “Sky”" in told[-1]
    assert daemon.jobs == [] and studio.tasks == ()


def test_a_failure_keeps_its_inputs_and_can_be_retried(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    document = paper.open(8, 8)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    daemon.fail(daemon.job, "out_of_memory", "it does not fit; free some memory")
    loop.run(0.1)
    assert (task.state, task.can_retry) == ("failed", True)
    assert told[-1] == "The Wave on Sky: it does not fit; free some memory"
    was = bytes(document.layers[0].pixels)
    document.delete("Sky")
    document.layers.append(paper.open(8, 8).layers[0])
    task.retry()
    loop.run(0.1)
    assert paper.reads == 1 and daemon.job.content is not None
    assert bytes(daemon.job.content.read(0, 256)) == was
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert task.state == "done" and len(document.layers) == 2


@pytest.mark.parametrize("when", ["reading", "running"])
def test_cancel_leaves_nothing(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, when: str
) -> None:
    document = paper.open(8, 8)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None
    if when == "running":
        loop.run(0.1)
    assert task.state == when
    task.cancel()
    loop.run(0.1)
    assert task.state == "cancelled" and not daemon.open
    assert (len(document.layers), document.steps) == (1, [])
    assert not task.can_retry


def test_a_picture_that_is_closed_ends_its_task(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    document = paper.open(8, 8)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    paper.close(document)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert task.state == "cancelled" and "gone" in told[-1]


def test_a_daemon_that_dies_fails_the_task_and_another_takes_the_retry(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(8, 8)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    daemon.die()
    loop.run(1)
    assert (task.state, studio.link.state) == ("failed", "stopped")
    daemon.there = True
    task.retry()
    loop.run(0.5)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert task.state == "done" and len(document.layers) == 2


def test_recents_presets_and_the_last_look_leave_the_controls_alone(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    """Applying the newest recent recipe does not discard what the artist has set meanwhile (F10)."""
    document = paper.open(8, 8)
    assert studio.apply_last() is None and told[-1] == "No style has been applied yet."
    studio.look.choose("wave")
    studio.look.strength = 0.4
    first = studio.look.stylize()
    studio.apply()
    loop.run(0.1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    assert studio.memory.recent == (first,)
    assert studio.describe(first) == "The Wave, 40 %"
    studio.look.choose("mosaic")
    studio.look.strength = 0.9
    now = studio.look.stylize()
    studio.apply_last()
    loop.run(0.1)
    assert daemon.job.recipe == first and studio.look.stylize() == now
    studio.apply()
    loop.run(0.1)
    assert daemon.job.recipe == now, "the current look has a way of its own"
    for job in daemon.open:
        daemon.finish(job)
    loop.run(0.2)
    assert studio.memory.recent == (now, first) and len(document.layers) == 4
    studio.memory.keep("Evening", first)
    assert Memory(studio.memory._path).presets == {"Evening": first}
    studio.look.take(first)
    assert studio.look.stylize() == first


def test_re_style_takes_the_recipe_and_goes_back_to_the_source(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    document = paper.open(8, 8)
    studio.look.choose("wave")
    studio.look.strength = 0.6
    studio.apply()
    loop.run(0.1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    document.active = document.layers[1].id
    studio.look.choose("mosaic")
    studio.watch()
    assert studio.made_words == "Made with The Wave, 60 %" and studio.can_restyle
    studio.restyle()
    assert (studio.look.styles, studio.look.strength) == (("wave",), 0.6)
    assert document.active == document.layers[0].id
    document.active = document.layers[1].id
    document.delete("Sky")
    studio.watch()
    studio.restyle()
    assert "is gone" in told[-1] and studio.look.styles == ("wave",)
    shown: list[bool] = []
    studio.changed.connect(lambda name: name == "made_words" and shown.append(studio.can_restyle))
    document.layers.clear()
    studio.watch()
    assert shown == [False], "whoever hears that the words changed is told of no recipe any more"


def test_a_copy_of_a_result_is_told_apart(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(8, 8)
    studio.look.choose("wave")
    studio.apply()
    loop.run(0.1)
    daemon.finish(daemon.job)
    loop.run(0.1)
    document.layers[0].name = "Copy of Velatura: The Wave"
    studio.watch()
    assert "unknown" in studio.made_words and not studio.can_restyle


def test_only_the_newest_ended_tasks_stay_in_the_list(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(8, 8)
    studio.look.choose("wave")
    running = studio.apply()
    loop.run(0.1)
    for _ in range(KEPT + 3):
        task = studio.apply()
        loop.run(0.1)
        daemon.finish(daemon.job)
        loop.run(0.1)
    assert running in studio.tasks and len(studio.tasks) == KEPT + 1
    assert running is not None and task is not None
    studio.dismiss(running)
    studio.dismiss(task)
    assert running in studio.tasks and task not in studio.tasks


def test_an_enlargement_is_a_picture_of_its_own(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    document = paper.open(300, 200, "harbour")
    document.selected = Rect(20, 20, 10, 5)
    task = studio.make("upscale")
    assert task is not None and task.title == "Upscale on Sky"
    loop.run(0.1)
    assert daemon.job.recipe == Upscale(4) and daemon.job.content is not None
    assert (daemon.job.content.layout.width, daemon.job.content.layout.height) == (10, 5)
    daemon.finish(daemon.job, 9)
    loop.run(0.1)
    assert task.state == "done" and len(document.layers) == 1 and document.steps == []
    made = paper.documents[-1]
    assert (made.name, made.layers[0].rect) == ("harbour, enlarged", Rect(0, 0, 40, 20))
    assert studio.memory.recent == (), "there is no look to take again"


def test_the_artist_hears_of_progress_now_and_then(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    paper.open(8, 8)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None
    loop.run(0.1)
    for step in range(1, 50):
        daemon.progress(daemon.job, step, 50, left=50 - step)
        loop.run(0.2)
    assert task.words == "49 of 50 · 1 s left" and task.fraction == pytest.approx(0.98)
    assert 2 <= len(told) <= 4 and "of 50" in told[1]


def test_closing_the_editor_ends_everything(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(8, 8)
    studio.look.choose("wave")
    studio.preview.turn(True)
    studio.apply()
    loop.run(0.1)
    studio.close()
    loop.run(5)
    assert daemon.lines[-1].closed and loop.waiting == 0


def test_diagnostics_name_neither_pictures_nor_files(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(8, 8, "secret")
    studio.look.choose("wave")
    studio.apply()
    loop.run(0.1)
    text = diagnostics(studio)
    assert "Editor: Fake 1.0" in text and "Tasks: running" in text and "Daemon: ready" in text
    assert "secret" not in text and "Sky" not in text


def test_a_recipe_of_a_preset_survives_styles_that_are_unknown(studio: Studio) -> None:
    assert studio.describe(Stylize((Style("lost"),), strength=0.5)) == "lost, 50 %"


def test_a_task_shows_what_came_of_it_and_leads_to_its_layer(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, told: list[str]
) -> None:
    document = paper.open(400, 200)
    studio.look.choose("wave")
    task = studio.apply()
    assert task is not None and not task.has_layer and studio.current is task
    loop.run(0.1)
    daemon.finish(daemon.job, 7)
    loop.run(0.2)
    assert isinstance(task.image, Shown) and (task.image.factor, set(task.image.pixels)) == (5, {7})
    assert document.active == document.layers[0].id
    studio.go_to(task)
    assert document.active == document.layers[1].id and studio.current is None
    document.delete("Velatura: The Wave")
    assert not task.has_layer
    studio.go_to(task)
    assert "gone" in told[-1]


def test_the_newest_task_is_cancelled_by_a_key(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    paper.open(8, 8)
    studio.look.choose("wave")
    first, second = studio.apply(), studio.refine()
    assert first is not None and second is not None
    loop.run(0.1)
    daemon.progress(daemon.job, 1, 50)
    loop.run(0.1)
    studio.stop()
    assert daemon.job.stopping
    studio.cancel()
    assert (first.state, second.state) == ("running", "cancelled")
    studio.cancel()
    studio.cancel()
    assert first.state == "cancelled"
