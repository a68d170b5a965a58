"""In which numbers an image's pixels travel, so that they mean the same as in any other client of Velatura.

Gray images travel as gray, others as RGB, always with alpha. Integers stored as sRGB numbers, whether the
image says so by a profile or not, go as they are; what is linear, wider or floating goes as float. An image
with another profile is converted to sRGB: integers at 16 bits, where colours outside sRGB are brought to its
edge, floats as floats; and pixels that come back as they went keep the image's own numbers. The same rules
hold for picture files (`velatura.pictures`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gi.repository import Gimp
from velatura.pixels import Layout

from . import profiles
from .profiles import ImageProfile

_COLOURS = {"RGBA": "R'G'B'A", "RGB": "R'G'B'", "GRAYA": "Y'A", "GRAY": "Y'"}
_DEPTHS = {"u8": "u8", "u16": "u16", "f16": "half", "f32": "float"}
_AS_STORED = {
    "u8": (Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U8_PERCEPTUAL),
    "u16": (Gimp.Precision.U16_NON_LINEAR, Gimp.Precision.U16_PERCEPTUAL),
}


def babl_name(channels: str, depth: str) -> str:
    """babl's name for sRGB numbers; from tables, since one that babl does not know kills the plug-in."""
    return f"{_COLOURS[channels]} {_DEPTHS[depth]}"


@dataclass(frozen=True)
class Form:
    """How pixels travel.

    Attributes:
        channels, depth: of the layout.
        name: babl's name for it, in which buffers are read and written.
        own: the image's own numbers, where those differ and have to be kept.
        profile: of the image, where its numbers are converted by it.
    """

    channels: str
    depth: str
    name: str
    own: Form | None = None
    profile: ImageProfile | None = None

    def layout(self, width: int, height: int) -> Layout:
        return Layout(width, height, self.channels, self.depth)

    @property
    def pixel_bytes(self) -> int:
        return self.layout(1, 1).pixel_bytes

    @property
    def babl_depth(self) -> str:
        return _DEPTHS[self.depth]

    @property
    def small(self) -> Form:
        """For small copies, which are only looked at."""
        return replace(plain(self.channels, "u8"), profile=self.profile)


def plain(channels: str, depth: str) -> Form:
    """sRGB numbers, or those of an image without a profile."""
    return Form(channels, depth, babl_name(channels, depth))


def gray(depth: str) -> Form:
    """The numbers of selections and masks."""
    return Form("GRAY", depth, f"Y {depth}")


def of_style(image: Any) -> Form:
    """For style pictures."""
    profile = profiles.of(image)
    known = profile is None or profile.gray or profile.like_srgb  # gray is wider in colours by itself
    return plain("RGBA", "u8") if known else replace(plain("RGBA", "u8"), profile=profile)


def of(image: Any) -> Form:
    """The form for an image's layers."""
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        return plain("RGBA", "u8")
    channels = "GRAYA" if image.get_base_type() == Gimp.ImageBaseType.GRAY else "RGBA"
    precision, profile = image.get_precision(), profiles.of(image)
    depth = next((d for d, stored in _AS_STORED.items() if precision in stored), "f32")
    if profile is None:
        return plain(channels, depth)
    if depth != "f32" and precision != _AS_STORED[depth][0]:
        depth = "f32"
    own = Form(channels, depth, profile.named(babl_name(channels, depth)))
    if profile.like_srgb:
        return own
    wide = replace(plain(channels, "f32" if depth == "f32" else "u16"), profile=profile)
    return wide if depth == "f32" else replace(wide, own=own)


def depth_of_masks(image: Any) -> str:
    """The depth that holds a selection or layer mask."""
    eight = (Gimp.Precision.U8_LINEAR, *_AS_STORED["u8"])
    return "u8" if image.get_precision() in eight else "u16"
