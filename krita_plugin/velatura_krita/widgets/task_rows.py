"""The list of what is under way: progress with time left, Stop and Cancel in plain sight, Retry."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.editor.tasks import Task

from ..qt import QtCore, QtGui, QtWidgets
from .icons import icon


class Title(QtWidgets.QLabel):
    """One line that ends in dots where it does not fit; the tooltip has it all."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setToolTip(text)
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        end = QtCore.Qt.TextElideMode.ElideRight
        text = self.fontMetrics().elidedText(self.text(), end, self.width())
        painter.drawText(self.rect(), int(QtCore.Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()


class TaskRow(QtWidgets.QFrame):
    """One task."""

    def __init__(self, studio: Studio, task: Task) -> None:
        super().__init__()
        self.task = task
        self._studio = studio
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._title = Title(task.title)
        self._words = QtWidgets.QLabel()
        self._words.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self._bar = QtWidgets.QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setMaximumHeight(8)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(_("Progress of {task}", task=task.title))
        self._stop = self._button("stop", _("Stop and keep"), task.stop)
        self._cancel = self._button("cancel", _("Cancel"), task.cancel)
        self._retry = self._button("retry", _("Try again"), task.retry)
        self._dismiss = self._button("cancel", _("Remove from the list"), lambda: studio.dismiss(task))
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setVerticalSpacing(2)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._words, 1, 0)
        grid.addWidget(self._bar, 2, 0)
        for column, button in enumerate((self._retry, self._stop, self._cancel, self._dismiss), start=1):
            grid.addWidget(button, 0, column, 3, 1)
        grid.setColumnStretch(0, 1)
        self._end = task.changed.connect(self.refresh)
        self.refresh()
        self.theme()

    def _button(self, name: str, text: str, call: object) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setProperty("icon_name", name)
        button.setAccessibleName(f"{text}: {self.task.title}")
        button.setToolTip(text)
        button.setMinimumSize(34, 34)
        button.setIconSize(QtCore.QSize(20, 20))
        button.clicked.connect(lambda checked=False: call())  # type: ignore[operator]  # a plain callable
        return button

    def theme(self) -> None:
        """Icons in the colours of the theme."""
        for button in self.findChildren(QtWidgets.QToolButton):
            button.setIcon(icon(button.property("icon_name"), self.palette()))

    def refresh(self, *unused: object) -> None:
        task = self.task
        self._words.setText(task.words)
        self._bar.setVisible(not task.over)
        if task.state == "running" and task.fraction > 0:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(task.fraction * 1000))
        else:
            self._bar.setRange(0, 0)
        self._stop.setVisible(task.can_stop)
        self._cancel.setVisible(not task.over)
        self._retry.setVisible(task.can_retry)
        self._dismiss.setVisible(task.over)

    def forget(self) -> None:
        """The row goes away; the task may live on."""
        self._end()


class TaskList(QtWidgets.QWidget):
    """All tasks, the newest first."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._rows: list[TaskRow] = []
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.refresh()

    def refresh(self) -> None:
        tasks = self._studio.tasks
        for row in [row for row in self._rows if row.task not in tasks]:
            self._rows.remove(row)
            row.forget()
            row.setParent(None)
            row.deleteLater()
        known = {id(row.task): row for row in self._rows}
        self._rows = [known.get(id(task)) or TaskRow(self._studio, task) for task in tasks]
        for at, row in enumerate(self._rows):
            self._column.insertWidget(at, row)
        self.setVisible(bool(self._rows))

    def theme(self) -> None:
        for row in self._rows:
            row.theme()

    def forget(self) -> None:
        for row in self._rows:
            row.forget()
