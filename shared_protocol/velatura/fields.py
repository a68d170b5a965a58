"""The table of what can be set on a recipe: a field as command line, editors, docs and forms meet it.

Read from the dataclasses in `velatura.recipe`, where each field is described once; whoever shows a field
iterates over `fields_of` and names none.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from .recipe import RECIPES, UNSET, settled
from .schema import Option, Shown, hints, plain

Sort = Literal["number", "whole", "flag", "choice", "weights"]


@dataclass(frozen=True)
class Field:
    """A field of a recipe that a person may set.

    Attributes:
        name: in the recipe.
        sort: `number`, `whole` (a whole number), `flag`, `choice` (of texts or whole numbers) or `weights`
            (layers with a number each).
        default: the recipe's; where that is unset, what its objective takes by default.
        instead: what other objectives take in its place, by their name, where that is another.
        help: what it does, a phrase in English without its full stop.
        shown: how it is offered.
        low, high, unit: the range, both included, of numbers and weights.
        options: of a choice, in the order in which they are offered.
    """

    name: str
    sort: Sort
    default: Any
    help: str
    shown: Shown
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    options: Mapping[Any, Option] = dataclasses.field(default_factory=dict)
    instead: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def label(self) -> str:
        """What it is called, in English."""
        return self.shown.label

    @property
    def argument(self) -> str:
        """What an editor's procedure calls it."""
        return self.shown.argument or self.name.replace("_", "-")

    @property
    def start(self) -> Any:
        """What an editor begins with; 0 for what is taken from the layer."""
        return 0 if self.shown.fits else self.default if self.shown.start is None else self.shown.start

    @property
    def soft(self) -> tuple[float, float] | None:
        """What a slider reaches; None where a number is better typed, and for what is no number."""
        if self.sort not in ("number", "whole") or self.shown.soft is None:
            return None
        return self.shown.soft or (self.low, self.high)

    @property
    def range(self) -> str:
        """The allowed numbers in words, empty for what is no number: `0 to 1`, `16 to 16384 pixels`."""
        if self.sort not in ("number", "whole", "weights"):
            return ""
        return f"{plain(self.low)} to {plain(self.high)} {self.unit}".rstrip()

    def text(self, value: Any) -> str:
        """A number as it is shown beside its slider."""
        if self.shown.percent:
            return f"{value * 100:.0f} %"
        return f"{value:.0f}" if self.sort == "whole" else f"{value:.3g}"

    def read(self, text: str) -> float | None:
        """The number that a person typed, as it goes into the recipe; None where it is none."""
        try:
            value = float(text.replace(self.unit, "").strip(" %").replace(",", "."))
        except ValueError:
            return None
        return self.tidy(value / 100 if self.shown.percent else value) if math.isfinite(value) else None

    def chosen(self, value: Any) -> Any:
        """What goes into the recipe for a value that is shown: None, unset, for a default that depends on the
        objective."""
        return None if self.instead and value == self.default else value

    def tidy(self, value: float) -> float:
        """A slider's number as it goes into the recipe: within the range, and no finer than it is shown."""
        if self.sort == "whole":
            grain = 10 if value >= 100 else 1
            return int(min(self.high, max(self.low, grain * round(value / grain))))
        digits = 4 if self.shown.percent else 3
        return min(self.high, max(self.low, float(f"{value:.{digits}g}")))


@cache
def fields_of(recipe_class: type) -> tuple[Field, ...]:
    """What can be set on a recipe of a class, in its order; pictures are chosen elsewhere."""
    return tuple(_fields(recipe_class))


def field_of(recipe_class: type, name: str) -> Field:
    """One field by its name in the recipe. Raises KeyError."""
    return {field.name: field for field in fields_of(recipe_class)}[name]


def adjustable(recipe_class: type) -> tuple[Field, ...]:
    """What one control or one argument can set: all but weights for each layer."""
    return tuple(field for field in fields_of(recipe_class) if field.sort != "weights")


def lowered(phrase: str) -> str:
    """A phrase as it stands within a sentence: its first letter small, unless an abbreviation begins it."""
    return phrase if phrase[1:2].isupper() else phrase[:1].lower() + phrase[1:]


def words() -> tuple[str, ...]:
    """Every text of the table and of the kinds' facts, in English, each once: for translators."""
    found: dict[str, None] = {}
    for cls in RECIPES.values():
        found |= dict.fromkeys((cls.FACTS.title, cls.FACTS.doing, cls.FACTS.help, cls.FACTS.made))
        for field in fields_of(cls):
            found |= dict.fromkeys((field.label, field.help, field.unit))
            for option in field.options.values():
                found |= dict.fromkeys((option.label, option.help))
    found.pop("", None)
    return tuple(found)


def _fields(cls: type) -> Iterator[Field]:
    for f in dataclasses.fields(cls):
        meta = f.metadata
        if meta.get("shown") is None:
            continue
        kind = hints(cls)[f.name]
        default = getattr(settled(cls()), f.name)
        others = {name: own[f.name] for name, own in UNSET.items()} if meta["unset"] else {}
        yield Field(
            f.name,
            _sort(kind, meta),
            default,
            meta["doc"],
            meta["shown"],
            meta.get("low", 0.0),
            meta.get("high", 0.0),
            meta.get("unit", ""),
            meta.get("described", {}),
            {name: value for name, value in others.items() if value != default},
        )


def _sort(kind: Any, meta: Mapping[str, Any]) -> Sort:
    if "options" in meta:
        return "choice"
    if typing.get_origin(kind) is tuple:
        return "weights"
    return {float: "number", int: "whole", bool: "flag"}[kind]  # type: ignore[return-value]  # all are Sorts
