"""Cut paper: sheets laid one over the other like a chart of the sea floor, each casting its shadow."""

from __future__ import annotations

import numpy as np

from .canvas import Array, blur, colours, grid, light, noise, painter, ramp, sample, shifted
from .canvas import smoothstep as step

SHEETS = colours(
    "0b2545", "13407a", "1b6a9c", "2a9d9a", "7cc6a4", "f4e6c1", "f6c667", "ef8a4c", "d9493f", "8f2440"
)  # fmt: skip
COUNT = 13


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    height = _relief(n, rng)
    picture = np.zeros((n, n, 3), np.float32)
    grain = 0.6 * noise(n, 300, rng) + 0.5 * noise(n, 90, rng, 3) + 0.4 * noise(n, 18, rng)
    for k in range(COUNT):
        cut = k / COUNT
        edge = height - cut + 0.0006 * noise(n, 60, rng)
        slope = np.hypot(*np.gradient(height)) * n + 0.35
        above = step(edge / slope, -0.0006, 0.0006) if k else np.ones((n, n), np.float32)
        if k:
            shade = shifted(blur(above, 0.0085), 0.009, 0.012)
            close = shifted(blur(above, 0.0022), 0.002, 0.003)
            picture = picture * (1 - 0.50 * shade * (1 - above) - 0.28 * close * (1 - above))[..., None]
        turn = np.roll(grain, (k * 97, k * 61), (0, 1))
        diffuse, _ = light(turn, 0.00055, 130)
        sheet = ramp(np.full((1, 1), (k + rng.normal(0, 0.12)) / (COUNT - 1)), SHEETS)[0, 0]
        rim = step(edge / slope, 0.0030, 0.0006) * 0.16
        tone = (0.97 + 0.018 * turn) * (0.55 + 0.45 * diffuse) + rim
        picture = picture * (1 - above[..., None]) + above[..., None] * sheet * tone[..., None]
    return picture


def _relief(n: int, rng: np.random.Generator) -> Array:
    """A sea floor with islands, 0..1, of even share at every level."""
    x, y = grid(n)
    bend = sum(noise(n, c, rng) * w for c, w in ((3, 0.055), (8, 0.026), (17, 0.011)))
    other = sum(noise(n, c, rng) * w for c, w in ((3, 0.055), (8, 0.026), (17, 0.011)))
    base = noise(n, 5.4, rng) + 0.55 * noise(n, 11, rng)
    field = sample(base, x + bend, y + other)
    ordered = np.sort(field[::8, ::8].ravel())
    return np.interp(field, ordered, np.linspace(0, 1, len(ordered))).astype(np.float32)
