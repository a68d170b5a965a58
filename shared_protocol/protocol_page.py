"""The generated parts of PROTOCOL.md: tables of messages, recipes and errors, and the state diagram.

    python shared_protocol/protocol_page.py          rewrites them in PROTOCOL.md
    python shared_protocol/protocol_page.py --check  exit code 1 when the page is out of date

They come from the dataclasses, `errors.CODES` and `jobstate.TABLE`, so that page and code cannot
disagree; a test runs the check. In the page each part stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any

from velatura import errors, jobstate, kind, messages, pairs, pixels, recipe, schema

PAGE = Path(__file__).with_name("PROTOCOL.md")


def parts() -> dict[str, str]:
    """Every generated part of the page by name."""
    out = {f"message {cls.TYPE}": _table(cls) for cls in messages.TYPES.values()}
    out |= {f"recipe {kind}": _table(cls) for kind, cls in recipe.RECIPES.items()}
    out["recipe style"] = _table(recipe.Style)
    out["recipe place"] = _table(kind.Within)
    out["recipe pair"] = _table(pairs.Pair)
    out["layout"] = _table(pixels.Layout)
    out["errors"] = _errors()
    out["states"] = _diagram()
    return out


def rendered(page: str) -> str:
    """The page with its generated parts fresh.

    Raises:
        ValueError: when the page lacks a part, or has one that nothing generates.
    """
    fresh = parts()
    marked = re.findall(r"<!-- ([^/!][^>]*?) -->", page)
    if sorted(marked) != sorted(fresh):
        missing, unknown = set(fresh) - set(marked), set(marked) - set(fresh)
        raise ValueError(
            f"parts missing from the page: {sorted(missing)}; unknown or twice: {sorted(unknown)}"
        )
    for name, text in fresh.items():
        pattern = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
        page, count = pattern.subn(lambda found, text=text: found[1] + text + "\n" + found[2], page)
        if count != 1:
            raise ValueError(f"part {name!r} has no end in the page")
    return page


def _table(cls: type) -> str:
    if not dataclasses.fields(cls):
        return "No fields."
    below = _docs_below(cls)
    rows = ["| field | type | allowed | default | meaning |", "|---|---|---|---|---|"]
    for f in sorted(dataclasses.fields(cls), key=lambda field: bool(field.kw_only)):  # a kind's own first
        meaning = f.metadata.get("doc") or below.get(f.name, "")
        options = f.metadata.get("described", {}).items()
        meaning += "".join(f"; `{name}`: {option.help or option.label}" for name, option in options)
        cells = (
            f"`{f.name}`",
            _type(schema.hints(cls)[f.name], f.metadata),
            _allowed(f),
            _default(f),
            meaning,
        )
        rows.append("| " + " | ".join(" ".join(str(cell).split()) for cell in cells) + " |")
    return "\n".join(rows)


def _type(kind: Any, meta: typing.Mapping[str, Any]) -> str:
    if meta.get("map"):
        return "map of text to number"
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple or origin is list:
        return f"list of {_type(args[0], {})}"
    if origin is dict:
        return "map of text to number" if args[1] is float else "map"
    if origin is not None:
        names = [_type(arg, {}) for arg in args if arg is not type(None)]
        return " or ".join(names) + (" or nil" if type(None) in args else "")
    if dataclasses.is_dataclass(kind):
        return f"map ({getattr(kind, '__name__', 'map')})"
    return {int: "integer", float: "number", str: "text", bool: "boolean"}[kind]


def _allowed(f: dataclasses.Field) -> str:
    meta, said = f.metadata, []
    if "options" in meta:
        said.append(", ".join(f"`{option}`" for option in meta["options"]))
    if "low" in meta:
        unit = f" {meta['unit']}" if meta.get("unit") else ""
        said.append(f"{_number(meta['low'])} to {_number(meta['high'])}{unit}")
    if "longest" in meta:
        said.append(f"at most {meta['longest']} characters")
    if "most" in meta:
        least = meta.get("least", 0)
        said.append(f"{least} to {meta['most']} items" if least else f"at most {meta['most']} items")
    return "; ".join(said)


def _default(f: dataclasses.Field) -> str:
    if f.metadata.get("map"):
        return "`" + ", ".join(f"{k}: {v:g}" for k, v in f.default) + "`"  # type: ignore[union-attr]  # of pairs
    if f.default is dataclasses.MISSING:
        return "empty" if f.default_factory in (dict, list) else ""
    if f.metadata.get("unset") and f.name in recipe.UNSET["gram"]:
        return ", ".join(f"`{own[f.name]}` for {name}" for name, own in recipe.UNSET.items())
    if f.default is None:
        return "none" if f.metadata.get("unset") else "nil"
    if f.default in ("", ()):
        return "empty"
    return f"`{str(f.default).lower() if isinstance(f.default, bool) else f.default}`"


def _number(value: float) -> str:
    if isinstance(value, int) and value >= 2**20 and not value & (value - 1):
        return f"2^{value.bit_length() - 1}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _docs_below(cls: type) -> dict[str, str]:
    """The texts that stand below fields which state no range."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for before, after in itertools.pairwise(definition.body):
        text = (
            after.value.value
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            else None
        )
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(text, str)
        ):
            found[before.target.id] = text
    return found


def _errors() -> str:
    rows = [f"| `{code}` | {meaning} |" for code, meaning in errors.CODES.items()]
    return "\n".join(["| code | meaning |", "|---|---|", *rows])


def _diagram() -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {jobstate.State.SUBMITTED.value}"]
    for state, row in jobstate.TABLE.items():
        to: dict[jobstate.State, list[str]] = {}
        for event, after in row.items():
            to.setdefault(after, []).append(event.value)
        lines += [f"    {state.value} --> {after.value}: {', '.join(events)}" for after, events in to.items()]
        if not row:
            lines.append(f"    {state.value} --> [*]")
    return "\n".join([*lines, "```"])


def main(arguments: list[str]) -> int:
    old = PAGE.read_text(encoding="utf-8")
    new = rendered(old)
    if arguments == ["--check"]:
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
