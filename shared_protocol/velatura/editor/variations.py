"""The look with one setting changed each time, tried on the layer: a strip to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from velatura.fields import field_of
from velatura.recipe import Stylize

from .i18n import _
from .link import Link
from .look import Look
from .observable import Observable, Signal
from .paper import Reading
from .pump import Pump
from .trials import Trials, Wanted

_STEPS: Mapping[str, tuple[float, ...]] = {"scale": (0.5, 0.71, 1.0, 1.41, 2.0), "strength": (1.0, 0.7, 0.4)}
_COLORS = ("style", "luminance", "statistics")


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
    """What other settings would do to the active layer.

    Attributes:
        shown: whether the artist looks at them.
        offered: all of them; pictures come one after another.
        words: trouble with the layer.
    """

    def __init__(self, link: Link, look: Look, paper: Reading, pump: Pump) -> None:
        super().__init__()
        self.shown = False
        self.offered: tuple[Variation, ...] = ()
        self.words = ""
        self.picture_came = Signal()
        """Emitted with a variation's name."""
        self._look = look
        self._trials = Trials(link, paper, pump, self._wanted, self.picture_came.emit, self._fail)
        look.changed.connect(self._on_look)

    def show(self, shown: bool) -> None:
        """Offers those of the look and the layer as they are now, or none."""
        self.shown = shown
        self.words = ""
        self.offered = tuple(_of(self._look)) if shown and self._look.styles else ()
        if self.offered:
            self._trials.begin()
        else:
            self._trials.end()

    def picture(self, name: str) -> Any:
        """What one looks like; None while it has not come."""
        return self._trials.pictures.get(name)

    def take(self, variation: Variation) -> None:
        """Takes its settings into the look."""
        for name, value in variation.settings.items():
            setattr(self._look, name, value)

    def _wanted(self) -> list[Wanted]:
        made = []
        for variation in self.offered:
            other = Look()
            for name in ("styles", "point", *_STEPS, "color", "method", "backbone"):
                setattr(other, name, variation.settings.get(name, getattr(self._look, name)))
            other.quality = "fast"
            made.append((variation.name, other.stylize()))
        return made

    def _on_look(self, name: str) -> None:
        if self.shown and name == "styles":
            self.show(True)

    def _fail(self, error: Exception) -> None:
        self.words = str(error)


def _of(look: Look) -> list[Variation]:
    """Each setting stepped through, without what the look has already."""
    made = []
    for setting, values in _STEPS.items():
        shown = field_of(Stylize, setting)
        for value in values:
            if abs(value - getattr(look, setting)) > 0.05:
                title = f"{_(shown.label)} {shown.text(value)}"
                made.append(Variation(f"{setting}-{value}", title, {setting: value}))
    options = field_of(Stylize, "color").options
    for color in _COLORS:
        if color != look.color:
            made.append(Variation(f"color-{color}", _(options[color].label), {"color": color}))
    return made
