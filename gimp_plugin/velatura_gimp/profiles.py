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
from velatura.editor.alpha import gray_as_rgb, gray_of_rgb  # noqa: E402

os.environ["GIMP_COLOR_TRANSFORM_DISABLE_BABL"] = "1"  # libgimpcolor's own switch, for this process

_SRGB = "R'G'B'A float"
_INTENT = Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC
_FLAGS = Gimp.ColorTransformFlags.BLACK_POINT_COMPENSATION
_CODES = {"u8": "B", "u16": "H", "float": "f"}
"""How `array` calls samples of babl's depths."""


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
        return self._of("float")

    def to_srgb(self, numbers: bytes, depth: str) -> bytes:
        """Floats in it as numbers of sRGB in one of babl's depths, of the same number of channels; what sRGB
        lacks is beyond 0..1, of integers at their ends."""
        wanted = f"R'G'B'A {depth}"
        found = _converted(_transform(self, True, self.floats, wanted), numbers, self.floats, wanted)
        return gray_of_rgb(found, _CODES[depth]) if self.gray else found

    def from_srgb(self, numbers: bytes, depth: str) -> bytes:
        """Floats of sRGB as its numbers."""
        wanted = self._of(depth)
        found = gray_as_rgb(numbers, "f") if self.gray else numbers
        return _converted(_transform(self, False, _SRGB, wanted), found, _SRGB, wanted)

    def _of(self, depth: str) -> str:
        return self.named(("Y'A " if self.gray else "R'G'B'A ") + depth)

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


@lru_cache(maxsize=8)
def _transform(profile: ImageProfile, there: bool, given: str, wanted: str) -> Any:
    """From a profile to sRGB, or back. One end is floats always: from integers to integers LittleCMS
    interpolates in tables; so it computes each pixel and rounds once, as everywhere in Velatura."""
    ends = profile._gimp, Gimp.ColorProfile.new_from_icc_profile(srgb.PROFILE)
    mine, other = ends if there else ends[::-1]
    return Gimp.ColorTransform.new(mine, Babl.format(given), other, Babl.format(wanted), _INTENT, _FLAGS)


@lru_cache(maxsize=4)
def _like_srgb(profile: ImageProfile) -> bool:
    steps = [step / 5 for step in range(6)]
    colours = itertools.product(steps, repeat=1 if profile.gray else 3)
    numbers = array("f", [value for colour in colours for value in (*colour, 1.0)])
    seen = array("f", profile.to_srgb(numbers.tobytes(), "float"))
    return max(abs(a - b) for a, b in zip(numbers, seen, strict=True)) < srgb.NEAR


def _converted(transform: Any, numbers: bytes, given: str, wanted: str) -> bytes:
    count = len(numbers) // Babl.format_get_bytes_per_pixel(Babl.format(given))
    box = Gegl.Rectangle.new(0, 0, count, 1)
    before, after = (Gegl.Buffer.new(name, 0, 0, count, 1) for name in (given, wanted))
    before.set(box, given, numbers)
    transform.process_buffer(before, box, after, box)
    return after.get(box, 1.0, wanted, Gegl.AbyssPolicy.NONE)
