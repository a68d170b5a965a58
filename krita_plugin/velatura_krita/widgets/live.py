"""The preview beside the canvas: it follows while the artist paints, and becomes a layer when asked."""

from __future__ import annotations

from typing import Any

from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import QtCore, QtGui, QtWidgets, gone
from .buttons import IconButton, MainButton
from .parts import Listening, column, line, say, wrapped


class LivePicture(QtWidgets.QWidget):
    """The preview as large as it fits."""

    def __init__(self) -> None:
        super().__init__()
        self.image: Any = None
        self.words = ""
        self.setMinimumSize(120, 90)
        self.setAccessibleName(_("Preview"))

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        if isinstance(self.image, QtGui.QImage):
            keep = QtCore.Qt.AspectRatioMode.KeepAspectRatio
            size = self.image.size().scaled(self.size(), keep)
            place = QtCore.QRect(QtCore.QPoint(0, 0), size)
            place.moveCenter(self.rect().center())
            painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, self.image)
        else:
            flags = QtCore.Qt.AlignmentFlag.AlignCenter | QtCore.Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 8, -8, -8), int(flags), self.words)
        painter.end()


class Live(QtWidgets.QWidget, Listening):
    """The live panel; while it is on, the canvas itself is left free.

    Args:
        studio: what all dockers share.
        surface: where the preview is drawn otherwise.
    """

    def __init__(self, studio: Studio, surface: Any) -> None:
        super().__init__()
        self.setObjectName("velatura_live_panel")
        self._studio, self._surface = studio, surface
        self.shown = LivePicture()
        self.live = IconButton("live", _("Follow the canvas while I paint"), self._turn, True, _("Live"))
        self.apply = MainButton(
            "brush", _("To a new layer"), _("Make a layer of what is shown"), studio.apply
        )
        self._words = wrapped()
        column(self, self.shown, self._words, line(self.live, self.apply), margin=6).setStretch(0, 1)
        self.listen(studio.preview.changed.connect(self.refresh), studio.look.changed.connect(self.refresh))
        self.refresh()

    def _turn(self, on: bool) -> None:
        self._surface.put_beside(on)
        if on:
            self._studio.show_preview(True)
        self._studio.preview.request(released=True)  # it is told where it is shown
        self.refresh()

    def hideEvent(self, event: QtGui.QHideEvent) -> None:
        """A panel that nobody sees gives the preview back to the canvas."""
        super().hideEvent(event)
        if self._surface.beside:
            self._turn(False)

    def refresh(self, *unused: object) -> None:
        """Shows the preview as it is."""
        preview, on = self._studio.preview, self._surface.beside
        self.live.setChecked(on)
        self.apply.setEnabled(bool(self._studio.look.styles))
        self.shown.image = preview.image if on else None
        ask = _("Choose a style in the Velatura docker.")
        off = _("Press Live: the picture in the chosen style follows your brush here.")
        self.shown.words = off if not on else ask if not self._studio.look.styles else preview.words
        say(self._words, preview.words if on and preview.image is not None else "")
        self.shown.update()

    def forget(self) -> None:
        """The window is closing."""
        super().forget()
        if not gone(self) and self._surface.beside:
            self._surface.put_beside(False)
