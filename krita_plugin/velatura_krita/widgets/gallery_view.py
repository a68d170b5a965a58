"""The gallery as a grid of pictures: one is chosen, or several while mixing; pictures are dropped on it."""

from __future__ import annotations

from typing import Any

from velatura.editor.gallery import Gallery
from velatura.editor.look import Look

from ..qt import QtCore, QtGui, QtWidgets, event_point
from ..raster import to_image

SMALLEST = 78
"""Least width of a cell, in pixels: so many columns as fit share the width."""

_PAD = 4
_HEART = 24
"""Side of the corner of a picture that makes a style a favourite."""
_NAME = QtCore.Qt.ItemDataRole.UserRole


def picture_of(picture: Any) -> QtGui.QPixmap | None:
    """A thumbnail that came over the wire (8 bits a channel) as a pixmap."""
    if picture is None:
        return None
    layout = picture.layout
    formats = {
        "RGB": QtGui.QImage.Format.Format_RGB888,
        "RGBA": QtGui.QImage.Format.Format_RGBA8888,
        "GRAY": QtGui.QImage.Format.Format_Grayscale8,
    }
    if layout.channels == "BGRA":
        return QtGui.QPixmap.fromImage(to_image(picture.data, layout.width, layout.height))
    if layout.channels not in formats or layout.depth != "u8":
        return None
    data = bytes(picture.data)
    image = QtGui.QImage(data, layout.width, layout.height, layout.row_bytes, formats[layout.channels])
    return QtGui.QPixmap.fromImage(image.copy())


class Model(QtCore.QAbstractListModel):
    """The entries that the search leaves."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self._found = gallery.found
        self._pixmaps: dict[str, QtGui.QPixmap] = {}

    def rowCount(self, parent: QtCore.QModelIndex | None = None) -> int:
        return len(self._found)

    def data(self, index: QtCore.QModelIndex, role: int = 0) -> Any:
        if not index.isValid() or index.row() >= len(self._found):
            return None
        entry = self._found[index.row()]
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == QtCore.Qt.ItemDataRole.ToolTipRole:
            return entry.error or entry.about
        if role == QtCore.Qt.ItemDataRole.AccessibleTextRole:
            return entry.about
        if role == QtCore.Qt.ItemDataRole.DecorationRole:
            return self._pixmap(entry.name)
        return entry.name if role == _NAME else None

    def flags(self, index: QtCore.QModelIndex) -> QtCore.Qt.ItemFlag:
        flag = QtCore.Qt.ItemFlag
        if index.isValid() and self._found[index.row()].error:
            return flag.NoItemFlags
        return flag.ItemIsEnabled | flag.ItemIsSelectable

    def names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self._found)

    def refresh(self) -> None:
        """The entries or the search changed."""
        self.beginResetModel()
        self._found = self._gallery.found
        self.endResetModel()

    def picture_came(self, name: str) -> None:
        self._pixmaps.pop(name, None)
        for row, entry in enumerate(self._found):
            if entry.name == name:
                self.dataChanged.emit(self.index(row), self.index(row))

    def _pixmap(self, name: str) -> QtGui.QPixmap | None:
        if name not in self._pixmaps:
            made = picture_of(self._gallery.picture(name))
            if made is None:
                return None
            self._pixmaps[name] = made
        return self._pixmaps[name]


class StyleDelegate(QtWidgets.QStyledItemDelegate):
    """Paints one style: its picture with rounded corners, its title below, its share when chosen, and a heart
    when it is a favourite or under the pointer."""

    def __init__(self, gallery: Gallery, look: Look, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._gallery, self._look = gallery, look
        self.cell = SMALLEST

    def sizeHint(self, option: Any, index: QtCore.QModelIndex) -> QtCore.QSize:
        return QtCore.QSize(self.cell, self.cell + option.fontMetrics.height() + 4)

    def heart(self, cell: QtCore.QRect) -> QtCore.QRectF:
        """Where in a cell the heart is."""
        return QtCore.QRectF(cell.left() + _PAD, cell.top() + _PAD, _HEART, _HEART)

    def paint(self, painter: QtGui.QPainter, option: Any, index: QtCore.QModelIndex) -> None:
        painter.save()
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        role, name = QtGui.QPalette.ColorRole, index.data(_NAME)
        palette = option.palette
        cell = QtCore.QRectF(option.rect)
        side = self.cell - 2 * _PAD
        box = QtCore.QRectF(cell.center().x() - side / 2, cell.top() + _PAD, side, side)
        shape = QtGui.QPainterPath()
        shape.addRoundedRect(box, 6, 6)
        painter.save()
        painter.setClipPath(shape)
        pixmap = index.data(QtCore.Qt.ItemDataRole.DecorationRole)
        if pixmap is None:
            painter.fillRect(box, palette.color(role.AlternateBase))
        else:
            painter.drawPixmap(box, pixmap, _middle(pixmap))
        painter.restore()
        chosen = name in self._look.styles
        state = QtWidgets.QStyle.StateFlag
        if chosen or option.state & (state.State_MouseOver | state.State_HasFocus):
            color = QtGui.QColor(palette.color(role.Highlight))
            if not chosen:
                color.setAlpha(130)
            painter.setPen(QtGui.QPen(color, 3 if chosen else 2))
            painter.drawPath(shape)
        if chosen and len(self._look.styles) > 1:
            share = self._look.weights[self._look.styles.index(name)]
            _badge(painter, box, f"{share:.0%}", palette, option.font)
        favourite = name in self._gallery.favourites
        if favourite or option.state & state.State_MouseOver:
            _heart(painter, self.heart(option.rect), favourite, palette)
        text = cell.adjusted(2, side + 2 * _PAD - 1, -2, 0).toRect()
        usable = index.flags() & QtCore.Qt.ItemFlag.ItemIsEnabled
        group = QtGui.QPalette.ColorGroup.Active if usable else QtGui.QPalette.ColorGroup.Disabled
        painter.setPen(palette.color(group, role.Text))
        title = option.fontMetrics.elidedText(index.data(), QtCore.Qt.TextElideMode.ElideRight, text.width())
        align = QtCore.Qt.AlignmentFlag
        painter.drawText(text, int(align.AlignHCenter | align.AlignTop), title)
        painter.restore()


def _middle(pixmap: QtGui.QPixmap) -> QtCore.QRectF:
    """The largest square in the middle of a picture."""
    side = min(pixmap.width(), pixmap.height())
    return QtCore.QRectF((pixmap.width() - side) / 2, (pixmap.height() - side) / 2, side, side)


def _heart(painter: QtGui.QPainter, box: QtCore.QRectF, full: bool, palette: QtGui.QPalette) -> None:
    inner = box.adjusted(5, 5, -5, -5)
    at, down = inner.center().x(), inner.bottom()
    shape = QtGui.QPainterPath(QtCore.QPointF(at, down))
    for side in (-1, 1):
        far = at + side * inner.width() / 2
        top = inner.top() - inner.height() * 0.15
        shape.moveTo(at, down)
        shape.cubicTo(
            far * 1.0 + side, down - inner.height() * 0.5, far, top, at, inner.top() + inner.height() * 0.3
        )
    plate = QtGui.QPainterPath()
    plate.addEllipse(box.adjusted(1, 1, -1, -1))
    back = QtGui.QColor(palette.color(QtGui.QPalette.ColorRole.Base))
    back.setAlpha(190)
    painter.fillPath(plate, back)
    color = QtGui.QColor("#e0526b")
    if full:
        painter.fillPath(shape, color)
    else:
        painter.strokePath(shape, QtGui.QPen(palette.color(QtGui.QPalette.ColorRole.Text), 1.4))


def _badge(painter: QtGui.QPainter, box: QtCore.QRectF, text: str, palette: Any, font: Any) -> None:
    width = QtGui.QFontMetrics(font).horizontalAdvance(text) + 10
    place = QtCore.QRectF(box.right() - width - 4, box.top() + 4, width, 18)
    shape = QtGui.QPainterPath()
    shape.addRoundedRect(place, 9, 9)
    painter.fillPath(shape, palette.color(QtGui.QPalette.ColorRole.Highlight))
    painter.setPen(palette.color(QtGui.QPalette.ColorRole.HighlightedText))
    painter.drawText(place, int(QtCore.Qt.AlignmentFlag.AlignCenter), text)


class GalleryView(QtWidgets.QListView):
    """The grid.

    Signals:
        picked(str): a style was pressed, or chosen by key.
        menu_asked(str, QPoint): the context menu of a style, at a place on the screen.
        dropped(QMimeData): something that may be a picture was dropped on it.
    """

    picked = QtCore.pyqtSignal(str)
    menu_asked = QtCore.pyqtSignal(str, QtCore.QPoint)
    dropped = QtCore.pyqtSignal(QtCore.QMimeData)

    def __init__(self, gallery: Gallery, look: Look) -> None:
        super().__init__()
        self._gallery, self._look = gallery, look
        self._model = Model(gallery)
        self.setModel(self._model)
        self._painter = StyleDelegate(gallery, look, self)
        self.setItemDelegate(self._painter)
        self.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.setMovement(QtWidgets.QListView.Movement.Static)
        self.setAcceptDrops(True)  # after the movement, which would forbid it
        self.viewport().setAcceptDrops(True)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QtWidgets.QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setMinimumHeight(2 * (SMALLEST + _PAD + 20))
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
        scroller = QtWidgets.QScroller
        scroller.grabGesture(self.viewport(), scroller.ScrollerGestureType.TouchGesture)
        self.customContextMenuRequested.connect(self._menu)
        self.verticalScrollBar().valueChanged.connect(self._tell_sight)

    def refresh(self) -> None:
        self._model.refresh()
        self._tell_sight()

    def picture_came(self, name: str) -> None:
        self._model.picture_came(name)

    def bring_into_sight(self, name: str = "") -> None:
        """Scrolls to a style that was chosen elsewhere, by a preset or a recipe."""
        names = self._model.names()
        if name in names:
            self.scrollTo(self._model.index(names.index(name)))

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        at = event_point(event).toPoint()
        index = self.indexAt(at)
        if event.button() != QtCore.Qt.MouseButton.LeftButton or index != self.currentIndex():
            return
        usable = index.isValid() and index.flags() & QtCore.Qt.ItemFlag.ItemIsEnabled
        if usable and self._painter.heart(self.visualRect(index)).contains(QtCore.QPointF(at)):
            self._gallery.favour(index.data(_NAME))
        elif usable:
            self.picked.emit(index.data(_NAME))

    def dragEnterEvent(self, event: Any) -> None:
        mime = event.mimeData()
        if mime.hasImage() or any(url.isLocalFile() for url in mime.urls()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: Any) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        event.acceptProposedAction()
        self.dropped.emit(event.mimeData())

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        key = QtCore.Qt.Key
        if event.key() in (key.Key_Return, key.Key_Enter, key.Key_Space) and self.currentIndex().isValid():
            self.picked.emit(self.currentIndex().data(_NAME))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.viewport().width() - 1
        cell = width // max(2, width // SMALLEST)
        if cell != self._painter.cell:
            self._painter.cell = cell
            self.scheduleDelayedItemsLayout()
            self.bring_into_sight(*self._look.styles[-1:])
        self._tell_sight()

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        self._tell_sight()

    def _menu(self, at: QtCore.QPoint) -> None:
        index = self.indexAt(at)
        if index.isValid():
            self.menu_asked.emit(index.data(_NAME), self.viewport().mapToGlobal(at))

    def _tell_sight(self, *unused: object) -> None:
        if not self.isVisible():
            return
        window = self.viewport().rect().adjusted(0, -SMALLEST, 0, SMALLEST)
        names = self._model.names()
        seen = [
            n for row, n in enumerate(names) if self.visualRect(self._model.index(row)).intersects(window)
        ]
        self._gallery.in_sight(tuple(seen))
