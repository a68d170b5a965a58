"""The docker: what is chosen scrolls; Apply, what is under way and the daemon's state stay in sight below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import velatura
from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.editor.tasks import Task

from ..qt import QtCore, QtGui, QtWidgets
from .buttons import SIDE, IconButton, MainButton
from .controls import Controls
from .folders import FolderChoice
from .gallery_view import GalleryView
from .kept import KeptStrip
from .menus import drop, gallery_menu, main_menu, source_menu
from .naming import NamingLine
from .parts import Listening, button, column, line, say, wrapped
from .pull_row import PullRow
from .question import QuestionRow
from .rows import Fold
from .strip import Strip
from .task_rows import TaskList

BUTTONS = ("stylize",)
"""The kinds of job that have a button; the others are in the menu."""

_TOUCHES = {
    QtCore.QEvent.Type.MouseButtonPress,
    QtCore.QEvent.Type.TabletPress,
    QtCore.QEvent.Type.TouchBegin,
    QtCore.QEvent.Type.KeyPress,
    QtCore.QEvent.Type.DragEnter,
}


class Panel(QtWidgets.QWidget, Listening):
    """Everything inside the docker.

    Args:
        studio: what all dockers of this Krita share.
        surface: where the preview is drawn; hidden while the artist compares.
    """

    def __init__(self, studio: Studio, surface: Any) -> None:
        super().__init__()
        self.setObjectName("velatura_panel")
        self._studio, self._surface = studio, surface
        gallery = studio.gallery
        self._search = QtWidgets.QLineEdit()
        self._search.setPlaceholderText(_("Search styles"))
        self._search.setAccessibleName(_("Search styles"))
        self._search.setToolTip(_("A title, an artist, a technique, or a word such as “sea” or “night”"))
        self._search.setClearButtonEnabled(True)
        self._search.setMinimumHeight(SIDE)
        self._search.setMinimumWidth(60)
        self._search.textChanged.connect(gallery.find)
        self._favourites = IconButton(
            "heart", _("Only my favourites"), lambda on: setattr(gallery, "favourites_only", on), True
        )
        self._on_layer = IconButton("layer", _("Show the styles on my layer"), gallery.try_on_layer, True)
        self._mix = IconButton("mix", _("Mix styles: press two to four of them"), checkable=True)
        self._add = IconButton("add", _("Add a style of your own; or drop a picture on the gallery"))
        self._add.setMenu(source_menu(self, studio))
        self._add.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self._gallery = GalleryView(gallery, studio.look)
        self._gallery.setAccessibleName(_("Styles"))
        self._gallery.picked.connect(lambda name: studio.pick(name, self._mix.isChecked()))
        self._gallery.menu_asked.connect(lambda name, at: gallery_menu(self, studio, name, at, self.naming))
        self._gallery.dropped.connect(lambda mime: drop(studio, mime))
        self._folder = FolderChoice(gallery)
        self._gallery_words = wrapped()
        tip = _("Teach the painter this style, so that it is painted at once")
        learn = gallery.lessons.press
        self._learn = button(_("Learn this style"), tip, lambda: learn(studio.look.styles), SIDE)
        self._controls = Controls(studio)
        self._source = wrapped()
        self._strength = IconButton(
            "strength", _("Paint where, and how strongly: a press makes a mask for it"), studio.maps.paint
        )
        self._made = wrapped()
        tip = _("Take this layer's recipe and paint its source again")
        self._restyle = button(_("Re-style"), tip, studio.restyle, SIDE)
        self._strip = Strip(studio)
        self._strip_fold = Fold(_("Variations"), self._strip, follow=True)
        self._results = TaskList(studio, lambda tasks: tuple(task for task in tasks if task.over))
        holder = QtWidgets.QWidget()
        column(holder, self._results, spacing=0)
        self._results_fold = Fold(_("Results"), holder, follow=True)
        self._kept = KeptStrip(studio)
        self._kept_fold = Fold(_("Kept in this picture"), self._kept, follow=True)
        self._preview = IconButton(
            "eye", _("Live preview on the canvas"), studio.show_preview, True, _("Preview")
        )
        self._compare = IconButton("compare", _("Hold to see the original"), text=_("Compare"))
        self._compare.pressed.connect(lambda: surface.hold(True))
        self._compare.released.connect(lambda: surface.hold(False))
        self._preview_words = wrapped()
        self._picture = QtWidgets.QLabel()
        self._picture.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._picture.setAccessibleName(_("Preview"))
        self._question = QuestionRow(studio)
        self._apply = MainButton("brush", _("Apply"), _("Paint a new layer above this one"), studio.apply)
        self._refine = MainButton(
            "refine",
            _("Refine"),
            _("Paint it with all the work that it is worth; stop whenever you like it"),
            studio.refine,
        )
        self._refine_words = wrapped()
        self._tasks = TaskList(studio, in_sight)
        self._pull = PullRow(studio)
        self._dot = QtWidgets.QLabel("●")
        self._dot.setToolTip(f"Velatura {velatura.__version__}")
        self._daemon = wrapped()
        self._daemon.setAccessibleName(_("State of the daemon"))
        self._help = button("", _("What helps now"), self._on_help, SIDE)
        self._menu = IconButton("menu", _("More that Velatura can do, presets, recent looks, help"))
        self.naming = NamingLine()
        self._menu.setMenu(main_menu(self, studio, self.naming, BUTTONS))
        self._menu.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self._lay_out()
        self.listen(*self._follow())
        inside = self.findChildren(QtWidgets.QWidget)
        self._parts = [widget for widget in inside if isinstance(widget, Listening)]
        for widget in (self, *inside):
            widget.installEventFilter(self)
        self._refresh_all()

    # --- building ---------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        made = line(self._made, self._restyle)
        made.setStretch(0, 1)
        top = line(self._search, self._favourites, self._on_layer, self._mix, self._add)
        source = line(self._source, self._strength)
        source.setStretch(0, 1)
        inside = QtWidgets.QWidget()
        column(
            inside, top, self._folder, self._gallery, self._gallery_words, self._learn, self._controls,
            source, made, self._picture, self._strip_fold, self._results_fold, self._kept_fold,
            spacing=6, margin=6,
        ).setStretch(2, 1)  # fmt: skip
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        state = line(self._dot, self._daemon, self._menu)
        state.setStretch(1, 1)
        foot = QtWidgets.QWidget()
        column(
            foot, line(self._preview, self._compare), self._preview_words, self._question,
            line(self._apply, self._refine), self._refine_words, self.naming, self._tasks, self._pull, state,
            self._help, margin=6,
        )  # fmt: skip
        column(self, scroll, foot, spacing=0).setStretch(0, 1)

    def _follow(self) -> list[Callable[[], None]]:
        studio = self._studio
        return [
            studio.changed.connect(self._on_studio),
            studio.look.changed.connect(self._on_look),
            studio.link.changed.connect(self._on_link),
            studio.preview.changed.connect(self._on_preview),
            studio.gallery.changed.connect(self._on_gallery),
            studio.results.changed.connect(lambda name: self._on_results()),
            studio.gallery.picture_changed.connect(self._gallery.picture_came),
        ]

    def forget(self) -> None:
        super().forget()
        for part in self._parts:
            part.forget()

    def sizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(280, 640)

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(220, 260)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """The first touch wakes Velatura; until then nothing runs."""
        if event.type() in _TOUCHES and self._studio.link.state == "asleep":
            self._studio.wake()
        return False

    # --- what the artist does ----------------------------------------------------------------------------

    def _on_help(self) -> None:
        link = self._studio.link
        if link.state == "missing":
            QtWidgets.QApplication.clipboard().setText(words.INSTALL_HOW_TO)
            self._studio.gallery.words = _(
                "The two commands are in the clipboard: paste them into a terminal."
            )
        elif link.can_renew:
            link.renew()
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
        self._on_results()

    def _on_studio(self, name: str) -> None:
        if name == "tasks":
            self._tasks.refresh()
            self._results.refresh()
            self._results_fold.setVisible(any(task.over for task in self._studio.tasks))
        elif name == "source_words":
            say(self._source, self._studio.source_words)
            self._strength.setVisible(bool(self._studio.source_words))
        elif name == "refine_words":
            time = self._studio.refine_words
            say(self._refine_words, _("Refine takes {time} here.", time=time) if time else "")
        elif name == "made_words":
            say(self._made, self._studio.made_words)
            self._restyle.setVisible(self._studio.can_restyle)

    def _on_look(self, name: str) -> None:
        ready = bool(self._studio.look.styles)
        self._apply.setEnabled(ready)
        self._refine.setEnabled(ready)
        self._gallery.viewport().update()
        self._offer_lesson()
        if name == "styles" and self._studio.look.styles:
            self._gallery.bring_into_sight(self._studio.look.styles[-1])

    def _on_link(self, name: str) -> None:
        link = self._studio.link
        if name in ("state", "trouble", "status", "busy", "outdated", "can_renew"):
            self._daemon.setText(link.words)
            colors = {"ready": "#5fb36b", "starting": "#d9a441", "silent": "#d9a441", "asleep": "#8a8a8a"}
            self._dot.setStyleSheet(f"color: {colors.get(link.state, '#d06060')}")
            labels = {
                "missing": _("Copy how to"), "stopped": _("Start"), "refused": _("Try again"),
                "silent": _("Reconnect"),
            }  # fmt: skip
            label = _("Restart it") if link.can_renew else labels.get(link.state, "")
            self._help.setText(label)
            self._help.setVisible(bool(label))

    def _on_preview(self, name: str) -> None:
        preview = self._studio.preview
        self._preview.setChecked(preview.on)
        self._compare.setEnabled(preview.shown)
        elsewhere = preview.shown and not preview.on_canvas and not self._surface.beside
        text = preview.words
        if elsewhere and not text:
            text = _("The canvas cannot be drawn on here, so the preview is shown in the docker.")
        say(self._preview_words, text)
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
        if name in ("entries", "search", "favourites", "favourites_only", "folders", "folder"):
            self._gallery.refresh()
            self._folder.refresh()
        if self._search.text() != gallery.search:  # typed in another window
            self._search.setText(gallery.search)
        text = gallery.words or gallery.search_words
        if not text and not gallery.entries:
            text = _("Press anywhere here, and the styles appear. Nothing runs before that.")
        say(self._gallery_words, text)
        self._offer_lesson()
        self._on_layer.setChecked(gallery.on_layer)
        self._favourites.setChecked(gallery.favourites_only)

    def _on_results(self) -> None:
        self._kept_fold.setVisible(bool(self._studio.results.shown))

    def _offer_lesson(self) -> None:
        text = self._studio.gallery.lessons.offer(self._studio.look.styles)
        self._learn.setText(text or self._learn.text())
        self._learn.setVisible(bool(text))


def in_sight(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks that always stay in sight: the two newest under way, or else the newest of all."""
    return tuple(task for task in tasks if not task.over)[:2] or tasks[:1]
