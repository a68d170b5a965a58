"""Runs one task to its end while GIMP shows its progress.

Cancel in GIMP's progress bar kills the plug-in outright: nothing here can clean up, and nothing has to,
because the daemon ends the jobs of a session whose peer is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import velatura
from gi.repository import Gimp, GLib
from velatura.editor import look, words
from velatura.editor.batches import together
from velatura.editor.desk import device_of
from velatura.editor.i18n import _
from velatura.editor.link import Link
from velatura.editor.loop import Loop
from velatura.editor.memory import Memory
from velatura.editor.paper import Refused
from velatura.editor.pump import Pump
from velatura.editor.results import Results
from velatura.editor.starting import starter
from velatura.editor.tasks import Bench, Task
from velatura.errors import VelaturaError

from .loop import GLibLoop
from .paper import Paper
from .runs import FRAMES_EVERY, Plan, PlanRun

PATIENCE = 15.0
"""Seconds of silence after which a daemon that listens is given up; it answers in milliseconds."""

LOOK_EVERY = 0.5
"""Seconds between looks whether what the job is for is still there."""

FOLDER = Path(__file__).resolve().parent


START = partial(starter, FOLDER)
"""Begins to start a daemon."""

NAME = "GIMP plug-in"


def link(loop: Loop, kept: Memory) -> Link:
    """A connection to the daemon, still asleep."""
    talk = Link(loop, START, f"{NAME}, velatura {velatura.__version__}")
    talk.device = device_of(kept)
    return talk


def memory() -> Memory:
    """Presets, recent recipes and choices: in the person's own GIMP folder, beside and not inside the
    plug-in."""
    return Memory(Path(Gimp.directory()) / "velatura.json")


def bench(paper: Paper, pump: Pump, talk: Link) -> Bench:
    """What runs are made with; they write for themselves, so that the paper only has to be read."""
    return Bench(cast(Any, paper), pump, talk, lambda layer: None, FRAMES_EVERY)


def carry_out(plans: Sequence[Plan], display: Any = None) -> tuple[PlanRun, ...]:
    """Does what is planned, without a dialog; raises as `wait`.

    Args:
        display: from which a person asked for it; None for a script.
    """
    loop, kept = GLibLoop(lambda problem: task.abandon(problem)), memory()
    talk = link(loop, kept)
    paper = Paper(lambda: plans[0].found, lambda: plans[0].output == "in-place")
    tools, results = bench(paper, Pump(loop), talk), Results(paper, kept) if display is not None else None
    runs = tuple(PlanRun(tools, plan, display, results) for plan in plans)
    task = together(tools, runs, look.title(plans[0].recipe, {}))
    try:
        wait(task, talk, loop)
    finally:
        talk.close()
    return runs


def wait(task: Task, talk: Link, loop: Loop) -> None:
    """Begins a task and returns when it is done.

    Raises:
        VelaturaError: what the daemon, or the way to it, had to say.
        Refused: the job was cancelled, or what it was for is gone; the image is as it was, but for those of
            several layers that were done.
    """
    main = GLib.MainLoop()

    def state_changed(name: str) -> None:
        if name == "state" and talk.state == "silent":
            loop.later(PATIENCE, lambda: task.abandon(said(talk)) if talk.state == "silent" else None)

    def changed(name: str) -> None:
        if name == "words":
            doing = _(task.recipe.facts.doing)
            silent = _("The daemon does not answer; waiting for it") if talk.state == "silent" else ""
            _show(silent or f"{doing}: {task.words}", task.fraction)
        if task.over:
            main.quit()

    Gimp.progress_init("Velatura")
    ends = [talk.changed.connect(state_changed), task.changed.connect(changed)]
    ends.append(loop.every(LOOK_EVERY, task.check))
    try:
        loop.later(0.0, task.begin)
        main.run()
    finally:
        for end in ends:
            end()
        Gimp.progress_end()
    if task.state == "failed":
        gone = talk.state in ("stopped", "missing", "refused")
        raise said(talk) if gone else task.error or Refused(task.words)
    if task.state == "cancelled":
        raise Refused(task.words)


def said(of: Link) -> VelaturaError:
    """Why there is no daemon to talk to, and what to do."""
    if of.state in ("missing", "refused"):
        return words.Told("not_running", of.trouble)
    return words.Told("not_running", _("The Velatura daemon: {state}", state=of.words))


def _show(text: str, fraction: float) -> None:
    """Tells GIMP's progress bar; 0 means that nothing is known yet."""
    Gimp.progress_set_text(text)
    if fraction:
        Gimp.progress_update(fraction)
    else:
        Gimp.progress_pulse()
