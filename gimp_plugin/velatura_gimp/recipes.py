"""Arguments become a recipe, and a recipe becomes arguments again.

`Order` is what a run needs: the recipe, the style pictures it names, and where those came from, so that
"Re-style…" finds them again. A style picture is known to the recipe by digest only; what travels with a
result (see `notes`) names the file or the layer behind each digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gi.repository import Gio
from velatura.blob import Blob
from velatura.editor.annotation import Made
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.recipe import (
    RECIPES,
    Recipe,
    Style,
    check_recipe,
)

from . import arguments, buffers, notes


@dataclass(frozen=True)
class Order:
    """A recipe with the pictures it names."""

    recipe: Recipe
    pictures: tuple[Blob, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where the pictures came from, by digest; see `notes`."""

    def title(self, titles: Mapping[str, str]) -> str:
        """What it does in a word or two, for layer names: its styles by their titles, or what the kind is
        called."""
        if not self.recipe.FACTS.styles:
            return _(self.recipe.FACTS.title)
        return " + ".join(titles.get(s.name, s.name) or _("own picture") for s in self.recipe.styles)


PictureOf = Callable[[Any], Blob]


def order(
    kind: str,
    values: Mapping[str, Any],
    size: tuple[int, int],
    from_file: PictureOf = buffers.style_of_file,
    from_layer: PictureOf = buffers.style_of_drawable,
) -> Order:
    """What a procedure's arguments ask for.

    Args:
        kind: of recipe.
        values: the arguments by name.
        size: width and height of what is worked on, for a texture that names none.
        from_file, from_layer: read a style picture; the dialog passes ones that remember.

    Raises:
        Refused: no style is named, or its file or layer is gone.
        FieldError: a value out of range.
    """
    cls = RECIPES[kind]
    fields = arguments.fields_from(values, cls, size)
    pictures, origins = (), {}
    if cls.FACTS.styles:
        first, picture, origin = _first_style(values, from_file, from_layer)
        if picture is not None:
            pictures, origins = (picture,), {picture.digest: origin}
        fields["styles"] = (first,)
        if values["second-style"]:
            mix = values["mix"]
            second = Style(name=values["second-style"], weight=mix)
            fields["styles"] = (replace(first, weight=1 - mix), second)
    made = cls(**fields)
    check_recipe(made)
    return Order(made, pictures, origins)


def _first_style(
    values: Mapping[str, Any], from_file: PictureOf, from_layer: PictureOf
) -> tuple[Style, Blob | None, str]:
    source = values["style-source"]
    if source == "auto":
        given = (("layer", "style-drawable"), ("picture", "style-picture"))
        source = next((name for name, argument in given if values[argument] is not None), "library")
    if source == "library":
        if not values["style"]:
            raise Refused(_("No style is chosen: name one of the library, or give a picture or layer."))
        return Style(name=values["style"]), None, ""
    if source == "layer":
        layer = values["style-drawable"]
        if layer is None:
            raise Refused(_("The layer that the style was taken from is gone; choose the style again."))
        blob = from_layer(layer)
        origin = notes.name_of(layer)
    else:
        file = values["style-picture"]
        if file is None:
            raise Refused(_("No style picture is chosen: give a file in 'style-picture'."))
        blob = from_file(file)
        origin = file.get_uri()
    return Style(digest=blob.hash_whole()), blob, origin


def values_of(recipe: Recipe, origins: Mapping[str, str], image: Any) -> dict[str, Any]:
    """The arguments that ask for a recipe, as far as the procedures have them; for a dialog to start from.

    Args:
        recipe: as it ran.
        origins: where its pictures came from, by digest.
        image: where layers that served as styles are looked for.
    """
    values = arguments.values_from(recipe)
    if not recipe.FACTS.styles:
        return values
    first = recipe.styles[0]
    values |= {"style": first.name, "style-picture": None, "style-drawable": None, "style-source": "library"}
    if first.digest:
        origin = origins.get(first.digest, "")
        layer = origin.startswith(notes.LAYER)
        values["style-source"] = "layer" if layer else "picture"
        values["style-drawable"] = notes.layer_named(origin, image) if layer else None
        values["style-picture"] = Gio.File.new_for_uri(origin) if origin and not layer else None
    second = recipe.styles[1] if len(recipe.styles) > 1 else Style(weight=0.0)
    values["second-style"] = second.name
    if second.name:
        values["mix"] = second.weight / (first.weight + second.weight)
    return values


def order_again(made: Made, image: Any) -> Order:
    """The order for the very recipe that something was made with, its pictures read again.

    Raises:
        Refused: a style picture is gone.
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
    return Order(made.recipe, tuple(pictures), made.pictures)
