"""What is being downloaded, in one row: how far it is, and what can be done about it."""

from __future__ import annotations

from velatura.editor.i18n import _
from velatura.editor.studio import Studio

from ..qt import QtWidgets
from .buttons import IconButton
from .parts import Listening, wrapped
from .task_rows import Title, bar, show_fraction


class PullRow(QtWidgets.QFrame, Listening):
    """The download that runs, with how many wait; or one that failed, with why; hidden without any."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._pulls = pulls = studio.pulls
        self._title = Title("")
        self._words = wrapped()
        self._bar = bar(_("Progress of the download"))
        self._retry = IconButton("retry", _("Try again"), lambda: pulls.begin(*pulls.failed))
        self._cancel = IconButton("cancel", _("Cancel; what has come is kept"), pulls.give_up)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setVerticalSpacing(1)
        grid.setHorizontalSpacing(3)
        for line, part in enumerate((self._title, self._words, self._bar)):
            grid.addWidget(part, line, 0)
        for column, button in enumerate((self._retry, self._cancel), start=1):
            grid.addWidget(button, 0, column, 3, 1)
        grid.setColumnStretch(0, 1)
        self.listen(pulls.changed.connect(lambda name: self.refresh()))
        self.refresh()

    def refresh(self) -> None:
        """Shows the downloads as they are."""
        now = self._pulls.current
        self.setVisible(now is not None)
        if now is None:
            return
        self._title.say(_("Download: {title}", title=now.title))
        self._words.setText(self._pulls.current_words)
        self._bar.setVisible(now.under_way)
        show_fraction(self._bar, now.fraction)
        self._retry.setVisible(not now.under_way)
        what = _("Cancel; what has come is kept") if now.under_way else _("Remove from the list")
        self._cancel.setToolTip(what)
        self._cancel.setAccessibleName(what)
