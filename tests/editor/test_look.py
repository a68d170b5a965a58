"""The look becomes recipes and comes back from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from velatura.choices import COLORS
from velatura.editor.look import Look, strength_of, style_weight, title
from velatura.errors import FieldError
from velatura.recipe import Refine, Style, Stylize


def test_without_a_style_there_is_no_recipe() -> None:
    with pytest.raises(FieldError, match="name at least one style"):
        Look().stylize()


def test_one_style_with_all_settings() -> None:
    look = Look()
    look.choose("great-wave")
    look.strength, look.scale, look.color, look.backbone = 0.8, 1.5, "luminance", "vgg19"
    assert look.stylize() == Stylize(
        (Style("great-wave"),), strength=0.8, quality="auto", scale=1.5, color="luminance", backbone="vgg19"
    )


def test_strokes_suit_what_is_worked_on_until_somebody_sets_them() -> None:
    look = Look()
    look.choose("wave")
    assert look.stylize().scale == 1
    for size, suits in ((1024, 1.0), (2400, 2.3), (300, 1.0), (9000, 8.0)):
        look.suit(size // 2, size)
        assert look.scale == look.stylize().scale == suits
        other = look.recipe("refine")
        assert isinstance(other, Refine) and other.scale == 1, "they are of one pass"
    look.scale = 1.5
    look.suit(4000, 3000)
    assert look.stylize().scale == 1.5
    refine = look.recipe("refine")
    assert isinstance(refine, Refine) and refine.scale == 1.5
    look = Look()
    look.take(Stylize((Style("wave"),), scale=1.0))
    look.suit(4000, 3000)
    assert look.stylize().scale == 1, "a recipe that is taken says it, too"
    varied = Look().varied(scale=2.0, styles=("wave",)).recipe("refine")
    assert isinstance(varied, Refine) and varied.scale == 2


def test_0_is_what_suits() -> None:
    look = Look()
    look.choose("wave")
    look.scale = 0.0
    recipe = look.recipe("stylize", (3000, 4096))
    assert isinstance(recipe, Stylize) and recipe.scale == 4


def test_a_mix_takes_up_to_four_and_shares_sum_to_one() -> None:
    look = Look()
    assert [look.toggle(name) for name in "abcde"] == [True] * 4 + [False]
    look.point = (0.25, 0.0)
    assert [(s.name, s.weight) for s in look.stylize().styles] == [("a", 0.75), ("b", 0.25)]
    look.forget({"a", "c"})
    assert look.styles == ("b", "d") and sum(look.weights) == 1


@given(st.floats(0, 1), st.floats(0.5, 2), st.sampled_from(list(COLORS)), st.floats(0.01, 0.99))
def test_a_recipe_comes_back_into_the_controls(strength: float, scale: float, color: str, x: float) -> None:
    look, other = Look(), Look()
    look.toggle("a"), look.toggle("b")
    look.strength, look.scale, look.color, look.point = strength, scale, color, (x, 0.5)
    other.take(look.stylize())
    assert other.stylize() == look.stylize()


def test_a_refinement_takes_steps_and_strength() -> None:
    look = Look()
    look.choose("a")
    look.iterations = 340
    recipe = look.recipe("refine")
    assert isinstance(recipe, Refine) and recipe.iterations == 340
    assert recipe.style_weight == Refine.__dataclass_fields__["style_weight"].default
    look.strength = 0.5
    recipe_at_half = look.recipe("refine")
    assert isinstance(recipe_at_half, Refine)
    assert recipe_at_half.style_weight == pytest.approx(recipe.style_weight / 10)


@given(st.floats(0, 1))
def test_strength_and_style_weight_belong_together(strength: float) -> None:
    assert strength_of(style_weight(strength)) == pytest.approx(strength, abs=1e-3)


def test_a_title_names_the_strongest_first() -> None:
    recipe = Stylize((Style("a", weight=0.2), Style("b", weight=0.8)))
    assert title(recipe, {"a": "Wave"}) == "b + Wave"
