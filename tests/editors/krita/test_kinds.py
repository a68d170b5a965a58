"""Kinds of job without a button: a texture over a selection, an enlargement in a picture of its own."""

from __future__ import annotations

import numpy as np
import pytest

from editors.krita.session import Krita
from editors.krita.test_apply import KINDS, array, noise

MENU = """
def offered():
    menu = in_sight().panel._menu.menu()
    menu.aboutToShow.emit()
    return {a.text(): a for a in menu.actions()}
"""


@pytest.mark.parametrize(("model", "depth"), [("RGBA", "U8"), ("RGBA", "F32"), ("GRAYA", "U16")])
def test_a_texture_fills_what_is_selected_in_one_step(krita: Krita, model: str, depth: str) -> None:
    """The tests' engine makes a black one."""
    krita.run(
        "picture(97, 61, model, depth); fill(layer, data, 0, 0, 97, 61)\n"
        "select(bytes([255]) * 1200, 20, 10, 40, 30); before = history()",
        model=model, depth=depth, data=noise(model, depth).tobytes(),
    )  # fmt: skip
    krita.run(MENU)
    krita.until("doc.activeNode() is not None")
    assert krita.run("offered()['Texture'].isEnabled()") is False, "it needs a style"
    krita.run("studio.look.choose('mosaic'); offered()['Texture'].trigger(); task = studio.tasks[0]")
    krita.until("task.over or task.can_stop")
    krita.run("task.stop()")
    krita.until("task.over")
    assert krita.run("task.state, layers(doc)[1].name(), layers(doc)[1].locked()") == [
        "done",
        "Velatura: Mosaic of Fans, texture",
        False,
    ]
    assert krita.run("len(history()[0]) - len(before[0])") == 1
    made = array(krita.run("pixels(layers(doc)[1], 0, 0, 97, 61)"), model, depth, 97, 61)
    whole = 1.0 if np.dtype(KINDS[depth]).kind == "f" else np.iinfo(KINDS[depth]).max
    inside = np.zeros((61, 97), bool)
    inside[10:40, 20:60] = True
    assert np.array_equal(made[..., -1] == whole, inside) and np.array_equal(made[..., -1] == 0, ~inside)
    assert np.abs(made[inside][:, :-1].astype(float)).max() <= whole * 1e-3


@pytest.mark.parametrize(("model", "depth"), [("RGBA", "U8"), ("CMYKA", "U8")])
def test_an_enlargement_opens_as_a_picture_of_its_own(krita: Krita, model: str, depth: str) -> None:
    """The tests' engine makes a white one."""
    krita.run(
        "picture(30, 20, model, depth, name='harbour'); fill(layer, data, 0, 0, 30, 20)\n"
        "select(bytes([255]) * 50, 4, 4, 10, 5); mine = doc; before = history(), whole()",
        model=model, depth=depth, data=noise(model, depth, 30, 20).tobytes(),
    )  # fmt: skip
    krita.run(MENU)
    krita.until("doc.activeNode() is not None")
    krita.run("offered()['Upscale'].trigger(); task = studio.tasks[0]")
    krita.until("task.over")
    assert krita.run("task.state, task.words") == ["done", "Done"]
    krita.until("len(app.documents()) == 2 and app.activeDocument() != mine")
    krita.run("doc = app.activeDocument(); doc.setBatchmode(True)")
    assert krita.run("doc.width(), doc.height(), doc.name(), doc.colorModel(), doc.colorDepth()") == [
        40, 20, "harbour, enlarged", model, depth,
    ]  # fmt: skip
    shown = array(krita.run("whole()"), model, depth, 40, 20)
    white = shown[..., :-1] <= 2 if model == "CMYKA" else shown[..., :-1] >= 253
    assert white.all() and (shown[..., -1] == 255).all()
    assert krita.run("len(layers(mine))") == 1
