"""How long a job will take here, told before it starts, and what is asked first where that is long.

Apply paints in the quality `auto`, which the daemon makes fine where that takes no more than some seconds.
Where it takes longer the artist is asked in one line; where a style has no pixels there is nothing to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from velatura.effort import PATIENCE
from velatura.recipe import Recipe

from . import words
from .i18n import _
from .link import Link

R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True)
class Answer:
    """One way to go on: what its button says, and the recipe that then runs."""

    label: str
    recipe: Recipe


@dataclass(frozen=True)
class Question:
    """What is asked in one line before something starts."""

    words: str
    answers: tuple[Answer, ...]


def seconds(recipe: Recipe, pixels: int, link: Link) -> float:
    """How long a recipe will take for so many pixels, by what was measured on the daemon's device; 0 for a
    blink, and where nobody knows."""
    effort = recipe.effort
    if effort is None or (recipe.decided("fine") != recipe and not has_pixels(recipe, link)):
        return 0.0
    pulled = any(item.get("name") == "vgg19" and item.get("installed") for item in link.models)
    seen = has_pixels(recipe, link, rendered=effort.objective != "gram")  # which works from cards instead
    best = "vgg19" if pulled and seen else "slim"
    pace = (link.status.get("engine") or {}).get("pace") or {}
    effort = replace(effort, backbone=best) if effort.backbone == "auto" else effort
    return effort.seconds(pixels, pace)


def told(recipe: Recipe, pixels: int, link: Link) -> str:
    """The same in words, empty for a blink."""
    expected = seconds(recipe, pixels, link)
    return words.duration(expected) if expected >= 1 else ""


def has_pixels(recipe: Recipe, link: Link, rendered: bool = True) -> bool:
    """Whether all styles have their pictures or, with `rendered`, their renderings: what finer qualities
    are painted from."""
    without = {
        item.get("name")
        for item in link.styles
        if not item.get("has_picture", True) and not (rendered and item.get("has_rendering"))
    }
    return not any(style.name in without for style in recipe.styles)


def fine(recipe: R) -> R:
    """What is previewed at rest: of `auto` what it is where there is time."""
    return recipe.decided("fine")  # type: ignore[return-value]  # of its own kind


def question(recipe: Recipe, pixels: int, link: Link) -> Question | None:
    """What is to be asked before a recipe runs on so many pixels; None where it may start at once."""
    if recipe.decided("fine") == recipe:
        return None
    expected = seconds(recipe, pixels, link)
    if expected <= PATIENCE:
        return None
    time = words.duration(expected)
    return Question(
        _("Fine would take {time} here.", time=time),
        (Answer(_("Fine"), recipe.decided("fine")), Answer(_("Fast, at once"), recipe.decided("fast"))),
    )
