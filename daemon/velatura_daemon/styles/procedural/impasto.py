"""Impasto: a poppy meadow laid on with the palette knife, two colours to a knifeful, in thick light."""

from __future__ import annotations

import numpy as np

from .canvas import Array, colours, fbm, grid, light, mix, noise, painter, ramp, sample

SKY = colours("2d5f9a", "4f93c4", "9cc9dd", "e6e3cf", "f6c9a2", "f2a07b")
MEADOW = colours("7fa04a", "4c7a3a", "2f5a3a", "88a83f", "c2b84a", "3d6b4f", "1f4038")
POPPY = colours("e8352b", "c21d2a", "f25c38", "ff8a5c", "8f1230")
CORN = colours("3f56b5", "6f7fd0", "f4efe0", "f6d04d")
TREES = colours("1f3f4a", "2f5f4f", "47803f", "6b5a8a")


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(256)
    horizon = 0.40 + 0.035 * np.sin(4 * x + 1)
    cloud = fbm(256, 4, 4, rng, stretch=2.2)
    under = np.where((y < horizon)[..., None], ramp(1.6 * y / 0.7 + 0.5 * (cloud - 0.5), SKY), MEADOW[2])
    rows = np.clip((np.arange(n) * 256) // n, 0, 255)
    canvas = under[rows][:, rows].astype(np.float32)
    relief = 0.15 + 0.02 * noise(n, 200, rng)
    smear = fbm(n, 60, 3, rng, stretch=1)
    knife = Knife(canvas, relief, smear, rng)
    for _ in range(1100):
        px, py = rng.uniform(-0.02, 1.02), rng.uniform(-0.02, 0.46)
        tone = 2.0 * py / 0.8 + 0.75 * (cloud[_at(py), _at(px)] - 0.5) + rng.normal(0, 0.06)
        knife.stroke(
            px, py, rng.normal(-0.12, 0.4), rng.uniform(0.035, 0.075), 0.026, ramp(np.array([tone]), SKY)[0]
        )
    for _ in range(420):
        px = rng.uniform(-0.02, 1.02)
        top = 0.30 + 0.05 * np.sin(9 * px + 2) + 0.035 * np.sin(21 * px)
        py = rng.uniform(top, 0.44)
        knife.stroke(px, py, rng.normal(1.4, 0.35), rng.uniform(0.02, 0.05), 0.014, TREES[rng.integers(0, 4)])
    for py in np.sort(0.40 + 0.64 * rng.random(1500)):
        near = (py - 0.36) / 0.64
        px = rng.uniform(-0.02, 1.02)
        at = 0.5 + 0.45 * np.sin(21 * py**1.5 + 3 * np.sin(4 * px)) + rng.normal(0, 0.12)
        turn = 0.35 * np.cos(5 * px + 9 * py) + rng.normal(0, 0.15)
        knife.stroke(
            px, py, turn, 0.075 * near + 0.012, 0.022 * near + 0.006, ramp(np.array([at]), MEADOW)[0]
        )
    for py in np.sort(0.42 + 0.62 * rng.random(1300)):
        near, px = (py - 0.36) / 0.64, rng.uniform(-0.02, 1.02)
        grass = MEADOW[rng.integers(0, 5)] * rng.uniform(0.8, 1.15)
        knife.stroke(px, py, rng.normal(1.45, 0.22), 0.055 * near + 0.006, 0.0065 * near + 0.002, grass)
    for py in np.sort(0.43 + 0.60 * rng.random(950) ** 0.9):
        near, px = (py - 0.36) / 0.64, rng.uniform(-0.02, 1.02)
        if np.sin(6 * px + 13 * py) + 0.7 * np.sin(17 * px - 7 * py) + rng.normal(0, 0.7) > -0.15:
            _flower(knife, px, py, 0.026 * near + 0.004, POPPY, 5)
        elif rng.random() < 0.35:
            _flower(knife, px, py, 0.013 * near + 0.003, CORN[[rng.integers(0, 4)]], 3)
    diffuse, shine = light(relief, 0.012, 130)
    picture = canvas * (0.30 + 0.70 * diffuse)[..., None] + 0.16 * shine[..., None]
    return picture


def _flower(knife: Knife, cx: float, cy: float, radius: float, palette: Array, petals: int) -> None:
    """A few dabs about a middle, and a dark one on it."""
    rng = knife.rng
    start = rng.uniform(0, 2 * np.pi)
    for k in range(petals):
        turn = start + 2.4 * k
        dab = palette[rng.integers(0, len(palette))]
        at = (cx + 0.5 * radius * np.cos(turn), cy + 0.38 * radius * np.sin(turn))
        knife.stroke(*at, turn + rng.normal(1.2, 0.3), radius * rng.uniform(0.6, 0.9), 0.46 * radius, dab)
    if petals > 3:
        knife.stroke(cx, cy, rng.uniform(0, 3), 0.22 * radius, 0.16 * radius, np.array([0.12, 0.08, 0.14]))


def _at(value: float) -> int:
    return int(np.clip(value, 0, 0.999) * 256)


class Knife:
    """A palette knife over a canvas `(n, n, 3)` and its relief `(n, n)`, both changed in place."""

    def __init__(self, canvas: Array, relief: Array, smear: Array, rng: np.random.Generator) -> None:
        self.canvas, self.relief, self.smear, self.rng = canvas, relief, smear, rng
        self.n = canvas.shape[0]

    def stroke(self, cx: float, cy: float, turn: float, long: float, wide: float, colour: Array) -> None:
        """A smear about (cx, cy): half length `long`, half width `wide`, drawn along `turn`."""
        rng, n = self.rng, self.n
        reach = int(np.hypot(long, wide) * n) + 3
        i, j = int(cx * n), int(cy * n)
        spot = (slice(max(0, j - reach), max(0, j + reach)), slice(max(0, i - reach), max(0, i + reach)))
        height, width = self.relief[spot].shape
        if not height or not width:
            return
        px = (np.arange(spot[1].start, spot[1].start + width)[None] + 0.5) / n - cx
        py = (np.arange(spot[0].start, spot[0].start + height)[:, None] + 0.5) / n - cy
        u = (px * np.cos(turn) + py * np.sin(turn)) / long
        v = (py * np.cos(turn) - px * np.sin(turn)) / wide
        ox, oy = rng.uniform(0, 1, 2)
        streak = sample(self.smear, 0.05 * u * long * 10 + ox, 1.5 * v * wide + oy) - 0.5
        torn = 0.30 * streak
        outside = np.maximum(np.abs(u + 0.12 * v * v) + torn, np.abs(v) + 0.3 * torn)
        cover = np.clip((1 - outside) * min(long, wide) * n * 0.7, 0, 1) * (
            streak > -0.36 + 0.25 * np.clip(u, 0, 1)
        )
        second = np.clip(colour + rng.normal(0, 0.09, 3), 0, 1)
        blend = np.clip(0.5 + 3.2 * streak + 0.4 * v, 0, 1)[..., None]
        paint = colour * (1 - blend) + second * blend + (0.10 * streak)[..., None] + rng.normal(0, 0.025)
        self.canvas[spot] = mix(self.canvas[spot], paint, cover)
        lip = np.exp(-(((1 - np.abs(v)) / 0.16) ** 2)) * 0.30 + np.exp(-(((1 - u) / 0.10) ** 2)) * 0.40
        top = 0.45 + 0.55 * streak + lip - 0.10 * u
        self.relief[spot] = self.relief[spot] * (1 - cover) + cover * (0.25 * self.relief[spot] + 0.75 * top)
