"""Arguments become a recipe, and a recipe becomes arguments again.

`Order` is what a run needs: the recipe, the style pictures it names, and where those came from, so that
"Re-style…" finds them again. A style picture is known to the recipe by digest only; the note that travels
with a result (see `output`) adds the file or the layer behind each digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gi.repository import Gio
from velatura.blob import Blob
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.recipe import (
    RECIPES,
    Recipe,
    Style,
    check_recipe,
    recipe_from_map,
    recipe_to_map,
)

from . import arguments, buffers, notes


@dataclass(frozen=True)
class Order:
    """A recipe with the pictures it names."""

    recipe: Recipe
    pictures: tuple[Blob, ...] = ()
    origins: tuple[Mapping[str, Any], ...] = field(default=())
    """For each picture where it came from: `{"uri": ...}` or `{"layer": tattoo}`."""

    def title(self, titles: Mapping[str, str]) -> str:
        """What it does in a word or two, for layer names: its styles by their titles, or what the kind is
        called."""
        if not self.recipe.FACTS.styles:
            return _(self.recipe.FACTS.title)
        return " + ".join(titles.get(s.name, s.name) or _("own picture") for s in self.recipe.styles)

    def note(self, ran: Recipe, source: Mapping[str, Any]) -> dict[str, Any]:
        """What travels with the result: the recipe as it ran, where its pictures and itself came from."""
        pictures = {b.digest: dict(o) for b, o in zip(self.pictures, self.origins, strict=True)}
        return {"recipe": recipe_to_map(ran), "pictures": pictures, "source": dict(source)}


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
    pictures: list[tuple[Blob, Mapping[str, Any]]] = []
    if cls.FACTS.styles:
        first, picture, origin = _first_style(values, from_file, from_layer)
        pictures += [(picture, origin)] if picture else []
        fields["styles"] = (first,)
        if values["second-style"]:
            mix = values["mix"]
            second = Style(name=values["second-style"], weight=mix)
            fields["styles"] = (replace(first, weight=1 - mix), second)
    made = cls(**fields)
    check_recipe(made)
    return Order(made, tuple(blob for blob, _origin in pictures), tuple(origin for _blob, origin in pictures))


def _first_style(
    values: Mapping[str, Any], from_file: PictureOf, from_layer: PictureOf
) -> tuple[Style, Blob | None, Mapping[str, Any]]:
    source = values["style-source"]
    if source == "auto":
        given = (("layer", "style-drawable"), ("picture", "style-picture"))
        source = next((name for name, argument in given if values[argument] is not None), "library")
    if source == "library":
        if not values["style"]:
            raise Refused(_("No style is chosen: name one of the library, or give a picture or layer."))
        return Style(name=values["style"]), None, {}
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
        origin = {"uri": file.get_uri()}
    return Style(digest=blob.hash_whole()), blob, origin


def values_of(recipe: Recipe, origins: Mapping[str, Mapping[str, Any]], image: Any) -> dict[str, Any]:
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
        origin = origins.get(first.digest, {})
        values["style-source"] = "layer" if "layer" in origin else "picture"
        values["style-drawable"] = notes.layer_named(origin, image) if "layer" in origin else None
        values["style-picture"] = Gio.File.new_for_uri(origin["uri"]) if "uri" in origin else None
    second = recipe.styles[1] if len(recipe.styles) > 1 else Style(weight=0.0)
    values["second-style"] = second.name
    if second.name:
        values["mix"] = second.weight / (first.weight + second.weight)
    return values


def order_again(note: Mapping[str, Any], image: Any) -> Order:
    """The order that a note describes, exactly, with its pictures read again.

    Raises:
        Refused: a style picture is gone.
        FieldError: the recipe is not one.
    """
    recipe = recipe_from_map(note.get("recipe", {}))
    origins = note.get("pictures", {})
    pictures = []
    kept = []
    for style in recipe.styles:
        origin = origins.get(style.digest)
        if not style.digest or origin is None:
            continue
        if "uri" in origin:
            blob = buffers.style_of_file(Gio.File.new_for_uri(origin["uri"]))
        else:
            blob = buffers.style_of_drawable(notes.layer_named(origin, image))
        if blob.hash_whole() != style.digest:
            raise Refused(_("The style picture has changed since; choose the style again."))
        pictures.append(blob)
        kept.append(origin)
    return Order(recipe, tuple(pictures), tuple(kept))
