"""What the commands print: tables and lines for people on a terminal, JSON for scripts.

Results go to standard output; progress, notes and errors to standard error, so that pipes stay clean.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any
from unicodedata import category

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

CALLED: dict[str, str] = {}
"""What a person knows a file by, where that is not its path: `standard input`."""

ENDLESS = 10_000
"""Columns of a table that goes into a file or a pipe."""


def out() -> Console:
    """Standard output as it is now (tests replace it); lines are not wrapped when it is no terminal."""
    return Console(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), highlight=False)


def err() -> Console:
    """Standard error as it is now."""
    return Console(file=sys.stderr, soft_wrap=not sys.stderr.isatty(), highlight=False)


def line(text: str) -> None:
    """One line of result, as it is: no markup."""
    out().print(Text(_harmless(text)))


def note(text: str) -> None:
    """One line beside the result."""
    err().print(Text(_harmless(text)))


def as_json(value: Any) -> None:
    """A result for scripts; where standard output is not Unicode, other letters are escaped."""
    unicode = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    sys.stdout.write(_known(json.dumps(value, ensure_ascii=not unicode, indent=2, default=str)) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table; cells are shown as they are, and folded only to fit a terminal. Where a terminal is too
    narrow for its words, each row becomes a paragraph."""
    rows = list(rows)
    made = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for index, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        made.add_row(*(Text(_harmless(str(cell))) for cell in row))
    console = out()
    if not console.is_terminal:
        console.width = ENDLESS
    cells = [columns, *rows]
    natural = sum(2 + max(cell_len(str(row[i])) for row in cells) for i in range(len(columns)))
    if natural <= 1.5 * console.width:
        console.print(made)
        return
    for first, *others in rows:
        told = zip(columns[1:], others, strict=True)
        words = ", ".join(f"{c}: {v}" if c else str(v) for c, v in told if str(v) not in ("", "-"))
        console.print(Text(str(first), style="bold"), Padding(Text(words), (0, 0, 0, 2)), sep="\n")


def _harmless(text: str) -> str:
    """A text that tells a terminal nothing: file names and other people's words may hold escapes."""
    return "".join(repr(c)[1:-1] if category(c) == "Cc" and c not in "\n\t" else c for c in _known(text))


def _known(text: str) -> str:
    for path, name in CALLED.items():
        text = text.replace(path, name)
    return text


def brief(text: str, longest: int = 60) -> str:
    """The beginning of a text, for a cell."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def size(count: float) -> str:
    """Bytes in words: `6.5 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds in words: `0.43 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
