"""Compiles translations: `po/de.po` becomes `locale/de/LC_MESSAGES/DOMAIN.mo`, without any program's help.

Covers what the plug-ins' catalogs use: `msgid`, `msgctxt`, `msgstr`, continued lines; no plurals. Fuzzy
and empty translations are left out, as msgfmt does.
"""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterator
from pathlib import Path

from velatura.errors import VelaturaError


def compile_catalogs(po: Path, locale: Path, domain: str) -> list[Path]:
    """Compiles every `LANGUAGE.po` of a folder; the .mo files written, sorted (none without the folder)."""
    written = []
    for catalog in sorted(po.glob("*.po")):
        target = locale / catalog.stem / "LC_MESSAGES" / f"{domain}.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(to_mo(read_po(catalog)))
        written.append(target)
    return written


def read_po(path: Path) -> dict[str, str]:
    """The translations of a catalog: message (after `context\\x04` where it has one) to translation.

    Raises:
        VelaturaError: `bad_field` with file and line of what cannot be read.
    """
    found = {}
    for entry, fuzzy in _entries(path):
        key = entry.get("msgid", "")
        if "msgctxt" in entry:
            key = f"{entry['msgctxt']}\x04{key}"
        if entry.get("msgstr") and not (fuzzy and key):
            found[key] = entry["msgstr"]
    return found


def _entries(path: Path) -> Iterator[tuple[dict[str, str], bool]]:
    entry: dict[str, str] = {}
    fuzzy, field = False, ""
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if line.startswith("#~"):
            continue
        word = line.split(" ", 1)[0]
        begins = not line or line.startswith("#") or word in ("msgctxt", "msgid")
        if begins and "msgstr" in entry:
            yield entry, fuzzy
            entry, fuzzy, field = {}, False, ""
        if not line or line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        if word in ("msgctxt", "msgid", "msgstr"):
            field, line = word, line[len(word) :].strip()
            entry[field] = ""
        if not field or not (line.startswith('"') and line.endswith('"') and len(line) > 1):
            raise VelaturaError("bad_field", f"{path}:{number}: cannot read {raw!r}")
        entry[field] += ast.literal_eval(line)
    if "msgstr" in entry:
        yield entry, fuzzy


def to_mo(messages: dict[str, str]) -> bytes:
    """The binary catalog (GNU gettext's .mo, little-endian, sorted, without a hash table)."""
    pairs = sorted((key.encode(), text.encode()) for key, text in messages.items())
    head = 7 * 4
    at = head + 16 * len(pairs)
    tables: list[list[int]] = [[], []]
    blob = b""
    for column in (0, 1):
        for pair in pairs:
            tables[column] += [len(pair[column]), at + len(blob)]
            blob += pair[column] + b"\0"
    numbers = [0x950412DE, 0, len(pairs), head, head + 8 * len(pairs), 0, at, *tables[0], *tables[1]]
    return struct.pack(f"<{len(numbers)}I", *numbers) + blob
