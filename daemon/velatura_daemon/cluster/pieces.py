"""What a batch is to paint, as plain values that travel: one piece a picture.

A file of jobs has a line of JSON, or of CSV, for each: `in`, and where they differ from the command's `out`,
`style` (a name, a picture, or with JSON several with weights), `kind`, and any field of the recipe.

    {"in": "a.jpg", "style": "mosaic", "strength": 0.6}
    {"in": "b.jpg", "out": "waves/b.png", "style": {"great-wave": 0.3, "mosaic": 0.7}}
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from velatura.errors import FieldError
from velatura.fields import fields_of
from velatura.recipe import RECIPES, Style, check_recipe
from velatura.styles import build

OWN = ("in", "out", "style", "kind")


@dataclass(frozen=True)
class Piece:
    """One picture.

    Args:
        source, target: paths or addresses.
        kind: of recipe.
        styles: library names, paths or addresses with their weights.
        fields: of the recipe, those that are not at their defaults.
        again: paint it although the target exists.
    """

    source: str
    target: str
    kind: str
    styles: tuple[tuple[str, float], ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a piece."""

    source: str
    target: str
    seconds: float = 0.0
    error: str = ""
    """Code and words; empty where it is painted."""
    there: bool = False
    """Whether it was there already."""
    worker: str = ""


def read_jobs(path: Path, standard: Piece) -> Iterator[tuple[str, Piece]]:
    """The name of the output that each line of a file asks for, or empty, and its piece without a target.

    Args:
        path: `.jsonl`, or `.csv` with a line of names.
        standard: what a line does not say.

    Raises:
        FieldError: naming the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file) if path.suffix.lower() == ".csv" else map(_json, file)
        for number, line in enumerate(lines, 2 if path.suffix.lower() == ".csv" else 1):
            if line is not None:
                yield _line(f"{path}, line {number}", line, standard)


def checked(piece: Piece) -> Piece:
    """The piece, once its recipe is known to be in range.

    Raises:
        FieldError: with the field's path.
    """
    if piece.kind not in RECIPES:
        raise FieldError("kind", f"is {piece.kind!r}; known: {', '.join(RECIPES)}")
    if not RECIPES[piece.kind].FACTS.content:
        raise FieldError("kind", f"is {piece.kind!r}, which makes a picture of its own")
    recipe, _, _ = build(RECIPES[piece.kind], (), None, False, piece.fields)
    styles = tuple(Style(name="any", weight=weight) for _, weight in piece.styles)
    check_recipe(type(recipe)(**{**vars(recipe), **({"styles": styles} if recipe.FACTS.styles else {})}))
    return piece


def _json(line: str) -> Any:
    if not line.strip():
        return None
    try:
        return json.loads(line)
    except ValueError:
        return line


def _line(where: str, line: Any, standard: Piece) -> tuple[str, Piece]:
    if not isinstance(line, dict) or not isinstance(line.get("in"), str) or not line["in"]:
        raise FieldError(where, 'names no picture; write {"in": "photo.jpg", …}, or a column `in`')
    kind = line.get("kind") or standard.kind
    fields = dict(standard.fields) if kind == standard.kind else {}
    known = {f.name: f for f in fields_of(RECIPES[kind])} if kind in RECIPES else {}
    for name, value in line.items():
        if name in OWN or value in ("", None):
            continue
        if name not in known:
            raise FieldError(where, f"has {name!r}; known: {', '.join((*OWN, *known))}")
        fields[name] = _typed(known[name].sort, value, f"{where}: {name}")
    styles = _styles(line.get("style"), where) or standard.styles
    try:
        return line.get("out") or "", checked(Piece(line["in"], "", kind, styles, fields, standard.again))
    except FieldError as error:
        raise FieldError(where, str(error)) from error


def _styles(given: Any, where: str) -> tuple[tuple[str, float], ...]:
    if not given:
        return ()
    if isinstance(given, str):
        return ((given, 1.0),)
    if isinstance(given, dict) and all(isinstance(w, (int, float)) for w in given.values()):
        return tuple((name, float(weight)) for name, weight in given.items())
    raise FieldError(where, f"style is {given!r}; give a name, or names with weights")


def _typed(sort: str, value: Any, where: str) -> Any:
    """A CSV's text as the number or flag that it says."""
    if not isinstance(value, str) or sort == "weights":
        return value
    try:
        if sort == "number":
            return float(value)
        if sort == "whole" or (sort == "choice" and value.isdigit()):
            return int(value)
    except ValueError:
        raise FieldError(where, f"is {value!r}, not a number") from None
    if sort == "flag":
        if value.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise FieldError(where, f"is {value!r}; write true or false")
        return value.lower() in ("true", "yes", "1")
    return value
