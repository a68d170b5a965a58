"""What a run needs besides the image, and how a recipe becomes arguments again.

A style picture is known to the recipe by digest only; what travels with a result (see `notes`) names the
file or the layer behind each digest, so that "Re-style…" finds it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gi.repository import Gio
from velatura.blob import Blob
from velatura.editor.annotation import Made
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.editor.regions import known_as
from velatura.recipe import Recipe, Style

from . import arguments, buffers, notes


@dataclass(frozen=True)
class Commission:
    """A recipe with the pictures it names.

    Attributes:
        origins: where the pictures came from, by digest; see `notes`.
        regions: what says where each style is painted, as a `Source` has it.
    """

    recipe: Recipe
    pictures: tuple[Blob, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[tuple[str, str], ...] = ()


def values_of(made: Made, image: Any) -> dict[str, Any]:
    """The arguments that ask for what something was made with, as far as the procedures have them; for a
    dialog to start from.

    Args:
        image: where layers that served as styles or masks are looked for.
    """
    recipe = made.recipe
    values = arguments.values_from(recipe)
    if not recipe.FACTS.styles:
        return values
    first = recipe.styles[0]
    values |= {"style": first.name, "style-picture": None, "style-drawable": None, "style-source": "library"}
    if first.digest:
        origin = made.pictures.get(first.digest, "")
        layer = origin.startswith(notes.LAYER)
        values["style-source"] = "layer" if layer else "picture"
        values["style-drawable"] = notes.layer_named(origin, image) if layer else None
        values["style-picture"] = Gio.File.new_for_uri(origin) if origin and not layer else None
    second = recipe.styles[1] if len(recipe.styles) > 1 else Style(weight=0.0)
    values["second-style"] = second.name
    if second.name:
        values["mix"] = second.weight / (first.weight + second.weight)
    for argument, style in zip(arguments.MASKS, recipe.styles, strict=False):
        name = made.regions.get(known_as(style), "")
        values[argument] = notes.layer_named(name, image) if name else None
    return values


def order_again(made: Made, image: Any) -> Commission:
    """The order for the very recipe that something was made with, its pictures read again.

    Raises:
        Refused: a style picture, or what said where a style is painted, is gone.
    """
    pictures = []
    for digest, origin in made.pictures.items():
        if origin.startswith(notes.LAYER):
            blob = buffers.style_of_drawable(notes.layer_named(origin, image))
        else:
            blob = buffers.style_of_file(Gio.File.new_for_uri(origin))
        if blob.hash_whole() != digest:
            raise Refused(_("The style picture has changed since; choose the style again."))
        pictures.append(blob)
    regions = []
    for style, name in made.regions.items():
        mask = notes.layer_named(name, image)
        if mask is None:
            raise Refused(_("The layer that said where a style is painted is gone; choose one again."))
        regions.append((style, str(mask.get_id())))
    return Commission(made.recipe, tuple(pictures), made.pictures, tuple(regions))
