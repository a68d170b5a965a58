"""What is asked in one line before something starts that takes long."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import QtWidgets
from .rows import HEIGHT


class QuestionRow(QtWidgets.QFrame):
    """The studio's question with a button for each answer; hidden while nothing is asked."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.setObjectName("velatura_question")
        self._studio = studio
        self._words = QtWidgets.QLabel()
        self._words.setWordWrap(True)
        self._buttons = QtWidgets.QHBoxLayout()
        self._buttons.setSpacing(4)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._words)
        column.addLayout(self._buttons)
        self._end = studio.changed.connect(lambda name: self.refresh() if name == "question" else None)
        self.refresh()

    def refresh(self) -> None:
        """Shows the question as it is."""
        question = self._studio.question
        self.setVisible(question is not None)
        while (item := self._buttons.takeAt(0)) is not None:
            button = item.widget()
            button.hide()
            button.deleteLater()
        if question is None:
            return
        self._words.setText(question.words)
        answers = [*((answer.label, answer) for answer in question.answers), (_("Leave it"), None)]
        for label, answer in answers:
            button = QtWidgets.QPushButton(label)
            button.setToolTip(question.words)
            button.setMinimumHeight(HEIGHT)
            button.clicked.connect(lambda checked=False, answer=answer: self._studio.answer(answer))
            self._buttons.addWidget(button)

    def forget(self) -> None:
        """The window is closing."""
        self._end()
