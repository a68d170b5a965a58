"""What the artist has chosen: the styles and their mix, the sliders, the method. Becomes a recipe.

Observable and without widgets, so that every control of the docker, the actions, presets, recents and
"re-style" read and write one state.
"""

from __future__ import annotations

import math

from velatura.recipe import (
    Recipe,
    Refine,
    Style,
    Stylize,
    Upscale,
    recipe_from_map,
    recipe_to_map,
)

from . import mixing
from .observable import Observable

COLOR_KEPT = "luminance"


class Look(Observable):
    """The chosen styles and settings.

    Attributes:
        styles: names of the styles in the mix, one to four, in the order of the pad's corners.
        point: where the mixing pad's handle is.
        strength: 0..1.
        scale: stroke size.
        color: `style`, `luminance` or `statistics`.
        method, backbone: as the recipe names them.
        iterations: of a refinement.
        as_mask: whether the selection becomes a transparency mask instead of being baked into alpha.
    """

    def __init__(self) -> None:
        super().__init__()
        self.styles: tuple[str, ...] = ()
        self.point: mixing.Point = (0.5, 0.5)
        self.strength = 1.0
        self.scale = 1.0
        self.color = "style"
        self.method = "auto"
        self.backbone = "auto"
        self.iterations = 200
        self.as_mask = False

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
        """The recipe of a feed-forward pass.

        Raises:
            FieldError: no style is chosen.
        """
        recipe = Stylize(
            styles=self._mix(), strength=round(self.strength, 4), scale=round(self.scale, 4),
            color=self.color, method=self.method, backbone=self.backbone,
        )  # fmt: skip
        return recipe_from_map(recipe_to_map(recipe))  # type: ignore[return-value]  # checked, same kind

    def refine(self) -> Refine:
        """The recipe of a refinement: as strong as the slider says, by its weight of style against content.

        Raises:
            FieldError: no style is chosen.
        """
        recipe = Refine(
            styles=self._mix(), iterations=self.iterations, scale=round(self.scale, 4), color=self.color,
            style_weight=style_weight(self.strength), backbone=self.backbone,
        )  # fmt: skip
        return recipe_from_map(recipe_to_map(recipe))  # type: ignore[return-value]  # checked, same kind

    def take(self, recipe: Recipe) -> None:
        """Shows a recipe in the controls, as far as they reach (styles known by name, at most four)."""
        if isinstance(recipe, Upscale):
            return  # no control here enlarges
        named = [s for s in recipe.styles if s.name][: mixing.MOST]
        self.styles = tuple(s.name for s in named)
        self.point = mixing.point_of(tuple(s.weight for s in named)) if named else (0.5, 0.5)
        self.scale = recipe.scale
        self.backbone = recipe.backbone
        if not hasattr(recipe, "color"):
            return
        self.color = recipe.color  # type: ignore[union-attr]  # Stylize or Refine
        if isinstance(recipe, Stylize):
            self.strength = recipe.strength
            self.method = recipe.method
        elif isinstance(recipe, Refine):
            self.iterations = recipe.iterations
            self.strength = strength_of(recipe.style_weight)


_FULL: float = Refine.__dataclass_fields__["style_weight"].default


def style_weight(strength: float) -> float:
    """A refinement's beta for a strength: the recipe's default at 1, a tenth at a half, a hundredth at 0."""
    return round(_FULL * 10 ** (2 * strength - 2), 4)


def strength_of(weight: float) -> float:
    """The inverse of `style_weight`, within 0..1."""
    return min(1.0, max(0.0, 1 + math.log10(max(weight, 1e-9) / _FULL) / 2))


def title(recipe: Recipe, titles: dict[str, str] | None = None) -> str:
    """A short name for a recipe: its styles, the strongest first."""
    named = sorted(recipe.styles, key=lambda s: -s.weight)
    names = [(titles or {}).get(s.name, s.name) or "?" for s in named]
    return " + ".join(names)
