"""Runs one task to its end while GIMP shows its progress.

Cancel in GIMP's progress bar kills the plug-in outright: nothing here can clean up, and nothing has to,
because the daemon ends the jobs of a session whose peer is gone.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import velatura
from gi.repository import Gimp, GLib
from velatura.editor import words
from velatura.editor.i18n import _
from velatura.editor.link import Link
from velatura.editor.loop import Loop
from velatura.editor.memory import Memory
from velatura.editor.paper import Refused
from velatura.editor.pump import Pump
from velatura.editor.starting import starter
from velatura.editor.tasks import Bench
from velatura.errors import VelaturaError

from .loop import GLibLoop
from .paper import Paper
from .runs import FRAMES_EVERY, Plan, Run

PATIENCE = 15.0
"""Seconds of silence after which a daemon that listens is given up; it answers in milliseconds."""

LOOK_EVERY = 0.5
"""Seconds between looks whether what the job is for is still there."""

_DEVICE = "device"

FOLDER = Path(__file__).resolve().parent


def link(loop: Loop, kept: Memory) -> Link:
    """A connection to the daemon, still asleep."""
    talk = Link(loop, partial(starter, FOLDER, "gimp"), f"GIMP plug-in, velatura {velatura.__version__}")
    talk.device = str(kept.settings.get(_DEVICE, ""))
    return talk


def use_device(talk: Link, kept: Memory, name: str) -> None:
    """Jobs run there from now on; see `words.devices`."""
    kept.set(_DEVICE, name)
    talk.device = name


def memory() -> Memory:
    """Presets, recent recipes and choices: in the person's own GIMP folder, beside and not inside the
    plug-in."""
    return Memory(Path(Gimp.directory()) / "velatura.json")


def bench(paper: Paper, pump: Pump, talk: Link) -> Bench:
    """What runs are made with; they write for themselves, so that the paper only has to be read."""
    return Bench(cast(Any, paper), pump, talk, lambda layer: None, FRAMES_EVERY)


def carry_out(plan: Plan, display: Any = None) -> Run:
    """Does what is planned, without a dialog; raises as `wait`."""
    loop = GLibLoop(lambda problem: run.abandon(problem))
    talk = link(loop, memory())
    paper = Paper(lambda: plan.found, lambda: plan.output == "in-place")
    run = Run(bench(paper, Pump(loop), talk), plan, display)
    try:
        wait(run, talk, loop)
    finally:
        talk.close()
    return run


def wait(run: Run, talk: Link, loop: Loop) -> None:
    """Begins a run and returns when it is done.

    Raises:
        VelaturaError: what the daemon, or the way to it, had to say.
        Refused: the job was cancelled, or what it was for is gone; the image is as it was.
    """
    main = GLib.MainLoop()

    def state_changed(name: str) -> None:
        if name == "state" and talk.state == "silent":
            loop.later(PATIENCE, lambda: run.abandon(said(talk)) if talk.state == "silent" else None)

    def changed(name: str) -> None:
        if name == "words":
            doing = _(run.recipe.facts.doing)
            silent = _("The daemon does not answer; waiting for it") if talk.state == "silent" else ""
            _show(silent or f"{doing}: {run.words}", run.fraction)
        if run.over:
            main.quit()

    Gimp.progress_init("Velatura")
    ends = [talk.changed.connect(state_changed), run.changed.connect(changed)]
    ends.append(loop.every(LOOK_EVERY, run.check))
    try:
        loop.later(0.0, run.begin)
        main.run()
    finally:
        for end in ends:
            end()
        Gimp.progress_end()
    if run.state == "failed" and run.error is not None:
        raise said(talk) if talk.state in ("stopped", "missing", "refused") else run.error
    if run.state == "cancelled":
        raise Refused(run.words)


def said(of: Link) -> VelaturaError:
    """Why there is no daemon to talk to, and what to do."""
    if of.state in ("missing", "refused"):
        return VelaturaError("not_running", of.trouble)
    state = words.daemon(of.state, trouble=of.trouble)
    return VelaturaError("not_running", _("The Velatura daemon: {state}", state=state))


def _show(text: str, fraction: float) -> None:
    """Tells GIMP's progress bar; 0 means that nothing is known yet."""
    Gimp.progress_set_text(text)
    if fraction:
        Gimp.progress_update(fraction)
    else:
        Gimp.progress_pulse()
