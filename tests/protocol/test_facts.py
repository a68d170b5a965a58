"""A kind of job states its own facts, and everyone who runs one heeds them."""

from __future__ import annotations

import dataclasses

import pytest
from velatura.errors import FieldError
from velatura.messages import Submit
from velatura.pixels import Layout
from velatura.recipe import RECIPES, Style
from velatura_daemon.service.scheduler import Urgency
from velatura_daemon.service.submission import check_parts, result_bytes, ticket_of

CONTENT = Layout(40, 30, "RGBA", "u16")


def some(kind: str):
    styles = (Style("great-wave"),)
    return RECIPES[kind](styles=styles) if RECIPES[kind].FACTS.styles else RECIPES[kind]()


@pytest.mark.parametrize("kind", RECIPES)
def test_a_kind_that_paints_in_styles_has_a_field_for_them(kind: str):
    cls = RECIPES[kind]
    assert cls.FACTS.styles == ("styles" in {f.name for f in dataclasses.fields(cls)})


@pytest.mark.parametrize("kind", RECIPES)
def test_the_daemon_takes_exactly_the_parts_that_the_facts_name(kind: str):
    facts = RECIPES[kind].FACTS
    whole = Submit("j", some(kind), "c" * 32 if facts.content else "", "m" * 32 if facts.mask else "")
    check_parts(whole)
    other = dataclasses.replace(whole, content="" if facts.content else "c" * 32)
    if facts.trial:
        check_parts(other)
    else:
        with pytest.raises(FieldError, match=r"submit\.content"):
            check_parts(other)
    if not facts.mask:
        with pytest.raises(FieldError, match=r"submit\.mask"):
            check_parts(dataclasses.replace(whole, mask="m" * 32))
    assert (ticket_of(whole, "client").urgency is Urgency.LONG) == facts.long


def test_the_room_for_a_result_is_its_layout():
    sizes = {kind: result_bytes(Submit("j", some(kind)), CONTENT) for kind in RECIPES}
    assert sizes["stylize"] == sizes["refine"] == 40 * 30 * 4 * 2
    assert sizes["upscale"] == 16 * sizes["stylize"]
    assert sizes["texture"] == 512 * 512 * 3
    assert sizes["learn"] == 40 * 30 * 3
    assert result_bytes(Submit("j", some("learn")), None) == 384 * 384 * 3
    assert some("learn").result_layout(Layout(8000, 10)) == Layout(384, 1, "RGB")
