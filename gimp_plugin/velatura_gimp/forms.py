"""In which numbers an image's pixels travel, so that they mean the same as in any other client of Velatura.

Gray images travel as gray, others as RGB, always with alpha. Integers stored as sRGB numbers, whether the
image says so by a profile or not, go as they are; what is linear, wider or floating goes as float. An image
with another profile is converted to sRGB: integers at 16 bits, where colours outside sRGB are brought to its
edge, floats as floats; and pixels that come back as they went keep the image's own numbers. The same rules
hold for picture files (`velatura.pictures`).
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, replace
from typing import Any

import gi

gi.require_version("Babl", "0.1")

from gi.repository import Babl, Gegl, Gimp, GLib  # noqa: E402
from velatura.pixels import Layout  # noqa: E402

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
    """

    channels: str
    depth: str
    name: str
    own: Form | None = None

    def layout(self, width: int, height: int) -> Layout:
        return Layout(width, height, self.channels, self.depth)

    @property
    def pixel_bytes(self) -> int:
        return self.layout(1, 1).pixel_bytes

    @property
    def between(self) -> str:
        """In what sRGB numbers travel to and from another colour space: on babl's own way, from integers to
        integers, colours that the other space cannot show run over, and 65535 of alpha become 65280."""
        known = self.channels in _COLOURS and self.name == babl_name(self.channels, self.depth)
        return babl_name(self.channels, "f32") if known else self.name

    @property
    def small(self) -> Form:
        """For small copies, which are only looked at."""
        return plain(self.channels, "u8")


def plain(channels: str, depth: str) -> Form:
    """sRGB numbers, or those of an image without a profile."""
    return Form(channels, depth, babl_name(channels, depth))


def gray(depth: str) -> Form:
    """The numbers of selections and masks."""
    return Form("GRAY", depth, f"Y {depth}")


COLOUR = plain("RGBA", "u8")
"""For style pictures."""


def of(image: Any) -> Form:
    """The form for an image's layers."""
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        return COLOUR
    channels = "GRAYA" if image.get_base_type() == Gimp.ImageBaseType.GRAY else "RGBA"
    precision, profile = image.get_precision(), image.get_color_profile()
    depth = next((d for d, stored in _AS_STORED.items() if precision in stored), "f32")
    if profile is None:
        return plain(channels, depth)
    if depth == "f32" or precision != _AS_STORED[depth][0]:
        return plain(channels, "f32")
    space = profile.get_space(Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC)
    own = Form(channels, depth, Babl.get_name(Babl.format_with_space(babl_name(channels, depth), space)))
    return own if _like_srgb(channels, space) else replace(plain(channels, "u16"), own=own)


def _like_srgb(channels: str, space: Any) -> bool:
    """Whether a profile is sRGB up to the rounding that its makers differ in: within 2 steps of 8 bits (as
    `velatura.pictures.icc` asks)."""
    colours = len(channels) - 1 if channels == "RGBA" else 1
    name = babl_name(channels, "f32")
    there, here = Babl.format_with_space(name, space), Babl.format(name)
    color = Gegl.Color.new("black")
    shape = f"<{colours + 1}f"
    for values in itertools.product([step / 5 for step in range(6)], repeat=colours):
        color.set_bytes(there, GLib.Bytes.new(struct.pack(shape, *values, 1.0)))
        seen = struct.unpack(shape, color.get_bytes(here).get_data())
        if max(abs(a - b) for a, b in zip(values, seen, strict=False)) >= 2 / 255:
            return False
    return True


def depth_of_masks(image: Any) -> str:
    """The depth that holds a selection or layer mask."""
    eight = (Gimp.Precision.U8_LINEAR, *_AS_STORED["u8"])
    return "u8" if image.get_precision() in eight else "u16"
