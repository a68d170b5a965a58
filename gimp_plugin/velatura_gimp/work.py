"""Runs one job to its end while GIMP shows its progress.

Cancel in GIMP's progress bar kills the plug-in outright: nothing here can clean up, and nothing has to,
because the daemon ends the jobs of a session whose peer is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gi.repository import Gimp, GLib
from velatura.blob import Blob
from velatura.errors import VelaturaError
from velatura.jobs import (
    Down,
    Job,
    JobChanged,
    JobEnded,
    Up,
)
from velatura.jobstate import State

from .link import Link
from .recipes import Order
from .words import Refused, _, time_left

Report = Callable[[str, float | None], None]


def show_progress(text: str, fraction: float | None) -> None:
    """Tells GIMP's progress bar; None as the fraction means that it is not known."""
    Gimp.progress_set_text(text)
    if fraction is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(fraction)


def run(order: Order, content: Blob | None, mask: Blob | None, report: Report = show_progress) -> Job:
    """Runs a job; it is done when this returns, with its picture.

    Args:
        order: the recipe and its pictures.
        content: what to work on; None for a texture.
        mask: where, or None for everywhere.
        report: is told words and a fraction.

    Raises:
        VelaturaError: what the daemon, or the way to it, had to say.
        Refused: the job was cancelled from elsewhere.
    """
    loop = GLib.MainLoop()
    jobs: list[Job] = []
    ended: list[Any] = []

    def happened(event: Any) -> None:
        if isinstance(event, Up) and not jobs and link.connection is not None:
            jobs.append(link.connection.submit(order.recipe, content, mask, order.pictures))
        elif isinstance(event, JobChanged):
            report(*_in_words(event.job))
        elif isinstance(event, JobEnded) or (isinstance(event, Down) and event.final):
            ended.append(event)
            loop.quit()
        elif isinstance(event, Down):
            report(_("The daemon does not answer; waiting for it"), None)

    report(_("Looking for the Velatura daemon"), None)
    link = Link(happened)
    try:
        loop.run()
    finally:
        link.close()
    if isinstance(ended[0], Down):
        raise ended[0].error
    job = jobs[0]
    if job.state is State.FAILED:
        raise job.error or VelaturaError("internal", "the job failed without a reason")
    if job.state is State.CANCELLED:
        raise Refused(_("The job was cancelled: {reason}.", reason=job.reason))
    return job


def _in_words(job: Job) -> tuple[str, float | None]:
    kind = getattr(job.recipe, "KIND", "")
    doing = {"stylize": _("Stylizing"), "refine": _("Refining"), "texture": _("Synthesising a texture")}[kind]
    if job.state is State.QUEUED:
        return _("{doing}: waiting, {n} jobs ahead", doing=doing, n=job.ahead), None
    if job.state is State.PAUSED:
        return _("{doing}: paused, {reason}", doing=doing, reason=job.reason), None
    if job.progress is None:
        return doing, None
    words = _("{doing}: {step} of {of}", doing=doing, step=job.progress.step, of=job.progress.of)
    left = time_left(job.progress.seconds_left)
    return f"{words}, {left}" if left else words, job.fraction
