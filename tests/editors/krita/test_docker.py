"""The docker as an artist meets it: narrow, in any theme, by pen and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from editors.krita.session import Krita

GREY = "picture(96, 64); fill(layer, bytes([60, 60, 200, 255]) * 96 * 64, 0, 0, 96, 64)"


@pytest.fixture
def panel(krita: Krita) -> Iterator[Krita]:
    """The docker floats, so that it can have any size; a picture is open, as Krita shows and hides dockers
    with the first."""
    krita.run(
        GREY
        + """
ours = in_sight()
panel = ours.panel
ours.setFloating(True)
ours.show()
def size(width, height):
    ours.resize(width, height)
    QtWidgets.QApplication.processEvents()
    return panel.width(), panel.height()
def seen(widget):
    corner = widget.mapTo(panel, QtCore.QPoint(0, 0))
    inside = panel.rect().contains(QtCore.QRect(corner, widget.size()))
    return widget.isVisible() and inside and widget.width() > 20
def columns():
    view = panel._gallery
    tops = [view.visualRect(view._model.index(row)).top() for row in range(view._model.rowCount())]
    return tops.count(tops[0])
"""
    )
    krita.until("panel.isVisible()")
    yield krita
    krita.run("ours.setFloating(False)")


@pytest.mark.parametrize(("width", "columns"), [(250, 2), (300, 3), (600, 6)])
def test_what_matters_stays_in_sight_at_any_width(panel: Krita, width: int, columns: int) -> None:
    """Apply, the newest task and the daemon's state, beside a full screen, with everything unfolded."""
    krita = panel
    krita.run("studio.look.choose('mosaic'); panel._controls._more.button.setChecked(True)")
    krita.run("task = studio.apply()")
    krita.until("task.over")
    try:
        assert krita.run("size(width, 500)", width=width)[0] <= width
        for name in ("_apply", "_refine", "_preview", "_tasks", "_daemon", "_menu", "_search"):
            krita.until(f"seen(panel.{name})")
        krita.until("seen(panel._tasks._rows[0])")
        krita.until("columns() >= wanted", wanted=columns)
    finally:
        krita.run("panel._controls._more.button.setChecked(False)")


def test_with_the_first_picture_ever_it_shows_itself_in_a_column_of_its_own(panel: Krita) -> None:
    krita = panel
    met = "met_at_start, studio.memory.settings[plugin.MET]"
    assert krita.run(met) == [None, True], "it showed itself when a picture was opened, and not before"
    krita.run(
        """
ours.setFloating(False)
ours.setVisible(False)
studio.memory.set(plugin.MET, False)
picture(40, 30)
"""
    )
    krita.until("ours.isVisible() and not ours.isFloating()")
    krita.until("ours.height() > 0.7 * app.activeWindow().qwindow().height()")
    settled = "QtTest.QTest.qWait(plugin.SETTLING * plugin.TRIES + 100)"
    krita.run(f"{settled}; ours.setVisible(False); picture(50, 30); {settled}")
    assert krita.run("ours.isVisible()") is False, "an artist who closed it does without"
    krita.run("ours.setVisible(True); ours.setFloating(True)")


def test_what_is_chosen_stays_in_sight_when_the_docker_gets_another_width(panel: Krita) -> None:
    krita = panel
    krita.run("size(600, 500); studio.look.choose('starry-night')")
    for width in (250, 600, 300):
        krita.run("size(width, 500)", width=width)
        krita.until(
            """panel._gallery.viewport().rect().intersects(
                panel._gallery.visualRect(panel._gallery._model.index(
                    panel._gallery._model.names().index('starry-night'))))"""
        )


def test_textures_vary_by_their_noise_in_the_strip(panel: Krita) -> None:
    krita = panel
    krita.run("size(300, 700); studio.look.choose('mosaic'); panel._strip_fold.button.setChecked(True)")
    try:
        krita.run("box = panel._strip._kind; box.setCurrentIndex(box.findData('texture'))")
        krita.run("box.activated.emit(box.currentIndex())")
        first = krita.until("next((n for n in panel._strip.buttons if n.startswith('seed-')), '')")
        krita.until("studio.variations.picture(name) is not None", name=first)
        krita.run("panel._strip.buttons[name].click(); panel._strip._make.click()", name=first)
        assert krita.run("studio.look.seed, studio.tasks[0].recipe.KIND, studio.tasks[0].recipe.seed") == [
            1,
            "texture",
            1,
        ]
        krita.until("studio.tasks[0].over")
    finally:
        krita.run("studio.variations.show_kind('stylize'); panel._strip_fold.button.setChecked(False)")


def test_every_control_says_what_it_does(panel: Krita) -> None:
    krita = panel
    krita.run("studio.look.toggle('mosaic'); studio.look.toggle('great-wave')")
    silent = krita.run(
        """
kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QLineEdit, QtWidgets.QAbstractSlider,
         QtWidgets.QAbstractSpinBox)
[w.objectName() or repr(w) for kind in kinds for w in panel.findChildren(kind)
 if not w.toolTip() and w is not panel.naming  # which says it when it asks
     and not w.objectName().startswith("qt_") and not isinstance(w, QtWidgets.QScrollBar)
 and not isinstance(w.parent(), (QtWidgets.QComboBox, QtWidgets.QLineEdit, QtWidgets.QAbstractSpinBox))
 and "QComboBoxPrivate" not in w.parent().metaObject().className()]
"""
    )
    assert silent == []


def test_a_typed_value_is_taken(panel: Krita) -> None:
    krita = panel
    krita.run(
        """
slider = panel._controls.widget("strength")
slider.setFocus()
QtTest.QTest.keyClick(slider, QtCore.Qt.Key_4)
line = slider.findChild(QtWidgets.QLineEdit)
QtTest.QTest.keyClicks(line, "2")
QtTest.QTest.keyClick(line, QtCore.Qt.Key_Return)
"""
    )
    assert krita.run("studio.look.strength, slider.number, slider._line") == [0.42, 0.42, None]
    krita.run("line = slider.type_in('7'); QtTest.QTest.keyClick(line, QtCore.Qt.Key_Escape)")
    assert krita.run("studio.look.strength, slider._line") == [0.42, None]


def test_pressing_a_style_shows_something(panel: Krita) -> None:
    """The preview is on unless the artist does without; without a picture, words say what is missing."""
    krita = panel
    krita.run("doc.setModified(False); doc.close()")
    krita.run("studio.memory.set('preview', True); panel._gallery.picked.emit('mosaic')")
    krita.until("panel._preview_words.text() == 'Open a picture first.'")
    krita.run(GREY + "; panel._gallery.picked.emit('batik')")
    krita.until("studio.preview.shown and panel._preview.isChecked()")
    krita.run("panel._preview.click(); panel._gallery.picked.emit('mosaic')")
    assert krita.run("studio.preview.on, studio.look.styles") == [False, ["mosaic"]]
    krita.run("studio.memory.set('preview', True)")


def test_a_picture_that_is_dropped_becomes_a_style(panel: Krita, folder: Path) -> None:
    file = folder / "dropped.webp"
    Image.effect_noise((80, 60), 90).convert("RGB").save(file)
    krita = panel
    krita.run(
        """
mime = QtCore.QMimeData()
mime.setUrls([QtCore.QUrl.fromLocalFile(path)])
copy = QtCore.Qt.CopyAction
enter = QtGui.QDragEnterEvent(QtCore.QPoint(9, 9), copy, mime, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier)
QtWidgets.QApplication.sendEvent(panel._gallery.viewport(), enter)
drop = QtGui.QDropEvent(QtCore.QPointF(9, 9), copy, mime, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier)
QtWidgets.QApplication.sendEvent(panel._gallery.viewport(), drop)
""",
        path=str(file),
    )
    try:
        krita.until("studio.look.styles == ('dropped',)")
    finally:
        krita.run("studio.gallery.own.remove('dropped')")
        krita.until("not any(e.mine for e in studio.gallery.entries)")


def test_a_layer_that_is_dropped_becomes_a_style(panel: Krita) -> None:
    krita = panel
    krita.run(
        """
tree = next(view for view in docker("KisLayerBox").findChildren(QtWidgets.QTreeView))
mime = tree.model().mimeData([tree.model().index(0, 0)])
copy = QtCore.Qt.CopyAction
enter = QtGui.QDragEnterEvent(QtCore.QPoint(9, 9), copy, mime, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier)
QtWidgets.QApplication.sendEvent(panel._gallery.viewport(), enter)
drop = QtGui.QDropEvent(QtCore.QPointF(9, 9), copy, mime, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier)
QtWidgets.QApplication.sendEvent(panel._gallery.viewport(), drop)
"""
    )
    try:
        krita.until("any(e.mine for e in studio.gallery.entries) and studio.look.styles")
    finally:
        krita.run("[studio.gallery.own.remove(e.name) for e in studio.gallery.entries if e.mine]")
        krita.until("not any(e.mine for e in studio.gallery.entries)")


def test_toggles_and_icons_have_the_colours_of_a_new_theme(panel: Krita) -> None:
    """F6: after a switch they look as they do in a docker that is made afterwards."""
    krita = panel
    krita.run(
        """
from velatura_krita.widgets.docker import Panel
themes = next(a for a in app.actions() if a.objectName() == "theme_menu")
choices = {a.text().replace("&", ""): a for a in themes.menu().actions()}
size(300, 700)
panel._mix.setChecked(True)
def looks(of):
    return [bytes(w.grab().toImage().convertToFormat(QtGui.QImage.Format_RGB32).bits().asstring(32 * 32 * 4))
            for w in (of._mix, of._on_layer, of._add, of._menu)]
def fresh():
    other = Panel(studio, plugin.surface())
    other._mix.setChecked(True)
    other.resize(300, 700)
    other.show()
    QtWidgets.QApplication.processEvents()
    return other
before = looks(panel)
choices["Krita bright"].trigger()
QtWidgets.QApplication.processEvents()
"""
    )
    try:
        krita.run("other = fresh()")
        krita.until("looks(panel) == looks(other)")
        assert krita.run("all(a != b for a, b in zip(looks(panel), before))")
        krita.run("other.forget(); other.close(); other.deleteLater()")
    finally:
        krita.run("choices['Krita dark'].trigger(); panel._mix.setChecked(False)")
