"""Hypothesis strategies for the values of the contract, derived from the dataclasses' own stated ranges."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

from hypothesis import strategies as st
from velatura import messages, recipe, schema
from velatura.errors import FieldError
from velatura.pixels import Layout

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=20)
LAYOUTS = st.builds(
    Layout,
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    channels=st.sampled_from(["RGBA", "BGRA", "RGB", "BGR", "GRAYA", "GRAY"]),
    depth=st.sampled_from(["u8", "u16", "f16", "f32"]),
    premultiplied=st.booleans(),
    transfer=st.sampled_from(["srgb", "linear"]),
)
STYLES = st.builds(
    lambda name, by_digest, weight, mask: recipe.Style(
        "" if by_digest else name, name if by_digest else "", weight, mask
    ),
    st.text("abcdef0123456789-", min_size=1, max_size=32),
    st.booleans(),
    st.floats(0.001, 1000),
    st.text("abcdef0123456789", max_size=32),
)


def _number(kind: type, meta: typing.Mapping[str, Any]) -> st.SearchStrategy:
    low, high = meta["low"], meta["high"]
    return st.integers(int(low), int(high)) if kind is int else st.floats(low, high, allow_subnormal=False)


def _field(kind: Any, meta: typing.Mapping[str, Any]) -> st.SearchStrategy:
    if meta.get("map"):
        numbers = st.floats(max(meta["low"], 0.001), meta["high"])
        pairs = st.dictionaries(
            st.text("relu_12345", min_size=1, max_size=8), numbers, min_size=1, max_size=5
        )
        return pairs.map(lambda found: tuple(sorted(found.items())))
    if "options" in meta:
        return st.sampled_from(meta["options"])
    if "low" in meta:
        return _number(kind, meta)
    if kind is str:
        return WORDS.map(lambda text: text[: meta.get("longest", 20)])
    if kind is bool:
        return st.booleans()
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if args[0] is recipe.Style:
            return st.lists(STYLES, min_size=1, max_size=meta["most"]).map(tuple)
        return st.lists(WORDS, min_size=meta.get("least", 0), max_size=min(meta["most"], 5)).map(tuple)
    if origin is dict:
        values = (
            st.floats(-1e6, 1e6) if args[1] is float else st.one_of(st.integers(0, 9), WORDS, st.booleans())
        )
        return st.dictionaries(WORDS, values, max_size=4)
    if origin is list:
        return st.lists(st.dictionaries(WORDS, st.integers(0, 9), max_size=3), max_size=3)
    if origin is types.UnionType or origin is typing.Union:
        return st.one_of(*[instances(k) for k in args if k is not type(None)])
    if kind is Layout:
        return LAYOUTS
    return instances(kind)


def _valid(value: Any) -> bool:
    try:
        schema.check(value)
    except FieldError:
        return False
    return True


def instances(cls: type) -> st.SearchStrategy:
    """Valid values of a dataclass of the contract."""
    if cls is Layout:
        return LAYOUTS
    fields = {f.name: _field(schema.hints(cls)[f.name], f.metadata) for f in dataclasses.fields(cls)}
    return st.builds(cls, **fields).filter(_valid)


RECIPES = st.one_of(*[instances(cls) for cls in recipe.RECIPES.values()])
MESSAGES = st.one_of(*[instances(cls) for cls in messages.TYPES.values()])
