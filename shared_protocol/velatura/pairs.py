"""Pairs of places, one in a content and one in a style, that correspond: what shapes go by.

In a recipe they are shares of the pictures' widths and heights, so that it holds for another size; in a file,
which a person may edit, they are pixels:

    {"content": [640, 480], "style": [800, 600], "pairs": [[120, 80, 150.5, 96], ...]}
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from .errors import FieldError, PictureWarning
from .schema import ranged

LEAST = 3
"""Pairs below which nothing is deformed."""

NEAR = 1e-3
"""Shares of a side: points nearer than this coincide, and so near to one line they lie on it."""


@dataclass(frozen=True)
class Pair:
    """A place of the content and the place of the first style that it is to go by."""

    x: float = ranged(0.0, 0.0, 1.0, "in the content, as a share of its width")
    y: float = ranged(0.0, 0.0, 1.0, "in the content, as a share of its height")
    x2: float = ranged(0.0, 0.0, 1.0, "in the style, as a share of its width")
    y2: float = ranged(0.0, 0.0, 1.0, "in the style, as a share of its height")


def check_pairs(pairs: Sequence[Pair]) -> None:
    """Raises `FieldError` for places of which two coincide, or which all lie on a line: no spline goes
    through them. Fewer than `LEAST` are not an error: nothing is deformed then."""
    for what, points in (("content", [(p.x, p.y) for p in pairs]), ("style", [(p.x2, p.y2) for p in pairs])):
        for (i, one), (j, other) in combinations(enumerate(points), 2):
            if max(abs(one[0] - other[0]), abs(one[1] - other[1])) < NEAR:
                words = f"has the same place of the {what} as [{i}]; move or remove one of the two"
                raise FieldError(f"pairs[{j}]", words)
        if len(points) >= LEAST and _on_a_line(points):
            raise FieldError("pairs", f"all lie on one line of the {what}; move one, or add one beside it")


def read_pairs(file: str | os.PathLike) -> tuple[Pair, ...]:
    """The pairs in a file.

    Raises:
        FieldError: naming the file and what is wrong in it.
    """
    return pairs_of(read_map(file), str(file))


def pairs_of(found: Any, where: str = "deform") -> tuple[Pair, ...]:
    """The pairs in a map such as a file holds.

    Raises:
        FieldError: for what is missing, mistyped, or lies outside of its picture.
    """
    if not isinstance(found, Mapping) or not isinstance(found.get("pairs"), (list, tuple)):
        raise FieldError(where, 'must be a map with "content", "style" and a list of "pairs"')
    sizes = [_size(found, name, where) for name in ("content", "style")]
    limits = [*sizes[0], *sizes[1]]
    pairs = []
    for index, row in enumerate(found["pairs"]):
        place = f"{where}: pairs[{index}]"
        if not isinstance(row, (list, tuple)) or len(row) != 4 or not all(_is_number(v) for v in row):
            raise FieldError(place, "must be four numbers: x and y in the content, x and y in the style")
        for value, limit, name in zip(row, limits, ("x", "y", "x2", "y2"), strict=True):
            if not 0 <= value <= limit:
                picture = "style" if name.endswith("2") else "content"
                raise FieldError(place, f"{name} is {value:g}; the {picture} reaches from 0 to {limit:g}")
        pairs.append(Pair(*(value / limit for value, limit in zip(row, limits, strict=True))))
    return tuple(pairs)


def deformed(deform: Any) -> dict[str, Any]:
    """The fields of a refinement that its `deform` stands for; it may set `shapes` besides.

    Args:
        deform: `"auto"` finds pairs; a file, or a map such as a file holds; None leaves all as it is. Without
            any pairs shapes stay, which a warning says.

    Raises:
        FieldError: see `pairs_of`.
    """
    if deform is None:
        return {}
    if deform == "auto":
        return {"shapes": "joint"}
    pairs = pairs_of(deform) if isinstance(deform, Mapping) else read_pairs(deform)
    if not pairs:
        warnings.warn("there are no pairs of places, so shapes stay", PictureWarning, stacklevel=3)
        return {}
    return {"shapes": "joint", "pairs": pairs}


def as_map(pairs: Sequence[Pair], content: Sequence[int], style: Sequence[int]) -> dict[str, Any]:
    """Pairs as a file holds them.

    Args:
        content, style: widths and heights in pixels.
    """
    limits = [*content, *style]
    rows = [
        [round(share * limit, 2) for share, limit in zip((p.x, p.y, p.x2, p.y2), limits, strict=True)]
        for p in pairs
    ]
    return {"content": list(content), "style": list(style), "pairs": rows}


def as_text(found: Mapping[str, Any]) -> str:
    """Such a map as JSON to be edited, a pair a line."""
    sizes = ", ".join(f'"{name}": {json.dumps(found[name])}' for name in ("content", "style"))
    rows = ",".join(f"\n  {json.dumps(row)}" for row in found["pairs"]) + "\n" * bool(found["pairs"])
    return f'{{{sizes}, "pairs": [{rows}]}}\n'


def read_map(file: str | os.PathLike) -> Any:
    """What a file of pairs holds; raises `FieldError` where it cannot be read."""
    path = Path(file)
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise FieldError("deform", f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise FieldError("deform", f"{path} is not JSON: {error}") from error


def _size(found: Mapping[str, Any], name: str, where: str) -> list[float]:
    size = found.get(name)
    if (
        not isinstance(size, (list, tuple))
        or len(size) != 2
        or not all(_is_number(v) and v > 0 for v in size)
    ):
        raise FieldError(f"{where}: {name}", f"must be the {name}'s width and height in pixels, not {size!r}")
    return list(size)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9  # no NaN


def _on_a_line(points: Sequence[tuple[float, float]]) -> bool:
    """Whether all points are within `NEAR` of the line through the two that are farthest apart."""
    (ax, ay), (bx, by) = max(
        combinations(points, 2), key=lambda two: (two[0][0] - two[1][0]) ** 2 + (two[0][1] - two[1][1]) ** 2
    )
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
    return all(abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length < NEAR for x, y in points)
