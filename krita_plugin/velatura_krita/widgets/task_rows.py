"""What is under way and what came of it: a picture, progress with time left, and what can be done."""

from __future__ import annotations

from collections.abc import Callable

from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.studio import Studio
from velatura.editor.tasks import Task

from ..qt import QtCore, QtGui, QtWidgets
from .buttons import IconButton
from .parts import Listening, column, say, wrapped

PICTURE = 40
"""Side of a task's picture, in pixels."""

Chosen = Callable[[tuple[Task, ...]], tuple[Task, ...]]


class Title(QtWidgets.QLabel):
    """One line that ends in dots where it does not fit; the tooltip has it all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.say(text)
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)

    def say(self, text: str) -> None:
        self.setText(text)
        self.setToolTip(text)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        end = QtCore.Qt.TextElideMode.ElideRight
        text = self.fontMetrics().elidedText(self.text(), end, self.width())
        painter.drawText(self.rect(), int(QtCore.Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()


def bar(name: str) -> QtWidgets.QProgressBar:
    """A thin one."""
    made = QtWidgets.QProgressBar()
    made.setTextVisible(False)
    made.setMaximumHeight(8)
    made.setAccessibleName(name)
    return made


def show_fraction(bar: QtWidgets.QProgressBar, fraction: float | None) -> None:
    """How far something is, 0..1; None moves it to and fro."""
    bar.setRange(0, 1000 if fraction is not None else 0)
    if fraction is not None:
        bar.setValue(round(fraction * 1000))


class TaskRow(QtWidgets.QFrame, Listening):
    """One task."""

    def __init__(self, studio: Studio, task: Task) -> None:
        super().__init__()
        self.task = task
        self._studio = studio
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self._picture = QtWidgets.QLabel()
        self._picture.setFixedSize(PICTURE, PICTURE)
        self._picture.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._title = Title(task.title)
        self._words, self._notes = wrapped(), wrapped()
        self._bar = bar(_("Progress of {task}", task=task.title))
        self._go = self._button("go", _("Go to its layer"), lambda: studio.go_to(task))
        self._stop = self._button("stop", _("Stop and keep"), task.stop)
        self._cancel = self._button("cancel", _("Cancel"), task.cancel)
        self._retry = self._button("retry", _("Try again"), task.retry)
        self._dismiss = self._button("cancel", _("Remove from the list"), lambda: studio.dismiss(task))
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setVerticalSpacing(1)
        grid.setHorizontalSpacing(3)
        grid.addWidget(self._picture, 0, 0, 3, 1)
        for line, part in enumerate((self._title, self._words, self._bar)):
            grid.addWidget(part, line, 1)
        buttons = (self._go, self._retry, self._stop, self._cancel, self._dismiss)
        for place, button in enumerate(buttons, start=2):
            grid.addWidget(button, 0, place, 3, 1)
        grid.addWidget(self._notes, 3, 0, 1, 2 + len(buttons))
        grid.setColumnStretch(1, 1)
        self.listen(task.changed.connect(self.refresh))
        self.refresh()

    def _button(self, name: str, text: str, call: Callable[[], object]) -> IconButton:
        button = IconButton(name, text, call)
        button.setAccessibleName(f"{text}: {self.task.title}")
        return button

    def refresh(self, *unused: object) -> None:
        task = self.task
        self._words.setText(words.sentence(task.words))
        say(self._notes, task.notes)
        self._bar.setVisible(not task.over)
        show_fraction(self._bar, task.fraction if task.state == "running" and task.fraction > 0 else None)
        self._picture.setVisible(task.image is not None)
        if task.image is not None:
            keep, smooth = QtCore.Qt.AspectRatioMode.KeepAspectRatio, QtCore.Qt.TransformationMode
            image = QtGui.QImage(task.image).scaled(PICTURE, PICTURE, keep, smooth.SmoothTransformation)
            self._picture.setPixmap(QtGui.QPixmap.fromImage(image))
        self._go.setVisible(task.state == "done" and task.has_layer)
        self._stop.setVisible(task.can_stop)
        self._cancel.setVisible(not task.over)
        self._retry.setVisible(task.can_retry)
        self._dismiss.setVisible(task.over)


class TaskList(QtWidgets.QWidget, Listening):
    """Some of the tasks, the newest first.

    Args:
        chosen: which of them, out of all.
    """

    def __init__(self, studio: Studio, chosen: Chosen) -> None:
        super().__init__()
        self._studio, self._chosen = studio, chosen
        self._rows: list[TaskRow] = []
        self._column = column(self, spacing=2)
        self.refresh()

    def refresh(self) -> None:
        tasks = self._chosen(self._studio.tasks)
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

    def forget(self) -> None:
        for row in self._rows:
            row.forget()
