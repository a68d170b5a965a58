"""States, times and troubles in words for the artist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain, repeat
from typing import Any

from velatura import __version__
from velatura.errors import CODES, VelaturaError
from velatura.facts import Facts
from velatura.jobstate import State

from .i18n import _

COMMANDS = re.compile(r" \(`velatura [^)]*`\)")
"""How `VelaturaError.message` names commands."""

INSTALL_HOW_TO = "pip install 'velatura[daemon]'\nvelatura install krita"


class Told(VelaturaError):
    """An error whose message is in the artist's language."""


def kind(facts: Facts) -> str:
    """What a kind of job is called among others."""
    title = _(facts.title)
    return _("{title}, for experts", title=title) if facts.expert else title


def time_left(seconds: float) -> str:
    """A remaining time, as coarse as an estimate deserves."""
    if seconds <= 0:
        return ""
    if seconds < 1.5:
        return _("1 s left")
    if seconds < 60:
        whole = round(seconds) if seconds < 15 else 5 * round(seconds / 5)
        return _("{n} s left", n=whole)
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{n} min left", n=minutes)
    return _("{hours} h {minutes} min left", hours=minutes // 60, minutes=minutes % 60)


def duration(seconds: float) -> str:
    """How long something will take, as coarse as a forecast deserves."""
    if seconds < 55:
        return _("about {n} s", n=max(1, round(seconds) if seconds < 10 else 5 * round(seconds / 5)))
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return _("about {n} min", n=minutes)
    return _("about {hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def device(status: dict[str, Any]) -> str:
    """Where the networks run, from the daemon's status: the processor, or a graphics card's name."""
    engine = status.get("engine") or {}
    if engine.get("device") == "cpu":
        return _("the processor")
    return str(engine.get("device_name") or engine.get("device") or "")


def devices(status: dict[str, Any], chosen: str) -> dict[str, str]:
    """Where jobs can be asked to run, with what that is called: the daemon's own choice, the processor, and
    its graphics card where it has one."""
    own = str((status.get("engine") or {}).get("device") or "")
    found = {"": _("Automatic"), "cpu": _("the processor")}
    if own not in found:
        found[own] = device(status)
    return found if chosen in found else {**found, chosen: chosen}


def warming(status: dict[str, Any]) -> bool:
    """Whether the daemon is still loading the networks."""
    return (status.get("worker") or {}).get("state") in ("starting", "warming")


def others(clients: list[str]) -> str:
    """What the daemon does for other programs, from their names; empty for nothing."""
    names = sorted({client.partition(",")[0] or _("another program") for client in clients})
    return _("work for {programs}", programs=", ".join(names)) if names else ""


def outdated(version: str) -> str:
    """That a daemon of another version runs."""
    words = _("Version {old} of the daemon is running; this is {new}.", old=version, new=__version__)
    return words if version else ""


def daemon(state: str, where: str = "", busy: str = "", trouble: str = "", loading: bool = False) -> str:
    """The daemon's state in words.

    Args:
        state: as in `link.Link.state`.
        where: the device's name, once known.
        busy: what it works at, where it does.
        trouble: what went wrong, where something did.
        loading: whether the networks are still being loaded.
    """
    if state == "asleep":
        return _("Resting. Choose a style to begin.")
    if state == "starting":
        return _("Starting…")
    if state == "ready" and loading:
        return _("Loading the networks…")
    if state == "ready" and busy:
        return _("Busy with {what}", what=busy)
    if state == "ready":
        return _("Ready on {device}", device=where) if where else _("Ready")
    trouble = sentence(trouble)
    if state == "silent":
        return _("Not answering. {trouble}", trouble=trouble)
    if state == "missing":
        return _("Not installed. {trouble}", trouble=trouble)
    if state == "refused":
        return trouble
    return _("Stopped. {trouble}", trouble=trouble)


def job(state: State, ahead: int, reason: str, seconds_left: float, step: int, of: int) -> str:
    """How a job is doing, in words."""
    if state is State.SUBMITTED or state is State.WAITING:
        return _("Sending the picture…")
    if state is State.QUEUED:
        if not ahead:
            return _("Next in line")
        return _("Waiting; jobs ahead: {n}", n=ahead)
    if state is State.PAUSED:
        return _("Paused: {reason}", reason=reason) if reason else _("Paused")
    if state is State.RUNNING:
        left = time_left(seconds_left)
        count = _("{step} of {of}", step=step, of=of) if of > 1 else ""
        return " · ".join(filter(None, (count, left))) or _("Painting…")
    return {State.DONE: _("Done"), State.FAILED: _("Failed"), State.CANCELLED: _("Cancelled")}[state]


def notes(record: Mapping[str, Any]) -> str:
    """What the daemon has to say of a result, in sentences, without what a terminal can do about it."""
    english = record.get("notes", ())
    said = map(_translated, english, chain(record.get("said", ()), repeat([])))
    return " ".join(f"{COMMANDS.sub('', sentence(note))}." for note in said)


def _translated(english: str, said: Any) -> str:
    """A note in the artist's language, where its text and values are told and the catalogue knows the text:
    only the catalogue's are filled in, whatever a daemon sends."""
    try:
        text, values = said
        found = _(text)
        return english if found == text else found.format(**values)
    except (TypeError, ValueError, LookupError, AttributeError):
        return english


def sentence(text: str) -> str:
    """A phrase where it stands by itself: with a capital."""
    return text[:1].upper() + text[1:]


def trouble(error: BaseException) -> str:
    """An error for the artist: what was wrong and what to do, without what a terminal can do about it. In
    another language than English what its code means, and in parentheses the English words."""
    if not isinstance(error, VelaturaError):
        return str(error) or type(error).__name__
    told, meaning = COMMANDS.sub("", error.message or str(error)), CODES[error.code]
    found = _(meaning)
    return told if found == meaning or isinstance(error, Told) else f"{found} ({told})"


def silent_for_artists(error: VelaturaError) -> str:
    """Why the daemon is not answering, and what helps."""
    if error.code == "timeout":
        return _("It is stopped, hangs or is overloaded; it may come back by itself.")
    return _("It ended or was restarted.")
