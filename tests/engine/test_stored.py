"""A stored recipe paints its picture again, or the result says which network is another now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from engines import pixels, run, slot
from velatura.pictures import images
from velatura.pictures.files import recipe_of
from velatura.recipe import Recipe, Style, Stylize, recipe_from_map, recipe_to_map
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.engine.tasks import Finished

STORED = Path(__file__).parents[1] / "protocol" / "stored"


def test_the_same_picture_within_one_step_of_8_bits(engine: TorchEngine) -> None:
    then = images.read(STORED / "enlarged.png")
    recipe = recipe_of(STORED / "enlarged.png")
    last = painted(engine, recipe)
    assert last.recipe == recipe and not last.record["notes"]
    now = pixels(last).astype(int)
    assert np.abs(now - then.array).max() <= 1


def test_an_enlargement_of_version_0_1_says_that_its_network_has_trained_on(engine: TorchEngine) -> None:
    last = painted(engine, recipe_of(STORED / "upscale.png"))
    (said,) = last.record["notes"]
    assert "network x4.superres has changed since (33c459" in said
    assert painted(engine, last.recipe).record["notes"] == []


def test_a_recipe_of_version_0_1_says_that_its_decoder_has_trained_on(engine: TorchEngine) -> None:
    last = painted(engine, recipe_of(STORED / "stylize.png"))
    (said,) = last.record["notes"]
    assert "network slim/adain-skip has changed since (20dde5" in said
    assert painted(engine, last.recipe).record["notes"] == []


def test_a_result_names_its_networks_and_says_which_changed(engine: TorchEngine) -> None:
    first = painted(engine, Stylize((Style("mosaic"),), method="adain"))
    assert [entry.split()[0] for entry in first.recipe.networks] == ["slim/adain", "slim/encoder"]
    assert painted(engine, first.recipe).record["notes"] == []
    decoder, encoder = first.recipe.networks
    (said,) = painted(engine, replace(first.recipe, networks=("slim/adain 012345", encoder))).record["notes"]
    assert "network slim/adain has changed since (012345 then" in said and decoder.split()[1] in said
    style_changed = replace(first.recipe, method="adain-skip")  # another network was asked for, none changed
    assert painted(engine, style_changed).record["notes"] == []


def test_a_recipe_of_version_0_1_by_a_network_of_many_styles_says_that_another_paints(
    engine: TorchEngine,
) -> None:
    stored = recipe_to_map(recipe_of(STORED / "stylize.png")) | {"method": "multi"}
    del stored["quality"], stored["networks"]
    last = painted(engine, recipe_from_map(stored))
    (said,) = last.record["notes"]
    assert "painter.transform; the recipe is of sixteen.transform" in said
    assert painted(engine, last.recipe).record["notes"] == []


def painted(engine: TorchEngine, recipe: Recipe) -> Finished:
    """What a recipe makes of the picture that all stored ones were made from."""
    content = images.read(STORED / "content.png")
    return run(engine, recipe, slot(content.array))
