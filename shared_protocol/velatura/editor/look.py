"""What the artist has chosen: the styles and their mix, the sliders, the method. Becomes a recipe.

Observable and without widgets, so that every control of the docker, the actions, presets, recents and
"re-style" read and write one state.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from velatura.blob import Blob
from velatura.fields import Field, adjustable, field_of, fields_of
from velatura.pairs import Pair
from velatura.recipe import RECIPES, Recipe, Refine, Style, Stylize, recipe_from_map, recipe_to_map, settled
from velatura.strokes import suiting

from . import mixing
from .i18n import _
from .observable import Observable


class Look(Observable):
    """The chosen styles and settings.

    Every field of every recipe that a control can set is an attribute too, called as `setting` says; it
    begins with the recipe's default, the quality with what suits the device. Those named here are the ones
    that code asks for by name.

    Attributes:
        styles: names of the styles in the mix, one to four, in the order of the pad's corners.
        point: where the mixing pad's handle is.
        as_mask: whether the selection becomes a transparency mask instead of being baked into alpha.
        strength: 0..1; a refinement's `style_weight` follows it.
        scale: stroke size: what suits the layer, until somebody sets it; 0 stands for that, too.
        quality, color, method, backbone: as the recipe names them.
        iterations: of a refinement.
        seed: of the noise that a texture, or a refinement, begins from.
    """

    strength: float
    scale: float
    color: str
    quality: str
    method: str
    backbone: str
    iterations: int
    seed: int
    pictures: tuple[Blob, ...] = ()
    """What recipes name by digest: styles that are not in the library."""
    shapes: str
    pairs: tuple[Pair, ...] = ()
    """Places that shapes go by, see `arrows`."""

    def __init__(self) -> None:
        super().__init__()
        self.styles: tuple[str, ...] = ()
        self.point: mixing.Point = (0.5, 0.5)
        self.as_mask = False
        self._suiting = 1.0
        for cls in RECIPES.values():
            for field in adjustable(cls):
                setattr(self, setting(cls, field), field.start)
        self._sized = False

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "scale":
            self._sized = True  # somebody says it

    def suit(self, width: int, height: int) -> None:
        """Takes the stroke size that suits what is worked on, unless somebody said another."""
        self._suiting = suiting(width, height)
        if not self._sized:
            self.scale = self._suiting
            self._sized = False

    @property
    def suiting(self) -> float:
        """The stroke size that suits what is worked on."""
        return self._suiting

    @property
    def style_weight(self) -> float:
        """A refinement's weight of style against content: as strong as the slider says."""
        return style_weight(self.strength)

    @style_weight.setter
    def style_weight(self, weight: float) -> None:
        self.strength = strength_of(weight)

    @property
    def weights(self) -> tuple[float, ...]:
        """The share of each style; they sum to 1."""
        return mixing.shares(len(self.styles), self.point) if self.styles else ()

    def choose(self, name: str) -> None:
        """Makes one style the only one."""
        self.styles = (name,)
        self.point = (0.5, 0.5)

    def toggle(self, name: str) -> bool:
        """Adds a style to the mix or takes it out; False where the mix is full already."""
        if name in self.styles:
            rest = tuple(s for s in self.styles if s != name)
        elif len(self.styles) >= mixing.MOST:
            return False
        else:
            rest = (*self.styles, name)
        self.styles = rest
        self.point = mixing.point_of((1.0,) * len(rest)) if rest else (0.5, 0.5)
        return True

    def forget(self, names: set[str]) -> None:
        """Takes styles out that exist no longer."""
        for name in self.styles:
            if name in names:
                self.toggle(name)

    def _mix(self) -> tuple[Style, ...]:
        mixed = [(n, w) for n, w in zip(self.styles, self.weights, strict=True) if w > 0.001]
        return tuple(Style(name=name, weight=round(weight, 4)) for name, weight in mixed)

    def stylize(self) -> Stylize:
        """The recipe of a feed-forward pass; raises as `recipe`."""
        return self.recipe("stylize")  # type: ignore[return-value]  # the class of that kind

    def finest(self) -> Stylize:
        """The same picture with all the work that it is worth; raises as `recipe`."""
        return replace(self.stylize(), quality="finest", method="auto")

    def recipe(self, kind: str, size: tuple[int, int] = (0, 0)) -> Recipe:
        """The recipe of a kind of job, as everything is set.

        Args:
            size: width and height of what is worked on, for fields that are taken from it unless set.

        Raises:
            FieldError: no style is chosen.
        """
        cls = RECIPES[kind]
        values = {field.name: getattr(self, setting(cls, field)) for field in adjustable(cls)}
        of_layer: dict[str, int] = {"width": size[0], "height": size[1]}
        for field in adjustable(cls):
            if field.shown.fits:
                values[field.name] = values[field.name] or of_layer[field.name]
            elif field.shown.suits:
                values[field.name] = values[field.name] or suiting(*size)
            elif field.name == "scale" and not self._sized:
                values[field.name] = field.default  # what suits the layer is meant for one pass
            elif field.sort == "number":
                values[field.name] = round(min(field.high, max(field.low, values[field.name])), 4)
            values[field.name] = field.chosen(values[field.name])
        if cls.FACTS.styles:
            values["styles"] = self._mix()
        if cls.FACTS.pairs:
            values["pairs"] = self.pairs
        return recipe_from_map(recipe_to_map(cls(**values)))  # checked

    def varied(self, **settings: Any) -> Look:
        """A copy with some settings changed."""
        other = Look()
        for name, value in {**vars(self), **settings}.items():
            if name != "changed":  # who listens
                setattr(other, name, value)
        other._sized = self._sized or "scale" in settings
        return other

    def take(self, recipe: Recipe) -> None:
        """Shows a recipe in the controls, as far as they reach (styles known by name, at most four)."""
        recipe = settled(recipe)
        if recipe.FACTS.styles:
            named = [s for s in recipe.styles if s.name][: mixing.MOST]
            self.styles = tuple(s.name for s in named)
            self.point = mixing.point_of(tuple(s.weight for s in named)) if named else (0.5, 0.5)
        for field in adjustable(type(recipe)):
            setattr(self, setting(type(recipe), field), getattr(recipe, field.name))
        if recipe.FACTS.pairs:
            self.pairs = recipe.pairs  # type: ignore[union-attr]  # of such a kind


def setting(recipe_class: type, field: Field) -> str:
    """What a look calls a field: by its name, so that kinds that mean the very same by it share one setting,
    each as far as its range goes; where another kind came first and means something else by that name, after
    its own kind's name."""
    first = next((f for cls in RECIPES.values() for f in fields_of(cls) if f.name == field.name), field)
    if replace(first, low=field.low, high=field.high) == field:
        return field.name
    return f"{recipe_class.KIND}_{field.name}"  # type: ignore[attr-defined]  # a recipe


@dataclass(frozen=True)
class Control:
    """One control of a look.

    Attributes:
        setting: the look's attribute that it shows and changes.
        field: what it shows.
    """

    setting: str
    field: Field

    @property
    def limits(self) -> tuple[float, float]:
        """The numbers that can be typed; 0 stands for the layer's own, where a field is taken from it."""
        return (0 if self.field.shown.fits else self.field.low), self.field.high


def controls(kinds: Iterable[str], groups: Iterable[str]) -> tuple[Control, ...]:
    """The controls of some kinds of job and groups of fields: each setting once, in the order of the groups.

    A refinement's style weight has none: the strength stands for it.
    """
    found: dict[str, Control] = {}
    for group in groups:
        for cls in map(RECIPES.__getitem__, kinds):
            for field in adjustable(cls):
                name = setting(cls, field)
                if field.shown.group == group and name != "style_weight":
                    found.setdefault(name, Control(name, field))
    return tuple(found.values())


_FULL: float = field_of(Refine, "style_weight").default


def style_weight(strength: float) -> float:
    """A refinement's beta for a strength: the recipe's default at 1, a tenth at a half, a hundredth at 0."""
    return round(_FULL * 10 ** (2 * strength - 2), 4)


def strength_of(weight: float) -> float:
    """The inverse of `style_weight`, within 0..1."""
    return min(1.0, max(0.0, 1 + math.log10(max(weight, 1e-9) / _FULL) / 2))


def title(recipe: Recipe, titles: Mapping[str, str]) -> str:
    """A short name for a recipe: its styles, the strongest first; or what it does where it has none.

    Args:
        titles: of styles, by name.
    """
    if not recipe.FACTS.styles:
        return _(recipe.FACTS.title)
    named = sorted(recipe.styles, key=lambda s: -s.weight)
    return " + ".join(titles.get(s.name, s.name) or _("own picture") for s in named)
