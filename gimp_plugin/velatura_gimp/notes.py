"""How a layer was made, kept on the layer itself as the parasite `velatura-recipe`.

Layers are named by their tattoo, which survives in XCF files, and by a token of their image: tattoos are
numbers that every image counts from 1, so that alone they name a stranger once the result was copied
elsewhere. A style picture is named by its file's address, or as a layer.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp
from velatura.editor import annotation
from velatura.editor.annotation import Made
from velatura.editor.i18n import _
from velatura.editor.paper import Refused
from velatura.errors import FieldError, VelaturaError

PARASITE = "velatura-recipe"
IMAGE = "velatura-image"
RESULTS = "velatura-results"
"""Results with their pictures, saved with the image."""
TRIED = "velatura-tried"
"""The same of results that are remembered until the image is closed."""
LAYER = "layer:"
"""Begins the name of a layer, as against a file's address."""


@dataclass(frozen=True)
class Kept:
    """A result that an image remembers.

    Attributes:
        entry: `layer`, `made` (as of `annotation`), `image` (PNG in base 64) and `at` (seconds since 1970).
        saved: whether it is in the image's file.
    """

    entry: dict[str, Any]
    saved: bool


def attach(layer: Any, made: Made) -> None:
    """Puts on a layer how it was made; undone with what is undone with it."""
    text = json.dumps(annotation.to_map(made), separators=(",", ":"), default=str)
    layer.attach_parasite(_parasite(PARASITE, text, undoable=True))


def demand(layer: Any) -> Made:
    """How a layer was made.

    Raises:
        Refused: it does not say.
        FieldError: what it says is damaged.
    """
    text = _text(layer, PARASITE)
    if not text:
        name = layer.get_name()
        raise Refused(_("“{name}” was not made by Velatura: it carries no recipe.", name=name))
    return parse(text)


def parse(text: str) -> Made:
    """What a parasite holds, or a bare recipe, from JSON; raises `FieldError` for what is neither."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FieldError("recipe", f"is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise FieldError("recipe", f"must be a map, not {type(data).__name__}")
    note = data if "recipe" in data else {"recipe": data}
    made = annotation.from_map(note)
    pictures = {digest: _name(origin) for digest, origin in made.pictures.items()}
    return replace(made, source=_name(note.get("source", "")), pictures=pictures)


def _name(told: Any) -> str:
    """A name; those of versions before 0.2 are maps, and do not always tell the image."""
    if not isinstance(told, dict):
        return str(told)
    return told["uri"] if "uri" in told else f"{LAYER}{told.get('image', '')}/{told.get('layer', 0)}"


def name_of(layer: Any) -> str:
    """What names a layer. Its image gets a token, if it has none yet."""
    image = layer.get_image()
    token = _text(image, IMAGE)
    if not token:
        token = secrets.token_hex(8)
        image.attach_parasite(_parasite(IMAGE, token, undoable=False))
    return f"{LAYER}{token}/{layer.get_tattoo()}"


def layer_named(name: str, image: Any) -> Any:
    """The layer or channel of an open image that goes by a name; None where it is not to be found.

    Args:
        image: looked into first; where the name tells no image, this one must be meant.
    """
    token, _slash, tattoo = name.removeprefix(LAYER).partition("/")
    for place in [image, *Gimp.get_images()]:
        if tattoo.isdecimal() and (not token or _text(place, IMAGE) == token):
            found = place.get_layer_by_tattoo(int(tattoo)) or place.get_channel_by_tattoo(int(tattoo))
            if found is not None or not token:
                return found
    return None


def kept(image: Any) -> dict[str, Kept]:
    """The results that an image remembers, by the name of their layer, the oldest first; without any that are
    damaged."""
    found: dict[str, Kept] = {}
    for kind in (RESULTS, TRIED):
        with contextlib.suppress(ValueError, TypeError, KeyError):
            for entry in json.loads(_text(image, kind) or "[]"):
                found[entry["layer"]] = Kept(entry, saved=kind == RESULTS)
    return dict(sorted(found.items(), key=lambda item: item[1].entry.get("at", 0)))


def keep(image: Any, results: Mapping[str, Kept]) -> None:
    """Has an image remember these results and no others; no undo step."""
    for kind, saved in ((RESULTS, True), (TRIED, False)):
        entries = [result.entry for result in results.values() if result.saved == saved]
        flags = Gimp.PARASITE_PERSISTENT if saved else 0
        text = json.dumps(entries, separators=(",", ":"), default=str)
        image.attach_parasite(Gimp.Parasite.new(kind, flags, text.encode()))


def source_of(layer: Any) -> Any:
    """The layer of the same image that a result was made from; None where there is none to be found."""
    try:
        made = demand(layer)
    except (Refused, VelaturaError):
        return None
    image = layer.get_image()
    found = layer_named(made.source, image) if made.recipe.FACTS.content else None
    return found if found is not None and found.get_image().get_id() == image.get_id() else None


def _parasite(kind: str, text: str, undoable: bool) -> Gimp.Parasite:
    flags = Gimp.PARASITE_PERSISTENT | (Gimp.PARASITE_UNDOABLE if undoable else 0)
    return Gimp.Parasite.new(kind, flags, text.encode())


def _text(owner: Any, kind: str) -> str:
    parasite = owner.get_parasite(kind)
    return bytes(parasite.get_data()).decode(errors="replace").rstrip("\0") if parasite else ""
