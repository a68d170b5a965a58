"""The docker: from the gallery at the top to the daemon's state at the bottom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import velatura
from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import (
    QtCore,
    QtGui,
    QtWidgets,
    gone,
)
from .controls import Controls
from .gallery_view import GalleryView
from .icons import icon
from .menus import gallery_menu, main_menu, source_menu
from .question import QuestionRow
from .task_rows import TaskList

BUTTONS = ("stylize",)
"""The kinds of job that have a button; the others are in the menu."""

BUTTON = 34
_TOUCHES = {
    QtCore.QEvent.Type.MouseButtonPress,
    QtCore.QEvent.Type.TabletPress,
    QtCore.QEvent.Type.TouchBegin,
    QtCore.QEvent.Type.KeyPress,
}


class Panel(QtWidgets.QWidget):
    """Everything inside the docker.

    Args:
        studio: what all dockers of this Krita share.
        surface: where the preview is drawn; hidden while the artist compares.
    """

    def __init__(self, studio: Studio, surface: Any) -> None:
        super().__init__()
        self.setObjectName("velatura_panel")
        self._studio, self._surface = studio, surface
        self._buttons: list[QtWidgets.QAbstractButton] = []
        self._search = QtWidgets.QLineEdit()
        self._search.setPlaceholderText(_("Search styles"))
        self._search.setAccessibleName(_("Search styles"))
        self._search.setClearButtonEnabled(True)
        self._search.setMinimumHeight(BUTTON)
        self._search.textChanged.connect(self._on_search)
        self._on_layer = self._button("layer", _("Show the styles on my layer"), checkable=True)
        self._on_layer.clicked.connect(lambda on: studio.gallery.try_on_layer(on))
        self._mix = self._button("mix", _("Mix styles: press two to four of them"), checkable=True)
        self._add = self._button("add", _("Add a style of your own"))
        self._add.setMenu(source_menu(self, studio))
        self._add.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self._gallery = GalleryView(studio.gallery, studio.look)
        self._gallery.setAccessibleName(_("Styles"))
        self._gallery.picked.connect(self._pick)
        self._gallery.menu_asked.connect(lambda name, at: gallery_menu(self, studio, name, at))
        self._gallery_words = self._label()
        self._controls = Controls(studio)
        self._source = self._label()
        self._made = self._label()
        self._restyle = QtWidgets.QPushButton(_("Re-style"))
        self._restyle.setToolTip(_("Take this layer's recipe and paint its source again"))
        self._restyle.setMinimumHeight(BUTTON)
        self._restyle.clicked.connect(studio.restyle)
        self._preview = self._button("eye", _("Live preview"), checkable=True, text=_("Live preview"))
        self._preview.clicked.connect(lambda on: studio.preview.turn(on))
        self._compare = self._button("compare", _("Hold to see the original"), text=_("Compare"))
        self._compare.pressed.connect(lambda: surface.hold(True))
        self._compare.released.connect(lambda: surface.hold(False))
        self._preview_words = self._label()
        self._picture = QtWidgets.QLabel()
        self._picture.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._picture.setAccessibleName(_("Preview"))
        self._apply = self._main_button(
            "brush", _("Apply"), _("Paint a new layer above this one"), studio.apply
        )
        self._refine = self._main_button(
            "refine",
            _("Refine"),
            _("Paint it with all the work that it is worth; stop whenever you like it"),
            studio.refine,
        )
        self._question = QuestionRow(studio)
        self._tasks = TaskList(studio)
        self._dot = QtWidgets.QLabel("●")
        self._daemon = self._label()
        self._daemon.setAccessibleName(_("State of the daemon"))
        self._help = QtWidgets.QPushButton()
        self._help.setMinimumHeight(BUTTON)
        self._help.clicked.connect(self._on_help)
        self._menu = self._button("menu", _("More that Velatura can do, presets, recent looks, help"))
        self.naming = self._naming_row()
        self._menu.setMenu(main_menu(self, studio, self.naming, BUTTONS))
        self._menu.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self._version = QtWidgets.QLabel(velatura.__version__)
        self._version.setEnabled(False)
        self._lay_out()
        self._ends = self._listen()
        for widget in (self, *self.findChildren(QtWidgets.QWidget)):
            widget.installEventFilter(self)
        self.theme()
        self._refresh_all()

    # --- building ---------------------------------------------------------------------------------------

    def _label(self) -> QtWidgets.QLabel:
        label = QtWidgets.QLabel()
        label.setWordWrap(True)
        label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        return label

    def _button(self, name: str, tip: str, checkable: bool = False, text: str = "") -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setProperty("icon_name", name)
        button.setCheckable(checkable)
        if checkable:
            button.setStyleSheet("QToolButton:checked { background: palette(highlight); border-radius: 3px }")
        button.setToolTip(tip)
        button.setAccessibleName(text or tip)
        button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        button.setMinimumSize(BUTTON, BUTTON)
        button.setIconSize(QtCore.QSize(22, 22))
        if text:
            button.setText(text)
            button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            policy = QtWidgets.QSizePolicy.Policy
            button.setSizePolicy(policy.Expanding, policy.Fixed)
        self._buttons.append(button)
        return button

    def _main_button(self, name: str, text: str, tip: str, call: Callable[[], Any]) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text)
        button.setProperty("icon_name", name)
        button.setToolTip(tip)
        button.setMinimumHeight(40)
        button.setIconSize(QtCore.QSize(22, 22))
        button.setObjectName(f"velatura_{name}")
        button.clicked.connect(lambda checked=False: call())
        self._buttons.append(button)
        return button

    def _naming_row(self) -> QtWidgets.QLineEdit:
        """A line that asks for a preset's name: in the docker, since no window of ours blocks."""
        line = QtWidgets.QLineEdit()
        line.setPlaceholderText(_("Name of the preset, then Enter"))
        line.setAccessibleName(_("Name of the preset"))
        line.setMinimumHeight(BUTTON)
        line.hide()

        def keep() -> None:
            name = line.text().strip()
            if name:
                self._studio.memory.keep(name, self._studio.look.stylize())
            line.clear()
            line.hide()

        line.returnPressed.connect(keep)
        return line

    def _lay_out(self) -> None:
        top = _row(self._search, self._on_layer, self._mix, self._add)
        made = _row(self._made, self._restyle)
        made.setStretch(0, 1)
        looking = _row(self._preview, self._compare)
        doing = _row(self._apply, self._refine)
        state = _row(self._dot, self._daemon, self._help, self._version, self._menu)
        state.setStretch(1, 1)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._gallery, 1)
        column.addWidget(self._gallery_words)
        column.addWidget(self._controls)
        column.addWidget(self._source)
        column.addLayout(made)
        column.addLayout(looking)
        column.addWidget(self._picture)
        column.addWidget(self._preview_words)
        column.addWidget(self._question)
        column.addLayout(doing)
        column.addWidget(self.naming)
        column.addWidget(self._tasks)
        column.addLayout(state)

    def _listen(self) -> list[Callable[[], None]]:
        studio = self._studio
        return [
            studio.changed.connect(self._on_studio),
            studio.look.changed.connect(self._on_look),
            studio.link.changed.connect(self._on_link),
            studio.preview.changed.connect(self._on_preview),
            studio.gallery.changed.connect(self._on_gallery),
            studio.gallery.picture_changed.connect(self._gallery.picture_came),
        ]

    def forget(self) -> None:
        """The window is closing; the shared state lives on."""
        for end in self._ends:
            end()
        self._ends = []
        if not gone(self):
            self._controls.forget()
            self._tasks.forget()
            self._question.forget()

    def theme(self) -> None:
        """Icons in the colours of the theme."""
        for button in self._buttons:
            button.setIcon(icon(button.property("icon_name"), self.palette()))
        self._tasks.theme()

    def changeEvent(self, event: QtCore.QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and hasattr(self, "_tasks"):
            self.theme()

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """The first touch wakes Velatura; until then nothing runs."""
        if event.type() in _TOUCHES and self._studio.link.state == "asleep":
            self._studio.wake()
        return False

    # --- what the artist does ----------------------------------------------------------------------------

    def _on_search(self, text: str) -> None:
        before = self._studio.look.styles
        self._studio.gallery.find(text)
        if self._studio.look.styles != before:
            self._studio.preview.request(released=True)

    def _pick(self, name: str) -> None:
        look = self._studio.look
        if self._mix.isChecked():
            if not look.toggle(name):
                self._studio.gallery.words = _("A mix has at most four styles; press one to take it out.")
        else:
            look.choose(name)
        self._studio.preview.request(released=True)

    def _on_help(self) -> None:
        link = self._studio.link
        if link.state == "missing":
            QtWidgets.QApplication.clipboard().setText(words.INSTALL_HOW_TO)
            self._studio.gallery.words = _(
                "The two commands are in the clipboard: paste them into a terminal."
            )
        elif link.state == "asleep":
            self._studio.wake()
        else:
            link.restart()

    # --- showing -----------------------------------------------------------------------------------------

    def _refresh_all(self) -> None:
        for name in ("tasks", "source_words", "made_words", "refine_words"):
            self._on_studio(name)
        self._on_look("styles")
        self._on_link("state")
        self._on_preview("on")
        self._on_gallery("entries")

    def _on_studio(self, name: str) -> None:
        if name == "tasks":
            self._tasks.refresh()
        elif name == "source_words":
            _say(self._source, self._studio.source_words)
        elif name == "refine_words":
            told = self._studio.refine_words
            self._refine.setText(" · ".join(filter(None, (_("Refine"), told))))
        elif name == "made_words":
            _say(self._made, self._studio.made_words)
            self._restyle.setVisible(self._studio.can_restyle)

    def _on_look(self, name: str) -> None:
        ready = bool(self._studio.look.styles)
        self._apply.setEnabled(ready)
        self._refine.setEnabled(ready)
        self._gallery.viewport().update()
        if name == "styles" and self._studio.look.styles:
            self._gallery.bring_into_sight(self._studio.look.styles[-1])

    def _on_link(self, name: str) -> None:
        link = self._studio.link
        if name in ("state", "trouble", "status", "busy"):
            where, loading = words.device(link.status), words.warming(link.status)
            text = words.daemon(link.state, where, link.busy, link.trouble, loading)
            self._daemon.setText(text)
            colors = {"ready": "#5fb36b", "starting": "#d9a441", "silent": "#d9a441", "asleep": "#8a8a8a"}
            self._dot.setStyleSheet(f"color: {colors.get(link.state, '#d06060')}")
            labels = {
                "missing": _("Copy how to"), "stopped": _("Start"), "refused": _("Try again"),
                "silent": _("Reconnect"), "asleep": _("Start"),
            }  # fmt: skip
            self._help.setText(labels.get(link.state, ""))
            self._help.setVisible(link.state in labels)

    def _on_preview(self, name: str) -> None:
        preview = self._studio.preview
        self._preview.setChecked(preview.on)
        self._compare.setEnabled(preview.shown)
        elsewhere = preview.shown and not preview.on_canvas
        text = preview.words
        if elsewhere and not text:
            text = _("The canvas cannot be drawn on here, so the preview is shown in the docker.")
        _say(self._preview_words, text)
        elsewhere = elsewhere and preview.image is not None
        self._picture.setVisible(elsewhere)
        if elsewhere and name in ("image", "on_canvas", "shown"):
            width = max(120, self.width() - 12)
            pixmap = QtGui.QPixmap.fromImage(preview.image)
            self._picture.setPixmap(
                pixmap.scaledToWidth(width, QtCore.Qt.TransformationMode.SmoothTransformation)
            )

    def _on_gallery(self, name: str) -> None:
        gallery = self._studio.gallery
        if name in ("entries", "search"):
            self._gallery.refresh()
        if self._search.text() != gallery.search:  # typed in another window
            self._search.setText(gallery.search)
        text = gallery.words
        if not text and not gallery.entries:
            text = _("Press anywhere here, and the styles appear. Nothing runs before that.")
        elif not text and not gallery.found:
            text = _("No style is called that.")
        _say(self._gallery_words, text)
        self._on_layer.setChecked(gallery.on_layer)


def _row(*parts: QtWidgets.QWidget) -> QtWidgets.QHBoxLayout:
    line = QtWidgets.QHBoxLayout()
    line.setSpacing(4)
    for part in parts:
        line.addWidget(part)
    return line


def _say(label: QtWidgets.QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
