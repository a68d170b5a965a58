"""The tables of fields in these pages: what can be set on a recipe, a GIMP procedure's arguments, settings.

    python docs/field_tables.py          rewrites them
    python docs/field_tables.py --check  exit code 1 when a page is out of date

They come from `velatura.fields` and the daemon's `Settings`, so that pages and programs cannot disagree; a
test runs the check. In a page each stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from velatura.fields import Field, adjustable, fields_of, lowered
from velatura.recipe import RECIPES
from velatura.schema import plain
from velatura_daemon.settings import Settings

DOCS = Path(__file__).parent
HEAD = ["| field | called | what it does | range or choices | default |", "|---|---|---|---|---|"]


def parts() -> dict[str, str]:
    """Every table by its name."""
    tables = {
        f"fields {kind}": "\n".join([*HEAD, *map(_row, fields_of(cls))]) for kind, cls in RECIPES.items()
    }
    return tables | {
        "arguments": "\n".join(["| procedure | arguments |", "|---|---|", *_arguments()]),
        "settings": "\n".join(
            ["| setting | what it is | range or choices | default |", "|---|---|---|---|", *_settings()]
        ),
    }


def rendered(page: str) -> str:
    """A page with its tables fresh.

    Raises:
        KeyError: for a table that nothing makes.
    """
    fresh = parts()
    return re.sub(
        r"<!-- ([^/>]+?) -->\n.*?<!-- /\1 -->",
        lambda found: f"<!-- {found[1]} -->\n{fresh[found[1]]}\n<!-- /{found[1]} -->",
        page,
        flags=re.DOTALL,
    )


def _row(field: Field) -> str:
    default = field.default
    if field.sort == "weights":
        default = ", ".join(f"{name} {weight:g}" for name, weight in field.default)
    elif field.sort == "flag":
        default = "yes" if field.default else "no"
    elif field.sort == "choice":
        default = f"`{field.default}`"
    else:
        default = f"{field.default:g}"
    if field.shown.suits:
        default = "suits the picture; else " + default
    default += "".join(f"; {value} with `{name}`" for name, value in field.instead.items())
    allowed = field.range or "; ".join(
        f"`{name}`" + (f": {lowered(option.help)}" if option.help else "")
        for name, option in field.options.items()
    )
    return f"| `{field.name}` | {field.label} | {field.help} | {allowed or 'yes or no'} | {default} |"


def _arguments() -> list[str]:
    return [
        f"| `plug-in-velatura-{kind}` | {', '.join(f'`{field.argument}`' for field in adjustable(cls))} |"
        for kind, cls in RECIPES.items()
        if "gimp" in cls.FACTS.editors
    ]


def _settings() -> Iterator[str]:
    for field in dataclasses.fields(Settings):
        about = field.metadata
        allowed = ", ".join(f"`{option}`" for option in about.get("options") or ())
        if "low" in about:
            allowed = f"{plain(about['low'])} to {plain(about['high'])} {about['unit']}".rstrip()
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        shown = f"`{default}`" if default != "" else "none"
        if isinstance(field.default, bool):
            allowed = "`true`, `false`"
        yield f"| `{field.name}` | {about['doc']} | {allowed or 'text'} | {shown} |"


def main(arguments: list[str]) -> int:
    stale = 0
    for page in sorted(DOCS.glob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = rendered(old)
        stale += old != new
        if arguments != ["--check"]:
            page.write_text(new, encoding="utf-8")
    return int(bool(stale) and arguments == ["--check"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
