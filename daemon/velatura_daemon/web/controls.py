"""A recipe's fields as controls of the page, from the table in `velatura.fields`; none is named here."""

from __future__ import annotations

from typing import Any

import streamlit as st
from velatura.fields import Field, adjustable
from velatura.recipe import RecipeClass
from velatura.strokes import suiting

STEPS = 48
"""Places of a slider over a logarithmic range."""


def controls(kind: RecipeClass, size: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Shows the controls of a kind of job; gives the fields that go into its recipe.

    Args:
        size: width and height of what is worked on; another one begins with the strokes that suit it.
    """
    fields = adjustable(kind)
    chosen = {f.name: _control(kind, f, size) for f in fields if f.shown.group == "basic"}
    with st.expander("More"):
        chosen |= {f.name: _control(kind, f, size) for f in fields if f.shown.group != "basic"}
    return chosen


def _control(kind: RecipeClass, field: Field, size: tuple[int, int]) -> Any:
    key = f"{kind.KIND}.{field.name}"
    about: dict[str, Any] = {"label": field.label, "help": f"{field.help}.", "key": key}
    if field.sort == "flag":
        return field.chosen(st.toggle(value=field.default, **about))
    if field.sort == "choice":
        options = list(field.options)
        shown = {value: option.label for value, option in field.options.items()}
        index = options.index(field.default)
        return field.chosen(
            st.selectbox(options=options, index=index, format_func=shown.__getitem__, **about)
        )
    if field.soft is None:
        step = 1 if field.sort == "whole" else None
        low, high = _typed(field, field.low), _typed(field, field.high)
        return field.chosen(
            st.number_input(min_value=low, max_value=high, value=field.default, step=step, **about)
        )
    if field.shown.log:
        start = suiting(*size) if field.shown.suits else field.default
        if start != field.default:
            about["key"] = f"{key}.{start}"
        places = sorted({*_places(field), start})
        made = st.select_slider(options=places, value=start, format_func=field.text, **about)
        return field.chosen(made)
    low, high = (_typed(field, end) for end in field.soft)
    wide = st.slider(
        min_value=min(low, field.default),
        max_value=max(high, field.default),
        value=field.default,
        step=1 if field.sort == "whole" else (high - low) / 100,
        format="percent" if field.shown.percent else None,
        **about,
    )
    return field.chosen(field.tidy(wide) if wide != field.default else wide)


def _places(field: Field) -> list[Any]:
    assert field.soft is not None
    low, high = field.soft
    low = max(low, high / 1e4)
    ratio = (high / low) ** (1 / (STEPS - 1))
    return sorted({field.tidy(low * ratio**k) for k in range(STEPS)} | {field.default})


def _typed(field: Field, value: float) -> Any:
    return int(value) if field.sort == "whole" else float(value)
