"""What the painters share: noise, palettes, cells, sampling, light, and the way to the finished picture.

Pictures are arrays `(n, n, 3)` float32, sRGB 0..1. Coordinates run from 0 to 1 with y down, so a painter
works the same at any size; all chance comes from the generator it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.random import Generator
from PIL import Image

Array = np.ndarray
SUPERSAMPLE = 2
"""Painters work on a canvas so many times finer than the picture."""


def colours(*codes: str) -> Array:
    """`(k, 3)` float32 from codes such as `f2b134`."""
    return np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in codes], np.float32)


def grid(n: int) -> tuple[Array, Array]:
    """x and y of every pixel centre, each `(n, n)`."""
    line = (np.arange(n, dtype=np.float32) + 0.5) / n
    x, y = np.meshgrid(line, line)
    return x, y


def ramp(t: Array, palette: Array) -> Array:
    """Colours along a palette, 0 its first and 1 its last, linear between; shape `(*t.shape, 3)`."""
    at = np.clip(t, 0, 1) * (len(palette) - 1)
    low = np.minimum(at.astype(int), len(palette) - 2) if len(palette) > 1 else np.zeros(at.shape, int)
    part = (at - low)[..., None].astype(np.float32)
    return palette[low] * (1 - part) + palette[np.minimum(low + 1, len(palette) - 1)] * part


def mix(below: Array, above: Array, cover: Array) -> Array:
    """`above` laid over `below` where `cover` (0..1, without the channel axis) is 1."""
    cover = np.clip(cover, 0, 1)[..., None]
    return below * (1 - cover) + above * cover


def smoothstep(t: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((t - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def noise(n: int, cells: float, rng: Generator, stretch: float = 1.0) -> Array:
    """Smooth noise of mean 0 and deviation 1, features 1/`cells` of the side, `stretch` times that in x."""
    wide, high = max(2.0, cells / stretch), max(2.0, cells)
    knots = rng.standard_normal((int(high) + 5, int(wide) + 5)).astype(np.float32)
    image = Image.fromarray(knots).resize((n, n), Image.Resampling.BICUBIC, (2, 2, 2 + wide, 2 + high))
    field = np.asarray(image)
    return (field - field.mean()) / (field.std() + 1e-6)


def fbm(n: int, cells: float, octaves: int, rng: Generator, stretch: float = 1.0) -> Array:
    """Noise of several scales, each twice as fine, stretched to 0..1."""
    total = sum(noise(n, cells * 2**k, rng, stretch) * 0.5**k for k in range(octaves))
    low, high = np.percentile(total, (0.5, 99.5))
    return np.clip((total - low) / (high - low), 0, 1).astype(np.float32)


def sample(image: Array, x: Array, y: Array) -> Array:
    """The image `(n, n[, 3])` at coordinates of any shape, bilinear, mirrored beyond the border."""
    n = image.shape[0]
    u = n - np.abs(x * n % (2 * n) - n) - 0.5
    v = n - np.abs(y * n % (2 * n) - n) - 0.5
    u, v = np.clip(u, 0, n - 1), np.clip(v, 0, n - 1)
    i, j = np.minimum(u.astype(int), n - 2), np.minimum(v.astype(int), n - 2)
    a, b = u - i, v - j
    if image.ndim == 3:
        a, b = a[..., None], b[..., None]
    top = image[j, i] * (1 - a) + image[j, i + 1] * a
    low = image[j + 1, i] * (1 - a) + image[j + 1, i + 1] * a
    return (top * (1 - b) + low * b).astype(np.float32)


def shifted(image: Array, right: float, down: float) -> Array:
    """The image moved by shares of its side; what comes in from outside repeats the border."""
    n = image.shape[0]
    rows = np.clip(np.arange(n) - round(down * n), 0, n - 1)
    columns = np.clip(np.arange(n) - round(right * n), 0, n - 1)
    return image[rows][:, columns]


def around(n: int, cx: float, cy: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns of the square within `reach` of a point, cut at the border; may be empty."""
    low_x, high_x = (int(np.clip((cx + s * reach) * n, 0, n)) for s in (-1, 1))
    low_y, high_y = (int(np.clip((cy + s * reach) * n, 0, n)) for s in (-1, 1))
    return slice(low_y, high_y), slice(low_x, high_x)


def blur(image: Array, radius: float) -> Array:
    """Three box means in a row, close to a Gaussian of deviation `radius` (a share of the side)."""
    n = image.shape[0]
    r = max(1, round(radius * n))
    for axis in (0, 1) * 3:
        pad = [(0, 0)] * image.ndim
        pad[axis] = (r + 1, r)
        total = np.cumsum(np.pad(image, pad, mode="reflect"), axis=axis, dtype=np.float64)
        high = np.take(total, np.arange(2 * r + 1, n + 2 * r + 1), axis=axis)
        low = np.take(total, np.arange(n), axis=axis)
        image = ((high - low) / (2 * r + 1)).astype(np.float32)
    return image


def light(height: Array, depth: float, azimuth: float = 135.0, altitude: float = 45.0) -> tuple[Array, Array]:
    """How a relief catches the light: diffuse (1 where flat) and the highlight 0..1.

    Args:
        height: `(n, n)`, 0..1.
        depth: height of 1 as a share of the picture's side.
        azimuth: where the light comes from, degrees: 0 right, 90 top, 135 top left.
        altitude: degrees over the picture plane.
    """
    gy, gx = np.gradient(height * (depth * height.shape[0]))
    a, h = np.radians(azimuth), np.radians(altitude)
    to = np.array([np.cos(a) * np.cos(h), -np.sin(a) * np.cos(h), np.sin(h)])
    length = np.sqrt(gx**2 + gy**2 + 1)
    facing = (-gx * to[0] - gy * to[1] + to[2]) / length
    half = to + np.array([0, 0, 1.0])
    half /= np.linalg.norm(half)
    shine = np.clip((-gx * half[0] - gy * half[1] + half[2]) / length, 0, 1) ** 40
    return (np.clip(facing, 0, None) / to[2]).astype(np.float32), shine.astype(np.float32)


def cells(n: int, seeds: Array) -> tuple[Array, Array]:
    """Voronoi cells: the nearest seed of every pixel and its distance to that cell's border.

    Args:
        seeds: `(k, 2)` x and y, at least two.

    Returns:
        index `(n, n)` int, and distance `(n, n)` as a share of the side.
    """
    index, border = np.zeros((n, n), int), np.zeros((n, n), np.float32)
    tile = 32
    line = (np.arange(n) + 0.5) / n
    for top in range(0, n, tile):
        for left in range(0, n, tile):
            y, x = line[top : top + tile, None], line[None, left : left + tile]
            middle = np.array([x.mean(), y.mean()])
            far = np.hypot(*(seeds - middle).T)
            near = np.flatnonzero(far <= np.partition(far, 2)[2] + 1.5 * tile / n)
            d2 = (x[..., None] - seeds[near, 0]) ** 2 + (y[..., None] - seeds[near, 1]) ** 2
            first = d2.argmin(-1)
            gap = d2 - np.take_along_axis(d2, first[..., None], -1)
            apart = np.hypot(
                seeds[near[first], 0][..., None] - seeds[near, 0],
                seeds[near[first], 1][..., None] - seeds[near, 1],
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                edge = np.where(apart > 0, gap / (2 * apart), np.inf)
            index[top : top + tile, left : left + tile] = near[first]
            border[top : top + tile, left : left + tile] = edge.min(-1)
    return index, border


def paper(n: int, rng: Generator, grain: float = 0.02) -> Array:
    """Multiplier of a sheet of paper: mottled at several scales, with fibres; mean about 1."""
    fibres = sum(noise(n, 260, rng, stretch) for stretch in (6.0, 1.0)) + noise(n, 260, rng, 6.0).T
    return (1 + grain * (0.5 * fibres + 0.6 * noise(n, 40, rng) + 0.6 * noise(n, 8, rng))).astype(np.float32)


def painter(paint: Callable[[int, Generator], Array]) -> Callable[[int, int], Array]:
    """A painter of a canvas `(n, n, 3)` as one of finished pictures: of a size and a seed
    `(size, size, 3)` uint8."""

    @wraps(paint)
    def painted(size: int, seed: int) -> Array:
        canvas = paint(size * SUPERSAMPLE, np.random.default_rng(seed))
        full = Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
        return np.asarray(full.resize((size, size), Image.Resampling.LANCZOS)).copy()

    return painted
