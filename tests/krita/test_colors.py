"""Krita's colour spaces: which the daemon reads as they are, and what the others travel as."""

from __future__ import annotations

import pytest
from velatura.pixels import Layout
from velatura_krita.colors import LINEAR, SRGB, Space, cost, wire_space


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
