"""Indigo waves: ranks of curling breakers in the manner of a colour print, with combed water and foam."""

from __future__ import annotations

import numpy as np

from .canvas import Array, around, colours, fbm, grid, mix, noise, painter, paper, ramp
from .canvas import smoothstep as step

SKY = colours("e9d9b6", "f0c9a0", "e8a98a", "c98a86", "8f8aa6")
WATER = colours("0f2747", "173f6b", "24648f", "4f95ad", "a5cbc4")
FOAM = colours("f6f0dd")[0]
LINE = colours("0d1b33")[0]
RANKS = ((0.34, 0.09, 3.6), (0.46, 0.12, 2.9), (0.61, 0.15, 2.3), (0.79, 0.18, 1.9), (1.0, 0.21, 1.6))
"""Height of the sea, of the wave over it, and crests across, from the farthest rank to the nearest."""


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    wood = fbm(n, 40, 3, rng, stretch=16)
    picture = ramp(1.5 * y + 0.10 * (wood - 0.5), SKY)
    far = np.hypot(x - 0.30, y - 0.17)
    picture = mix(picture, colours("d9482f")[0], step(0.085 - far, -0.001, 0.001) * (0.86 + 0.14 * wood))
    for k in range(6):
        band = np.abs(y - (0.05 + 0.052 * k) - 0.012 * np.sin(3 * x + 2 * k)) - 0.006 * np.sin(
            2.2 * x + 1.7 * k
        )
        picture = mix(picture, FOAM, 0.75 * step(-band, -0.0012, 0.0012) * (np.sin(2.2 * x + 1.7 * k) > 0))
    for rank in RANKS:
        picture = _rank(picture, x, y, rng, *rank)
    fleck = step(noise(n, 380, rng), 2.3, 2.9)
    picture = mix(picture, FOAM * np.ones_like(picture), 0.45 * fleck)
    return picture * (paper(n, rng, 0.022) * (0.965 + 0.07 * wood))[..., None]


def _rank(
    picture: Array, x: Array, y: Array, rng: np.random.Generator, base: float, high: float, crests: float
) -> Array:
    """One rank of breakers laid over what stands behind it: height of the sea, of the wave, crests across."""
    n = x.shape[0]
    offset = rng.uniform(0, 1)
    u, v = x.copy(), y.copy()
    peaks = [(k + 0.5 - offset) / crests for k in range(-1, int(crests) + 3)]
    for cx in peaks:
        eye = (cx + 0.34 * high, base - 0.42 * high)
        dx, dy = u - eye[0], v - eye[1]
        turn = -3.3 * np.exp(-((np.hypot(dx, dy) / (0.42 * high)) ** 2))
        u, v = eye[0] + dx * np.cos(turn) - dy * np.sin(turn), eye[1] + dx * np.sin(turn) + dy * np.cos(turn)
    phase = u * crests + offset
    lean = (phase + 0.16 * np.sin(2 * np.pi * phase)) % 1
    crest = np.exp(-(((lean - 0.5) / 0.17) ** 2)) + 0.10 * np.sin(2 * np.pi * (2 * phase + 0.3))
    ragged = 0.0035 * noise(n, 26, rng) + 0.0022 * noise(n, 60, rng)
    depth = v - (base - high * crest) + 0.3 * ragged
    slope = np.hypot(*np.gradient(depth)) * n + 0.2
    away = depth / slope
    inside = step(away, -0.0011, 0.0011)

    deep = np.clip(depth / (1.15 * high), 0, 1)
    body = ramp(0.95 - 0.78 * deep + 0.05 * noise(n, 5, rng), WATER)
    combed = depth * 16 / (0.06 + high * 0.55) * (1 - 0.35 * deep) + 1.3 * noise(n, 5, rng) * deep
    near = np.abs(combed - np.round(combed)) * 2
    thick = 0.46 - 0.30 * deep + 0.10 * noise(n, 9, rng)
    body = mix(body, WATER[0] * 0.9, step(thick - near, -0.14, 0.14) * 0.9)
    pale = np.abs(combed * 0.5 + 0.25 - np.round(combed * 0.5 + 0.25)) * 2
    body = mix(body, FOAM, step(0.20 - pale, -0.09, 0.09) * step(deep, 0.85, 0.25) * 0.75)

    lip = high * (0.050 + 0.085 * np.clip(crest, 0, 1) ** 2)
    fingers = lip * (0.75 + 0.55 * np.sin(phase * 2 * np.pi * 17 + 3 * noise(n, 7, rng))) + 1.3 * ragged
    foam = step(fingers - away, -0.0010, 0.0010) * inside
    body = mix(body, LINE, step(fingers + 0.0022 - away, -0.0008, 0.0008) * inside)
    shade = step(away, 0.0, 0.030) * 0.22 * step(noise(n, 70, rng), -0.2, 0.5)
    body = np.where((foam > 0)[..., None], mix(body, FOAM * (1 - shade)[..., None], foam), body)
    body = mix(body, LINE, step(0.0017 - np.abs(away), -0.0006, 0.0006))
    picture = mix(picture, body, inside)
    return _spray(picture, n, rng, peaks, base, high)


def _spray(
    picture: Array, n: int, rng: np.random.Generator, peaks: list[float], base: float, high: float
) -> Array:
    """Drops of foam flung ahead of every crest."""
    x, y = grid(n)
    for cx in peaks:
        for _ in range(34):
            at = (cx + high * rng.normal(0.25, 0.42), base - high * rng.normal(1.02, 0.22))
            radius = high * 0.024 * rng.random() ** 2 + 0.0012
            spot = around(n, *at, radius + 0.004)
            far = radius - np.hypot(x[spot] - at[0], y[spot] - at[1])
            ringed = mix(picture[spot], LINE, 0.55 * step(far, -0.0018, -0.0006))
            picture[spot] = mix(ringed, FOAM, step(far, -0.0007, 0.0007))
    return picture
