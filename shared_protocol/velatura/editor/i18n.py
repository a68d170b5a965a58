"""Texts in the artist's language: one gettext catalogue for this room and all plug-ins.

The plug-in says how a text is looked up: in the catalogues that its installation compiled (`load`), or as its
editor does it (`use`). Until then texts are English.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Callable
from pathlib import Path

_look_up: Callable[[str], str] = gettext.NullTranslations().gettext


def use(look_up: Callable[[str], str]) -> None:
    """Has every text looked up by an editor's own means, such as GLib's `dgettext`."""
    global _look_up
    _look_up = look_up


def load(languages: list[str] | None, folder: Path, domain: str) -> None:
    """Chooses the catalogue; without one for the language, texts stay English.

    Args:
        languages: such as `["de_DE", "de"]`; None takes what the environment asks for.
        folder: holds `LANGUAGE/LC_MESSAGES/DOMAIN.mo`.
        domain: the plug-in's name.
    """
    use(gettext.translation(domain, folder, languages, fallback=True).gettext)


def environment_languages(system: str) -> list[str]:
    """The languages to try: the environment's, where Krita puts the one chosen in it, before the system's."""
    asked = os.environ.get("LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or ""
    return [*filter(None, asked.split(":")), system]


def _(text: str, **values: object) -> str:
    """The text in the artist's language, its `{names}` filled in with the values."""
    found = _look_up(text)
    return found.format(**values) if values else found


def N_(text: str) -> str:
    """Marks a text that is looked up later, when it is shown."""
    return text
