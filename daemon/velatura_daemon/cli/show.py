"""What the commands print: tables and lines for people on a terminal, JSON for scripts.

Results go to standard output; progress, notes and errors to standard error, so that pipes stay clean. What
draws on terminals is imported where there is one: that takes longer than many a command.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from unicodedata import category

import typer

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""What a command takes that gives `told`."""
CALLED: dict[str, str] = {}
"""What a person knows a file by, where that is not its path: `standard input`."""


def console(file: TextIO) -> Console:
    """A terminal to draw on, or a file or pipe, where lines are not wrapped."""
    from rich.console import Console

    return Console(file=file, soft_wrap=not file.isatty(), highlight=False)


def line(text: str) -> None:
    """One line of result, as it is: no markup."""
    _print(sys.stdout, text)


def note(text: str) -> None:
    """One line beside the result."""
    _print(sys.stderr, text)


def _print(file: TextIO, text: str) -> None:
    if not file.isatty():
        file.write(_harmless(text) + "\n")
        return
    from rich.text import Text

    console(file).print(Text(_harmless(text)))


def as_json(value: Any) -> None:
    """A result for scripts; where standard output is not Unicode, other letters are escaped."""
    unicode = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    sys.stdout.write(_known(json.dumps(value, ensure_ascii=not unicode, indent=2, default=str)) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table; cells are shown as they are, and folded only to fit a terminal. Where a terminal is too
    narrow for its words, each row becomes a paragraph."""
    rows = [[_harmless(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _plain(columns, rows)
        return
    from rich.cells import cell_len
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for index, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        made.add_row(*map(Text, row))
    terminal, cells = console(sys.stdout), [columns, *rows]
    natural = sum(2 + max(cell_len(row[i]) for row in cells) for i in range(len(columns)))
    if natural <= 1.5 * terminal.width:
        terminal.print(made)
        return
    for first, *others in rows:
        told = zip(columns[1:], others, strict=True)
        words = ", ".join(f"{c}: {v}" if c else v for c, v in told if v not in ("", "-"))
        terminal.print(Text(first, style="bold"), Padding(Text(words), (0, 0, 0, 2)), sep="\n")


def told(json: bool, value: Any, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A result: for scripts as JSON, for people as a table."""
    if json:
        as_json(value)
    else:
        table(columns, rows)


def facts(json: bool, value: Mapping[str, Any], shown: Mapping[str, Any] | None = None) -> None:
    """The same of one thing: what is known of it, a row each; nothing of what is empty.

    Args:
        shown: what people get in place of `value`.
    """
    rows = ((k, ", ".join(v) if isinstance(v, list) else v) for k, v in (shown or value).items() if v)
    told(json, value, ("", ""), rows)


def flat(
    value: Mapping[str, Any], text: Callable[[str, Any], str], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Nested values as rows: `slim.round_trip`, `0.312`.

    Args:
        text: a value as it is shown, by its whole name.
    """
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from flat(inner, text, f"{prefix}{name}.")
        else:
            yield prefix + name, text(prefix + name, inner)


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for a file or a pipe: columns two spaces apart, a row a line however long."""
    shown = [columns, *rows] if any(columns) else rows
    widths = [max(len(row[i]) for row in shown) for i in range(len(columns))] if shown else []
    for row in shown:
        cells = (cell.replace("\n", " ").ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


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
