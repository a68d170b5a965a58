"""What the artist brings and keeps: presets, styles from files, thumbnails on the artist's own layer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from harness import Daemon
from PIL import Image

from editors.krita.session import Krita

MENU = """
panel = in_sight().panel
def entries(menu):
    menu.aboutToShow.emit()
    return {a.text(): a for a in menu.actions() if not a.isSeparator()}
def main():
    return entries(panel._menu.menu())
"""


@pytest.fixture
def docker(krita: Krita) -> Krita:
    """A small picture, and the docker's menus at hand."""
    krita.run("picture(64, 48); fill(layer, bytes([9, 60, 200, 255]) * 3072, 0, 0, 64, 48)")
    krita.until("doc.activeNode() is not None")
    krita.run(MENU)
    krita.until("panel.isVisible()")
    return krita


def test_a_preset_is_saved_taken_applied_and_removed(docker: Krita) -> None:
    """All by the docker's own menu: a mix with settings comes back, also from the file on disk."""
    krita = docker
    krita.run(
        """
look = studio.look
look.choose("mosaic"); look.toggle("great-wave"); look.point = (0.25, 0.5)
look.strength, look.scale, look.color, look.method = 0.4, 1.5, "luminance", "adain"
asked = look.stylize()
main()["Save as a preset…"].trigger()
"""
    )
    assert krita.run("panel.naming.isVisible()")
    krita.run("panel.naming.setText('  Evening '); panel.naming.returnPressed.emit()")
    assert krita.run("panel.naming.isVisible(), list(studio.memory.presets)") == [False, ["Evening"]]
    kept = json.loads(Path(krita.run("str(plugin.memory_file())")).read_text())["presets"]["Evening"]
    assert [style["name"] for style in kept["styles"]] == ["mosaic", "great-wave"]
    assert (kept["strength"], kept["scale"], kept["color"]) == (0.4, 1.5, "luminance")
    krita.run(
        """
from velatura.editor.memory import Memory
again = Memory(plugin.memory_file()).presets
reset_look()
"""
    )
    assert krita.run("again['Evening'] == asked and studio.look.styles == ()")
    krita.run("main(); entries(main()['Presets'].menu())['Evening'].trigger()")
    assert krita.run("look.stylize() == asked")
    krita.run("panel._apply.click()")
    krita.until("studio.tasks and studio.tasks[0].over")
    assert krita.run("studio.tasks[0].state, layers(doc)[1].name()") == [
        "done",
        "Velatura: Mosaic of Fans + The Great Wave off Kanagawa",
    ]
    assert krita.run("paper.recipes(paper.source())[layers(doc)[1].uniqueId().toString()].recipe == asked")
    krita.run("recent = entries(main()['Recent'].menu())")
    assert krita.run("next(iter(recent))") == "Mosaic of Fans + The Great Wave off Kanagawa, 40 %"
    krita.run("entries(main()['Remove a preset'].menu())['Evening'].trigger()")
    assert krita.run("studio.memory.presets") == {}


def test_a_style_from_a_file(docker: Krita, daemon: Daemon, folder: Path) -> None:
    """Through the file dialog, which does not block; the picture becomes a style and is chosen."""
    krita = docker
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30] = (250, 180, 20)
    file = folder / "Été à Arles.png"
    Image.fromarray(pixels).save(file)
    krita.run("entries(panel._add.menu())['From a file…'].trigger()")
    krita.until("panel.findChild(QtWidgets.QFileDialog) is not None")
    krita.run("dialog = panel.findChild(QtWidgets.QFileDialog)")
    assert krita.run("dialog.isVisible(), dialog.isModal()") == [True, False]
    krita.run("dialog.filesSelected.emit([path]); dialog.close()", path=str(file))
    krita.until("any(e.name == 'ete-a-arles' and e.mine for e in studio.gallery.entries)")
    try:
        krita.until("studio.look.styles == ('ete-a-arles',)")
        assert krita.run("studio.gallery.entry('ete-a-arles').title") == "Été à Arles"
        assert krita.run("studio.gallery.words") == ""
        krita.until("studio.gallery.picture('ete-a-arles') is not None")
        with daemon.connect() as talk:
            mine = [s for s in talk.ask("styles") if s["name"] == "ete-a-arles"]
        assert mine[0]["kind"] == "user"
        krita.run("task = studio.apply()")
        krita.until("task.over")
        assert krita.run("task.state, layers(doc)[1].name()") == ["done", "Velatura: Été à Arles"]
        assert krita.run("panel._learn.text(), panel._learn.isVisible()") == ["Learn this style", True]
        krita.run("panel._learn.click()")
        krita.until("'is learned' in studio.gallery.words")
        assert krita.run("len(layers(doc))") == 2
    finally:
        krita.run("studio.gallery.own.remove('ete-a-arles')")
        krita.until("not any(e.mine for e in studio.gallery.entries)")
    assert krita.run("studio.look.styles") == []


def test_a_file_that_is_no_picture_is_refused_in_words(docker: Krita, folder: Path) -> None:
    file = folder / "notes.png"
    file.write_text("not a picture")
    docker.run("from pathlib import Path; studio.gallery.own.add_file(Path(path))", path=str(file))
    docker.until("'is no style: ' in panel._gallery_words.text()")
    docker.run("studio.gallery.words = ''")


def test_the_gallery_shows_the_styles_on_my_layer(docker: Krita) -> None:
    """The tests' engine inverts, so a thumbnail on the layer is the layer's opposite."""
    krita = docker
    krita.run("panel._on_layer.click()")
    try:
        name = krita.until("next(iter(studio.gallery._trials.pictures), '')")
        data = krita.run("bytes(studio.gallery.picture(name).data)", name=name)
        assert data[:4] == bytes([246, 195, 55, 255])
        krita.until("all(n in studio.gallery._trials.pictures for n in studio.gallery._in_sight)")
        assert krita.run("len(history()[0]), doc.modified()")[0] >= 1
    finally:
        krita.run("panel._on_layer.click()")
    assert krita.run("studio.gallery.on_layer, len(studio.gallery._trials.pictures)") == [False, 0]


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(docker: Krita) -> None:
    nameless, unreachable, small = docker.run(
        """
kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QLineEdit, QtWidgets.QAbstractSlider,
         QtWidgets.QAbstractItemView)
inner = ("qt_", "ScrollLeftButton", "ScrollRightButton")
controls = [w for kind in kinds for w in panel.findChildren(kind)
            if not w.objectName().startswith(inner) and not isinstance(w, QtWidgets.QScrollBar)
            and not isinstance(w.parent(), (QtWidgets.QComboBox, QtWidgets.QLineEdit))
            and "QComboBoxPrivate" not in w.parent().metaObject().className()]
def says(w):
    return w.accessibleName() or (w.text() if isinstance(w, QtWidgets.QAbstractButton) else "")
def height(w):
    return max(w.minimumHeight(), w.minimumSizeHint().height())
[[repr(w) for w in controls if not says(w) and w is not panel._help],
 [says(w) or repr(w) for w in controls if not w.focusPolicy() & QtCore.Qt.TabFocus],
 [(says(w), height(w)) for w in controls if height(w) < 24]]
"""
    )
    assert nameless == []
    assert unreachable == []
    assert small == [], "too small for a pen"


def test_icons_follow_the_theme(docker: Krita) -> None:
    """Dark on light, light on dark: the mean of an icon's own pixels changes sides with the theme."""
    krita = docker
    krita.run(
        """
def lightness():
    image = panel._apply.icon().pixmap(22, 22).toImage().convertToFormat(QtGui.QImage.Format_ARGB32)
    seen = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    seen = [c.lightness() for c in seen if c.alpha() > 200]
    return sum(seen) / len(seen)
themes = next(a for a in app.actions() if a.objectName() == "theme_menu")
choices = {a.text().replace("&", ""): a for a in themes.menu().actions()}
"""
    )
    assert krita.run("lightness()") > 128
    krita.run("choices['Krita bright'].trigger()")
    try:
        krita.until("lightness() < 128")
    finally:
        krita.run("choices['Krita dark'].trigger()")
    krita.until("lightness() > 128")


def test_styles_are_sorted_into_folders_by_the_styles_menu(docker: Krita) -> None:
    krita = docker
    krita.run(
        """
from velatura_krita.widgets import menus
def style(name):
    menus.gallery_menu(panel, studio, name, panel.mapToGlobal(QtCore.QPoint(5, 5)), panel.naming)
    shown = QtWidgets.QApplication.activePopupWidget()
    return shown, {a.text(): a for a in shown.actions()}
shown, offered = style("mosaic")
entries(offered["Folder"].menu())["A new folder…"].trigger()
shown.close()
"""
    )
    assert krita.run("panel.naming.isVisible(), panel._folder.isVisible()") == [True, False]
    krita.run("panel.naming.setText('Stones'); panel.naming.returnPressed.emit()")
    krita.until("panel._folder.isVisible()")
    try:
        krita.run("row = panel._folder.findData('Stones'); panel._folder.setCurrentIndex(row)")
        krita.run("panel._folder.activated[int].emit(row)")
        assert krita.run("panel._gallery._model.names()") == ["mosaic"]
        krita.run("shown, offered = style('mosaic')")
        krita.run("entries(offered['Folder'].menu())['In no folder'].trigger(); shown.close()")
        assert krita.run("panel._folder.isVisible(), len(panel._gallery._model.names()) > 30") == [
            False,
            True,
        ]
    finally:
        krita.run("studio.gallery.put('mosaic', '')")
