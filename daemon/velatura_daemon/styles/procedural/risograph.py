"""Risograph: hills, sun and leaves in four soy inks, each a halftone at its own angle, slightly off."""

from __future__ import annotations

import numpy as np

from .canvas import Array, colours, fbm, grid, noise, painter, paper, shifted
from .canvas import smoothstep as step

SCREENS = (("ffd400", 0), ("ff4c8b", 75), ("0a7ac4", 15), ("0e2a52", 45))
"""Ink and screen angle in degrees: yellow, fluorescent pink, blue, midnight."""

LINES = 104
"""Screen dots across the picture."""


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    picture = np.ones((n, n, 3), np.float32) * colours("f6efe0")[0]
    picture *= paper(n, rng, 0.014)[..., None]
    plates = _plates(x, y, n, rng)
    for (code, degrees), plate in zip(SCREENS, plates, strict=True):
        cover = _screen(shifted(plate, *rng.normal(0, 0.0016, 2)), x, y, degrees)
        ink = 1 - 0.10 * fbm(n, 6, 4, rng) - 0.55 * step(noise(n, 420, rng), 1.7, 2.4)
        absorbed = 1 - colours(code)[0]
        picture = picture * (1 - absorbed * (0.94 * cover * ink)[..., None])
    return picture


def _screen(tone: Array, x: Array, y: Array, degrees: float) -> Array:
    """Dots whose area is the tone (0..1), on a grid turned by `degrees`."""
    a = np.radians(degrees)
    u, v = (x * np.cos(a) + y * np.sin(a)) * LINES, (y * np.cos(a) - x * np.sin(a)) * LINES
    threshold = 0.5 + 0.25 * (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v))
    return step(tone * 1.12 - 0.06 - threshold, -0.05, 0.05)


def _plates(x: Array, y: Array, n: int, rng: np.random.Generator) -> list[Array]:
    """Tone of each ink, 0..1: what overlaps makes orange, green, violet."""
    yellow, pink = 0.30 + 0.35 * y, 0.62 * np.clip(1.15 - 2.0 * y, 0, 1)
    blue, dark = 0.42 * np.clip(0.55 - 1.4 * y, 0, 1), np.zeros_like(x)
    cloud = fbm(n, 5, 4, rng, stretch=3.5)
    veil = step(cloud, 0.55, 0.75) * step(y, 0.55, 0.2)
    pink, blue = pink * (1 - 0.7 * veil), blue * (1 - 0.8 * veil)
    far = np.hypot(x - 0.36, y - 0.34)
    sun = step(-far, -0.215, -0.213)
    rays = (np.sin(np.arctan2(y - 0.34, x - 0.36) * 30) > 0.25) * step(-far, -0.40, -0.24) * (1 - sun)
    pink = pink * (1 - sun) + sun * (0.25 + 2.6 * np.clip(y - 0.24, 0, 1))
    yellow = np.maximum(yellow, sun * 0.98)
    yellow = np.maximum(yellow, 0.75 * rays)
    blue, dark = blue * (1 - sun), dark * (1 - sun)
    for k, (base, high, cells) in enumerate(((0.52, 0.10, 2.3), (0.62, 0.09, 3.1), (0.73, 0.08, 2.2))):
        top = base + high * (0.6 * np.sin(cells * 2.9 * x + 1.7 * k) + 0.25 * np.sin(cells * 7 * x + k * 2.2))
        hill = step(y - top, -0.0008, 0.0008)
        depth = np.clip((y - top) / 0.2, 0, 1)
        rows = 0.5 + 0.5 * np.sin((y - top) * 190 + 9 * x * (k + 1))
        inks = (
            (0.10, 0.85 - 0.6 * depth, 0.55, 0),
            (0.92, 0.15 + 0.3 * rows, 0.62 - 0.4 * depth, 0),
            (0.95 - 0.5 * depth, 0.05, 0.35 + 0.6 * depth, 0.45 * depth * rows),
        )[k]
        yellow, pink, blue, dark = (
            p * (1 - hill) + hill * ink for p, ink in zip((yellow, pink, blue, dark), inks, strict=True)
        )
    for k in range(15):
        root = np.array([(k + 0.5) / 15 + rng.normal(0, 0.02), 1.04])
        turn, length = rng.normal(-np.pi / 2, 0.38), rng.uniform(0.26, 0.46)
        leaf, rib = _leaf(x, y, root, turn, length, rng.uniform(0.13, 0.20), rng.uniform(-0.5, 0.5))
        tones = (
            (0.9, 0.05, 0.85, 0.25),
            (0.0, 0.95, 0.25, 0.15),
            (0.15, 0.0, 0.95, 0.65),
            (0.95, 0.75, 0, 0.05),
        )
        new = tones[rng.integers(0, 4)]
        veins = 1 - 0.75 * rib
        yellow, pink, blue, dark = (
            p * (1 - leaf) + leaf * t * veins for p, t in zip((yellow, pink, blue, dark), new, strict=True)
        )
    return [np.clip(p, 0, 1) for p in (yellow, pink, blue, dark)]


def _leaf(
    x: Array, y: Array, root: Array, turn: float, length: float, slim: float, bend: float
) -> tuple[Array, Array]:
    """A curved leaf: where it lies, and its ribs."""
    u = ((x - root[0]) * np.cos(turn) + (y - root[1]) * np.sin(turn)) / length
    v = ((y - root[1]) * np.cos(turn) - (x - root[0]) * np.sin(turn)) / length + bend * u * u
    edge = slim * np.sqrt(np.clip(np.sin(np.pi * np.clip(u, 0, 1) ** 0.85), 0, 1))
    leaf = step(edge - np.abs(v), -0.002, 0.004) * ((u > 0) & (u < 1))
    side = np.abs((u - 0.9 * np.abs(v)) * 11 % 1 - 0.5)
    rib = np.maximum(step(0.010 - np.abs(v), -0.002, 0.003), step(0.10 - side, -0.03, 0.03))
    return leaf, leaf * rib
