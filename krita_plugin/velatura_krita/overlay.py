"""The preview over the canvas: a widget that only paints, and lets every event through.

It is a child of Krita's own canvas widget and paints one image through the canvas's transform, so it
follows zoom, pan, rotation and mirror. Layers, history, saves and autosaves know nothing of it. Where no
canvas widget is found, `Surface.show` says so and the docker shows the preview itself.
"""

from __future__ import annotations

from typing import Any

from velatura.editor.paper import Source
from velatura.editor.pump import timed

from . import document
from .qt import (
    QtCore,
    QtGui,
    QtWidgets,
    gone,
)

FRAME = 33
"""Milliseconds between looks at the canvas's transform while a preview is shown."""

_CANVASES = ("KisOpenGLCanvas2", "KisQPainterCanvas")


def canvas_of(view: Any) -> QtWidgets.QWidget | None:
    """The widget that Krita draws a view's picture on, or None where this Krita has another."""
    if view is None:
        return None
    area = view.window().qwindow().centralWidget()
    found = [
        widget
        for widget in (area.findChildren(QtWidgets.QWidget) if area else ())
        if widget.metaObject().className() in _CANVASES and widget.isVisible()
    ]
    mdi = area.findChild(QtWidgets.QMdiArea) if area else None
    if mdi is not None and mdi.activeSubWindow() is not None:
        inside = [widget for widget in found if mdi.activeSubWindow().isAncestorOf(widget)]
        found = inside or found
    return found[0] if found else None


def image_to_canvas(view: Any) -> QtGui.QTransform:
    """From image pixels to the canvas widget's coordinates."""
    back, possible = view.flakeToImageTransform().inverted()
    return back * view.flakeToCanvasTransform() if possible else QtGui.QTransform()


class Overlay(QtWidgets.QWidget):
    """The painting widget of one canvas."""

    def __init__(self, canvas: QtWidgets.QWidget) -> None:
        super().__init__(canvas)
        self.setObjectName("velatura_preview")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.image: QtGui.QImage | None = None
        self.rect_in_image = QtCore.QRectF()
        self.transform_now = QtGui.QTransform()
        self.setGeometry(canvas.rect())

    @timed("overlay paint")
    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        if self.image is None:
            return
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform, self._shrinks())
        painter.setTransform(self.transform_now)
        painter.drawImage(self.rect_in_image, self.image)
        painter.end()

    def _shrinks(self) -> bool:
        """Whether the image is shown smaller than it is; enlarged pixels stay pixels, as Krita's own."""
        assert self.image is not None
        scale = self.transform_now.map(QtCore.QLineF(0, 0, 1, 0)).length()
        shown = self.rect_in_image.width() * scale * self.devicePixelRatioF()
        return shown < 2 * self.image.width()


class Surface(QtCore.QObject):
    """Shows the preview on the active view's canvas, as long as that view shows the preview's picture."""

    def __init__(self) -> None:
        super().__init__()
        self._overlay: Overlay | None = None
        self._taken: Source | None = None
        self._image: QtGui.QImage | None = None
        self._held = False
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._follow)

    def show(self, image: object, taken: Source) -> bool:
        assert isinstance(image, QtGui.QImage)  # what `document.display` makes
        self._image, self._taken = image, taken
        self._follow()
        self._timer.start(FRAME)
        return self._overlay is not None

    def hide(self) -> None:
        self._timer.stop()
        self._image = self._taken = None
        self._drop()

    def hold(self, held: bool) -> None:
        """Hides the preview as long as the artist compares with the original."""
        self._held = held
        self._follow()

    @property
    def held(self) -> bool:
        return self._held

    def zoom(self) -> float:
        view = document.active_view()
        if view is None:
            return 1.0
        canvas = canvas_of(view)
        ratio = canvas.devicePixelRatioF() if canvas is not None else 1.0
        return image_to_canvas(view).map(QtCore.QLineF(0, 0, 1, 0)).length() * ratio

    @timed("overlay")
    def _follow(self) -> None:
        view = document.active_view()
        canvas = canvas_of(view) if self._wanted(view) else None
        if canvas is None or self._taken is None:
            self._drop()
            return
        if self._overlay is None or gone(self._overlay) or self._overlay.parent() is not canvas:
            self._drop()
            self._overlay = Overlay(canvas)
        overlay = self._overlay
        transform = image_to_canvas(view)
        crop = self._taken.crop
        rect = QtCore.QRectF(crop.x, crop.y, crop.width, crop.height)
        same = overlay.image is self._image and overlay.transform_now == transform
        if same and overlay.size() == canvas.size() and overlay.isVisible():
            return
        overlay.image, overlay.rect_in_image, overlay.transform_now = self._image, rect, transform
        overlay.setGeometry(canvas.rect())
        overlay.show()
        overlay.raise_()
        overlay.update()

    def _wanted(self, view: Any) -> bool:
        if self._image is None or self._held or view is None:
            return False
        shown = view.document()
        return shown is not None and self._taken is not None and shown == document.own(self._taken).document

    def _drop(self) -> None:
        overlay, self._overlay = self._overlay, None
        if overlay is not None and not gone(overlay):  # Krita deletes it with its canvas
            overlay.hide()
            overlay.deleteLater()
