"""How layers were made, as a document keeps it: one entry a layer.

GIMP keeps an entry on the layer itself. Krita's nodes carry no annotations, so there the document does, all
entries in one, keyed by the layer's uniqueId; a layer that the artist copied has another id: its recipe is
unknown, and the docker says so. Pure: bytes in, bytes out.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from velatura.errors import VelaturaError
from velatura.recipe import Recipe, recipe_from_map, recipe_to_map

KIND = "velatura-recipes"
DESCRIPTION = "Velatura: how its layers were made"
FORMAT = 1


@dataclass(frozen=True)
class Made:
    """How one layer was made.

    Attributes:
        recipe: as it ran.
        source: names the layer that it was made from.
        name: the layer's name when it was made, to recognise copies.
        record: what the daemon recorded (build, device, seconds …).
        pictures: where style pictures that are in no library came from, by digest.
        regions: what said where each style was painted, where the document does not know; by what it goes by.
    """

    recipe: Recipe
    source: str = ""
    name: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, str] = field(default_factory=dict)


def to_map(made: Made) -> dict[str, Any]:
    """An entry as plain values."""
    entry: dict[str, Any] = {
        "recipe": recipe_to_map(made.recipe),
        "source": made.source,
        "name": made.name,
        "record": dict(made.record),
    }
    named = {"pictures": dict(made.pictures), "regions": dict(made.regions)}
    return entry | {name: found for name, found in named.items() if found}


def from_map(entry: Mapping[str, Any]) -> Made:
    """The inverse; of what is damaged besides the recipe nothing is left.

    Raises:
        FieldError: the recipe is none, or out of range.
    """
    maps = ("record", "pictures", "regions")
    found = {name: held for name in maps if isinstance(held := entry.get(name), dict)}
    recipe = recipe_from_map(entry.get("recipe", {}))
    return Made(recipe, str(entry.get("source", "")), str(entry.get("name", "")), **found)


def read(data: bytes) -> dict[str, Made]:
    """The entries of an annotation; damaged or newer ones are left out, never raised."""
    try:
        whole = json.loads(data.decode("utf-8"))
    except ValueError:
        return {}
    if not isinstance(whole, dict) or not isinstance(whole.get("layers"), dict):
        return {}
    found = {}
    for layer, entry in whole["layers"].items():
        if isinstance(entry, dict) and isinstance(entry.get("recipe"), dict):
            with contextlib.suppress(VelaturaError):
                found[layer] = from_map(entry)
    return found


def write(layers: Mapping[str, Made]) -> bytes:
    """The annotation that holds the given entries."""
    entries = {layer: to_map(made) for layer, made in layers.items()}
    return json.dumps({"format": FORMAT, "layers": entries}, sort_keys=True, default=str).encode("utf-8")


def copy_of(layers: Mapping[str, Made], layer: str, name: str) -> bool:
    """Whether a layer without an entry looks like a copy of one that has: then its recipe is unknown.

    Krita names a copy "Copy of NAME" in the user's language, and keeps NAME when pasting.
    """
    return layer not in layers and any(made.name and name.endswith(made.name) for made in layers.values())
