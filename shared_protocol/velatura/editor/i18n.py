"""The editors' translations: gettext catalogues that a plug-in ships, chosen by the editor's language.

Krita's own `i18n` knows only Krita's words. The language is the one set in Krita (Settings > Switch
Application Language, stored as `language=` in its resources and exported as LANGUAGE) or the system's.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path

DOMAIN = "velatura_krita"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def load(languages: list[str] | None, folder: Path) -> None:
    """Chooses the catalogue; without one for the language, texts stay English.

    Args:
        languages: such as `["de_DE", "de"]`; None takes what the environment asks for.
        folder: holds `LANGUAGE/LC_MESSAGES/velatura_krita.mo`.
    """
    global _catalogue
    _catalogue = gettext.translation(DOMAIN, folder, languages, fallback=True)


def environment_languages(system: str) -> list[str]:
    """The languages to try, the environment's (as Krita sets it) before the system's."""
    asked = os.environ.get("LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or ""
    return [*filter(None, asked.split(":")), system]


def _(text: str) -> str:
    return _catalogue.gettext(text)
