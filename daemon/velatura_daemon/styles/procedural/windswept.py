"""Windswept: thick strokes that follow a turning wind over fields of grain at evening."""

from __future__ import annotations

import numpy as np

from .brush import StrokeCanvas, follow
from .canvas import Array, colours, fbm, grid, painter, ramp

SKY = colours("1d4e6b", "2f8f9d", "8fd0c0", "f6e7b8", "f9b36b", "ef7a5a", "a8456a")
FIELD = colours("5a1f3c", "a8352f", "dd7a2a", "f0b93d", "f7dd7a", "a6a23c", "4e6b34")
EDDIES = ((0.24, 0.22, 0.17, 1), (0.66, 0.17, 0.13, -1), (0.90, 0.40, 0.11, 1), (0.47, 0.44, 0.10, -1))
FINE = 512
"""Side of the fields of direction and colour that the strokes look up."""


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    angle, tone, land = _scene(rng)
    under = np.where(land[..., None], ramp(tone, FIELD), ramp(tone, SKY)) * 0.8
    work = StrokeCanvas(n, under)
    for count, width, length in ((900, 0.030, 0.16), (2600, 0.017, 0.11), (4200, 0.0105, 0.075)):
        starts = rng.uniform(-0.02, 1.02, (count, 2))
        for start in starts[np.argsort(starts[:, 1] + rng.normal(0, 0.25, count))]:
            i, j = (np.clip(start, 0, 0.9999) * FINE).astype(int)
            below = bool(land[j, i])
            at = np.clip(tone[j, i] + rng.normal(0, 0.085), 0, 1)
            colour = ramp(np.array([at]), FIELD if below else SKY)[0]
            if rng.random() < 0.05:
                colour = np.clip(colour * 1.25 + 0.08, 0, 1)
            span = length * rng.uniform(0.6, 1.15) * (0.7 if below else 1)
            path = follow(start, angle, span)
            work.stroke(path, width * rng.uniform(0.7, 1.2), colour, rng, load=rng.uniform(0.5, 1))
    return work.lit(0.010, 0.22)


def _scene(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Direction of the strokes, place in the palette, and where the land lies."""
    x, y = grid(FINE)
    horizon = 0.62 + 0.05 * np.sin(4.2 * x + 0.4) + 0.018 * np.sin(11 * x + 2)
    land = y > horizon
    vx, vy = np.ones_like(x) * 0.8, 0.35 * np.sin(5 * x + 2 * y)
    tone = 0.08 + 0.95 * np.clip(y / 0.62, 0, 1) ** 1.6 + 0.10 * (fbm(FINE, 4, 3, rng) - 0.5)
    for cx, cy, radius, turn in EDDIES:
        dx, dy = x - cx, y - cy
        far = np.hypot(dx, dy) + 1e-6
        pull = np.exp(-((far / radius) ** 2)) * 6
        vx, vy = vx - turn * pull * dy / far - 0.12 * pull * dx / far, vy + turn * pull * dx / far
        rings = 0.5 + 0.5 * np.cos(far / radius * 9.5)
        tone = tone + np.exp(-((far / radius) ** 2) * 1.1) * (0.50 * rings - 0.10)
    sky = np.arctan2(vy, vx)
    rows = (y - horizon) * (1.6 - 0.9 * (y - horizon))
    wave = 0.55 * np.cos(7 * x + 26 * rows) + 0.25 * np.sin(16 * x - 9 * y)
    field = -0.35 + 0.55 * wave
    field_tone = (
        0.5 + 0.42 * np.sin(34 * rows + 2.2 * np.sin(5 * x) + 1.5) + 0.25 * (fbm(FINE, 8, 3, rng) - 0.5)
    )
    return np.where(land, field, sky), np.where(land, field_tone, tone), land
