"""Refine: frames in one locked layer, one undo step; stop keeps, cancel takes back."""

from __future__ import annotations

import pytest
from harness import Daemon

from editors.krita.session import Krita

STEPS = 300
"""Three seconds with the tests' engine: long enough for several frames, whatever else the machine does."""


def begin(krita: Krita, steps: int = STEPS) -> None:
    """A picture with a feathered selection and a refinement that has shown three frames."""
    krita.run(
        """
picture(120, 80)
fill(layer, bytes(v % 251 for v in range(120 * 80 * 4)), 0, 0, 120, 80)
select(bytes(range(0, 200, 2)) * 60, 10, 10, 100, 60)
before, was = history(), whole()
"""
    )
    krita.until("doc.activeNode() is not None")
    krita.run(
        """
studio.preview_every = 0.1
studio.look.choose("mosaic")
studio.look.iterations = steps
told = []
studio.told.connect(told.append)
task = studio.refine()
frames = []
""",
        steps=steps,
    )
    assert krita.run("task is not None"), krita.run("told")


def shown(krita: Krita, count: int) -> None:
    krita.until("task.over or task.frames >= count", count=count)


def test_frames_stream_into_one_locked_layer(krita: Krita) -> None:
    begin(krita)
    shown(krita, 1)
    krita.run("made = layers(doc)[1]")
    krita.until("frames.append(pixels(made, 10, 10, 100, 60)) or task.over or len(set(frames)) >= 3")
    assert krita.run("made.locked(), made.name(), len(layers(doc)), len(set(frames)) >= 3") == [
        True,
        "Velatura: Mosaic of Fans, refined",
        2,
        True,
    ]
    assert krita.run("len(history()[0]) - len(before[0])") == 1
    assert "of 300" in krita.run("task.words") and krita.run("task.can_stop")
    krita.until("task.over")
    assert krita.run("task.state, made.locked(), len(history()[0]) - len(before[0])") == ["done", False, 1]
    assert krita.run("[pixels(made, 10, 10, 100, 60)] == frames[-1:]") is False
    made = krita.run("pixels(made, 10, 10, 100, 60)")
    source = krita.run("pixels(layer, 10, 10, 100, 60)")
    for at in range(0, len(made), 4):
        feather = 2 * (at // 4 % 100)
        assert abs(made[at + 3] - source[at + 3] * feather / 255) <= 1
        if made[at + 3]:
            assert made[at : at + 3] == bytes(255 - v for v in source[at : at + 3]), "the terminal result"
    krita.run("app.action('edit_undo').trigger(); doc.waitForDone()")
    assert krita.run("whole() == was and len(layers(doc))") == 1
    krita.run("app.action('edit_redo').trigger(); doc.waitForDone()")
    assert krita.run("pixels(layers(doc)[1], 10, 10, 100, 60)") == made


def test_another_picture_is_not_touched(krita: Krita) -> None:
    """The artist switches pictures in the middle: frames and result go where they belong."""
    begin(krita)
    shown(krita, 1)
    krita.run(
        """
mine = doc
picture(120, 80, name="other")
other_history, other_whole = history(), whole()
"""
    )
    krita.until("task.over")
    assert krita.run("task.state, history() == other_history, whole() == other_whole") == ["done", True, True]
    assert krita.run("len(layers(doc)), len(layers(mine)), layers(mine)[1].locked()") == [
        1,
        2,
        False,
    ]


def jobs_at(daemon: Daemon) -> list:
    with daemon.connect() as talk:
        return talk.ask("jobs")


@pytest.mark.parametrize("how", ["undo", "delete", "close"])
def test_a_layer_or_picture_that_is_gone_ends_the_job(krita: Krita, daemon: Daemon, how: str) -> None:
    begin(krita, steps=5000)
    shown(krita, 2)
    ways = {
        "undo": "app.action('edit_undo').trigger(); doc.waitForDone()",
        "delete": "layers(doc)[1].remove(); doc.waitForDone()",
        "close": "doc.setModified(False); doc.close()",
    }
    krita.run(ways[how])
    krita.until("task.over")
    assert krita.run("task.state") == "cancelled" and "gone" in krita.run("task.words")
    krita.until("not studio.link.busy")
    assert jobs_at(daemon) == []
    if how == "undo":
        assert krita.run("whole() == was and history()[1] == before[1]")


def test_cancel_takes_pixels_and_history_back(krita: Krita, daemon: Daemon) -> None:
    begin(krita, steps=5000)
    shown(krita, 2)
    krita.run("task.cancel(); doc.waitForDone()")
    krita.until("len(layers(doc)) == 1")
    assert krita.run("task.state, whole() == was, history()[1] == before[1]") == ["cancelled", True, True]
    assert jobs_at(daemon) == []


def test_cancel_after_more_painting_takes_only_the_layer_away(krita: Krita) -> None:
    begin(krita, steps=5000)
    shown(krita, 1)
    krita.run("app.action('add_new_paint_layer').trigger(); doc.waitForDone()")
    krita.until("len(layers(doc)) == 3")
    krita.run("task.cancel(); doc.waitForDone()")
    krita.until("len(layers(doc)) == 2")
    assert krita.run("[n.name().startswith('Velatura') for n in layers(doc)]") == [False, False]


def test_cancel_while_another_picture_is_active(krita: Krita) -> None:
    """The layer is hidden at once, and gone with its history step when the artist comes back."""
    begin(krita, steps=5000)
    shown(krita, 1)
    krita.run("mine = doc; home = app.activeWindow().activeView(); picture(32, 32); task.cancel()")
    krita.until("not layers(mine)[1].visible()")
    krita.run("home.setVisible()")
    krita.until("app.activeDocument() == mine")
    krita.until("len(layers(mine)) == 1")
    krita.run("doc = mine")
    assert krita.run("whole() == was and history()[1] == before[1]")


def test_stop_keeps_what_there_is(krita: Krita) -> None:
    begin(krita, steps=5000)
    shown(krita, 2)
    krita.run("task.stop()")
    krita.until("task.over")
    assert krita.run("task.state, len(layers(doc)), layers(doc)[1].locked()") == ["done", 2, False]
    assert krita.run("len(history()[0]) - len(before[0])") == 1
