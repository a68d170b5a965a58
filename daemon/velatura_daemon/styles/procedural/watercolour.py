"""Watercolour: anemones wet in wet, with blooms, hard drying edges, granulation and spatter."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .canvas import Array, around, colours, fbm, grid, light, noise, painter, sample
from .canvas import smoothstep as step

PETALS = colours("c8265a", "7c3aa0", "e2603a", "3f5fc0", "d94f8c", "f0a23c")
LEAVES = colours("4f8f52", "86a844", "3c7f84")
WASHES = colours("7fb6d6", "b9a4d8", "f2c2a0", "a8cfa0", "f4d98a")


STAMENS = colours("2a2140")[0]
HEADS = (
    (0.27, 0.28, 0.17), (0.68, 0.22, 0.14), (0.52, 0.52, 0.19), (0.86, 0.52, 0.12), (0.15, 0.63, 0.13),
    (0.33, 0.86, 0.14), (0.76, 0.83, 0.17), (0.95, 0.12, 0.09), (0.05, 0.09, 0.10),
    (0.47, 0.07, 0.08), (0.55, 0.97, 0.09), (0.02, 0.42, 0.07), (0.98, 0.74, 0.07), (0.08, 0.95, 0.09),
)  # fmt: skip
"""Flowers: middle and radius, each blooming in another colour."""


class WetPaper:
    """Wet paper: every touch of colour absorbs light, and follows the sheet's own noise."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.n = n
        self.x, self.y = grid(n)
        self.rng = rng
        self.left = np.ones((n, n, 3), np.float32)
        self.tooth = 0.6 * noise(n, 230, rng) + 0.6 * noise(n, 110, rng) + 0.3 * noise(n, 420, rng)
        self.bleed = [fbm(n, c, 4, rng) - 0.5 for c in (3, 6, 11)]

    def wash(self, shape: Shape, colour: Array, strength: float, hard: float, ragged: float) -> None:
        """Colour inside a shape.

        Args:
            hard: 0 for wet in wet, 1 for an edge that dried and pooled.
            ragged: how far the outline wanders, a share of the side.
        """
        spot = around(self.n, shape.cx, shape.cy, shape.reach + ragged + 0.09 * (1 - hard))
        x, y = self.x[spot], self.y[spot]
        if x.size == 0:
            return
        ox, oy = self.rng.uniform(0, 1, 2)
        wander = [sample(b, x + ox, y + oy) for b in self.bleed]
        edge = shape.depth(x, y) + ragged * (wander[0] + 0.55 * wander[1] + 0.35 * wander[2])
        soft = 0.045 * (1 - hard) + 0.0022
        inside = step(edge, -soft, soft)
        pool = hard * np.exp(-((np.clip(edge, 0, 1) / 0.0055) ** 2)) * inside
        mottle = 0.62 + 0.9 * wander[1] + 0.7 * wander[2]
        bloom = step(np.abs(wander[0] * 2.4 + wander[2]), 0.09, 0.0) * 0.25
        amount = strength * (inside * np.clip(mottle + bloom, 0.15, 1.5) + 1.1 * pool)
        amount = np.clip(amount * (1 + 0.17 * np.clip(self.tooth[spot], -2, 2)), 0, None)
        self.left[spot] *= np.exp(np.log(np.clip(colour, 0.03, 0.98)) * amount[..., None])


@dataclass(frozen=True)
class Shape:
    """An ellipse or a bent leaf: its middle, half axes and turn."""

    cx: float
    cy: float
    long: float
    wide: float
    turn: float = 0.0
    bend: float = 0.0

    @property
    def reach(self) -> float:
        return max(self.long, self.wide) * (1 + abs(self.bend))

    def depth(self, x: Array, y: Array) -> Array:
        """How deep inside the outline a point lies; negative outside (shares of the side)."""
        u = ((x - self.cx) * np.cos(self.turn) + (y - self.cy) * np.sin(self.turn)) / self.long
        v = ((y - self.cy) * np.cos(self.turn) - (x - self.cx) * np.sin(self.turn)) / self.wide
        return (1 - np.hypot(u, v + self.bend * self.long / self.wide * u * u)) * min(self.long, self.wide)


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    sheet = WetPaper(n, rng)
    for k in range(10):
        cx, cy = rng.uniform(0, 1, 2)
        radius = rng.uniform(0.14, 0.26)
        sheet.wash(Shape(cx, cy, radius, radius), WASHES[k % 5], 0.60, 0.15, 0.25)
    for cx, cy, radius in HEADS:
        for _ in range(4):
            turn, long = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.55, 0.8)
            at = radius * 0.7 + long
            leaf = Shape(cx + at * np.cos(turn), cy + at * np.sin(turn), long, 0.16 * long, turn, 0.22)
            sheet.wash(leaf, LEAVES[rng.integers(0, 3)], 0.65, 0.9, 0.014)
    for k, head in enumerate(HEADS):
        _flower(sheet, *head, PETALS[k % len(PETALS)])
    for _ in range(110):
        cx, cy = rng.uniform(0, 1, 2)
        _dot(sheet, cx, cy, 0.0012 + 0.006 * rng.random() ** 4, PETALS[rng.integers(0, 6)], 0.6)
    diffuse, _ = light(sheet.tooth * 0.5, 0.0016, 120)
    ground = colours("fdfaf1")[0] * (0.72 + 0.28 * diffuse)[..., None]
    return ground * sheet.left


def _flower(sheet: WetPaper, cx: float, cy: float, radius: float, colour: Array) -> None:
    rng = sheet.rng
    count = int(rng.integers(6, 9))
    start = rng.uniform(0, 2 * np.pi)
    for k in range(count):
        turn = start + 2 * np.pi * k / count + rng.normal(0, 0.12)
        at, wide = 0.56 * radius, 0.30 * radius * rng.uniform(0.85, 1.2)
        petal = Shape(cx + at * np.cos(turn), cy + at * np.sin(turn), 0.47 * radius, wide, turn)
        tint = np.clip(colour + rng.normal(0, 0.05, 3), 0.04, 0.97)
        sheet.wash(petal, tint, rng.uniform(0.45, 0.80), 0.9, 0.030)
        sheet.wash(replace(petal, long=0.3 * radius, wide=0.6 * wide), tint * 0.8, 0.35, 0.2, 0.05)
    sheet.wash(Shape(cx, cy, 0.17 * radius, 0.17 * radius), STAMENS, 1.5, 0.6, 0.012)
    for turn in rng.uniform(0, 2 * np.pi, 26):
        reach = radius * rng.uniform(0.20, 0.34)
        _dot(sheet, cx + reach * np.cos(turn), cy + reach * np.sin(turn), 0.0030, STAMENS, 1.1)


def _dot(sheet: WetPaper, cx: float, cy: float, radius: float, colour: Array, strength: float) -> None:
    """A drop of spatter."""
    spot = around(sheet.n, cx, cy, 1.5 * radius + 0.002)
    far = np.hypot(sheet.x[spot] - cx, sheet.y[spot] - cy)
    cover = step(radius - far, -0.0008, 0.0008) * strength
    sheet.left[spot] *= np.exp(np.log(np.clip(colour, 0.03, 0.98)) * cover[..., None])
