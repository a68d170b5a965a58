"""One style as the gallery shows it, from what the daemon says of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from velatura.choices import METHODS

from .i18n import _


@dataclass(frozen=True)
class Entry:
    """One style as the gallery shows it."""

    name: str
    title: str
    artist: str = ""
    year: str = ""
    kind: str = "user"
    tags: str = ""
    """What a search finds it by besides: technique, movement, what is to be seen."""
    thumbnail: str = ""
    """Digest of its picture, to be fetched."""
    error: str = ""
    """Why it cannot be used, in words; empty when it can."""
    learned: str = ""
    """`yes` where the painter has learned it, `outdated` where another painter had."""
    has_picture: bool = True
    known: bool = True
    """Whether the method that is chosen can paint it."""

    @property
    def mine(self) -> bool:
        return self.kind == "user"

    @property
    def can_learn(self) -> bool:
        """Whether the painter can learn it, or learn it better."""
        return self.mine and self.has_picture and not (self.error and self.known)

    @property
    def about(self) -> str:
        """Title, artist and year in one line."""
        return ", ".join(filter(None, (self.title, self.artist, self.year)))

    @property
    def searched(self) -> str:
        """All that a search looks at; the name is what is left of a file's."""
        return plain(f"{self.about} {self.name.replace('-', ' ')} {self.name} {self.tags}")


def entry_of(item: dict[str, Any], unknown_to: str = "") -> Entry:
    """An entry from the daemon's plain map; what is missing stays empty.

    Args:
        unknown_to: the method that is chosen, where it cannot paint the style.
    """
    texts = {
        key: str(item.get(key) or "")
        for key in ("name", "title", "artist", "year", "kind", "tags", "thumbnail", "error", "learned")
    }
    has_picture = bool(item.get("has_picture", True))
    if not (has_picture or item.get("cards") or texts["learned"] or texts["error"]):
        texts["error"] = _("Its picture is not here; it is among the downloads.")
    known = bool(texts["error"]) or not unknown_to
    if not known:
        texts["error"] = _("The method “{method}” cannot paint it.", method=_(METHODS[unknown_to].label))
    return Entry(**{**texts, "title": texts["title"] or texts["name"]}, has_picture=has_picture, known=known)


def order(entry: Entry) -> tuple[bool, bool, bool, str]:
    """A key to sort by: the artist's own, works of art, painted ones; last comes what cannot be used."""
    return bool(entry.error), not entry.mine, entry.kind != "work", entry.title.lower()


def plain(text: str) -> str:
    """A text as a search compares it: in small letters without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
