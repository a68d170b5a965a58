"""The built-in styles: what ships, where it came from, and how its files are made.

`data/catalog.json` lists every built-in style once: the procedural pictures that this project
paints itself, and works of art that ship as style cards, each with a rendering by Velatura. Reading
the catalog needs no torch; `build` makes the files (`python -m velatura_daemon.styles.build`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

STYLES = Path(__file__).with_name("data")
"""The folder that ships: `catalog.json`, `pictures/`, `renderings/`, `thumbnails/` and `cards/`."""

KINDS = ("procedural", "work")


@dataclass(frozen=True)
class CatalogEntry:
    """One built-in style as the catalog states it."""

    name: str
    title: str
    artist: str
    year: str
    kind: str
    """`procedural`: painted by this project, ships as a picture. `work`: a work of art, ships as cards and a
    rendering."""
    rights: str
    tags: str = ""
    """What a search finds it by besides: technique, movement, what is to be seen."""
    source: str = ""
    """Works: the file name of the picture that the cards were computed from, without its folder."""
    url: str = ""
    """Works: where the picture can be had; empty where no lasting address is known."""
    size: int = 0
    """Of the file at `url`, in bytes."""
    sha256: str = ""
    """Of the file at `url`, or of the procedural picture."""

    @property
    def picture(self) -> Path | None:
        """The shipped picture; works have none."""
        return STYLES / "pictures" / f"{self.name}.webp" if self.kind == "procedural" else None

    @property
    def rendering(self) -> Path | None:
        """A work as Velatura has painted it again; painted pictures need none."""
        return STYLES / "renderings" / f"{self.name}.webp" if self.kind == "work" else None

    @property
    def thumbnail(self) -> Path:
        return STYLES / "thumbnails" / f"{self.name}.jpg"

    def card(self, backbone: str) -> Path:
        return STYLES / "cards" / f"{self.name}.{backbone}.safetensors"


@lru_cache(maxsize=1)
def catalog() -> dict[str, CatalogEntry]:
    """The built-in styles by name, in the catalog's order."""
    known = {f.name for f in fields(CatalogEntry)}
    items = json.loads((STYLES / "catalog.json").read_text(encoding="utf-8"))["styles"]
    entries = [CatalogEntry(**{k: v for k, v in item.items() if k in known}) for item in items]
    return {entry.name: entry for entry in entries}
