"""Krita's colour spaces and the wire's layouts. Pure tables: no Qt, no Krita.

Where a layer's space is one that the daemon reads as it is, its bytes travel untouched. Every other
space (CMYK, Lab, YCbCr, XYZ, wide-gamut or measured profiles) is converted by Krita's own colour
management, in a scratch document, to sRGB of a depth that loses nothing, and back.
"""

from __future__ import annotations

from dataclasses import dataclass

from velatura.pixels import DEPTHS, Layout

SRGB, GRAY = "sRGB-elle-V2-srgbtrc.icc", "Gray-D50-elle-V2-srgbtrc.icc"
LINEAR, LINEAR_GRAY = "sRGB-elle-V2-g10.icc", "Gray-D50-elle-V2-g10.icc"

_TRANSFER = {
    "RGBA": {
        SRGB: "srgb",
        "sRGB built-in": "srgb",
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
"""Profiles whose numbers the daemon reads as they are."""

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

    def layout(self, width: int, height: int) -> Layout | None:
        """How the daemon reads such pixels, or None where they must be converted first."""
        transfer = _TRANSFER.get(self.model, {}).get(self.profile)
        if transfer is None:
            return None
        channels = "GRAYA"
        if self.model == "RGBA":
            channels = "BGRA" if self.depth in ("U8", "U16") else "RGBA"
        return Layout(width, height, channels, self.depth.lower(), transfer=transfer)


DISPLAY = Space("RGBA", "U8", SRGB)
"""What previews are shown in: BGRA in memory, as QImage's ARGB32."""


def wire_space(space: Space) -> Space:
    """The space in which pixels of `space` travel: the same where the daemon reads it, else sRGB; gray stays
    gray, so that it is made gray again by the same rule for every client."""
    if space.layout(1, 1) is not None:
        return space
    gray = space.model == "GRAYA"
    if space.depth in ("F16", "F32"):
        return Space("GRAYA", "F32", LINEAR_GRAY) if gray else Space("RGBA", "F32", LINEAR)
    return Space("GRAYA", "U16", GRAY) if gray else Space("RGBA", "U16", SRGB)


def cost(source: Space, target: Space) -> int:
    """Nanoseconds that Krita needs to convert one pixel, roughly, measured; for sizing strips."""
    if source == target:
        return 0
    slow = "LABA" in (source.model, target.model)
    if "F16" in (source.depth, target.depth) or "F32" in (source.depth, target.depth):
        return 320 if slow else 130
    return 220 if slow else 40
