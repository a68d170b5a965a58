"""A loaded brush: strokes of many bristles, drawn as colour and as relief at once.

Each stroke leaves lines of slightly different colour and paint height side by side; `lit` then lets light
fall over the ridges that the bristles left.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from .canvas import Array, light


class StrokeCanvas:
    """A canvas of `n` pixels a side with an underpainting `(m, m, 3)`, that strokes are laid on."""

    def __init__(self, n: int, under: Array) -> None:
        self.n = n
        thin = Image.fromarray((np.clip(under, 0, 1) * 255).astype(np.uint8))
        self.colour = thin.resize((n, n), Image.Resampling.BICUBIC)
        self.relief = Image.new("L", (n, n), 40)
        self._on_colour = ImageDraw.Draw(self.colour)
        self._on_relief = ImageDraw.Draw(self.relief)

    def stroke(
        self, path: Array, width: float, colour: Array, rng: Generator, load: float = 1.0, vary: float = 0.06
    ) -> None:
        """One stroke.

        Args:
            path: `(k, 2)` x and y, 0..1, at least two points.
            width: of the brush, a share of the side.
            colour: three values 0..1.
            load: paint on the brush, 0..1: how high it stands.
            vary: deviation of the bristles' lightness.
        """
        steps = np.gradient(path, axis=0)
        normal = np.stack([-steps[:, 1], steps[:, 0]], 1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        count = max(3, int(width * self.n / 2.2))
        along = np.linspace(0, 1, len(path))[:, None]
        taper = np.sqrt(np.clip(1 - (2 * along - 1) ** 6, 0, 1)) * 0.5 + 0.5
        thick = max(2, round(1.9 * width * self.n / count))
        order = rng.permutation(count)
        tint = rng.normal(0, vary, count) + rng.normal(0, vary / 2)
        for k in order:
            aside = (k + 0.5) / count - 0.5
            start, stop = rng.integers(0, max(1, len(path) // 5), 2)
            line = (path + normal * aside * width * taper)[start : len(path) - stop] * self.n
            points = [tuple(p) for p in line.tolist()]
            shade = np.clip((colour + tint[k]) * 255, 0, 255).astype(int)
            ridge = 90 + 150 * load * (0.55 + 0.45 * abs(2 * aside)) * rng.uniform(0.55, 1)
            self._on_colour.line(points, fill=tuple(shade.tolist()), width=thick)
            self._on_relief.line(points, fill=int(min(255, ridge)), width=thick)

    def lit(self, depth: float, shine: float = 0.25, azimuth: float = 125.0) -> Array:
        """The painting under light from the upper left, `(n, n, 3)` float32."""
        height = np.asarray(self.relief, np.float32) / 255
        diffuse, glint = light(_soften(height), depth, azimuth)
        picture = np.asarray(self.colour, np.float32) / 255
        return (
            picture * (0.35 + 0.65 * diffuse)[..., None] + (shine * glint * (diffuse > 1.02))[..., None] * 0.5
        )


def _soften(height: Array) -> Array:
    """The mean over 3 x 3 pixels."""
    padded = np.pad(height, 1, mode="edge")
    n = height.shape[0]
    return np.mean([padded[i : i + n, j : j + n] for i in range(3) for j in range(3)], axis=0)


def follow(start: Array, angle: Array, length: float, steps: int = 10) -> Array:
    """A path of `steps` points through directions `angle` (`(m, m)`, radians), both ways from `start`."""
    m, half = angle.shape[0], steps // 2
    parts = []
    for sign in (-1, 1):
        at, way = start.astype(np.float64).copy(), []
        for _ in range(half):
            i, j = (np.clip(at, 0, 0.9999) * m).astype(int)
            at = at + sign * length / steps * np.array([np.cos(angle[j, i]), np.sin(angle[j, i])])
            way.append(at)
        parts.append(way)
    return np.array(parts[0][::-1] + [start] + parts[1])
