"""Recipes that earlier versions stored are read as they were meant: in PNG files, Krita documents, GIMP
layers and presets.

The files in `stored/` were written by version 0.1 of the program, at the commit before fields were
described once; they are never written again. `content.png` is what the pictures were made from.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from velatura.editor import annotation
from velatura.editor.memory import Memory
from velatura.pictures.files import recipe_of
from velatura.recipe import (
    PAINTED_WITH,
    Recipe,
    Refine,
    Style,
    Stylize,
    Texture,
    Upscale,
    recipe_from_map,
    recipe_to_map,
)

STORED = Path(__file__).with_name("stored")

RAN: dict[str, Recipe] = {
    "stylize": Stylize(
        networks=PAINTED_WITH["adain-skip"],
        styles=(Style("great-wave", weight=0.25), Style("mosaic", weight=0.75)),
        strength=0.8,
        scale=1.5,
        color="luminance",
        method="adain-skip",
        backbone="slim",
    ),
    "refine": Refine(
        styles=(Style("woodcut"),),
        iterations=3,
        content_weight=2.0,
        style_weight=5.0,
        tv_weight=10.0,
        optimizer="lbfgs",
        learning_rate=0.03,
        init="content",
        pooling="avg",
        levels=1,
        backbone="slim",
    ),
    "texture": Texture(
        styles=(Style("batik"),),
        width=64,
        height=48,
        iterations=3,
        tv_weight=10.0,
        optimizer="lbfgs",
        learning_rate=0.05,
        pooling="avg",
        levels=1,
        tileable=True,
        seed=7,
        backbone="slim",
    ),
    "upscale": Upscale(factor=4, strength=0.5, networks=PAINTED_WITH["upscale"]),
}
"""What was run, as its results recorded it: with the method and network that did the work."""


@pytest.mark.parametrize("kind", RAN)
def test_a_picture_s_text_chunk(kind: str):
    assert recipe_of(STORED / f"{kind}.png") == RAN[kind]


def test_a_result_names_the_method_and_network_that_made_it():
    for kind in RAN:
        stored = recipe_to_map(recipe_of(STORED / f"{kind}.png"))
        assert "auto" not in (stored.get("method"), stored.get("backbone"))


def test_a_krita_document_s_annotation():
    made = annotation.read((STORED / "krita-annotation.json").read_bytes())
    assert {layer: entry.recipe for layer, entry in made.items()} == {
        f"{{{kind}-layer}}": recipe for kind, recipe in RAN.items()
    }
    assert made["{refine-layer}"].source == "{source}" and made["{refine-layer}"].record["device"] == "cpu"


@pytest.mark.parametrize("kind", ["stylize", "refine", "texture"])
def test_a_gimp_layer_s_parasite(kind: str):
    note = json.loads((STORED / f"gimp-{kind}.json").read_text("utf-8"))
    assert recipe_from_map(note["recipe"]) == RAN[kind]


def test_presets_and_recent_recipes(tmp_path: Path):
    file = shutil.copy(STORED / "presets.json", tmp_path / "presets.json")
    memory = Memory(Path(file))
    blend = (Style("great-wave", weight=0.5), Style("mosaic", weight=0.5))
    assert memory.complaint == ""
    assert memory.recent == (RAN["refine"], RAN["stylize"])
    assert memory.presets["mine"] == Stylize(styles=blend, strength=0.8, method="adain")
    slow = memory.presets["slow"]
    assert isinstance(slow, Refine) and slow.styles == blend and slow.style_weight == 1.9905
