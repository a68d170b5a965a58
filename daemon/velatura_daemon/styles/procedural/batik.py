"""Batik: wax-resist flowers and dots in indigo, brown and cream, veined where the wax cracked in the dye."""

from __future__ import annotations

import numpy as np

from .canvas import Array, cells, colours, fbm, grid, mix, noise, painter, sample
from .canvas import smoothstep as step

INDIGO, DEEP, SOGA, CREAM, RUST, TEAL = colours("1f3d73", "101f42", "8a4a24", "f3e4c0", "c9622f", "2f7f86")
ACROSS = 3
"""Flowers side by side."""


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    hand = 0.0022
    u, v = x + hand * noise(n, 9, rng) + 0.0007 * noise(n, 40, rng), y + hand * noise(n, 9, rng)
    dye = 0.85 + 0.30 * fbm(n, 5, 4, rng)
    picture = INDIGO * dye[..., None] + 0.02 * noise(n, 30, rng)[..., None]
    wax = np.zeros((n, n), np.float32)
    for layer in _layers(u, v, n):
        colour, cover = layer
        picture = mix(picture, colour * (0.92 + 0.16 * dye)[..., None], cover)
        wax = np.maximum(wax * (1 - cover), cover * (0.35 + 0.65 * (colour is CREAM)))
    veins = _crackle(n, rng)
    picture = mix(picture, DEEP * (0.8 + 0.4 * dye)[..., None], veins * (0.35 + 0.6 * wax))
    bleed = 0.5 + 0.5 * np.tanh(noise(n, 14, rng))
    picture = mix(picture, SOGA * np.ones_like(picture), 0.16 * bleed * wax)
    thread = np.sin(2 * np.pi * x * 260) * np.sin(2 * np.pi * y * 260) + 0.6 * noise(n, 300, rng)
    weave = noise(n, 260, rng, 10) + noise(n, 260, rng, 10).T
    return picture * (1 + 0.030 * thread + 0.022 * weave)[..., None]


def _layers(x: Array, y: Array, n: int):
    """Colour and cover of everything drawn, the undermost first."""
    soft = 1.2 / n
    high = np.sqrt(3) / 2
    row = np.floor(y * ACROSS / high + 0.5)
    a = x * ACROSS + 0.5 * (row % 2)
    column = np.floor(a + 0.5)
    u, v = (a - column) / ACROSS, y - row * high / ACROSS
    far, angle = np.hypot(u, v) * ACROSS, np.arctan2(v, u)
    kind = ((column + 2 * row) % 3).astype(int)
    turn = angle + 0.3 * kind

    def petals(count: int, inner: float, outer: float, sharp: float) -> Array:
        wave = np.abs(np.cos(turn * count / 2)) ** sharp
        return step(inner + (outer - inner) * wave - far, -soft * ACROSS, soft * ACROSS)

    def ring(at: float, wide: float) -> Array:
        return step(wide / 2 - np.abs(far - at), -soft * ACROSS, soft * ACROSS)

    def dots(count: float, at: float, radius: float, shift: float = 0.0) -> Array:
        phase = (turn / (2 * np.pi) * count + shift) % 1 - 0.5
        return step(
            radius - np.hypot(phase * 2 * np.pi * at / count, far - at), -soft * ACROSS, soft * ACROSS
        )

    vine = np.sin(2 * np.pi * ACROSS * (x * 2 + 0.25)) * np.sin(2 * np.pi * ACROSS * y * 2 / high)
    swirl = np.abs(np.sin(16 * vine + 20 * (x - y)))
    yield SOGA, step(far - 0.515, 0, 0.004) * step(0.50 - swirl, -0.03, 0.03)
    cover_x, cover_y = x * ACROSS * 14, y * ACROSS * 14
    peck = np.hypot(cover_x % 1 - 0.5, cover_y % 1 - 0.5)
    yield CREAM, step(0.17 - peck, -0.04, 0.04) * step(far - 0.50, 0, 0.004)
    yield DEEP, step(0.50 - far, -0.003, 0.003)
    yield CREAM, dots(36, 0.475, 0.012)
    yield CREAM, ring(0.447, 0.010)
    for pick, (outer, inner, core) in enumerate(
        ((RUST, CREAM, SOGA), (CREAM, TEAL, RUST), (SOGA, CREAM, TEAL))
    ):
        here = kind == pick
        count = (8, 12, 10)[pick]
        yield CREAM, here * petals(count, 0.24, 0.442, 0.7)
        yield outer, here * petals(count, 0.23, 0.425, 0.8)
        yield DEEP, here * petals(count, 0.13, 0.375, 2.4) * (np.abs(np.sin(far * 95)) > 0.45)
        yield inner, here * petals(count, 0.17, 0.30, 1.6)
        yield DEEP, here * petals(count * 2, 0.14, 0.215, 1.2)
        yield core, here * petals(count * 2, 0.12, 0.200, 1.2)
    yield CREAM, dots(20, 0.150, 0.0085)
    yield DEEP, step(0.128 - far, -0.003, 0.003)
    yield CREAM, ring(0.110, 0.009)
    yield RUST, step(0.085 - far, -0.003, 0.003)
    yield CREAM, dots(8, 0.055, 0.011) + step(0.022 - far, -0.003, 0.003)
    yield CREAM, dots(24, 0.405, 0.0075, 0.5)


def _crackle(n: int, rng: np.random.Generator) -> Array:
    """Veins of dye, 0..1: the borders of warped cells of two sizes, here wide, there gone."""
    x, y = grid(n)
    total = np.zeros((n, n), np.float32)
    for count, wide, weight in ((80, 0.0020, 1.0), (460, 0.0012, 0.95)):
        _, border = cells(n // 2, rng.uniform(-0.1, 1.1, (count, 2)))
        bend = [0.012 * noise(n, 7, rng) + 0.005 * noise(n, 28, rng) for _ in range(2)]
        away = sample(border, x + bend[0], y + bend[1])
        strong = np.clip(0.9 + 0.8 * noise(n, 5, rng), 0, 1.4)
        width = wide * (0.4 + strong)
        total = np.maximum(total, weight * np.minimum(strong, 1) * step(width - away, -0.0009, 0.0009))
        total = np.maximum(total, 0.35 * weight * strong * np.exp(-away / (5 * wide)))
    return np.clip(total, 0, 1)
