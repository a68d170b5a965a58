"""Where each style of a mix is painted, as masks or layers of the picture say: read for a job and named in
its recipe by digest. Recipes that are kept stay bare of them, since the document knows its own masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from velatura.blob import Blob
from velatura.recipe import Recipe, Style

from .geometry import thinned
from .paper import Reading, Source
from .pump import Work

R = TypeVar("R", bound=Recipe)

Regions = Mapping[str, Blob]
"""By what a style goes by: where it applies, over the crop, GRAY."""


def known_as(style: Style) -> str:
    """What a style goes by in a source's `regions`: its name, or the digest of a picture of one's own."""
    return style.name or style.digest


def read(paper: Reading, taken: Source, recipe: Recipe, factor: int = 1) -> Work[Regions]:
    """Work: the regions of a recipe's styles, reduced by a whole factor; none where it does not heed any."""
    found: dict[str, Blob] = {}
    nodes = dict(taken.regions) if recipe.facts.mask else {}
    for name in (name for name in map(known_as, recipe.styles) if name in nodes):
        blob = thinned((yield from paper.read_region(taken, nodes[name])), factor)
        while not blob.hash_piece():
            yield
        found[name] = blob
    return found


def marked(recipe: R, regions: Regions) -> R:
    """The recipe with its styles' regions."""
    styles = [
        replace(style, mask=regions[known_as(style)].digest) if known_as(style) in regions else style
        for style in recipe.styles
    ]
    return replace(recipe, styles=tuple(styles)) if regions else recipe  # type: ignore[call-arg, return-value]  # a kind with styles


def bare(recipe: R) -> R:
    """The recipe without its styles' regions."""
    if not any(style.mask for style in recipe.styles):
        return recipe
    return replace(recipe, styles=tuple(replace(style, mask="") for style in recipe.styles))  # type: ignore[call-arg, return-value]  # a kind with styles
