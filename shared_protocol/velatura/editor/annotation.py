"""The recipes of a document's Velatura layers, as one document annotation keyed by the layer's uniqueId.

Krita's nodes carry no annotations, so the document does. A layer that the artist copied has another id:
its recipe is unknown, and the docker says so. Pure: bytes in, bytes out.
"""

from __future__ import annotations

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
        source: uniqueId of the layer it was made from.
        name: the layer's name when it was made, to recognise copies.
        record: what the daemon recorded (build, device, seconds …).
    """

    recipe: Recipe
    source: str = ""
    name: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)


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
        made = _entry(entry)
        if made is not None:
            found[layer] = made
    return found


def _entry(entry: Any) -> Made | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("recipe"), dict):
        return None
    try:
        recipe = recipe_from_map(entry["recipe"])
    except VelaturaError:
        return None
    record = entry.get("record")
    return Made(
        recipe,
        str(entry.get("source", "")),
        str(entry.get("name", "")),
        record if isinstance(record, dict) else {},
    )


def write(layers: Mapping[str, Made]) -> bytes:
    """The annotation that holds the given entries."""
    entries = {
        layer: {
            "recipe": recipe_to_map(made.recipe),
            "source": made.source,
            "name": made.name,
            "record": dict(made.record),
        }
        for layer, made in layers.items()
    }
    return json.dumps({"format": FORMAT, "layers": entries}, sort_keys=True, default=str).encode("utf-8")


def copy_of(layers: Mapping[str, Made], layer: str, name: str) -> bool:
    """Whether a layer without an entry looks like a copy of one that has: then its recipe is unknown.

    Krita names a copy "Copy of NAME" in the user's language, and keeps NAME when pasting.
    """
    return layer not in layers and any(made.name and name.endswith(made.name) for made in layers.values())
