"""Colours of an image with a profile, converted by LittleCMS as everywhere in Velatura (`velatura.pictures`).

GIMP has LittleCMS, but converts by babl where it can, which differs by some 65535ths that networks enlarge.
"""

from __future__ import annotations

import itertools
import os
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gi

gi.require_version("Babl", "0.1")

from gi.repository import Babl, Gegl, Gimp, GLib  # noqa: E402
from velatura import srgb  # noqa: E402

os.environ["GIMP_COLOR_TRANSFORM_DISABLE_BABL"] = "1"  # libgimpcolor's own switch, for this process

_SRGB = "R'G'B'A float"
_INTENT = Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC
_FLAGS = Gimp.ColorTransformFlags.BLACK_POINT_COMPENSATION
_NEAR = 2 / 255
"""How much profiles that are all called sRGB differ in, as `velatura.pictures.icc` has it."""


@dataclass(frozen=True)
class ImageProfile:
    """An image's profile.

    Attributes:
        icc: its bytes.
        gray: whether its numbers are gray rather than red, green and blue; alpha follows in both.
    """

    icc: bytes
    gray: bool

    def named(self, name: str) -> str:
        """babl's name for its numbers, from the name of sRGB numbers of the same kind."""
        try:
            return Babl.get_name(Babl.format_with_space(name, self._gimp.get_space(_INTENT)))
        except GLib.Error:  # made of tables, which GIMP keeps as if they were sRGB's
            return name

    @property
    def floats(self) -> str:
        """babl's name for its numbers as floats."""
        return self.named("Y'A float" if self.gray else _SRGB)

    def to_srgb(self, numbers: bytes) -> bytes:
        """Floats in it as floats of sRGB, of the same number of channels; beyond 0..1 what sRGB lacks."""
        found = _converted(_transforms(self)[0], numbers, self.floats, _SRGB)
        return _thin(found) if self.gray else found

    def from_srgb(self, numbers: bytes) -> bytes:
        """The inverse."""
        found = _wide(numbers) if self.gray else numbers
        return _converted(_transforms(self)[1], found, _SRGB, self.floats)

    @property
    def like_srgb(self) -> bool:
        """Whether it is sRGB up to the rounding that its makers differ in."""
        return _like_srgb(self)

    @property
    def _gimp(self) -> Any:
        return Gimp.ColorProfile.new_from_icc_profile(self.icc)


def of(image: Any) -> ImageProfile | None:
    """The profile that an image's numbers are of; None without one."""
    profile = image.get_color_profile()
    return None if profile is None else ImageProfile(bytes(profile.get_icc_profile()), profile.is_gray())


@lru_cache(maxsize=4)
def _transforms(profile: ImageProfile) -> tuple[Any, Any]:
    mine, other = profile._gimp, Gimp.ColorProfile.new_from_icc_profile(srgb.PROFILE)
    formats = Babl.format(profile.floats), Babl.format(_SRGB)
    return (
        Gimp.ColorTransform.new(mine, formats[0], other, formats[1], _INTENT, _FLAGS),
        Gimp.ColorTransform.new(other, formats[1], mine, formats[0], _INTENT, _FLAGS),
    )


@lru_cache(maxsize=4)
def _like_srgb(profile: ImageProfile) -> bool:
    steps = [step / 5 for step in range(6)]
    colours = itertools.product(steps, repeat=1 if profile.gray else 3)
    numbers = array("f", [value for colour in colours for value in (*colour, 1.0)])
    seen = array("f", profile.to_srgb(numbers.tobytes()))
    return max(abs(a - b) for a, b in zip(numbers, seen, strict=True)) < _NEAR


def _converted(transform: Any, numbers: bytes, given: str, wanted: str) -> bytes:
    count = len(numbers) // Babl.format_get_bytes_per_pixel(Babl.format(given))
    box = Gegl.Rectangle.new(0, 0, count, 1)
    before, after = (Gegl.Buffer.new(name, 0, 0, count, 1) for name in (given, wanted))
    before.set(box, given, numbers)
    transform.process_buffer(before, box, after, box)
    return after.get(box, 1.0, wanted, Gegl.AbyssPolicy.NONE)


def _thin(numbers: bytes) -> bytes:
    """Of red, green, blue and alpha the first and the last: a gray has them all alike."""
    four = array("f", bytes(numbers))
    two = array("f", bytes(len(numbers) // 2))
    two[::2], two[1::2] = four[::4], four[3::4]
    return two.tobytes()


def _wide(numbers: bytes) -> bytes:
    """The inverse."""
    two = array("f", bytes(numbers))
    four = array("f", bytes(2 * len(numbers)))
    for place in range(3):
        four[place::4] = two[::2]
    four[3::4] = two[1::2]
    return four.tobytes()
