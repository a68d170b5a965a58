"""Mosaic: stone tesserae in overlapping fans, set row by row in pale mortar, gilt here and there."""

from __future__ import annotations

import numpy as np

from .canvas import Array, colours, fbm, grid, light, mix, noise, painter, paper, ramp
from .canvas import smoothstep as step

PALETTES = (
    colours("f3e3c3", "e7b75f", "c9742f", "8d3a22"),
    colours("e9f0e4", "8cc4bb", "2c8087", "124559"),
    colours("f6d9c4", "e58c73", "b33f4c", "5e1f3a"),
    colours("eee8d5", "9db4d0", "4568a2", "1f2f5f"),
    colours("f0ecd0", "b9bf70", "6d8742", "33502f"),
)
MORTAR = colours("d8cdb8")[0]
GOLD = colours("f3c64e")[0]
ACROSS = 3
"""Fans side by side."""


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    x = x + 0.0016 * noise(n, 14, rng)
    y = y + 0.0016 * noise(n, 14, rng)
    fan, across, far = _fans(x, y)
    ring, part, inner = _tesserae(fan, across, far)

    key = (fan * 7919 + ring * 613 + part * 31) % 65536
    chance = rng.random((65536, 4)).astype(np.float32)[key]
    kind = (fan // 64 * 2 + fan % 64 * 3 + fan // 128) % len(PALETTES)
    depth = (ring + 0.5) / 9 + 0.34 * (chance[..., 0] - 0.5)
    stone = np.zeros((n, n, 3), np.float32)
    for k, palette in enumerate(PALETTES):
        stone = np.where((kind == k)[..., None], ramp(depth, palette), stone)
    gilt = (ring == 8) | (chance[..., 1] > 0.975)
    stone = np.where(gilt[..., None], GOLD * (0.8 + 0.3 * chance[..., 2:3]), stone)
    veins = fbm(n, 34, 4, rng) - 0.5
    stone = stone * (1.04 + 0.34 * (chance[..., 3] - 0.5) + 0.30 * veins)[..., None]

    cut = inner + 0.0007 * noise(n, 90, rng)
    body = step(cut, 0.0008, 0.0017)
    tilt = (chance[..., 0] - 0.5) * x + (chance[..., 2] - 0.5) * y
    height = 0.75 * step(cut, 0.0006, 0.0040) + 3.0 * tilt + 0.05 * veins + 0.012 * noise(n, 300, rng)
    diffuse, shine = light(height, 0.0085, 130)
    stone = stone * (0.38 + 0.62 * diffuse)[..., None] + (shine * (0.12 + 0.45 * gilt))[..., None]
    ground = MORTAR * (paper(n, rng, 0.07) * (0.70 + 0.25 * fbm(n, 90, 3, rng)))[..., None]
    return mix(ground, stone, body)


def _fans(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """The topmost fan over each point: its number, the angle within it and the distance (1 at its rim).

    Fans stand in rows half their radius apart, every other row set off by half a fan; a lower row covers
    the row above it.
    """
    half = 0.5 / ACROSS
    fan, angle = np.zeros(x.shape, np.int64), np.zeros(x.shape, np.float32)
    far, found = np.ones(x.shape, np.float32), np.zeros(x.shape, bool)
    for row in range(int(1 / half) + 3, -3, -1):
        cy = row * half
        offset = 0.5 * (row % 2)
        column = np.round(x / (2 * half) - offset)
        dx, dy = x - (column + offset) * 2 * half, y - cy
        d = np.hypot(dx, dy) / half
        here = (d < 1) & (dy <= half) & ~found
        fan = np.where(here, (row + 8) * 64 + column.astype(np.int64) + 8, fan)
        angle = np.where(here, np.arctan2(dy, dx), angle)
        far = np.where(here, d, far)
        found |= here
    return fan, angle, far


def _tesserae(fan: Array, angle: Array, far: Array) -> tuple[Array, Array, Array]:
    """Ring and place of the stone at each point, and how deep inside the stone the point lies."""
    rings = 9
    half = 0.5 / ACROSS
    ring = np.minimum((far * rings).astype(np.int64), rings - 1)
    radial = (far * rings - ring) / rings * half
    thick = half / rings
    middle = (ring + 0.5) / rings * half
    count = np.maximum(np.round(2 * np.pi * middle / (thick * 1.08)), 1)
    at = (angle / (2 * np.pi) + 0.5 + 0.37 * ring + 0.01 * (fan % 97)) % 1 * count
    part = at.astype(np.int64)
    along = (at - part) / count * 2 * np.pi * middle
    length = 2 * np.pi * middle / count
    inner = np.minimum(np.minimum(radial, thick - radial), np.minimum(along, length - along))
    return ring, part, inner.astype(np.float32)
