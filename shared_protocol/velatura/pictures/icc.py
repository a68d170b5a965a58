"""Colour profiles of picture files: from the profile's numbers to sRGB and back.

Networks see sRGB. A picture with another RGB profile (Adobe RGB, Display P3, ProPhoto, …) is converted to
sRGB at 16 bits on the way in (floats stay floats) and back on the way out, and keeps its profile; pixels
that the daemon left alone get their original bytes again, so nothing is lost where nothing was changed.
Colours outside sRGB are clipped to it only where the picture was changed. Profiles of primaries and tone
curves are understood ("matrix/TRC", ICC.1:2022 sections 8.3 and F.3), which is what RGB profiles in
picture files are; with any other the numbers are taken as sRGB's, and the profile is kept.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

from ..errors import VelaturaError

# sRGB's primaries adapted to D50 (columns are R, G, B; rows X, Y, Z), as in the ICC's sRGB profile.
SRGB_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)

_SAMPLES = 4096
_ROWS_AT_ONCE = 1 << 20  # pixels per piece, so that big pictures need little besides themselves


class Profile:
    """An RGB profile of primaries and tone curves.

    Args:
        matrix: 3 x 3, linear RGB to XYZ (D50).
        curves: 3 x 4096, linear light at evenly spaced encoded values 0..1, rising.
    """

    def __init__(self, matrix: np.ndarray, curves: np.ndarray) -> None:
        self._to_srgb = np.linalg.solve(SRGB_TO_XYZ, matrix).astype(np.float32)
        self._from_srgb = np.linalg.inv(self._to_srgb).astype(np.float32)
        self._curves = curves
        self._grid = np.linspace(0.0, 1.0, curves.shape[1])

    def to_srgb(self, values: np.ndarray) -> np.ndarray:
        """N x 3 numbers 0..1 in this profile as sRGB numbers 0..1, clipped to sRGB's range."""
        light = [np.interp(values[:, i], self._grid, self._curves[i]) for i in range(3)]
        return encode_srgb(np.stack(light, 1).astype(np.float32) @ self._to_srgb.T)

    def from_srgb(self, values: np.ndarray) -> np.ndarray:
        """N x 3 sRGB numbers 0..1 as numbers 0..1 in this profile."""
        light = np.clip(decode_srgb(values) @ self._from_srgb.T, 0.0, 1.0)
        numbers = [np.interp(light[:, i], self._curves[i], self._grid) for i in range(3)]
        return np.stack(numbers, 1).astype(np.float32)

    def is_srgb(self) -> bool:
        """Whether it is sRGB up to the rounding that its makers differ in: within 2 steps of 8 bits, next to
        black, where the curve is steep; any other profile in use differs by 20 and more."""
        steps = np.linspace(0.0, 1.0, 6, dtype=np.float32)
        cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)
        return bool(np.abs(self.to_srgb(cube) - cube).max() < 2 / 255)


def encode_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light to sRGB numbers, clipped to 0..1 (IEC 61966-2-1)."""
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def decode_srgb(values: np.ndarray) -> np.ndarray:
    """sRGB numbers 0..1 to linear light."""
    return np.where(values <= 0.04045, values / 12.92, np.power((values + 0.055) / 1.055, 2.4))


@lru_cache(maxsize=8)
def parse(data: bytes) -> Profile | None:
    """The profile in ICC bytes; None when it is sRGB, not RGB, or not one of primaries and curves."""
    try:
        if data[16:20] != b"RGB " or data[36:40] != b"acsp":
            return None
        count = struct.unpack_from(">I", data, 128)[0]
        tags = {}
        for i in range(min(count, 100)):
            name, offset, size = struct.unpack_from(">4sII", data, 132 + 12 * i)
            tags[name] = data[offset : offset + size]
        if not all(name in tags for name in (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")):
            return None
        matrix = np.stack([_xyz(tags[c + b"XYZ"]) for c in (b"r", b"g", b"b")], 1)
        curves = np.stack([_curve(tags[c + b"TRC"]) for c in (b"r", b"g", b"b")])
        profile = Profile(matrix, curves)
    except (struct.error, ValueError, IndexError, np.linalg.LinAlgError):
        return None  # damaged: kept with the file, and not interpreted
    return None if profile.is_srgb() else profile


def to_srgb(array: np.ndarray, profile: Profile) -> np.ndarray:
    """A picture in a profile's numbers as sRGB: u8 and u16 become u16, floats stay as they are.

    Args:
        array: H x W x C, C = 3 or 4 (alpha last, kept).
    """
    out = np.empty(array.shape, array.dtype if array.dtype.kind == "f" else np.uint16)
    for src, dst in _pieces(array, out):
        dst[:, :3] = from_unit(profile.to_srgb(to_unit(src[:, :3])), out.dtype)
        dst[:, 3:] = src[:, 3:] if src.dtype == dst.dtype else src[:, 3:].astype(np.uint16) * 257
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
    out = original.copy()
    for (new, old), (_, dst) in zip(_pieces(changed, sent), _pieces(original, out), strict=True):
        colour = (new[:, :3] != old[:, :3]).any(1)
        dst[colour, :3] = from_unit(profile.from_srgb(to_unit(new[colour, :3])), out.dtype)
        if new.shape[1] == 4:
            alpha = new[:, 3] != old[:, 3]
            dst[alpha, 3] = from_unit(to_unit(new[alpha, 3:]), out.dtype)[:, 0]
    return out


def all_from_srgb(array: np.ndarray, dtype: np.dtype, profile: Profile) -> np.ndarray:
    """A whole picture (H x W x 3 or 4) in a profile's numbers and a depth, where there is no original."""
    out = np.empty(array.shape, dtype)
    for src, dst in _pieces(array, out):
        dst[:, :3] = from_unit(profile.from_srgb(to_unit(src[:, :3])), out.dtype)
        dst[:, 3:] = from_unit(to_unit(src[:, 3:]), out.dtype)
    return out


def _pieces(a: np.ndarray, b: np.ndarray):
    flat_a, flat_b = a.reshape(-1, a.shape[2]), b.reshape(-1, b.shape[2])
    for start in range(0, len(flat_a), _ROWS_AT_ONCE):
        yield flat_a[start : start + _ROWS_AT_ONCE], flat_b[start : start + _ROWS_AT_ONCE]


def to_unit(values: np.ndarray) -> np.ndarray:
    """Numbers of any depth as float32 0..1."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    return values.astype(np.float32) / np.iinfo(values.dtype).max


def from_unit(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Float numbers 0..1 in another depth, rounded and clipped where that is an integer one."""
    if dtype.kind == "f":
        return values.astype(dtype)
    return np.rint(np.clip(values, 0.0, 1.0) * np.iinfo(dtype).max).astype(dtype)


def _xyz(tag: bytes) -> np.ndarray:
    if tag[:4] != b"XYZ ":
        raise ValueError("not an XYZ tag")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536.0


def _curve(tag: bytes) -> np.ndarray:
    x = np.linspace(0.0, 1.0, _SAMPLES)
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (struct.unpack_from(">H", tag, 12)[0] / 256.0)
        else:
            table = np.frombuffer(tag, ">u2", count, 12) / 65535.0
            y = np.interp(x, np.linspace(0.0, 1.0, count), table)
    elif tag[:4] == b"para":
        kind = struct.unpack_from(">H", tag, 8)[0]
        needed = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind] if kind <= 4 else 0
        if not needed:
            raise ValueError(f"unknown parametric curve {kind}")
        y = _parametric(x, kind, [v / 65536.0 for v in struct.unpack_from(f">{needed}i", tag, 12)])
    else:
        raise ValueError("not a curve tag")
    return np.maximum.accumulate(np.clip(y, 0.0, 1.0))  # np.interp's inverse needs it rising


def _parametric(x: np.ndarray, kind: int, p: list[float]) -> np.ndarray:
    """The five function types of ICC.1:2022 table 68."""
    g, a, b = p[0], p[1] if kind else 1.0, p[2] if kind else 0.0
    power = np.maximum(a * x + b, 0.0) ** g
    if kind == 0:
        return power
    if kind == 1:
        return np.where(x >= -b / a, power, 0.0)
    if kind == 2:
        return np.where(x >= -b / a, power + p[3], p[3])
    c, d = p[3], p[4]
    e, f = (p[5], p[6]) if kind == 4 else (0.0, 0.0)
    return np.where(x >= d, power + e, c * x + f)
