"""The contract's values: what is in range travels unchanged, what is not is refused with path and range."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import MESSAGES, RECIPES
from velatura import messages as m
from velatura.errors import FieldError, VelaturaError
from velatura.pixels import Layout
from velatura.recipe import RECIPES as KINDS
from velatura.recipe import Refine, Style, Stylize, Texture, check_recipe, recipe_from_map, recipe_to_map

JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(RECIPES)
def test_a_recipe_survives_json_and_msgpack(recipe):
    plain = recipe_to_map(recipe)
    assert recipe_from_map(json.loads(json.dumps(plain))) == recipe
    assert recipe_from_map(msgpack.unpackb(msgpack.packb(plain))) == recipe


@given(MESSAGES)
def test_every_message_survives_the_wire(message):
    assert m.decode(m.encode(message)) == message


@given(MESSAGES, st.text(max_size=8), JUNK)
def test_one_spoilt_field_is_refused_in_words_or_harmless(message, name, junk):
    raw = msgpack.unpackb(m.encode(message))
    fields = [f.name for f in dataclasses.fields(message)]
    raw[fields[sum(map(ord, name)) % len(fields)] if fields else name] = junk
    try:
        packed = msgpack.packb(raw)
    except (OverflowError, ValueError):
        return  # an integer that msgpack cannot carry
    try:
        again = m.decode(packed)
    except VelaturaError as error:
        assert str(error)
    else:
        assert type(again) is type(message)


@given(st.binary(max_size=200))
def test_garbage_is_no_message(data):
    with pytest.raises(VelaturaError) as caught:
        m.decode(data)
    assert caught.value.code in ("bad_frame", "unknown_type", "bad_field")


@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.text(max_size=10), JUNK, max_size=5))
def test_a_junk_recipe_is_refused_with_a_field_error(kind, junk):
    junk.pop("styles", None)
    junk["factor"] = "four"  # of the one kind that can do without styles
    with pytest.raises(FieldError):
        recipe_from_map({**junk, "kind": kind})


def test_unknown_fields_are_ignored_so_that_minors_can_add():
    raw = {"t": "progress", "job": "a", "step": 1, "of": 2, "from_the_future": [1, {"x": None}]}
    assert m.decode(msgpack.packb(raw)) == m.Progress("a", 1, 2)


STYLE = ({"name": "great-wave"},)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"strength": 1.5}, "recipe.strength", "1.5; allowed is 0 to 1"),
        ({"strength": float("nan")}, "recipe.strength", "not a finite number"),
        ({"strength": "much"}, "recipe.strength", "must be a number, not 'much'"),
        ({"strength": True}, "recipe.strength", "must be a number"),
        ({"color": "blue"}, "recipe.color", "allowed: style, luminance, statistics"),
        ({"styles": []}, "recipe.styles", "name at least one style"),
        ({"styles": 7}, "recipe.styles", "must be a list"),
        ({"styles": [{"name": "a"}] * 9}, "recipe.styles", "0 to 8 items"),
        ({"styles": [{"name": "a", "weight": -1}]}, "recipe.styles[0].weight", "-1; allowed is 0 to 1000"),
        ({"styles": [{"name": "a", "weight": 0}]}, "recipe.styles", "weights sum to 0"),
        ({"styles": [{"name": "a"}, {}]}, "recipe.styles[1]", "either a name or a picture's digest"),
        ({"styles": [{"name": "a", "digest": "b"}]}, "recipe.styles[0]", "not both"),
        ({"strength": 10**400}, "recipe.strength", "too large"),
        ({"kind": "bake"}, "recipe.kind", "known: stylize, refine, texture"),
        ({"kind": ["stylize"]}, "recipe.kind", "known:"),
    ],
)
def test_an_error_names_the_path_and_the_range(change: dict[str, Any], path: str, words: str):
    with pytest.raises(FieldError) as caught:
        recipe_from_map({"kind": "stylize", "styles": list(STYLE), **change})
    assert caught.value.field == path
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("recipe", "path"),
    [
        (Stylize(styles=(Style("a"),), strength=-0.1), "recipe.strength"),
        (Refine(styles=(Style("a"),), iterations=0), "recipe.iterations"),
        (Refine(styles=(Style("a"),), style_weight=0, content_weight=0), "recipe.style_weight"),
        (Refine(styles=(Style("a"),), style_layers=(("relu1_1", 0.0),)), "recipe.style_layers"),
        (Texture(styles=(Style("a"),), width=8), "recipe.width"),
        (Texture(styles=()), "recipe.styles"),
    ],
)
def test_recipes_built_in_code_are_checked_alike(recipe, path):
    with pytest.raises(FieldError) as caught:
        check_recipe(recipe)
    assert caught.value.field == path


def test_a_header_over_the_limit_is_refused_before_it_is_sent():
    with pytest.raises(VelaturaError) as caught:
        m.encode(m.Reply("r", [{"name": "x" * m.MAX_HEADER}]))
    assert caught.value.code == "too_large"


def test_a_message_error_names_the_message():
    with pytest.raises(FieldError) as caught:
        m.decode(msgpack.packb({"t": "credit", "transfer": "t", "chunks": 5}))
    assert caught.value.field == "credit.chunks"
    assert "allowed is 1 to 4" in caught.value.message


def test_an_offer_of_too_many_pixels_is_refused():
    huge = {"width": 65536, "height": 65536}
    with pytest.raises(FieldError, match="pixels; at most"):
        m.decode(msgpack.packb({"t": "offer", "transfer": "t", "digest": "d", "layout": huge}))


def test_layouts_count_their_bytes():
    assert Layout(3, 2, "RGBA", "u8").nbytes == 24
    assert Layout(3, 2, "GRAYA", "u16").nbytes == 24
    assert Layout(3, 2, "BGR", "f32").nbytes == 72
