"""The look with one setting changed each time, tried on the layer: a strip to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from velatura.errors import VelaturaError
from velatura.fields import fields_of
from velatura.recipe import RECIPES, Recipe

from .i18n import _
from .link import Link
from .look import Look
from .observable import Observable, Signal
from .paper import Reading, Refused
from .pump import Pump
from .reduced import at_reduced_size
from .trials import SIDE, Trials, Wanted

KINDS = tuple(kind for kind, cls in RECIPES.items() if cls.FACTS.styles and cls.FACTS.editors)
"""Of which there are variations."""

SEEDS = 6
"""So many other pictures from other noise."""

_STEPS: Mapping[str, tuple[Any, ...]] = {
    "scale": (0.5, 1.0, 1.41, 2.0, 2.83),
    "strength": (1.0, 0.7, 0.4),
    "color": ("style", "luminance", "statistics"),
}


@dataclass(frozen=True)
class Variation:
    """One of them.

    Attributes:
        name: tells it from the others.
        title: what is different, in words.
        settings: of the look.
    """

    name: str
    title: str
    settings: Mapping[str, Any] = field(hash=False)


class Variations(Observable):
    """What other settings would do to the active layer, or which other textures there are.

    Attributes:
        kind: of job, one of `KINDS`.
        shown: whether the artist looks at them.
        offered: all of them; pictures come one after another.
        trying: whether pictures of them are being painted.
        words: trouble with the layer.
    """

    def __init__(self, link: Link, look: Look, paper: Reading, pump: Pump) -> None:
        super().__init__()
        self.kind = KINDS[0]
        self.shown = False
        self.offered: tuple[Variation, ...] = ()
        self.words = ""
        self.picture_came = Signal()
        """Emitted with a variation's name."""
        self._look = look
        self.trying = False
        self._trials = Trials(
            link, paper, pump, self._wanted, self.picture_came.emit, self._fail,
            lambda busy: setattr(self, "trying", busy), lambda: look.pictures,
        )  # fmt: skip
        look.changed.connect(self._on_look)

    def show(self, shown: bool) -> None:
        """Offers those of the look and the layer as they are now, or none."""
        self.shown = shown
        self.words = ""
        try:
            self.offered = tuple(_of(self._look, self.kind)) if shown and self._look.styles else ()
        except (Refused, VelaturaError) as refused:
            self.offered, self.words = (), str(refused)
        if self.offered:
            self._trials.begin()
        else:
            self._trials.end()

    def show_kind(self, kind: str) -> None:
        """Offers those of another kind of job."""
        self.kind = kind
        self.show(self.shown)

    def picture(self, name: str) -> Any:
        """What one looks like; None while it has not come."""
        return self._trials.pictures.get(name)

    def take(self, variation: Variation) -> None:
        """Takes its settings into the look."""
        for name, value in variation.settings.items():
            setattr(self._look, name, value)

    def _wanted(self) -> list[Wanted]:
        return [(v.name, _trial(self._look.varied(**v.settings), self.kind)) for v in self.offered]

    def _on_look(self, name: str) -> None:
        if self.shown and name == "styles":
            self.show(True)

    def _fail(self, error: Exception) -> None:
        self.words = str(error)


def _of(look: Look, kind: str) -> Iterator[Variation]:
    """Other noise, where there is any; then each setting that the kind heeds stepped through, without what
    the look has already."""
    recipe = look.recipe(kind, (SIDE, SIDE))
    fields = {field.name: field for field in fields_of(type(recipe))}
    if recipe.random:
        for seed in range(look.seed + 1, look.seed + 1 + SEEDS):
            yield Variation(f"seed-{seed}", _("Another: {n}", n=seed), {"seed": seed})
    for setting, values in _STEPS.items():
        if (shown := fields.get(setting)) is None:
            continue
        for value in values:
            if setting == "scale":
                value = shown.tidy(value * (look.suiting if shown.shown.suits else 1.0))
            if value == vars(recipe)[setting] or (shown.high and value > shown.high):
                continue
            text = _(shown.options[value].label) if shown.options else f"{_(shown.label)} {shown.text(value)}"
            yield Variation(f"{setting}-{value}", text, {setting: value})


def _trial(look: Look, kind: str) -> Recipe:
    """A recipe's quick likeness on the small copy, where what suits the layer is its own stroke size."""
    recipe = look.recipe(kind, (SIDE, SIDE)).quick()
    for strokes in (f for f in fields_of(type(recipe)) if f.shown.suits):
        size = vars(recipe)[strokes.name] / look.suiting
        recipe = replace(recipe, **{strokes.name: max(strokes.low, size)})
    return at_reduced_size(recipe, 1.0)
