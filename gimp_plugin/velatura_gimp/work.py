"""Runs one job to its end while GIMP shows its progress.

Cancel in GIMP's progress bar kills the plug-in outright: nothing here can clean up, and nothing has to,
because the daemon ends the jobs of a session whose peer is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import velatura
from gi.repository import Gimp, GLib
from velatura.blob import Blob
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
    main = GLib.MainLoop()
    problems: list[Exception] = []
    jobs: list[Job] = []

    def end(problem: Exception) -> None:
        problems.append(problem)
        main.quit()

    loop = GLibLoop(end)
    talk = link(loop)

    def state_changed(name: str) -> None:
        if name != "state":
            return
        if talk.state == "silent":
            _show(_("The daemon does not answer; waiting for it"), None)
            loop.later(PATIENCE, lambda: end(said(talk)) if talk.state == "silent" else None)
        elif talk.state in ("stopped", "missing", "refused"):
            end(said(talk))

    def changed(job: Job) -> None:
        step, of, left = 0, 0, 0.0
        if job.progress is not None:
            step, of, left = job.progress.step, job.progress.of, job.progress.seconds_left
        how = words.job(job.state, job.ahead, job.reason, left, step, of)
        _show(f"{_(recipe.FACTS.doing)}: {how}", job.fraction if of else None)

    def lost(error: VelaturaError) -> None:
        loop.later(0.0, lambda: end(error))  # the link's state, which tells more, changes first

    def submit() -> None:
        follower = Follower(changed, lambda *_frame: None, lambda job: main.quit(), lost)
        jobs.append(talk.submit(follower, recipe, content, mask, pictures=pictures))

    _show(_("Looking for the Velatura daemon"), None)
    talk.changed.connect(state_changed)
    loop.every(LOOK_EVERY, check)
    loop.later(0.0, lambda: talk.when_connected(submit, lost))
    try:
        main.run()
    finally:
        talk.close()
    if problems:
        raise problems[0]
    job = jobs[0]
    if job.state is State.FAILED:
        raise job.error or VelaturaError("internal", "the job failed without a reason")
    if job.state is State.CANCELLED:
        raise Refused(_("The job was cancelled: {reason}.", reason=job.reason))
    return job


def said(of: Link) -> VelaturaError:
    """Why there is no daemon to talk to, and what to do."""
    if of.state in ("missing", "refused"):
        return VelaturaError("not_running", of.trouble)
    state = words.daemon(of.state, trouble=of.trouble)
    return VelaturaError("not_running", _("The Velatura daemon: {state}", state=state))


def _show(text: str, fraction: float | None) -> None:
    """Tells GIMP's progress bar; None as the fraction means that it is not known."""
    Gimp.progress_set_text(text)
    if fraction is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(fraction)
