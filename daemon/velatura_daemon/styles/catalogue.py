"""The built-in styles: what ships, where it came from, and how its files are made.

`data/catalog.json` lists every built-in style once: the procedural pictures that this project
paints itself, and works of art that ship as style cards, each with a rendering by Velatura. Reading
the catalog needs no torch; `build` makes the files (`python -m velatura_daemon.styles.build`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

STYLES = Path(__file__).with_name("data")
"""The folder that ships: `catalog.json`, `pictures/`, `renderings/`, `thumbnails/` and `cards/`."""

KINDS = ("procedural", "work")


@dataclass(frozen=True)
class StyleEntry:
    """One style: what it is called, where it comes from, and which of its files are at hand."""

    name: str
    title: str
    artist: str = ""
    year: str = ""
    kind: str = "user"
    """`procedural`: painted by this project, ships as a picture. `work`: a work of art, ships as a card and a
    rendering. `user`: the user's own."""
    rights: str = ""
    tags: str = ""
    """What a search finds it by besides: technique, movement, what is to be seen."""
    picture: Path | None = None
    """The picture itself; None for a work of art that has not been pulled."""
    rendering: Path | None = None
    """A work of art as Velatura has painted it again: the pixels where the picture itself is not at hand."""
    thumbnail: Path | None = None
    cards: Mapping[str, Path] = field(default_factory=dict, hash=False)
    """Cards that came with the style, by backbone. Computed ones: see `cards.card_path`."""
    learned: str = ""
    """`yes` where a network of the user's own paints it in one pass; `outdated` where it was learned for a
    painter that is not installed any more; else empty."""
    row: Path | None = None
    """The file of what was learned, where that is of this style alone."""
    digest: str = ""
    """SHA-256 of the picture file, 64 hex digits; empty where neither picture nor address is known."""
    url: str = ""
    """Works: where the picture can be had; empty where no lasting address is known."""
    size: int = 0
    """Of the picture file, in bytes, where known."""
    error: str = ""
    """Why the entry cannot be used, in words; empty when it can."""
    source: str = ""
    """Works: the file name of the picture that the cards were computed from, without its folder."""

    @property
    def builtin(self) -> bool:
        return self.kind != "user"

    def to_map(self) -> dict[str, Any]:
        """The entry as plain values, for messages and `--json`; no path of this machine in it."""
        told = ("name", "title", "artist", "year", "kind", "rights", "tags", "size", "learned", "error")
        return {
            **{key: getattr(self, key) for key in told},
            "has_picture": self.picture is not None,
            "has_rendering": self.rendering is not None,
            "can_pull": bool(self.url),
            "cards": sorted(self.cards),
        }


@lru_cache(maxsize=1)
def catalog() -> dict[str, StyleEntry]:
    """The built-in styles by name, in the catalog's order; works are without their pictures."""
    items = json.loads((STYLES / "catalog.json").read_text(encoding="utf-8"))["styles"]
    return {item["name"]: _shipped(**item) for item in items}


def _shipped(name: str, kind: str, sha256: str = "", **facts: Any) -> StyleEntry:
    """A style with its files, as far as they are there."""

    def file(folder: str, ending: str) -> Path | None:
        path = STYLES / folder / f"{name}{ending}"
        return path if path.is_file() else None

    card = file("cards", ".slim.safetensors")
    return StyleEntry(
        name,
        kind=kind,
        digest=sha256,
        picture=file("pictures", ".webp"),
        rendering=file("renderings", ".webp"),
        thumbnail=file("thumbnails", ".jpg"),
        cards={} if card is None else {"slim": card},
        **facts,
    )
