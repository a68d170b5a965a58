"""The docker's menus: styles of one's own, what can be done with a style, presets and help."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from velatura.editor import words
from velatura.editor.diagnostics import diagnostics
from velatura.editor.i18n import _
from velatura.editor.own import STYLE_FILES
from velatura.editor.studio import Studio
from velatura.recipe import RECIPES, Recipe

from ..qt import QtCore, QtGui, QtWidgets
from . import folders, pull_row
from .naming import NamingLine

MANUAL = Path(__file__).parent.parent / "manual.html"


def source_menu(panel: QtWidgets.QWidget, studio: Studio) -> QtWidgets.QMenu:
    """Where a style of one's own comes from."""
    menu = QtWidgets.QMenu(panel)
    menu.addAction(_("From a file…"), lambda: ask_for_file(panel, studio))
    menu.addAction(_("From the pictures of a folder…"), lambda: ask_for_folder(panel, studio))
    menu.addAction(_("From this layer"), lambda: studio.gallery.own.add_from_layer(selected=False))
    menu.addAction(_("From the selection"), lambda: studio.gallery.own.add_from_layer(selected=True))
    return menu


def ask_for_file(panel: QtWidgets.QWidget, studio: Studio) -> None:
    """A file dialog that does not block; each chosen picture becomes a style."""
    dialog = QtWidgets.QFileDialog(panel, _("Pictures to use as styles"))
    dialog.setFileMode(QtWidgets.QFileDialog.FileMode.ExistingFiles)
    patterns = " ".join(f"*{suffix}" for suffix in STYLE_FILES)
    dialog.setNameFilters([_("Pictures ({patterns})", patterns=patterns), _("All files (*)")])
    _show(dialog, studio)


def ask_for_folder(panel: QtWidgets.QWidget, studio: Studio) -> None:
    """The same for a folder; each picture in it becomes a style."""
    dialog = QtWidgets.QFileDialog(panel, _("A folder of pictures to use as styles"))
    dialog.setFileMode(QtWidgets.QFileDialog.FileMode.Directory)
    _show(dialog, studio)


def _show(dialog: QtWidgets.QFileDialog, studio: Studio) -> None:
    dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setModal(False)
    dialog.filesSelected.connect(lambda files: [_add(studio, Path(file)) for file in files])
    dialog.show()


def _add(studio: Studio, path: Path) -> None:
    (studio.gallery.own.add_folder if path.is_dir() else studio.gallery.own.add_file)(path)


def drop(studio: Studio, mime: QtCore.QMimeData) -> None:
    """What was dropped on the gallery becomes styles: files, folders of them, or a picture such as a
    browser's or a layer."""
    files = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    for file in files:
        _add(studio, file)
    if not files and mime.hasImage():
        image, data = QtGui.QImage(mime.imageData()), QtCore.QByteArray()
        buffer = QtCore.QBuffer(data)
        buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")
        studio.gallery.own.add_bytes(data.data(), _("Dropped picture"))


def gallery_menu(
    panel: QtWidgets.QWidget, studio: Studio, name: str, at: QtCore.QPoint, naming: NamingLine
) -> None:
    """What can be done with one style."""
    entry = studio.gallery.entry(name)
    if entry is None:
        return
    menu = QtWidgets.QMenu(panel)
    menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    about = menu.addAction(entry.about)
    about.setEnabled(False)
    in_mix = name in studio.look.styles
    favourite = name in studio.gallery.favourites
    menu.addAction(
        _("No favourite any more") if favourite else _("Make it a favourite"),
        lambda: studio.gallery.favour(name),
    )
    folders.fill_menu(menu.addMenu(_("Folder")), studio.gallery, name, naming)
    menu.addAction(_("Take out of the mix") if in_mix else _("Add to the mix"), lambda: _mix(studio, name))
    if in_mix and len(studio.look.styles) > 1:
        where = menu.addMenu(_("Where it is painted"))
        where.addAction(_("Paint a mask for it"), lambda: studio.maps.paint(name))
        _maps(where, studio, name)
    lessons = studio.gallery.lessons
    if entry.can_learn and not lessons.learning:
        menu.addAction(_("Learn this style"), lambda: lessons.learn(name))
    if lessons.learning == name:
        menu.addAction(_("Stop learning and keep it"), lessons.stop)
        menu.addAction(_("Cancel learning"), lessons.cancel)
    picture = studio.pulls.find("style", name)
    if picture is not None:
        text = pull_row.text_of(_("Download its picture"), picture)
        fetch = menu.addAction(text, lambda: studio.pulls.begin(picture))
        fetch.setEnabled(not picture.under_way)
    if entry.mine:
        menu.addAction(_("Remove from my styles"), lambda: studio.gallery.own.remove(name))
    menu.popup(at)


def _mix(studio: Studio, name: str) -> None:
    studio.look.toggle(name)
    studio.preview.request(released=True)


def main_menu(
    panel: QtWidgets.QWidget, studio: Studio, naming: NamingLine, buttons: Container[str]
) -> QtWidgets.QMenu:
    """Kinds of job, presets, recent looks, help; filled when it opens.

    Args:
        naming: where a preset's name is asked for.
        buttons: the kinds that have a button, and are left out here.
    """
    menu = QtWidgets.QMenu(panel)
    menu.aboutToShow.connect(lambda: _fill(menu, studio, naming, buttons))
    return menu


def _fill(menu: QtWidgets.QMenu, studio: Studio, naming: NamingLine, buttons: Container[str]) -> None:
    menu.clear()
    menu.setToolTipsVisible(True)
    for kind, cls in RECIPES.items():
        if kind not in buttons and "krita" in cls.FACTS.editors:
            title = _(cls.FACTS.title)
            if cls.FACTS.expert:
                title = _("{kind} (for experts)", kind=title)
            action = menu.addAction(title, lambda kind=kind: studio.make(kind))
            action.setToolTip(_(cls.FACTS.help))
            action.setEnabled(bool(studio.look.styles) or not cls.FACTS.styles)
    frames = menu.addAction(_("All frames of this layer"), studio.apply_to_frames)
    frames.setToolTip(
        _("Paints every frame of an animated layer into a new one that holds still where it should")
    )
    chosen = menu.addAction(_("All chosen layers"), studio.apply_to_all)
    chosen.setToolTip(_("A new layer above each layer that is chosen in the list of layers"))
    for action in (frames, chosen):
        action.setEnabled(bool(studio.look.styles))
    strength = menu.addMenu(_("Strength from"))
    _maps(strength, studio)
    strength.setEnabled(len(strength.actions()) > 1)
    menu.addSeparator()
    memory = studio.memory
    _looks(menu, _("Presets"), studio, sorted(memory.presets.items()))
    recent = [(studio.describe(recipe), recipe) for recipe in memory.recent]
    _looks(menu, _("Recent"), studio, recent)
    save = menu.addAction(_("Save as a preset…"), lambda: _keep(studio, naming))
    save.setEnabled(bool(studio.look.styles))
    if memory.presets:
        drop = menu.addMenu(_("Remove a preset"))
        for name in sorted(memory.presets):
            drop.addAction(name, lambda name=name: memory.drop(name))
    menu.addSeparator()
    downloads = menu.addMenu(_("Downloads"))
    downloads.setToolTipsVisible(True)
    pull_row.fill_menu(downloads, studio)
    _devices(menu.addMenu(_("Paint on")), studio)
    again = menu.addAction(_("Restart the daemon"), studio.link.renew)
    again.setToolTip(_("Ends it and starts it again, with the settings as they are; while nobody needs it"))
    again.setEnabled(studio.link.idle)
    keep = menu.addAction(_("Keep results in the picture"))
    keep.setToolTip(
        _("Small pictures of what is made are saved with the picture, under “Kept in this picture”")
    )
    keep.setCheckable(True)
    keep.setChecked(studio.results.wanted)
    keep.toggled.connect(studio.results.keep)
    menu.addSeparator()
    menu.addAction(_("Copy diagnostics"), lambda: _copy(studio))
    menu.addAction(
        _("Manual"), lambda: QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(MANUAL)))
    )


def _devices(menu: QtWidgets.QMenu, studio: Studio) -> None:
    for name, title in words.devices(studio.link.status, studio.link.device).items():
        action = menu.addAction(title, lambda name=name: studio.use_device(name))
        action.setCheckable(True)
        action.setChecked(name == studio.link.device)


def _maps(menu: QtWidgets.QMenu, studio: Studio, style: str = "") -> None:
    """The masks and layers that may say how strongly the active layer, or where a style, is painted."""
    found = studio.maps.offered(style)
    none = menu.addAction(
        _("Everywhere") if style else _("Alike everywhere"), lambda: studio.maps.use("", style)
    )
    none.setCheckable(True)
    none.setChecked(not any(used for _node, _name, used in found))
    for node, name, used in found:
        action = menu.addAction(name, lambda node=node: studio.maps.use(node, style))
        action.setCheckable(True)
        action.setChecked(used)


def _looks(menu: QtWidgets.QMenu, title: str, studio: Studio, looks: list[tuple[str, Recipe]]) -> None:
    below = menu.addMenu(title)
    below.setEnabled(bool(looks))
    for text, recipe in looks:
        below.addAction(text, lambda recipe=recipe: take(studio, recipe))


def take(studio: Studio, recipe: Recipe) -> None:
    """Puts a stored recipe into the controls."""
    studio.look.take(recipe)
    studio.preview.request(released=True)


def _keep(studio: Studio, naming: NamingLine) -> None:
    naming.ask(
        _("Name of the preset, then Enter"),
        _("Keeps the look under a name, in the menu"),
        lambda name: studio.memory.keep(name, studio.look.stylize()),
    )


def _copy(studio: Studio) -> None:
    QtWidgets.QApplication.clipboard().setText(diagnostics(studio))
    studio.gallery.words = _("The diagnostics are in the clipboard.")
