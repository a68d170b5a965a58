"""Keeps Krita 5.2 from crashing when a picture is closed right after its layers have changed.

The layer docker takes in changes a tenth of a second later; when the picture is closed in between, it has
forgotten how to look layers up (`KisNodeModel::processUpdateQueue` without an index converter). So the queue
is emptied at once after changes of ours, when a view is asked to close, and again when its frame is deleted,
which is a moment later: thumbnails go on being made until then.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..qt import QtCore, QtWidgets, gone
from .active import application

_SLOT = "processUpdateQueue"

_models: dict[int, list[QtCore.QAbstractItemModel]] = {}
"""The layer models of each layer docker, by the docker's identity."""


def tell_layer_dockers() -> None:
    """Has the layer dockers take in what has changed, now and whenever a view closes."""
    for window in application().windows():
        area = window.qwindow().centralWidget()
        mdi = area.findChild(QtWidgets.QMdiArea) if area else None
        for frame in mdi.subWindowList() if mdi else ():
            for widget in (frame, frame.widget()):
                widget.installEventFilter(_closing)  # a second time changes nothing
    _empty_queues()


def _empty_queues() -> None:
    for model in _layer_models():
        QtCore.QMetaObject.invokeMethod(model, _SLOT, QtCore.Qt.ConnectionType.DirectConnection)


def _layer_models() -> Iterator[QtCore.QAbstractItemModel]:
    for window in application().windows():
        for docker in window.dockers() if hasattr(window, "dockers") else ():
            if docker.objectName() != "KisLayerBox":
                continue
            known = _models.get(id(docker), [])
            if not known or any(gone(model) for model in known):
                known = _models[id(docker)] = list(_models_in(docker))
            yield from known


def _models_in(docker: QtWidgets.QDockWidget) -> Iterator[QtCore.QAbstractItemModel]:
    for view in docker.findChildren(QtWidgets.QTreeView):
        model = view.model()
        while isinstance(model, QtCore.QAbstractProxyModel):
            model = model.sourceModel()
        if model is not None and model.metaObject().indexOfSlot(f"{_SLOT}()") >= 0:
            yield model


class _Closing(QtCore.QObject):
    """Sees the events that end a view before the view does."""

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if event.type() in (QtCore.QEvent.Type.Close, QtCore.QEvent.Type.DeferredDelete):
            _empty_queues()
        return False


_closing = _Closing()
