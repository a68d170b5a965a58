"""The docker's menus, with what `velatura.editor.menus` has for every editor; own styles on their way in."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from velatura.editor import words
from velatura.editor.diagnostics import diagnostics
from velatura.editor.i18n import _
from velatura.editor.menus import LINE, Item, of_daemon, of_style
from velatura.editor.own import STYLE_FILES
from velatura.editor.studio import Studio
from velatura.recipe import RECIPES, Recipe

from ..qt import QtCore, QtGui, QtWidgets
from .naming import NamingLine

MANUAL = Path(__file__).parent.parent / "manual.html"


def draw(menu: QtWidgets.QMenu, items: Iterable[Item]) -> QtWidgets.QMenu:
    """Puts entries into a menu."""
    menu.setToolTipsVisible(True)
    for item in items:
        if not item.text:
            menu.addSeparator()
            continue
        if item.items:
            action = draw(menu.addMenu(item.text), item.items).menuAction()
        else:
            action = menu.addAction(item.text, *(() if item.call is None else (item.call,)))
        if item.chosen is not None:
            action.setCheckable(True)
            action.setChecked(item.chosen)
        if item.tip:
            action.setToolTip(item.tip)
        action.setEnabled(item.enabled)
    return menu


def source_menu(panel: QtWidgets.QWidget, studio: Studio) -> QtWidgets.QMenu:
    """Where a style of one's own comes from."""
    own = studio.gallery.own
    return draw(
        QtWidgets.QMenu(panel),
        (
            Item(_("From a file…"), lambda: ask_for_file(panel, studio)),
            Item(_("From the pictures of a folder…"), lambda: ask_for_folder(panel, studio)),
            Item(_("From this layer"), lambda: own.add_from_layer(selected=False)),
            Item(_("From the selection"), lambda: own.add_from_layer(selected=True)),
        ),
    )


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

    def ask_folder() -> None:
        what, tip = _("Name of the folder, then Enter"), _("The style is put there")
        naming.ask(what, tip, lambda folder: studio.gallery.put(name, folder))

    in_mix = name in studio.look.styles
    text = _("Take out of the mix") if in_mix else _("Add to the mix")
    mixing = [Item(text, lambda: studio.pick(name, mix=True))]
    if in_mix and len(studio.look.styles) > 1:
        paint = Item(_("Paint a mask for it"), lambda: studio.maps.paint(name))
        mixing.append(Item(_("Where it is painted"), items=(paint, *_maps(studio, name))))
    items = of_style(studio, name, ask_folder, *mixing)
    if items:
        menu = draw(QtWidgets.QMenu(panel), items)
        menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)


def main_menu(
    panel: QtWidgets.QWidget, studio: Studio, naming: NamingLine, buttons: Container[str]
) -> QtWidgets.QMenu:
    """Kinds of job, presets, recent looks, help; filled when it opens.

    Args:
        naming: where a preset's name is asked for.
        buttons: the kinds that have a button, and are left out here.
    """
    menu = QtWidgets.QMenu(panel)

    def fill() -> None:
        menu.clear()
        groups = (
            _kinds(studio, buttons),
            _several(studio),
            _looks(studio, naming),
            _daemon(studio),
            _help(studio),
        )
        draw(menu, (item for group in groups for item in (*group, LINE)))

    menu.aboutToShow.connect(fill)
    return menu


def _kinds(studio: Studio, buttons: Container[str]) -> Iterator[Item]:
    for kind, cls in RECIPES.items():
        facts = cls.FACTS
        if kind not in buttons and "krita" in facts.editors:
            ready = bool(studio.look.styles) or not facts.styles
            yield Item(words.kind(facts), lambda kind=kind: studio.make(kind), _(facts.help), ready)


def _several(studio: Studio) -> Iterator[Item]:
    ready, strengths = bool(studio.look.styles), _maps(studio)
    tip = _("Paints every frame of an animated layer into a new one that holds still where it should")
    yield Item(_("All frames of this layer"), studio.apply_to_frames, tip, ready)
    tip = _("A new layer above each layer that is chosen in the list of layers")
    yield Item(_("All chosen layers"), studio.apply_to_all, tip, ready)
    yield Item(_("Strength from"), items=strengths, enabled=len(strengths) > 1)


def _looks(studio: Studio, naming: NamingLine) -> Iterator[Item]:
    memory = studio.memory

    def keep() -> None:
        what, tip = _("Name of the preset, then Enter"), _("Keeps the look under a name, in the menu")
        naming.ask(what, tip, lambda name: memory.keep(name, studio.look.stylize()))

    recent = [(studio.describe(recipe), recipe) for recipe in memory.recent]
    for title, looks in ((_("Presets"), sorted(memory.presets.items())), (_("Recent"), recent)):
        items = tuple(Item(text, lambda recipe=recipe: take(studio, recipe)) for text, recipe in looks)
        yield Item(title, items=items, enabled=bool(items))
    yield Item(_("Save as a preset…"), keep, enabled=bool(studio.look.styles))
    if memory.presets:
        dropped = tuple(Item(name, lambda name=name: memory.drop(name)) for name in sorted(memory.presets))
        yield Item(_("Remove a preset"), items=dropped)


def _daemon(studio: Studio) -> Iterator[Item]:
    yield from of_daemon(studio)
    results = studio.results
    tip = _("Small pictures of what is made are saved with the picture, under “Kept in this picture”")
    yield Item(
        _("Keep results in the picture"), lambda: results.keep(not results.wanted), tip, chosen=results.wanted
    )


def _help(studio: Studio) -> Iterator[Item]:
    def copy() -> None:
        QtWidgets.QApplication.clipboard().setText(diagnostics(studio))
        studio.gallery.words = _("The diagnostics are in the clipboard.")

    manual = QtCore.QUrl.fromLocalFile(str(MANUAL))
    yield Item(_("Copy diagnostics"), copy)
    yield Item(_("Manual"), lambda: QtGui.QDesktopServices.openUrl(manual))


def _maps(studio: Studio, style: str = "") -> tuple[Item, ...]:
    """The masks and layers that may say how strongly the active layer, or where a style, is painted."""
    found = studio.maps.offered(style)
    none = _("Everywhere") if style else _("Alike everywhere")
    nowhere = not any(used for _node, _name, used in found)
    return (
        Item(none, lambda: studio.maps.use("", style), chosen=nowhere),
        *(
            Item(name, lambda node=node: studio.maps.use(node, style), chosen=used)
            for node, name, used in found
        ),
    )


def take(studio: Studio, recipe: Recipe) -> None:
    """Puts a stored recipe into the controls."""
    studio.look.take(recipe)
    studio.preview.request(released=True)
