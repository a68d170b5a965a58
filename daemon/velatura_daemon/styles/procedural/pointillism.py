"""Pointillism: a river at sundown in dots of pure colour, complementary dots among them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Array, colours, fbm, grid, mix, noise, painter, paper, ramp
from .canvas import smoothstep as step

SKY = colours("5f7fc2", "88a4d8", "c5b9dc", "f3c6b8", "fbd58a", "fbe9a8")
WATER = colours("fbe0a0", "f0b49a", "a98fc4", "5d7fbf", "3a5f9f", "2b4c7f")
TREES = colours("1f3a4f", "2c5a4a", "4f8a3c", "95b23e", "e0c24a")
BANK = colours("35563f", "6f8f3a", "b6b145", "e3b85a", "d98a57", "a3567a")
FINE = 768


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    scene = _scene(rng)
    canvas = Image.new("RGB", (n, n), (238, 226, 200))
    draw = ImageDraw.Draw(canvas)
    for spacing, radius, stray in ((0.0105, 0.0070, 0.05), (0.0075, 0.0044, 0.09), (0.0062, 0.0030, 0.15)):
        for x, y in _jittered(spacing, rng):
            i, j = int(np.clip(x, 0, 0.999) * FINE), int(np.clip(y, 0, 0.999) * FINE)
            colour = _pure(scene[j, i], stray, rng)
            r = radius * rng.uniform(0.75, 1.15) * n
            squash = rng.uniform(0.8, 1.0)
            box = (x * n - r, y * n - r * squash, x * n + r, y * n + r * squash)
            draw.ellipse(box, fill=tuple(int(c) for c in colour * 255))
    picture = np.asarray(canvas, np.float32) / 255
    weave = paper(n, rng, 0.022) * (1 + 0.02 * noise(n, 240, rng))
    return picture * weave[..., None]


def _jittered(spacing: float, rng: np.random.Generator) -> Array:
    """Points on a shaken grid, in random order."""
    line = np.arange(-spacing, 1 + spacing, spacing)
    x, y = np.meshgrid(line, line)
    points = np.stack([x.ravel(), y.ravel()], 1) + rng.normal(0, 0.35 * spacing, (x.size, 2))
    return rng.permutation(points)


def _pure(colour: Array, stray: float, rng: np.random.Generator) -> Array:
    """A dot's colour: purer than the scene's, off to a neighbour, now and then the complement."""
    grey = colour.mean()
    pure = grey + (colour - grey) * rng.uniform(1.0, 1.45) + rng.normal(0, stray, 3)
    if rng.random() < 0.09:
        pure = grey - (colour - grey) * 1.3 + 0.10
    return np.clip(pure + rng.normal(0, 0.04), 0.02, 1)


def _scene(rng: np.random.Generator) -> Array:
    """The river in flat colours, `(FINE, FINE, 3)`."""
    x, y = grid(FINE)
    shore = 0.50
    soft = fbm(FINE, 4, 4, rng, stretch=3) - 0.5
    picture = ramp(y / shore * 0.95 + 0.28 * soft, SKY)
    glow = np.exp(-np.hypot((x - 0.67) * 1.0, (y - 0.42) * 1.3) * 7)
    picture = mix(picture, colours("fff2b8")[0], 0.8 * glow)
    picture = mix(picture, colours("fff7d0")[0], step(-np.hypot(x - 0.67, y - 0.42), -0.052, -0.046))
    ripples = fbm(FINE, 26, 3, rng, stretch=7) - 0.5
    water = ramp((y - shore) / 0.5 + 0.45 * ripples, WATER)
    path = np.exp(-(((x - 0.67 + 0.03 * ripples) / (0.035 + 0.10 * (y - shore))) ** 2))
    water = mix(water, colours("ffe6a0")[0], path * step(ripples, -0.12, 0.2) * 0.95)
    picture = np.where((y > shore)[..., None], water, picture)
    hills = shore - 0.045 - 0.035 * np.sin(6 * x + 1) - 0.02 * np.sin(15 * x)
    picture = mix(picture, colours("7d86b8")[0], ((y > hills) & (y <= shore)) * 0.75)
    leaf = fbm(FINE, 34, 3, rng)
    for cx, top, wide in (
        (0.07, 0.10, 0.055), (0.17, 0.17, 0.048), (0.26, 0.25, 0.042), (0.335, 0.31, 0.035),
        (0.395, 0.36, 0.028), (0.88, 0.24, 0.05), (0.97, 0.16, 0.055),
    ):  # fmt: skip
        height = shore + 0.005 - top
        at = np.clip((y - top) / height, 0, 1)
        edge = wide * np.sqrt(np.clip(np.sin(np.pi * at**0.8), 0, 1)) * (0.8 + 0.4 * leaf)
        inside = (np.abs(x - cx) < edge) & (y < shore)
        lit = 0.15 + 0.5 * leaf + 0.35 * np.clip((x - cx) / wide * np.sign(0.67 - cx), -1, 1)
        picture = np.where(inside[..., None], ramp(lit, TREES), picture)
        at = np.clip((2 * shore - y * 1.0 - top + 0.0) / height, 0, 1)
        mirror = wide * np.sqrt(np.clip(np.sin(np.pi * at**0.8), 0, 1)) * (0.8 + 0.5 * ripples)
        shadow = (np.abs(x - cx + 0.02 * ripples) < mirror) & (y >= shore) & (y < 2 * shore - top)
        picture = mix(picture, ramp(0.1 + 0.7 * leaf, TREES) * 0.9 + 0.06, shadow * 0.72)
    bank = 0.86 - 0.09 * np.sin(3.4 * x - 0.5) + 0.015 * np.sin(23 * x)
    grass = ramp((y - bank) / 0.22 + 0.6 * (fbm(FINE, 20, 3, rng) - 0.4), BANK)
    return np.where((y > bank)[..., None], grass, picture).astype(np.float32)
