"""A language in which every text stands in brackets, to see what escapes translation."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from velatura_daemon.install.catalogs import CATALOGUES

LANGUAGE = "xx"


def catalogue(path: Path) -> Catalog:
    """The catalogue in a file called after its language."""
    with path.open("rb") as file:
        return read_po(file, path.stem)


def write_pseudo(locale: Path, domain: str) -> None:
    """Writes the language's compiled catalogue, of every text that German has, into a folder."""
    made = Catalog(charset="utf-8", fuzzy=False)
    for message in catalogue(CATALOGUES / "de.po"):
        if message.id:
            made.add(message.id, f"[{message.id}]")
    target = locale / LANGUAGE / "LC_MESSAGES" / f"{domain}.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        write_mo(file, made)
