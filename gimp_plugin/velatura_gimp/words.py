"""What the person reads: translations, times, and refusals."""

from __future__ import annotations

from gi.repository import GLib

DOMAIN = "velatura_gimp"


def _(text: str, **values: object) -> str:
    """The text in the user's language, with its `{names}` filled in; GIMP binds the catalogs in `locale/`."""
    found = GLib.dgettext(DOMAIN, text)
    return found.format(**values) if values else found


def N_(text: str) -> str:
    """Marks a text for a translation that is looked up later."""
    return text


class Refused(Exception):
    """Something that cannot be done, in words for the person who asked for it."""


def time_left(seconds: float) -> str:
    """An estimate in words, coarse enough not to flicker: `12 s left`, `3 min left`; empty when unknown."""
    if seconds <= 0:
        return ""
    if seconds < 90:
        return _("{n} s left", n=max(1, round(seconds)))
    return _("{n} min left", n=round(seconds / 60))
