"""The lines above and below the dialog's columns: what is wrong or asked, and how the job is doing."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gtk
from velatura.editor.i18n import _
from velatura.editor.tasks import Task


class WordsBar(Gtk.InfoBar):
    """A line above everything, with what can be done; hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._words = Gtk.Label(wrap=True, max_width_chars=80, xalign=0.0, visible=True)
        self.get_content_area().add(self._words)

    def say(self, text: str, *buttons: tuple[str, Callable[[], None]]) -> None:
        """Says it, and offers what may help; empty takes the line away."""
        area = self.get_action_area()
        for old in area.get_children():
            area.remove(old)
        for label, call in buttons:
            button = Gtk.Button(label=label, visible=True)
            button.connect("clicked", lambda _button, call=call: call())
            area.add(button)
        self._words.set_text(text)
        self.set_visible(bool(text))


class TaskBar(Gtk.Box):
    """How far a task is, with what ends it; hidden while none runs."""

    def __init__(self) -> None:
        super().__init__(spacing=6, border_width=12, no_show_all=True)
        self.task: Task | None = None
        self._progress = Gtk.ProgressBar(show_text=True, valign=Gtk.Align.CENTER, visible=True)
        self._stop = Gtk.Button.new_with_mnemonic(_("Stop and _keep"))
        self._stop.connect("clicked", lambda _button: self.task and self.task.stop())
        cancel = Gtk.Button(label=_("Cancel the job"), visible=True)
        cancel.connect("clicked", lambda _button: self.task and self.task.cancel())
        self.pack_start(self._progress, True, True, 0)
        self.pack_start(self._stop, False, False, 0)
        self.pack_start(cancel, False, False, 0)

    def follow(self, task: Task | None) -> None:
        """Shows a task from now on, or none any more."""
        self.task = task
        self.set_visible(task is not None)
        self._stop.set_visible(task is not None and task.recipe.facts.stops)
        if task is not None:
            task.changed.connect(lambda name: self._show(task))

    def _show(self, task: Task) -> None:
        self._progress.set_text(task.words)
        self._progress.set_fraction(task.fraction)
        self._stop.set_sensitive(task.can_stop)
