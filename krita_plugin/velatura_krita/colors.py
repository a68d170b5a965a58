"""Krita's colour spaces and the wire's layouts. Pure tables: no Qt, no Krita.

Where a layer's space is one that the daemon reads as it is, its bytes travel untouched. Every other
space (CMYK, Lab, YCbCr, XYZ, wide-gamut or measured profiles) is converted by Krita's own colour
management, in a scratch document, to sRGB of a depth that loses nothing, and back. Integers of an RGB or
gray profile become the very numbers that `velatura.pictures.icc` makes of such a file; see `steps`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from velatura import srgb
from velatura.pixels import DEPTHS, Layout

SRGB, GRAY = "sRGB-elle-V2-srgbtrc.icc", "Gray-D50-elle-V2-srgbtrc.icc"
LINEAR, LINEAR_GRAY = "sRGB-elle-V2-g10.icc", "Gray-D50-elle-V2-g10.icc"
BUILT_IN = "sRGB built-in"
"""LittleCMS's own sRGB, as in `velatura.srgb`."""

_TRANSFER = {
    "RGBA": {
        SRGB: "srgb",
        BUILT_IN: "srgb",
        "sRGB-elle-V4-srgbtrc.icc": "srgb",
        "Artifex Software sRGB ICC Profile": "srgb",
        LINEAR: "linear",
        "scRGB (linear)": "linear",
        "krita-2.5, lcms sRGB built-in with linear gamma TRC": "linear",
        "sRGB-elle-V4-g10.icc": "linear",
    },
    "GRAYA": {
        GRAY: "srgb",
        "Gray-D50-elle-V4-srgbtrc.icc": "srgb",
        LINEAR_GRAY: "linear",
        "Gray-D50-elle-V4-g10.icc": "linear",
    },
}
"""Profiles whose numbers the daemon reads as they are; nothing for those that were found to be others."""

_LINEAR = {"RGBA": LINEAR, "GRAYA": LINEAR_GRAY}
_WIDE = {"RGBA": BUILT_IN, "GRAYA": GRAY}
_CHANNELS = {"RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4, "XYZA": 4, "YCbCrA": 4}


@dataclass(frozen=True)
class Space:
    """A colour space as Krita names it: model (`RGBA`), depth (`U8`), profile."""

    model: str
    depth: str
    profile: str

    @property
    def channels(self) -> int:
        """Samples a pixel, alpha (always the last) included."""
        return _CHANNELS[self.model]

    @property
    def pixel_bytes(self) -> int:
        return self.channels * DEPTHS[self.depth.lower()]

    @property
    def known(self) -> bool:
        """Whether its pixels can be read at all (Krita's `A` model, of masks, cannot)."""
        return self.model in _CHANNELS and self.depth.lower() in DEPTHS

    @property
    def whole(self) -> bool:
        """Whether its samples are integers."""
        return self.depth in ("U8", "U16")

    def layout(self, width: int, height: int) -> Layout | None:
        """How the daemon reads such pixels, or None where they must be converted first."""
        transfer = _TRANSFER.get(self.model, {}).get(self.profile)
        if not transfer:
            return None
        channels = "GRAYA"
        if self.model == "RGBA":
            channels = "BGRA" if self.whole else "RGBA"
        return Layout(width, height, channels, self.depth.lower(), transfer=transfer)


DISPLAY = Space("RGBA", "U8", SRGB)
"""What previews are shown in: BGRA in memory, as QImage's ARGB32."""


def unknown(space: Space) -> bool:
    """Whether it has yet to be found out if a profile's numbers are sRGB's."""
    return space.model in _TRANSFER and space.profile not in _TRANSFER[space.model]


def cube(model: str) -> tuple[bytes, list[float]]:
    """Colours from all over a model as pixels of U8, and the samples of RGBA that they would be in sRGB."""
    gray = model == "GRAYA"
    colours = [c * 3 if gray else c for c in itertools.product(range(6), repeat=1 if gray else 3)]
    given = (51 * value for r, g, b in colours for value in ((r, 5) if gray else (b, g, r, 5)))
    return bytes(given), [value / 5 for colour in colours for value in (*colour, 5)]


def found(space: Space, samples: Sequence[float]) -> None:
    """Notes whether a profile is sRGB up to the rounding that its makers differ in, as other clients see it.

    Args:
        samples: what LittleCMS makes of its `cube`.
    """
    far = max(abs(a - b) for a, b in zip(samples, cube(space.model)[1], strict=True))
    _TRANSFER[space.model][space.profile] = "srgb" if far < srgb.NEAR else ""


def wire_space(space: Space) -> Space:
    """The space in which pixels of `space` travel: the same where the daemon reads it, else sRGB; gray stays
    gray, so that it is made gray again by the same rule for every client."""
    if space.layout(1, 1) is not None:
        return space
    if space.model in _WIDE:
        return _wide(space)
    return Space("RGBA", "U16", SRGB) if space.whole else Space("RGBA", "F32", LINEAR)


def steps(given: Space, wanted: Space) -> tuple[tuple[Space, Space], ...]:
    """The conversions that lead from a space to another.

    One, but for RGB and gray profiles on their way to the daemon and back. Krita has LittleCMS optimise what
    goes from integers to integers, which is off by up to a tenth of the range, and from floats to floats,
    which cuts off what is beyond 0..1. From integers to floats, and to and from linear light, each pixel is
    computed. So integers become floats, and those, taken as linear light in a space where depth is all the
    difference, are rounded once; floats go by way of linear light. A gray goes by way of RGB, as in files.
    """
    there = wanted == wire_space(given) and given.model in _WIDE
    back = (
        wanted.model in _WIDE and wanted != DISPLAY and given == _wide(given) and given.whole == wanted.whole
    )
    if given == wanted or not (there or back):
        return ((given, wanted),)
    rgb = Space("RGBA", (wanted if there else given).depth, BUILT_IN)
    given, wanted = (given, rgb) if there else (rgb, wanted)
    if wanted.whole:
        linear = replace(wanted, profile=_LINEAR[wanted.model])
        return (given, replace(wanted, depth="F32")), (replace(linear, depth="F32"), linear)
    if any(name in end.profile.lower() for name in ("g10", "linear") for end in (given, wanted)):
        return ((given, wanted),)
    between = Space("RGBA", "F32", LINEAR)
    return (given, between), (between, wanted)


def _wide(space: Space) -> Space:
    """The space in which pixels of such a model and depth travel that had to be converted."""
    return replace(space, profile=_WIDE.get(space.model, ""), depth="U16" if space.whole else "F32")


def cost(given: Space, wanted: Space) -> int:
    """Nanoseconds that Krita needs to convert one pixel, roughly, measured; for sizing strips."""
    return sum(_cost(*step) for step in steps(given, wanted))


def _cost(given: Space, wanted: Space) -> int:
    if given == wanted:
        return 0
    slow = "LABA" in (given.model, wanted.model)
    if not (given.whole and wanted.whole):
        return 320 if slow else 200
    return 220 if slow else 40
