"""Krita's colour spaces: which the daemon reads as they are, and what the others travel as."""

from __future__ import annotations

import pytest
from velatura.pixels import Layout
from velatura_krita.colors import DISPLAY, LINEAR, SRGB, Space, cost, cube, found, steps, unknown, wire_space


@pytest.mark.parametrize(
    ("space", "layout"),
    [
        (Space("RGBA", "U8", SRGB), Layout(3, 2, "BGRA", "u8")),
        (Space("RGBA", "U16", SRGB), Layout(3, 2, "BGRA", "u16")),
        (Space("RGBA", "F32", LINEAR), Layout(3, 2, "RGBA", "f32", transfer="linear")),
        (Space("GRAYA", "F16", "Gray-D50-elle-V2-g10.icc"), Layout(3, 2, "GRAYA", "f16", transfer="linear")),
        (Space("RGBA", "U8", "ClayRGB-elle-V2-g22.icc"), None),
        (Space("GRAYA", "U8", "Gray-D50-elle-V2-labl.icc"), None),
        (Space("CMYKA", "U8", "Chemical proof"), None),
    ],
)
def test_what_the_daemon_reads_as_it_is(space: Space, layout: Layout | None) -> None:
    assert space.layout(3, 2) == layout
    assert (wire_space(space) == space) == (layout is not None)
    assert wire_space(space).layout(1, 1) is not None
    assert (cost(space, wire_space(space)) == 0) == (layout is not None)


def test_gray_stays_gray_on_the_way() -> None:
    for depth, travels in (("U8", "U16"), ("U16", "U16"), ("F16", "F32"), ("F32", "F32")):
        wire = wire_space(Space("GRAYA", depth, "Gray-D50-elle-V2-labl.icc"))
        assert (wire.model, wire.depth) == ("GRAYA", travels)


def test_depth_is_not_lost_on_the_way() -> None:
    assert wire_space(Space("LABA", "F32", "x")).depth == "F32"
    assert wire_space(Space("CMYKA", "U8", "x")).depth == "U16"


CLAY, LABL = "ClayRGB-elle-V2-g22.icc", "Gray-D50-elle-V2-labl.icc"


@pytest.mark.parametrize("model", ["RGBA", "GRAYA"])
def test_a_profile_that_is_srgb_under_another_name_needs_no_conversion(model: str) -> None:
    pixels, samples = cube(model)
    assert len(pixels) == (4 * 216 if model == "RGBA" else 2 * 6) and len(samples) % 4 == 0
    for name, off, like in (("camera", 0.007, True), ("wide", 0.008, False)):
        space = Space(model, "U8", f"{name} {model}")
        assert unknown(space)
        found(space, [*samples[:-1], samples[-1] - off])
        assert not unknown(space) and (space.layout(1, 1) is not None) == like
    assert not unknown(Space("CMYKA", "U8", "Chemical proof"))


@pytest.mark.parametrize(
    "given", [Space("RGBA", "U8", CLAY), Space("RGBA", "U16", CLAY), Space("GRAYA", "U8", LABL)]
)
def test_integers_go_by_floats_and_are_rounded_once(given: Space) -> None:
    wire = wire_space(given)
    for start, end in ((given, wire), (wire, given)):
        first, last = steps(start, end)
        assert not first[1].whole and not last[0].whole and last[1].whole
        assert last[0].profile == last[1].profile and "g10" in last[0].profile, "nothing but depth differs"
        assert last[1].depth == end.depth
    assert steps(given, DISPLAY) == ((given, DISPLAY),), "what is only looked at is quick"


def test_floats_go_by_way_of_linear_light() -> None:
    given = Space("RGBA", "F32", CLAY)
    (_, between), (again, _) = steps(given, wire_space(given))
    assert between == again == Space("RGBA", "F32", LINEAR)
    linear = Space("RGBA", "F32", "Rec2020-elle-V4-g10.icc")
    assert len(steps(linear, wire_space(linear))) == 1
    assert steps(Space("RGBA", "U8", SRGB), Space("RGBA", "U8", SRGB))[0][0].profile == SRGB
