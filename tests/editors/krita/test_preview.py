"""The live preview: seen on the canvas, unknown to the document, its history, its saves and autosaves."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
from harness import Daemon, until
from PIL import Image

from editors.krita.session import Krita

SLIDE = """
def slide(name, values):
    slider = docker("velatura_docker").findChild(QtWidgets.QAbstractSlider, "velatura_" + name)
    slider.setSliderDown(True)
    for value in values:
        slider.setValue(value)
        yield
    slider.setSliderDown(False)
    slider.settled.emit(slider.number)
"""

HALVES = bytes([40, 60, 220, 255]) * 100 + bytes([220, 120, 40, 255]) * 100
"""A row of 200 pixels: red at the left, blue at the right (BGRA)."""


def open_halves(krita: Krita) -> None:
    krita.run("picture(200, 160); fill(layer, row * 160, 0, 0, 200, 160); doc.setModified(False)", row=HALVES)


def layers_in(file: Path) -> int:
    """The number of layers in a .kra file; 0 while it is being written."""
    try:
        text = zipfile.ZipFile(file).read("maindoc.xml").decode("utf-8")
    except (FileNotFoundError, zipfile.BadZipFile, KeyError):
        return 0
    return len(re.findall(r"<layer\b", text))


def shown_colors(krita: Krita, folder: Path, points: list[tuple[int, int]]) -> list[tuple[int, ...]]:
    """What is on the screen at image pixels of the active view."""
    places = krita.run(
        """
from velatura_krita import overlay
view = app.activeWindow().activeView()
canvas = overlay.canvas_of(view)
to = overlay.image_to_canvas(view)
at = [canvas.mapToGlobal(to.map(QtCore.QPointF(x, y)).toPoint()) for x, y in points]
[(p.x(), p.y()) for p in at]
""",
        points=points,
    )
    image = np.asarray(Image.open(krita.screen.shot(folder / "screen.png")).convert("RGB"))
    return [tuple(int(v) for v in image[y, x]) for x, y in places]


def test_twenty_slider_moves_leave_no_trace(krita: Krita, folder: Path) -> None:
    open_halves(krita)
    before = krita.run("history(), doc.modified()")
    assert before[1] is False
    krita.run(SLIDE + "\nstudio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.shown")
    krita.run("moves = slide('strength', range(50, 1001, 50))")
    for _ in range(20):
        krita.run("next(moves)")
    krita.run("next(moves, None)")
    krita.until("studio.preview.full_size")
    assert krita.run("studio.look.strength") == 1.0
    assert krita.run("studio.preview.on_canvas")

    saved = folder / "during.kra"
    assert krita.run("doc.saveAs(path)", path=str(saved)) is True
    assert layers_in(saved) == 1
    krita.run("doc.setModified(False); studio.preview.turn(False)")
    assert krita.run("history(), doc.modified()") == before
    krita.run("app.activeWindow().qwindow().repaint()")
    assert krita.run("app.activeWindow().qwindow().findChildren(QtWidgets.QWidget, 'velatura_preview')") == []


def test_an_autosave_during_a_preview_holds_the_artists_layers_only(krita: Krita, folder: Path) -> None:
    """Krita is set up to save every few seconds; the picture is changed while the preview is on."""
    saved = folder / "auto.kra"
    krita.run(
        "picture(200, 160); fill(layer, row * 160, 0, 0, 200, 160); doc.setFileName(path); doc.save(); "
        "doc.setBatchmode(False)",
        row=HALVES, path=str(saved),
    )  # fmt: skip
    krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.shown")
    krita.run("app.action('add_new_paint_layer').trigger(); doc.waitForDone()")
    layers = until(lambda: layers_in(folder / "auto.kra-autosave.kra"), "Krita saves by itself")
    krita.until("studio.preview.shown or studio.preview.words")
    assert layers == 2


def test_it_is_seen_where_the_layer_is(krita: Krita, folder: Path) -> None:
    """Zoomed, turned, mirrored: the screen shows the inverted colours at the place of each half."""
    open_halves(krita)
    krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size")
    left, right = (255 - 220, 255 - 60, 255 - 40), (255 - 40, 255 - 120, 255 - 220)
    krita.run("from velatura_krita import overlay")
    changes = [
        "pass",
        "app.activeWindow().activeView().canvas().setZoomLevel(0.75)",
        "app.activeWindow().activeView().canvas().setRotation(30)",
        "app.activeWindow().activeView().canvas().setMirror(True)",
    ]
    for change in changes:
        krita.run(change)
        krita.until(
            "plugin.surface()._overlay is not None and plugin.surface()._overlay.transform_now"
            " == overlay.image_to_canvas(app.activeWindow().activeView())"
        )

        def seen() -> bool:
            colors = shown_colors(krita, folder, [(50, 80), (150, 80), (20, 20), (180, 140)])
            wanted = [left, right, left, right]
            return all(np.abs(np.subtract(c, w)).max() <= 3 for c, w in zip(colors, wanted, strict=True))

        for _ in range(100):
            if seen():
                break
        else:
            raise AssertionError(f"after {change}: {shown_colors(krita, folder, [(50, 80), (150, 80)])}")
    krita.run("studio.preview.turn(False)")


def test_the_selection_bounds_the_preview(krita: Krita) -> None:
    open_halves(krita)
    krita.run(
        "select(bytes([255]) * 400, 10, 10, 20, 20); studio.look.choose('mosaic'); studio.preview.turn(True)"
    )
    krita.until("studio.preview.full_size")
    alphas = krita.run(
        """
crop, image = studio.preview._base.taken.crop, studio.preview.image
[image.pixelColor(x - crop.x, y - crop.y).alpha() for x, y in ((15, 15), (29, 29), (35, 15), (9, 15))]
"""
    )
    assert alphas == [255, 255, 0, 0]


def test_a_stroke_renews_the_preview(krita: Krita) -> None:
    open_halves(krita)
    krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size")
    krita.run("was = studio.preview.image; fill(layer, bytes([0, 0, 0, 255]) * 10000, 50, 30, 100, 100)")
    krita.until("studio.preview.shown and studio.preview.image is not was")
    krita.until("studio.preview.image.pixelColor(100, 80).name() == '#ffffff'")


def test_it_comes_back_after_a_layer_with_nothing_to_paint_on(krita: Krita) -> None:
    open_halves(krita)
    krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size")
    krita.run("doc.rootNode().addChildNode(doc.createNode('nothing', 'paintlayer'), None)")
    krita.until("not studio.preview.shown and 'is empty' in studio.preview.words")
    krita.run("doc.setActiveNode(layer)")
    krita.until("studio.preview.shown and not studio.preview.words")


def test_it_comes_back_with_the_daemon(krita: Krita, daemon: Daemon) -> None:
    daemon.close_gate()
    open_halves(krita)
    krita.run("studio.look.choose('gate'); studio.preview.turn(True)")
    krita.until("studio.preview._small._job is not None and studio.preview._small._job.sent")
    daemon.kill()
    krita.until("studio.link.state == 'stopped' and studio.preview.words.startswith('No preview')")
    daemon.start()
    daemon.open_gate()
    krita.run("studio.link.restart()")
    krita.until("studio.preview.full_size and not studio.preview.words")


def test_apply_uses_what_the_preview_has_computed(krita: Krita) -> None:
    """After the full-size preview, Apply only looks whether the pixels are still those; no job runs."""
    open_halves(krita)
    krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size")
    krita.run("task = studio.apply()")
    krita.until("task.over")
    assert krita.run("task._job") is None
    assert krita.run("task.state, studio.preview.shown, len(layers(doc))") == ["done", False, 2]


def test_it_makes_room_for_the_layer_also_where_its_canvas_came_into_sight_late(krita: Krita) -> None:
    open_halves(krita)
    krita.run(
        "from velatura_krita.overlay import canvas_of; canvas = canvas_of(app.activeWindow().activeView())"
    )
    krita.run("canvas.hide(); studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size")
    krita.run("canvas.show()")
    krita.until("plugin.surface()._overlay is not None")
    krita.run("task = studio.apply()")
    krita.until("task.over")
    assert krita.run("task.state, studio.preview.shown, plugin.surface()._overlay") == ["done", False, None]


def test_without_a_canvas_the_docker_shows_it_and_says_so(krita: Krita) -> None:
    open_halves(krita)
    krita.run("from velatura_krita import overlay; known = overlay._CANVASES; overlay._CANVASES = ()")
    try:
        krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
        krita.until("studio.preview.shown")
        assert krita.run("studio.preview.on_canvas") is False
        krita.until("'in the docker' in docker('velatura_docker').panel._preview_words.text()")
        assert krita.run("docker('velatura_docker').panel._picture.pixmap().width()") > 50
    finally:
        krita.run("overlay._CANVASES = known; studio.preview.turn(False)")


def test_strokes_are_seen_while_they_are_painted(krita: Krita, folder: Path) -> None:
    """The preview opens under the brush, stays elsewhere, and closes with the stroke in it."""
    open_halves(krita)
    krita.run("studio.look.choose('mosaic'); studio.preview.turn(True)")
    krita.until("studio.preview.full_size")
    far = (255 - 40, 255 - 120, 255 - 220)
    krita.run(
        """
from velatura_krita import overlay
app.action("KritaShape/KisToolBrush").trigger()
view = app.activeWindow().activeView()
canvas = overlay.canvas_of(view)
to = overlay.image_to_canvas(view)
where = [to.map(QtCore.QPointF(x, 80)).toPoint() for x in (30, 40, 50)]
QtTest.QTest.mousePress(canvas, QtCore.Qt.LeftButton, pos=where[0])
for at in where[1:]:
    QtTest.QTest.mouseMove(canvas, at)
shown = studio.preview.image
"""
    )
    krita.until("plugin.surface()._stroke is not None and len(plugin.surface()._stroke.points) > 1")
    for _ in range(200):
        under, elsewhere = shown_colors(krita, folder, [(40, 80), (170, 80)])
        if np.abs(np.subtract(under, (255 - 220, 255 - 60, 255 - 40))).max() > 40:
            break
    else:
        raise AssertionError("the preview stays over the stroke")
    assert np.abs(np.subtract(elsewhere, far)).max() <= 3
    krita.run("QtTest.QTest.mouseRelease(canvas, QtCore.Qt.LeftButton, pos=where[-1])")
    krita.until("plugin.surface()._stroke is None and plugin.surface()._image is studio.preview.image")
    krita.until("studio.preview.full_size")
    color = krita.run("tuple(pixels(layer, 40, 80, 1, 1))")
    for _ in range(200):
        (under,) = shown_colors(krita, folder, [(40, 80)])
        if np.abs(np.subtract(under, [255 - color[i] for i in (2, 1, 0)])).max() <= 3:
            break
    else:
        raise AssertionError(f"{under} is not the opposite of {color}")


def test_the_live_docker_follows_the_brush_and_leaves_the_canvas_free(krita: Krita) -> None:
    open_halves(krita)
    krita.run(
        """
live = docker("velatura_live")
live.setVisible(True)
live.raise_()
studio.look.choose("mosaic")
"""
    )
    krita.until("live.panel.isVisible()")
    krita.run("live.panel.live.click()")
    try:
        krita.until("live.panel.shown.image is not None and studio.preview.full_size")
        assert (
            krita.run("app.activeWindow().qwindow().findChildren(QtWidgets.QWidget, 'velatura_preview')")
            == []
        )
        krita.run("before = live.panel.shown.image")
        krita.run("fill(layer, bytes([9, 200, 30, 255]) * 400, 20, 20, 20, 20); studio.preview.look_now()")
        krita.until("live.panel.shown.image is not before and studio.preview.full_size")
        color = krita.run("live.panel.shown.image.pixelColor(30, 30).getRgb()[:3]")
        assert np.abs(np.subtract(color, (255 - 30, 255 - 200, 255 - 9))).max() <= 1
        krita.run("live.panel.apply.click()")
        krita.until("len(layers(doc)) == 2 and studio.tasks[0].state == 'done'")
    finally:
        krita.run("live.setVisible(False)")
    krita.until("not plugin.surface().beside")
