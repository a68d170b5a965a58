"""Where, and how strongly: a mask made by one press, or any layer."""

from __future__ import annotations

import numpy as np

from editors.krita.session import Krita

WIDTH, HEIGHT = 80, 60
COLOR = (40, 60, 200)


def open_plain(krita: Krita) -> None:
    krita.run(
        "picture(w, h); fill(layer, bytes([*color, 255]) * w * h, 0, 0, w, h)", w=WIDTH, h=HEIGHT, color=COLOR
    )
    krita.until("doc.activeNode() is not None")
    krita.run("studio.look.choose('mosaic'); before, was = history(), whole()")


def result(krita: Krita) -> np.ndarray:
    krita.until("task.over")
    assert krita.run("task.words") == "Done"
    krita.run("made = next(n for n in layers(doc) if n.name().startswith('Velatura'))")
    data = krita.run("pixels(made, 0, 0, w, h)")
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3].astype(int)


def test_one_press_makes_a_mask_that_is_painted_on(krita: Krita) -> None:
    """The picture looks as before; what is black on the mask stays, grey is half of it."""
    open_plain(krita)
    krita.run("panel = in_sight().panel; panel._strength.click()")
    krita.until("layer.childNodes() and doc.activeNode().name() == 'Strength'")
    assert krita.run("whole() == was and len(history()[0]) == len(before[0]) + 1")
    krita.run(
        """
mask = layer.childNodes()[0]
values = krita.Selection()
values.setPixelData(QtCore.QByteArray(bytes([0] * 40 + [128] * 20 + [255] * 20) * h), 0, 0, w, h)
mask.setSelection(values)
task = studio.apply()
"""
    )
    made, color = result(krita), np.array(COLOR)
    assert (made[:, :40] == color).all() and (made[:, 60:] == 255 - color).all()
    half = color + 128 / 255 * (255 - 2 * color)
    assert np.abs(made[:, 40:60] - half).max() <= 1
    krita.run("studio.watch()")
    assert "as strongly as its mask says" in krita.run("panel._source.text()")
    krita.run("panel._strength.click()")
    krita.until("doc.activeNode().name() == 'Strength'")
    assert krita.run("len(layer.childNodes())") == 1, "a second press goes to it"


def test_any_layer_says_how_strongly_by_how_light_it_is(krita: Krita) -> None:
    open_plain(krita)
    krita.run(
        """
light = doc.createNode("Light", "paintlayer")
light.setPixelData(QtCore.QByteArray(bytes([255, 255, 255, 255]) * 40 * h), 40, 0, 40, h)
light.setVisible(False)
doc.rootNode().addChildNode(light, None)
doc.waitForDone()
"""
    )
    krita.until("doc.activeNode().name() == 'Light'")
    krita.run("doc.setActiveNode(layer)")
    krita.until("doc.activeNode().name() == layer.name()")
    krita.run("studio.maps.use(light.uniqueId().toString()); task = studio.apply()")
    made, color = result(krita), np.array(COLOR)
    assert (made[:, :40] == color).all() and (made[:, 40:] == 255 - color).all()
    krita.run("doc.setActiveNode(light)")
    krita.until("doc.activeNode().name() == 'Light'")
    assert krita.run("paper.source().name == layer.name()"), "painting on it, one still paints the layer"


def test_each_style_of_a_mix_where_its_mask_says(krita: Krita) -> None:
    """By the style's own menu; the mask travels with the recipe, and the next job has it without a press."""
    open_plain(krita)
    krita.run("panel = in_sight().panel; studio.look.toggle('great-wave')")
    krita.run("panel._gallery.menu_asked.emit('mosaic', QtCore.QPoint(0, 0))")
    krita.run(
        """
menu = QtWidgets.QApplication.activePopupWidget()
where = next(a for a in menu.actions() if a.menu() and a.text() == "Where it is painted").menu()
next(a for a in where.actions() if a.text() == "Paint a mask for it").trigger()
menu.close()
"""
    )
    krita.until("layer.childNodes() and doc.activeNode().name().startswith('Where ')")
    assert krita.run("whole() == was and paper.source().name == layer.name()")
    krita.run(
        """
values = krita.Selection()
values.setPixelData(QtCore.QByteArray(bytes([0] * 40 + [255] * 40) * h), 0, 0, w, h)
layer.childNodes()[0].setSelection(values)
task = studio.apply()
"""
    )
    result(krita)
    region, sent = krita.run(
        "bytes(task._regions) if task._regions else 0, [s.mask for s in task._job.recipe.styles]"
    )
    assert region == 0 and [bool(mask) for mask in sent] == [True, False], "only one of them has a place"
    assert krita.run("[s.mask for s in studio.memory.recent[0].styles]") == ["", ""]
    krita.run("studio.watch()")
    assert "each style where its mask says" in krita.run("panel._source.text()")
