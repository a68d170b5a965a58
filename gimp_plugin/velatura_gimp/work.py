"""Runs one job to its end while GIMP shows its progress.

Cancel in GIMP's progress bar kills the plug-in outright: nothing here can clean up, and nothing has to,
because the daemon ends the jobs of a session whose peer is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import velatura
from gi.repository import Gimp, GLib
from velatura.blob import Blob, Picture
from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.link import Follower, Link
from velatura.editor.loop import Loop
from velatura.editor.paper import Refused
from velatura.errors import VelaturaError
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.recipe import Recipe

from . import installation
from .loop import GLibLoop

PATIENCE = 15.0
"""Seconds of silence after which a daemon that listens is given up; it answers in milliseconds."""

LOOK_EVERY = 0.5
"""Seconds between looks whether what the job is for is still there."""


def link(loop: Loop) -> Link:
    """A connection to the daemon, still asleep."""
    return Link(loop, installation.start, f"GIMP plug-in, velatura {velatura.__version__}")


def run(
    recipe: Recipe,
    content: Blob | None,
    mask: Blob | None,
    pictures: Sequence[Blob],
    check: Callable[[], None] = lambda: None,
) -> Job:
    """Runs a job; it is done when this returns, with its picture and result.

    Args:
        recipe: what to do.
        content: what to work on; None for what is made from nothing.
        mask: where, or None for everywhere.
        pictures: that the recipe names.
        check: called now and then; what it raises ends the job.

    Raises:
        VelaturaError: what the daemon, or the way to it, had to say.
        Refused: the job was cancelled from elsewhere; what `check` raised.
    """
    return _Run(recipe, content, mask, pictures, check).outcome()


class _Run:
    def __init__(
        self,
        recipe: Recipe,
        content: Blob | None,
        mask: Blob | None,
        pictures: Sequence[Blob],
        check: Callable[[], None],
    ) -> None:
        self._main = GLib.MainLoop()
        self._problem: Exception | None = None
        self._job: Job | None = None
        self._doing = _(recipe.FACTS.doing)
        loop = GLibLoop(self._end)
        self._loop = loop
        self._link = link(loop)
        self._link.changed.connect(self._on_link)
        follower = Follower(self._changed, self._ignore, lambda job: self._main.quit(), self._lost)

        def submit() -> None:
            self._job = self._link.submit(follower, recipe, content, mask, pictures=pictures)

        loop.every(LOOK_EVERY, check)
        loop.later(0.0, lambda: self._link.when_connected(submit, self._lost))

    def outcome(self) -> Job:
        _show(_("Looking for the Velatura daemon"), None)
        try:
            self._main.run()
        finally:
            self._link.close()
        if self._problem is not None:
            raise self._problem
        job = self._job
        assert job is not None
        if job.state is State.FAILED:
            raise job.error or VelaturaError("internal", "the job failed without a reason")
        if job.state is State.CANCELLED:
            raise Refused(_("The job was cancelled: {reason}.", reason=job.reason))
        return job

    def _end(self, problem: Exception) -> None:
        self._problem = self._problem or problem
        self._main.quit()

    def _lost(self, error: VelaturaError) -> None:
        self._loop.later(0.0, lambda: self._end(error))  # the link's state, which tells more, changes first

    def _on_link(self, name: str) -> None:
        if name != "state":
            return
        state = self._link.state
        if state == "silent":
            _show(_("The daemon does not answer; waiting for it"), None)
            self._loop.later(PATIENCE, self._give_up)
        elif state in ("stopped", "missing", "refused"):
            self._end(VelaturaError("not_running", said(self._link)))

    def _give_up(self) -> None:
        if self._link.state == "silent":
            self._end(VelaturaError("timeout", said(self._link)))

    def _changed(self, job: Job) -> None:
        progress = job.progress
        how = words.job(
            job.state, job.ahead, job.reason,
            progress.seconds_left if progress else 0.0,
            progress.step if progress else 0, progress.of if progress else 0,
        )  # fmt: skip
        _show(f"{self._doing}: {how}", job.fraction if progress else None)

    def _ignore(self, job: Job, step: int, picture: Picture) -> None:
        """Frames are shown in the dialog's preview only."""


def said(of: Link) -> str:
    """Why there is no daemon to talk to, and what to do."""
    if of.state in ("missing", "refused"):
        return of.trouble
    return _("The Velatura daemon: {state}", state=words.daemon(of.state, trouble=of.trouble))


def _show(text: str, fraction: float | None) -> None:
    """Tells GIMP's progress bar; None as the fraction means that it is not known."""
    Gimp.progress_set_text(text)
    if fraction is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(fraction)
