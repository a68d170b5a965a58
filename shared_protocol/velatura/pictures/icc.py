"""Colour profiles of picture files: from the profile's numbers to sRGB and back, by LittleCMS.

Networks see sRGB. A picture with another RGB or gray profile (Adobe RGB, Display P3, gray L*, …) is
converted to sRGB at 16 bits on the way in (floats stay floats) and back on the way out, and keeps its
profile; pixels that the daemon left alone get their original bytes again, so nothing is lost where nothing
was changed. Colours outside sRGB are clipped to it only where the picture was changed. With a profile that
cannot be used both ways (damaged, or of a device that only reads) the numbers are taken as sRGB's, and the
profile is kept. Conversions are relative colorimetric with black point compensation, in floats.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import numpy as np
from PIL import ImageCms

from .. import srgb
from ..errors import VelaturaError

CHANNELS = {"gray": 1, "rgb": 3, "lab": 3, "cmyk": 4}
"""Numbers a pixel in each colour space, as LittleCMS calls it. Floats are 0..1, CMYK's percent of ink, Lab's
L 0..100 and a, b -128..127."""

_SPACES = {b"GRAY": "gray", b"RGB ": "rgb", b"CMYK": "cmyk", b"Lab ": "lab"}
_RELATIVE, _BLACK_POINTS = 1, 0x2000
_AT_ONCE = 1 << 18  # pixels per piece, so that big pictures need little besides themselves


class Profile:
    """An RGB or gray profile.

    Args:
        data: ICC bytes.
        space: `rgb` or `gray`.
    """

    def __init__(self, data: bytes, space: str) -> None:
        self.data, self.space = data, space

    @property
    def channels(self) -> int:
        return CHANNELS[self.space]

    def to_srgb(self, values: np.ndarray) -> np.ndarray:
        """N x C float numbers 0..1 in this profile as sRGB numbers; what sRGB cannot show is outside 0..1."""
        colour = convert(values, self.data, self.space, srgb.PROFILE, "rgb")
        return colour if self.space == "rgb" else colour[:, 1:2]  # green, as `editor.alpha.gray_of_rgb`

    def from_srgb(self, values: np.ndarray) -> np.ndarray:
        """N x C float sRGB numbers 0..1 as numbers in this profile."""
        colour = values if self.space == "rgb" else np.repeat(values, 3, 1)
        return convert(colour, srgb.PROFILE, "rgb", self.data, self.space)

    def is_srgb(self) -> bool:
        """Whether it is sRGB up to the rounding that its makers differ in."""
        steps = np.linspace(0.0, 1.0, 6, dtype=np.float32)
        cube = np.stack(np.meshgrid(*[steps] * self.channels), -1).reshape(-1, self.channels)
        there, back = self.to_srgb(cube), self.from_srgb(cube)
        if not (np.isfinite(there).all() and np.isfinite(back).all()):
            raise ValueError("the profile gives numbers that are not finite")
        return bool(np.abs(there - cube).max() < srgb.NEAR)


def convert(values: np.ndarray, profile: bytes, space: str, target: bytes, target_space: str) -> np.ndarray:
    """N x C float32 numbers in one profile as numbers in another; ranges as `CHANNELS` says.

    Raises:
        VelaturaError: `bad_image` for a profile that cannot be read, or not in this direction.
    """
    if not len(values):
        return np.empty((0, CHANNELS[target_space]), np.float32)
    import imagecodecs

    pixels = np.ascontiguousarray(values, np.float32)[None]
    try:
        out = imagecodecs.cms_transform(
            pixels[0] if space == "gray" else pixels,
            profile,
            target,
            colorspace=space,
            outcolorspace=target_space,
            intent=_RELATIVE,
            flags=_BLACK_POINTS,
        )
    except (imagecodecs.CmsError, ValueError) as error:
        raise VelaturaError("bad_image", f"has a colour profile that cannot be used: {error}") from error
    return out.reshape(len(values), CHANNELS[target_space])


@cache
def lab() -> bytes:
    """The profile of CIE L*a*b* under D50, which Lab files use."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def of_primaries(white: Sequence[float], primaries: Sequence[float], curve: float | np.ndarray) -> bytes:
    """A profile from what a file says outside of ICC.

    Args:
        white: x, y of white.
        primaries: x, y of red, green and blue; none for gray.
        curve: the power that gives linear light, or its values at evenly spaced numbers 0..1.

    Raises:
        VelaturaError: `bad_image` where no colour is meant by them.
    """
    import imagecodecs

    try:
        return imagecodecs.cms_profile(
            "rgb" if primaries else "gray",
            whitepoint=tuple(white),
            primaries=tuple(primaries) or None,
            gamma=None if isinstance(curve, np.ndarray) else curve,
            transferfunction=curve.astype(np.float32) if isinstance(curve, np.ndarray) else None,
        )
    except (imagecodecs.CmsError, ValueError) as error:
        raise VelaturaError("bad_image", f"has colours that mean nothing: {error}") from error


def space_of(data: bytes) -> str:
    """The colour space of a profile, or nothing where it is no profile or of another space."""
    return _SPACES.get(data[16:20], "") if data[36:40] == b"acsp" else ""


def parse(data: bytes) -> Profile | None:
    """The profile in ICC bytes; None when it is sRGB, of another colour space, or cannot be used."""
    profile, srgb = _read(data)
    return None if srgb else profile


def usable(data: bytes) -> bool:
    """Whether numbers can be converted from this profile and back; one of a scanner may lack the way back."""
    return _read(data)[0] is not None


@lru_cache(maxsize=8)
def _read(data: bytes) -> tuple[Profile | None, bool]:
    """The profile, where it can be used, and whether it is sRGB."""
    space = space_of(data)
    if space not in ("rgb", "gray"):
        return None, False
    profile = Profile(data, space)
    try:
        return profile, profile.is_srgb()
    except (VelaturaError, ValueError):
        return None, False


def to_srgb(array: np.ndarray, profile: Profile) -> np.ndarray:
    """A picture in a profile's numbers as sRGB: u8 and u16 become u16, floats stay as they are.

    Args:
        array: H x W x C, C = the profile's, and alpha last where there is one (kept).
    """
    colours = profile.channels
    out = np.empty(array.shape, array.dtype if array.dtype.kind == "f" else np.uint16)

    def work(src: np.ndarray, dst: np.ndarray) -> None:
        dst[:, :colours] = from_unit(profile.to_srgb(to_unit(src[:, :colours])), out.dtype)
        alpha = src[:, colours:]
        dst[:, colours:] = alpha if src.dtype == dst.dtype else alpha.astype(np.uint16) * 257

    _in_pieces(work, array, out)
    return out


def from_srgb(changed: np.ndarray, sent: np.ndarray, original: np.ndarray, profile: Profile) -> np.ndarray:
    """A result in the original's own numbers, depth and profile.

    Args:
        changed: what came back, sRGB.
        sent: what was sent (`to_srgb(original)`), of the same shape and dtype.
        original: the picture as it was.

    Raises:
        VelaturaError: `internal` when the shapes differ.
    """
    if changed.shape != sent.shape or original.shape != sent.shape:
        raise VelaturaError("internal", f"shape {changed.shape} came back for {original.shape}")
    colours = profile.channels
    out = original.copy()

    def work(new: np.ndarray, old: np.ndarray, dst: np.ndarray) -> None:
        colour = (new[:, :colours] != old[:, :colours]).any(1)
        dst[colour, :colours] = from_unit(profile.from_srgb(to_unit(new[colour, :colours])), out.dtype)
        alpha = new[:, colours:] != old[:, colours:]
        dst[:, colours:][alpha] = from_unit(to_unit(new[:, colours:][alpha]), out.dtype)

    _in_pieces(work, changed, sent, out)
    return out


def all_from_srgb(array: np.ndarray, dtype: np.dtype, profile: Profile) -> np.ndarray:
    """A picture in sRGB (H x W x C, alpha last if any) in a profile's numbers and another depth."""
    colours = profile.channels
    out = np.empty(array.shape, dtype)

    def work(src: np.ndarray, dst: np.ndarray) -> None:
        dst[:, :colours] = from_unit(profile.from_srgb(to_unit(src[:, :colours])), out.dtype)
        dst[:, colours:] = from_unit(to_unit(src[:, colours:]), out.dtype)

    _in_pieces(work, array, out)
    return out


def flat_srgb(array: np.ndarray, space: str, profile: bytes, dtype: np.dtype) -> np.ndarray:
    """A CMYK or Lab picture (H x W x C, floats, ranges of `CHANNELS`) as sRGB of a depth; one way only."""
    out = np.empty((*array.shape[:2], 3), dtype)

    def work(src: np.ndarray, dst: np.ndarray) -> None:
        dst[:] = from_unit(convert(src, profile, space, srgb.PROFILE, "rgb"), out.dtype)

    _in_pieces(work, array, out)
    return out


def linear(values: np.ndarray) -> np.ndarray:
    """Linear light of sRGB's numbers 0..1 (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB's numbers of linear light 0..1: the inverse of `linear`."""
    steep = 1.055 * np.clip(light, 0.0031308, None) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, light * 12.92, steep)


def to_unit(values: np.ndarray) -> np.ndarray:
    """Any depth as float32, integers as 0..1."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    return values.astype(np.float32) / np.iinfo(values.dtype).max


def from_unit(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Float numbers 0..1 in another depth, clipped and rounded where that is an integer one: halves up, and
    what is less than a 131,072nd of a step of 16 bits below one, as LittleCMS does it for editors. Rounding
    to 8 bits by way of 16 is rounding once: a half of 8 bits lies midway between two numbers of 16."""
    if dtype.kind == "f":
        return values.astype(dtype)
    parts = np.rint(np.clip(values, 0.0, 1.0).astype(np.float64) * (65535 << 16) + (1 << 15))
    steps = (parts.astype(np.uint32) >> 16).astype(np.uint16)
    return steps if dtype == np.uint16 else ((steps.astype(np.uint32) + 128) // 257).astype(dtype)


def _in_pieces(work: Callable[..., None], *arrays: np.ndarray) -> None:
    """Calls `work` with matching rows of N x C, on every processor."""
    flat = [a.reshape(-1, a.shape[2]) for a in arrays]
    starts = range(0, len(flat[0]), _AT_ONCE)
    with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1) or 1) as pool:
        list(pool.map(lambda start: work(*(a[start : start + _AT_ONCE] for a in flat)), starts))
