"""The preview over the canvas: a widget that only paints, and lets every event through.

It is a child of Krita's own canvas widget and paints one image through the canvas's transform, so it
follows zoom, pan, rotation and mirror. Layers, history, saves and autosaves know nothing of it. Where no
canvas widget is found, `Surface.show` says so and the docker shows the preview itself.

While the artist paints, the strokes are seen: the preview opens under the brush, and closes again with the
next one, which has the stroke in it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from velatura.editor.geometry import Rect
from velatura.editor.paper import Source
from velatura.editor.pump import timed

from . import document
from .qt import QtCore, QtGui, QtWidgets, event_point, gone

FRAME = 33
"""Milliseconds between looks at the canvas's transform while a preview is shown."""

_CANVASES = ("KisOpenGLCanvas2", "KisQPainterCanvas")

_PAINTING = ("KritaShape/KisToolBrush", "KritaShape/KisToolDyna", "KritaShape/KisToolMultiBrush")
"""Actions of the tools whose strokes open the preview."""

SETTLES = 150
"""Milliseconds that Krita is given to finish a stroke before the layer is looked at."""

GLANCE = 400
"""Milliseconds between looks at the layer while a stroke goes on, where the preview is beside the canvas."""


def canvases(view: Any) -> list[QtWidgets.QWidget]:
    """The widgets that Krita draws the pictures of a view's window on; none where this Krita has others."""
    area = view.window().qwindow().centralWidget()
    inside = area.findChildren(QtWidgets.QWidget) if area else ()
    return [widget for widget in inside if widget.metaObject().className() in _CANVASES]


def canvas_of(view: Any) -> QtWidgets.QWidget | None:
    """The one that is in sight, which Krita draws a view's picture on."""
    if view is None:
        return None
    found = [widget for widget in canvases(view) if widget.isVisible()]
    area = view.window().qwindow().centralWidget()
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


def brush_radius(view: Any) -> float:
    """Of the brush, in image pixels, with what its soft edge reaches beyond."""
    size = view.brushSize() if hasattr(view, "brushSize") else 60.0  # 5.2 does not tell
    return 0.6 * float(size) + 3


def paints() -> bool:
    """Whether the active tool is one that paints strokes."""
    actions = [document.application().action(name) for name in _PAINTING]
    known = [action for action in actions if action is not None and action.isCheckable()]
    return not known or any(action.isChecked() for action in known)


class Stroke:
    """A stroke under the brush, as the hole that it makes in the preview.

    Args:
        crop: what the preview covers, in image pixels.
        radius: in image pixels.
    """

    def __init__(self, crop: Rect, radius: float) -> None:
        self._crop, self._radius = crop, radius
        self.points: list[QtCore.QPointF] = []

    def opened(self, image: QtGui.QImage, first: int = 0) -> QtGui.QImage:
        """The image with the stroke cut out, from a point of it on; the image itself is changed."""
        across = image.width() / max(1, self._crop.width)
        down = image.height() / max(1, self._crop.height)
        painter = QtGui.QPainter(image)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Clear)
        painter.scale(across, down)
        painter.translate(-self._crop.x, -self._crop.y)
        pen = QtGui.QPen(QtCore.Qt.GlobalColor.black, 2 * self._radius)
        pen.setCapStyle(QtCore.Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        points = self.points[max(0, first - 1) :]
        painter.drawPoint(points[0])
        for start, end in pairwise(points):
            painter.drawLine(start, end)
        painter.end()
        return image


class Surface(QtCore.QObject):
    """Shows the preview on the active view's canvas, as long as that view shows the preview's picture.

    Attributes:
        painted: called when a stroke has been painted, and now and then while one is, where `beside` is on.
        beside: whether the preview is shown beside the canvas rather than on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.painted: Callable[[], None] = lambda: None
        self.beside = False
        self._stroke: Stroke | None = None
        self._watched: QtWidgets.QWidget | None = None
        self._glance = QtCore.QElapsedTimer()
        self._overlay: Overlay | None = None
        self._taken: Source | None = None
        self._image: QtGui.QImage | None = None
        self._held = False
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._follow)

    def show(self, image: object, taken: Source) -> bool:
        assert isinstance(image, QtGui.QImage)  # what `document.display` makes
        self._image, self._taken = image, taken
        if self._stroke is not None and self._stroke.points:  # painted meanwhile: it stays in sight
            self._image = self._stroke.opened(QtGui.QImage(image))
        self._follow()
        self._timer.start(FRAME)
        view = document.active_view()  # a canvas may come into sight a moment later
        return not self.beside and (view is None or bool(canvases(view)))

    def hide(self) -> None:
        self._timer.stop()
        self._image = self._taken = self._stroke = None
        self._drop()
        self._watch(None)

    def put_beside(self, beside: bool) -> None:
        """Whether the preview is to be beside the canvas rather than on it."""
        self.beside = beside
        self._follow()

    # --- strokes ------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Sees the brush come down, move and leave."""
        kinds = QtCore.QEvent.Type
        kind = event.type()
        if kind in (kinds.MouseButtonPress, kinds.TabletPress):
            if event.button() == QtCore.Qt.MouseButton.LeftButton and not event.modifiers() and paints():
                self._down(event)
        elif kind in (kinds.MouseMove, kinds.TabletMove) and self._stroke is not None:
            self._moved(event)
        elif kind in (kinds.MouseButtonRelease, kinds.TabletRelease) and self._stroke is not None:
            self._stroke = None
            QtCore.QTimer.singleShot(SETTLES, self.painted)
        return False

    def _down(self, event: Any) -> None:
        view = document.active_view()
        if view is None or self._taken is None or self._image is None:
            return
        self._stroke = Stroke(self._taken.crop, brush_radius(view))
        self._image = self._image.copy()
        self._glance.start()
        self._moved(event)

    def _moved(self, event: Any) -> None:
        stroke, view = self._stroke, document.active_view()
        if stroke is None or view is None or self._image is None:
            return
        back, possible = image_to_canvas(view).inverted()
        if not possible:
            return
        stroke.points.append(back.map(event_point(event)))
        stroke.opened(self._image, len(stroke.points) - 1)
        if self._overlay is not None and not gone(self._overlay):
            self._overlay.image = self._image
            self._overlay.update()
        if self.beside and self._glance.elapsed() > GLANCE:
            self._glance.start()
            self.painted()

    def _watch(self, canvas: QtWidgets.QWidget | None) -> None:
        """Sees the events of a canvas, and no longer those of another."""
        if canvas is self._watched:
            return
        if self._watched is not None and not gone(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = canvas
        if canvas is not None:
            canvas.installEventFilter(self)

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

    def view(self) -> Rect | None:
        """The part of the active picture that is in sight; None where the preview is beside the canvas."""
        view = document.active_view()
        canvas = canvas_of(view) if view is not None and not self.beside else None
        if canvas is None:
            return None
        back, possible = image_to_canvas(view).inverted()
        if not possible:
            return None
        seen = back.mapRect(QtCore.QRectF(canvas.rect())).toAlignedRect()
        return Rect(seen.x(), seen.y(), seen.width(), seen.height())

    @timed("overlay")
    def _follow(self) -> None:
        view = document.active_view()
        canvas = canvas_of(view) if self._wanted(view) else None
        if canvas is not None:
            self._watch(canvas)
        if canvas is None or self._taken is None or self.beside:
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
