"""Several layers and all frames of an animation at once, and results that the .kra remembers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from editors.krita.session import Krita
from editors.krita.test_apply import noise

WIDTH, HEIGHT = 64, 48

MENU = """
panel = in_sight().panel
def entry(text):
    menu = panel._menu.menu()
    menu.aboutToShow.emit()
    return next(a for a in menu.actions() if a.text() == text)
"""


def colour(data: bytes) -> list[list[int]]:
    """The colours that there are, as Krita has them."""
    return np.unique(np.frombuffer(data, np.uint8).reshape(-1, 4), axis=0).tolist()


def test_all_frames_become_an_animated_layer_in_one_step(krita: Krita) -> None:
    """The frames are flat; the tests' engine inverts them, and what does not change is held."""
    krita.run(
        """
picture(w, h); fill(layer, bytes([9, 60, 200, 255]) * w * h, 0, 0, w, h)
layer.enableAnimation()
studio.look.choose("mosaic")
""",
        w=WIDTH, h=HEIGHT,
    )  # fmt: skip
    krita.until("doc.activeNode() is not None")
    for time, value in ((4, 30), (8, 90)):
        krita.run("doc.setCurrentTime(time); doc.waitForDone()", time=time)
        krita.until("doc.currentTime() == time")
        krita.run("app.action('add_blank_frame').trigger(); doc.waitForDone()")
        krita.until("layer.hasKeyframeAtTime(time)")
        krita.run("fill(layer, bytes([value, value, value, 255]) * w * h, 0, 0, w, h)", value=value)
    before = krita.run("len(history()[0])")
    krita.run(f"{MENU}\nstudio.watch(); entry('All frames of this layer').trigger(); task = studio.tasks[0]")
    krita.until("task.over")
    assert krita.run("task.state, task.words") == ["done", "Done"]
    krita.run("made = next(n for n in layers(doc) if n.name().startswith('Velatura'))")
    assert krita.run("[t for t in range(10) if made.hasKeyframeAtTime(t)]") == [0, 4, 8]
    for time, wanted in ((0, [246, 195, 55, 255]), (4, [225, 225, 225, 255]), (8, [165, 165, 165, 255])):
        data = krita.run("made.pixelDataAtTime(0, 0, w, h, time).data()", time=time)
        assert colour(data) == [wanted]
    assert krita.run("len(history()[0]), doc.currentTime()") == [before + 1, 8]
    assert (
        krita.run("paper.recipes(paper.source())[made.uniqueId().toString()].recipe.styles[0].name")
        == "mosaic"
    )


def test_frames_are_painted_where_something_is_selected_and_undone_at_once(krita: Krita) -> None:
    krita.run(
        """
picture(w, h); fill(layer, bytes([9, 60, 200, 255]) * w * h, 0, 0, w, h)
layer.enableAnimation()
studio.look.choose("mosaic")
doc.setCurrentTime(5); doc.waitForDone()
""",
        w=WIDTH, h=HEIGHT,
    )  # fmt: skip
    krita.until("doc.currentTime() == 5")
    krita.run("app.action('add_blank_frame').trigger(); doc.waitForDone()")
    krita.until("layer.hasKeyframeAtTime(5)")
    krita.run("fill(layer, bytes([30, 30, 30, 255]) * w * h, 0, 0, w, h)", w=WIDTH, h=HEIGHT)
    krita.run("select(b'\\xff' * 200, 8, 8, 20, 10); studio.watch(); task = studio.apply_to_frames()")
    krita.until("task.over")
    assert krita.run("task.words") == "Done"
    krita.run("made = next(n for n in layers(doc) if n.name().startswith('Velatura'))")
    for time, wanted in ((0, [246, 195, 55, 255]), (5, [225, 225, 225, 255])):
        data = krita.run("made.pixelDataAtTime(0, 0, w, h, time).data()", time=time)
        pixels = np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 4)
        assert colour(pixels[8:18, 8:28].tobytes()) == [wanted]
        assert np.count_nonzero(pixels[..., 3]) == 200
    krita.travel("edit_undo", "len(layers(doc)) == 1")
    assert krita.run("doc.currentTime(), layer.hasKeyframeAtTime(5)") == [5, True]


@pytest.mark.parametrize(
    ("model", "depth", "profile"),
    [("CMYKA", "U8", ""), ("LABA", "U16", ""), ("RGBA", "U8", "Rec2020-elle-V4-g10.icc")],
)
def test_frames_at_strength_0_are_the_originals(krita: Krita, model: str, depth: str, profile: str) -> None:
    """They travel in another space and come back with the numbers that they had."""
    given = [noise(model, depth, WIDTH, HEIGHT), noise(model, depth, WIDTH, HEIGHT)[::-1].copy()]
    krita.run(
        """
picture(w, h, model, depth, profile); fill(layer, data, 0, 0, w, h)
layer.enableAnimation()
studio.look.choose("mosaic"); studio.look.strength = 0.0
doc.setCurrentTime(5); doc.waitForDone()
""",
        w=WIDTH, h=HEIGHT, model=model, depth=depth, profile=profile, data=given[0].tobytes(),
    )  # fmt: skip
    krita.until("doc.currentTime() == 5")
    krita.run("app.action('add_blank_frame').trigger(); doc.waitForDone()")
    krita.until("layer.hasKeyframeAtTime(5)")
    krita.run("fill(layer, data, 0, 0, w, h)", data=given[1].tobytes())
    krita.run("studio.watch(); task = studio.apply_to_frames()")
    krita.until("task.over")
    assert krita.run("task.words") == "Done"
    krita.run("made = next(n for n in layers(doc) if n.name().startswith('Velatura'))")
    for time, wanted in ((0, given[0]), (5, given[1])):
        data = krita.run("made.pixelDataAtTime(0, 0, w, h, time).data()", time=time)
        assert data == wanted.tobytes()


def test_every_chosen_layer_with_one_progress(krita: Krita) -> None:
    krita.run(
        """
picture(w, h); fill(layer, bytes([9, 60, 200, 255]) * w * h, 0, 0, w, h)
other = doc.createNode("Other", "paintlayer")
other.setPixelData(QtCore.QByteArray(bytes([1, 2, 3, 255]) * w * h), 0, 0, w, h)
doc.rootNode().addChildNode(other, None)
doc.waitForDone()
""",
        w=WIDTH, h=HEIGHT,
    )  # fmt: skip
    krita.until("doc.activeNode().name() == 'Other'")
    krita.run("app.action('select_all_layers').trigger()")
    krita.until("len(app.activeWindow().activeView().selectedNodes()) == 2")
    krita.run(f"studio.look.choose('mosaic')\n{MENU}\nentry('All chosen layers').trigger()")
    krita.until("studio.tasks[0].over")
    assert krita.run("studio.tasks[0].words, studio.tasks[0].title.endswith('on 2 layers')") == ["Done", True]
    names = krita.run("[n.name() for n in layers(doc)]")
    assert [name.startswith("Velatura") for name in names] == [False, True, False, True]


def test_kept_results_come_back_with_the_file(krita: Krita, folder: Path) -> None:
    """Deleted layers' too; a press takes the look."""
    krita.run("picture(w, h); fill(layer, bytes([9, 60, 200, 255]) * w * h, 0, 0, w, h)", w=WIDTH, h=HEIGHT)
    krita.until("doc.activeNode() is not None")
    krita.run(f"{MENU}\nentry('Keep results in the picture').trigger(); studio.look.choose('mosaic')")
    try:
        krita.run("studio.look.strength = 0.6; task = studio.apply()")
        krita.until("len(studio.results.shown) == 1")
        assert krita.run("panel._kept_fold.isVisibleTo(panel) and len(panel._kept.buttons)") == 1
        krita.run("layers(doc)[1].remove(); doc.waitForDone()")
        file = folder / "kept.kra"
        assert krita.run("doc.saveAs(path)", path=str(file))
        krita.run("closing.tell_layer_dockers(); doc.setModified(False); doc.close(); reset_look()")
        krita.until("app.activeDocument() is None or not app.documents()")
        krita.run("doc = app.openDocument(path); app.activeWindow().addView(doc)")
        krita.until("doc.activeNode() is not None")
        krita.run("studio.watch()")
        krita.until("len(studio.results.shown) == 1")
        krita.run("panel._kept.buttons[0].click()")
        assert krita.run("studio.look.styles, studio.look.strength") == [["mosaic"], 0.6]
    finally:
        krita.run("studio.results.keep(False)")
