"""How a layer was made, kept on the layer itself as the parasite `velatura-recipe`.

A note holds the recipe as it ran, where its style pictures came from, and the layer it was made from. A layer
is named by its tattoo, which survives in XCF files, and by a token of its image: tattoos are numbers that
every image counts from 1, so that alone they name a stranger once the result was copied elsewhere.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from gi.repository import Gimp
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.errors import FieldError
from velatura.recipe import RECIPES

PARASITE = "velatura-recipe"
IMAGE = "velatura-image"


def attach(layer: Any, note: Mapping[str, Any]) -> None:
    """Puts a note on a layer; undone with what is undone with it."""
    layer.attach_parasite(_parasite(PARASITE, json.dumps(note, separators=(",", ":")), undoable=True))


def note_of(layer: Any) -> dict[str, Any] | None:
    """A layer's note; None where it has none or it cannot be read."""
    try:
        note = json.loads(_text(layer, PARASITE))
    except ValueError:
        return None
    return note if isinstance(note, dict) else None


def demand(layer: Any) -> dict[str, Any]:
    """A layer's note.

    Raises:
        Refused: it carries none.
    """
    note = note_of(layer)
    if note is None:
        name = layer.get_name()
        raise Refused(_("“{name}” was not made by Velatura: it carries no recipe.", name=name))
    return note


def parse(text: str) -> dict[str, Any]:
    """A note, or a bare recipe, from JSON.

    Raises:
        FieldError: it is neither.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FieldError("recipe", f"is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise FieldError("recipe", f"must be a map, not {type(data).__name__}")
    return data if "recipe" in data else {"recipe": data}


def name_of(layer: Any) -> dict[str, Any]:
    """What names a layer in a note. Its image gets a token, if it has none yet."""
    image = layer.get_image()
    token = _text(image, IMAGE)
    if not token:
        token = secrets.token_hex(8)
        image.attach_parasite(_parasite(IMAGE, token, undoable=False))
    return {"layer": layer.get_tattoo(), "image": token}


def layer_named(name: Mapping[str, Any], image: Any) -> Any:
    """The layer that a note names, in an open image; None where it is not to be found.

    Args:
        image: looked into first. Notes of versions before 0.2 name no image: theirs can only be meant.
    """
    token = name.get("image", "")
    for place in [image, *Gimp.get_images()]:
        if not token or _text(place, IMAGE) == token:
            found = place.get_layer_by_tattoo(name.get("layer", 0))
            if found is not None or not token:
                return found
    return None


def source_of(layer: Any) -> Any:
    """The layer of the same image that a result was made from; None where there is none to be found."""
    note = note_of(layer) or {}
    kind = RECIPES.get(note.get("recipe", {}).get("kind", ""))
    if kind is None or not kind.FACTS.content:
        return None
    image = layer.get_image()
    found = layer_named(note.get("source", {}), image)
    return found if found is not None and found.get_image().get_id() == image.get_id() else None


def _parasite(kind: str, text: str, undoable: bool) -> Gimp.Parasite:
    flags = Gimp.PARASITE_PERSISTENT | (Gimp.PARASITE_UNDOABLE if undoable else 0)
    return Gimp.Parasite.new(kind, flags, text.encode())


def _text(owner: Any, kind: str) -> str:
    parasite = owner.get_parasite(kind)
    return bytes(parasite.get_data()).decode(errors="replace").rstrip("\0") if parasite else ""
