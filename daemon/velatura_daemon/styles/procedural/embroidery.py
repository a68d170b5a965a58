"""Embroidery: a night garden in satin stitch on dark linen, every thread catching the light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Array, colours, grid, light, noise, painter, ramp

LINEN = colours("22304a")[0]
SILKS = (
    colours("8f1f3f", "d23b4b", "f27d6b", "fbd0b0"),
    colours("a8481c", "e8832a", "f7b733", "fdeaa0"),
    colours("3b2a7a", "6a55b8", "a596e0", "e6dcf7"),
    colours("0f5f73", "1f96a0", "6fc9bd", "d8f2e0"),
    colours("b02a6f", "e0589b", "f59cc0", "fde0ea"),
)
GREENS = colours("1f5f4a", "3f8f56", "8cbf5f", "d3de8a")
GOLD = colours("b8862b", "e8c15a", "fbeaa8")


class Cloth:
    """Linen that stitches are sewn into: colour and height are drawn together."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.n, self.rng = n, rng
        x, y = grid(n)
        warp = np.sin(2 * np.pi * x * 210 + 0.7 * noise(n, 20, rng)) * np.sin(2 * np.pi * y * 210)
        slub = noise(n, 230, rng, 12) + noise(n, 230, rng, 12).T
        tone = 1 + 0.16 * warp + 0.07 * slub
        ground = np.clip(LINEN * tone[..., None] * 255, 0, 255).astype(np.uint8)
        self.colour = Image.fromarray(ground)
        self.height = Image.fromarray((50 + 14 * warp + 8 * slub).clip(0, 255).astype(np.uint8))
        self.pens = ImageDraw.Draw(self.colour), ImageDraw.Draw(self.height)

    def stitch(self, a: Array, b: Array, colour: Array, wide: float = 0.0030) -> None:
        """One thread from a to b, lifted in the middle, dark at both ends where it dives."""
        shade = np.clip(colour * (1 + self.rng.normal(0, 0.05)) + self.rng.normal(0, 0.012), 0, 1)
        pixels = max(3, round(wide * self.n))
        for part, (low, high, lift) in enumerate(((0, 1, 105), (0.08, 0.92, 160), (0.2, 0.8, 200))):
            ends = [tuple(((a + (b - a) * t) * self.n).tolist()) for t in (low, high)]
            tone = shade * (0.62, 0.86, 1.0)[part]
            self.pens[0].line(ends, tuple(int(255 * c) for c in tone), max(1, pixels - part))
            self.pens[1].line(ends, lift, max(1, pixels - part))

    def petal(self, root: Array, tip: Array, wide: float, silk: Array, bend: float = 0.0) -> None:
        """A leaf shape filled with slanting satin stitches, dark at the root, split along its rib."""
        axis = tip - root
        long = np.hypot(*axis)
        axis = axis / long
        side = np.array([-axis[1], axis[0]])
        for t in np.arange(0.02, 1.0, 0.0021 / long):
            half = wide * np.sin(np.pi * t**0.75) ** 0.8
            rib = root + axis * long * t + side * bend * np.sin(np.pi * t)
            for sign in (-1, 1):
                edge = rib + side * sign * half - axis * (0.55 * half) + self.rng.normal(0, 0.0008, 2)
                tone = t * 0.8 + 0.10 * sign + self.rng.normal(0, 0.07)
                self.stitch(rib + axis * 0.25 * half, edge, ramp(np.array([tone]), silk)[0])

    def chain(self, path: Array, silk: Array) -> None:
        """Stem stitch along a path `(k, 2)`."""
        steps = np.cumsum(np.r_[0, np.hypot(*np.diff(path, axis=0).T)])
        at = np.arange(0, steps[-1], 0.009)
        points = np.stack([np.interp(at, steps, path[:, k]) for k in (0, 1)], 1)
        for k in range(len(points) - 2):
            way = points[k + 2] - points[k]
            off = np.array([-way[1], way[0]]) / (np.hypot(*way) + 1e-9) * 0.0018
            tone = np.array([0.5 + self.rng.normal(0, 0.15)])
            self.stitch(
                points[k] - off, points[k + 2] * 0.85 + points[k] * 0.15 + off, ramp(tone, silk)[0], 0.0042
            )

    def knot(self, at: Array, radius: float, silk: Array) -> None:
        """A French knot: a small coil."""
        for k in range(7):
            turn = self.rng.uniform(0, np.pi)
            way = np.array([np.cos(turn), np.sin(turn)]) * radius
            tone = np.array([0.25 + 0.1 * k])
            self.stitch(at - way, at + way, ramp(tone, silk)[0], 0.0028)


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    cloth = Cloth(n, rng)
    heads = _spread(rng)
    for k, (at, radius) in enumerate(heads):
        t = np.linspace(0, 1, 60)[:, None]
        foot = at + np.array([rng.normal(0, 0.10), 1.9 * radius + 0.05])
        sway = np.array([0.05 * (-1) ** k, 0]) * np.sin(np.pi * t)
        cloth.chain(at * (1 - t) + foot * t + sway, GREENS)
        for side in (-1, 1):
            root = at * 0.35 + foot * 0.65
            tip = root + np.array([side * radius * rng.uniform(0.9, 1.3), -radius * rng.uniform(0.1, 0.6)])
            cloth.petal(root, tip, 0.20 * radius, GREENS, side * 0.15 * radius)
    for k, (at, radius) in enumerate(heads):
        silk = SILKS[k % len(SILKS)]
        count, start = int(rng.integers(7, 10)), rng.uniform(0, 6)
        for ring, (reach, wide, step) in enumerate(((1.0, 0.24, 0.0), (0.64, 0.18, 0.5))):
            for p in range(count):
                turn = start + 2 * np.pi * (p + step) / count
                way = np.array([np.cos(turn), np.sin(turn)])
                tip = at + way * radius * reach * rng.uniform(0.93, 1.05)
                cloth.petal(at + way * 0.14 * radius, tip, wide * radius, silk[::-1] if ring else silk)
        for p in range(16):
            turn, reach = 2.4 * p, radius * 0.055 * np.sqrt(p)
            cloth.knot(at + np.array([np.cos(turn), np.sin(turn)]) * reach, 0.0062, GOLD)
    stars: list[Array] = []
    for _ in range(900):
        at = rng.uniform(0, 1, 2)
        free = min(np.hypot(*(at - head)) - 1.04 * radius for head, radius in heads)
        if free > 0 and all(np.hypot(*(at - star)) > 0.024 for star in stars):
            stars.append(at)
            turn = rng.uniform(0, 6)
            for p in range(5):
                way = np.array([np.cos(turn + 1.257 * p), np.sin(turn + 1.257 * p)])
                cloth.stitch(at + way * 0.002, at + way * 0.010, SILKS[rng.integers(0, 5)][3], 0.0034)
            cloth.knot(at, 0.0028, GOLD)
    height = np.asarray(cloth.height, np.float32) / 255 + 0.03 * noise(n, 400, rng)
    diffuse, shine = light(height, 0.0060, 125)
    silk = np.asarray(cloth.colour, np.float32) / 255
    thread = (height > 0.36).astype(np.float32)
    return silk * (0.42 + 0.58 * diffuse)[..., None] + (0.20 * shine * thread)[..., None]


def _spread(rng: np.random.Generator) -> list[tuple[Array, float]]:
    """Flower heads that do not touch: middle and radius, the highest first."""
    heads: list[tuple[Array, float]] = []
    for radius in np.geomspace(0.17, 0.034, 34):
        for _ in range(400):
            at = rng.uniform(-0.03, 1.03, 2)
            if all(np.hypot(*(at - other)) > radius + r + 0.004 for other, r in heads):
                heads.append((at, radius))
                break
    return sorted(heads, key=lambda head: head[0][1])
