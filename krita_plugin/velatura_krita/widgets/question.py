"""What is asked in one line before something starts that takes long."""

from __future__ import annotations

from functools import partial

from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import QtWidgets
from .parts import Listening, button, column, line, wrapped


class QuestionRow(QtWidgets.QFrame, Listening):
    """The studio's question with a button for each answer; hidden while nothing is asked."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self.setObjectName("velatura_question")
        self._studio = studio
        self._words, self._buttons = wrapped(), line(spacing=4)
        column(self, self._words, self._buttons)
        self.listen(studio.changed.connect(lambda name: self.refresh() if name == "question" else None))
        self.refresh()

    def refresh(self) -> None:
        """Shows the question as it is."""
        question = self._studio.question
        self.setVisible(question is not None)
        while (item := self._buttons.takeAt(0)) is not None:
            old = item.widget()
            old.hide()
            old.deleteLater()
        if question is None:
            return
        self._words.setText(question.words)
        answers = [*((answer.label, answer) for answer in question.answers), (_("Leave it"), None)]
        for label, answer in answers:
            choose = partial(self._studio.answer, answer)
            self._buttons.addWidget(button(label, question.words, choose))
