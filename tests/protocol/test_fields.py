"""A field is described once, where the recipe is; everyone who shows fields reads the one table."""

from __future__ import annotations

import dataclasses

import pytest
from velatura.errors import FieldError
from velatura.fields import Field, adjustable, field_of, fields_of, words
from velatura.recipe import (
    RECIPES,
    UNSET,
    Refine,
    Style,
    Stylize,
    Texture,
    Upscale,
    recipe_from_map,
    recipe_to_map,
    settled,
)

EVERY = [(kind, field) for kind, cls in RECIPES.items() for field in fields_of(cls)]


@pytest.mark.parametrize("kind", RECIPES)
def test_every_field_is_in_the_table_with_the_recipe_s_own_default(kind: str):
    cls = RECIPES[kind]
    whole = settled(cls())
    defaults = {f.name: getattr(whole, f.name) for f in dataclasses.fields(cls)}
    for chosen_elsewhere in ("styles", "reference", "place", "networks", "pairs"):
        defaults.pop(chosen_elsewhere, None)
    assert {f.name: f.default for f in fields_of(cls)} == defaults


@pytest.mark.parametrize(("kind", "field"), EVERY, ids=lambda given: getattr(given, "name", given))
def test_a_field_can_be_shown(kind: str, field: Field):
    texts = [field.label, field.help, *(option.label for option in field.options.values())]
    assert all(text and text[0] == text[0].upper() and not text.endswith(".") for text in texts)
    assert set(texts) <= set(words())
    if field.sort == "choice":
        assert field.default in field.options
    if field.soft is not None:
        low, high = field.soft
        assert field.low <= low <= field.default <= high <= field.high, "a slider reaches the default"
        assert low > 0 or not field.shown.log, "a logarithm has no zero"


@pytest.mark.parametrize("kind", RECIPES)
def test_arguments_have_names_of_their_own(kind: str):
    names = [field.argument for field in adjustable(RECIPES[kind])]
    assert len(set(names)) == len(names) and all("_" not in name for name in names)


def test_a_slider_s_number_is_one_that_the_recipe_takes():
    steps, strength = field_of(Refine, "iterations"), field_of(Upscale, "strength")
    assert steps.tidy(203.7) == 200 and steps.tidy(37.2) == 37 and isinstance(steps.tidy(37.2), int)
    assert (steps.tidy(-4), steps.tidy(1e9)) == (1, 5000)
    assert strength.tidy(0.123456) == 0.1235 and strength.tidy(1.0001) == 1.0
    assert (steps.text(200), strength.text(0.804)) == ("200", "80 %")
    assert field_of(Refine, "content_weight").text(0.1234) == "0.123"


def test_ranges_in_words():
    assert field_of(Texture, "width").range == "16 to 16384 pixels"
    assert field_of(Refine, "seed").range == "0 to 2147483647"
    assert field_of(Upscale, "factor").range == ""


def test_what_is_unset_follows_the_objective_and_what_is_set_stays():
    unset = Refine((Style("woodcut"),), objective="neighbours", levels=2)
    assert set(UNSET["gram"]) & set(recipe_to_map(unset)) == {"levels"}
    assert recipe_from_map(recipe_to_map(unset)) == unset
    whole = settled(unset)
    assert (whole.levels, whole.iterations) == (2, UNSET["neighbours"]["iterations"])
    assert settled(whole) == whole and set(recipe_to_map(whole)) > set(UNSET["gram"])
    assert field_of(Refine, "iterations").instead == {
        name: UNSET[name]["iterations"] for name in ("neighbours", "strotss")
    }
    assert field_of(Refine, "seed").instead == field_of(Texture, "iterations").instead == {}
    for own in UNSET.values():
        assert {name for name, value in vars(Refine()).items() if value is None} == set(own)


def test_a_choice_of_numbers_takes_no_other():
    assert recipe_from_map({"kind": "upscale", "factor": 8}) == Upscale(8)
    for wrong in (6, "4", True):
        with pytest.raises(FieldError, match=r"recipe\.factor"):
            recipe_from_map({"kind": "upscale", "factor": wrong})


def test_a_field_that_is_not_shown_is_not_in_the_table():
    assert "styles" not in {field.name for field in fields_of(Refine)}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("strength", "55 %", 0.55),
        ("strength", "55", 0.55),
        ("strength", "2000", 1.0),
        ("scale", "80,5%", 0.805),
    ],
)
def test_a_typed_number_is_what_is_shown(name: str, text: str, value: float):
    assert field_of(Stylize, name).read(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "much", "nan", "%"])
def test_what_is_no_number_changes_nothing(text: str):
    assert field_of(Stylize, "strength").read(text) is None
