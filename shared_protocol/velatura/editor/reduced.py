"""What becomes of a recipe for a picture reduced in size, and what that cannot show rightly, in words."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from velatura.choices import OWN_STYLES
from velatura.fields import field_of, fields_of
from velatura.recipe import Recipe, Refine, settled

from .i18n import _

R = TypeVar("R", bound=Recipe)

LONG_SIDE = 256
"""Longest side of what is previewed of a kind of job that takes many steps for every picture."""

STEPS = 60
"""Most iterations of such a preview."""


def painted_styles(
    models: Sequence[Mapping[str, Any]],
    styles: Sequence[Mapping[str, Any]],
    methods: Collection[str] = OWN_STYLES,
) -> set[str]:
    """The styles that have a network trained for them, out of the daemon's lists of models and styles.

    Args:
        methods: whose networks count; `auto` takes any of them.
    """
    found: set[str] = set()
    for model in models:
        names = model.get("styles", ())
        transform = "multi" if len(names) > 1 else "fast"
        kinds = {"transform": transform, "style": "multi", "multimodal": "multimodal"}
        if kinds.get(str(model.get("kind"))) in methods:
            found.update(names)
    return found - {style["name"] for style in styles if style.get("learned") == "outdated"}


def smallest_strokes(recipe: Recipe, painted: Collection[str] = ()) -> float:
    """The smallest stroke size that whatever paints a recipe can lay; a network that was trained for its
    styles has strokes of one size, and larger ones.

    Args:
        painted: styles for which `auto` takes such a network.
    """
    own = vars(recipe)
    method = own.get("method", "")
    known = all(style.name in painted for style in recipe.styles)
    trained = method == "auto" and known and own["scale"] >= 1 and not recipe.facts.long
    return 1.0 if trained or method in OWN_STYLES else field_of(type(recipe), "scale").low


def at_reduced_size(recipe: R, factor: float, painted: Collection[str] = ()) -> R:
    """The recipe for a picture reduced by `factor`: strokes shrink with the picture, as far as they can. What
    takes many steps for every picture takes fewer; what has a size of its own gets a small one.

    Args:
        painted: as for `smallest_strokes`.
    """
    recipe = settled(recipe)
    fields, values = {field.name: field for field in fields_of(type(recipe))}, vars(recipe)
    own = {name: values[name] for name, field in fields.items() if field.shown.fits}
    if own:
        factor = max(1.0, max(own.values()) / LONG_SIDE)
    small: dict[str, Any] = {n: max(round(fields[n].low), round(side / factor)) for n, side in own.items()}
    if "scale" in fields:
        small["scale"] = max(smallest_strokes(recipe, painted), round(_strokes(recipe) / factor, 4))
    if "iterations" in fields:
        small["iterations"] = min(STEPS, values["iterations"])
    return replace(recipe, **small)


def _strokes(recipe: Recipe) -> float:
    """A recipe's stroke size; step by step it is a refinement's."""
    scale: float = vars(recipe)["scale"]
    return min(scale, field_of(Refine, "scale").high) if recipe.facts.long else scale


def stroke_room(recipe: Recipe, painted: Collection[str] = ()) -> float:
    """By how much a picture may be reduced so that its strokes still shrink with it; at least 1.

    Args:
        painted: as for `smallest_strokes`.
    """
    if "scale" not in vars(recipe):
        return math.inf
    return _strokes(recipe) / smallest_strokes(recipe, painted)


def caveat(recipe: Recipe, factor: float, painted: Collection[str] = ()) -> str:
    """What a preview reduced by `factor` cannot show rightly, in words; empty where it tells the truth."""
    finer = factor / stroke_room(recipe, painted)
    if finer <= 1:
        return ""
    truth = _("In full size the strokes are {n} times finer than here.", n=f"{finer:.2g}")
    field = field_of(type(recipe), "scale")
    like_here = _strokes(recipe) * finer
    if recipe.facts.long or like_here > field.high:
        return truth
    return truth + " " + _("{label} {value} keeps them.", label=_(field.label), value=field.text(like_here))
