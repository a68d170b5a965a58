"""The scene that thumbnails show: a farmhouse by a lake, painted plainly so that a style can speak."""

from __future__ import annotations

import numpy as np

from .canvas import Array, colours, fbm, grid, mix, noise, painter, ramp
from .canvas import smoothstep as step

SKY = colours("6f9fce", "a9c8e2", "e2e6e4", "f3e2c6")
SLOPES = colours("a7b4c8", "7f93a9", "66798a")
GRASS = colours("8fa65a", "6e8d47", "55743a")
LEAVES = colours("2f4a2c", "4c6f37", "7f9a48", "b9b860")


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    soft = 1.5 / n

    def over(below: Array, colour: Array, depth: Array) -> Array:
        return mix(below, colour, step(depth, -soft, soft))

    cloud = fbm(n, 4, 5, rng, stretch=2.2)
    picture = ramp(y / 0.5, SKY)
    picture = mix(picture, colours("fbf7ee")[0], step(cloud, 0.40, 0.78) * step(y, 0.50, 0.12))
    for k, (base, high, bend) in enumerate(((0.44, 0.20, 1.3), (0.49, 0.13, 2.4))):
        crest = base - high * (0.5 + 0.32 * np.sin(4.6 * x * bend + k) + 0.18 * np.sin(11 * x * bend + 2 + k))
        crest = crest - 0.012 * noise(n, 18, rng)
        rock = ramp(0.35 * k + 0.5 * fbm(n, 12, 4, rng), SLOPES)
        snow = step(crest + 0.045 + 0.03 * cloud - y, -0.01, 0.01) * (k == 0)
        picture = over(picture, mix(rock, colours("f1f2f4")[0], snow), y - crest)
    ripple = fbm(n, 22, 3, rng, stretch=8)
    lake = ramp(0.15 + (y - 0.5) * 2.2 + 0.35 * (ripple - 0.5), SKY[::-1]) * 0.92
    picture = over(picture, lake, y - 0.50)
    shore = 0.60 + 0.06 * np.sin(3.1 * x + 0.3) + 0.012 * np.sin(13 * x)
    meadow = ramp(fbm(n, 9, 5, rng) * 0.7 + 0.9 * (y - 0.62), GRASS)
    picture = over(picture, meadow, y - shore)
    bloom = step(noise(n, 70, rng), 1.9, 2.3) * step(y - shore, 0.06, 0.20)
    picture = mix(picture, ramp(fbm(n, 20, 2, rng), colours("c9473f", "f0e6d8", "e0b040")), bloom)
    middle = 0.50 + 0.16 * np.sin(7 * (y - 0.62)) - 0.25 * (y - 0.9)
    path = (0.012 + 0.30 * np.clip(y - 0.66, 0, 1)) - np.abs(x - middle)
    sand = ramp(fbm(n, 30, 3, rng), colours("cdb48c", "e3d0a8"))
    picture = mix(picture, sand, step(path, -0.012, 0.012) * step(y, 0.655, 0.68))
    picture = _house(picture, x, y, over, fbm(n, 40, 3, rng))
    return _trees(picture, x, y, n, rng)


def _house(picture: Array, x: Array, y: Array, over, grain: Array) -> Array:
    """A white house with a red roof, lit from the left."""
    left, right, eaves, foot = 0.56, 0.76, 0.545, 0.675
    front = np.minimum(np.minimum(x - left, right - x), np.minimum(y - eaves, foot - y))
    wall = colours("f0e8d8")[0] * (0.92 + 0.12 * grain)[..., None]
    picture = over(picture, wall, front)
    picture = over(picture, wall * 0.72, np.minimum(front, x - 0.70))
    for cx in (0.595, 0.655):
        pane = np.minimum(0.016 - np.abs(x - cx), 0.020 - np.abs(y - 0.592))
        picture = over(picture, colours("4b6480")[0], pane)
        bars = np.minimum(pane, 0.0022 - np.minimum(np.abs(x - cx), np.abs(y - 0.592)))
        picture = over(picture, colours("f7f3ea")[0], bars)
    door = np.minimum(0.014 - np.abs(x - 0.625), np.minimum(y - 0.622, foot - y))
    picture = over(picture, colours("6d4630")[0], door)
    chimney = np.minimum(0.012 - np.abs(x - 0.71), np.minimum(y - 0.435, 0.50 - y))
    picture = over(picture, colours("9a6a52")[0], chimney)
    slant = 0.55 * (y - 0.455)
    roof = np.minimum(
        np.minimum(x - (0.60 - slant), (0.72 + slant) - x), np.minimum(y - 0.455, eaves + 0.008 - y)
    )
    tiles = 0.86 + 0.16 * grain + 0.08 * np.sign(np.sin(y * 560))
    return over(picture, colours("b5483a")[0] * tiles[..., None], roof)


def _trees(picture: Array, x: Array, y: Array, n: int, rng: np.random.Generator) -> Array:
    """A round tree at the left, a small one behind the house, their shadows on the grass."""
    leaf = fbm(n, 26, 4, rng)
    for cx, cy, radius, foot in ((0.215, 0.42, 0.185, 0.76), (0.86, 0.53, 0.075, 0.665)):
        shade = 1 - np.hypot((x - cx - 0.35 * radius) / (1.1 * radius), (y - foot) / (0.20 * radius))
        picture = mix(picture, picture * 0.55, step(shade, -0.1, 0.5))
        trunk = (0.055 + 0.05 * (y - cy) / radius) * radius - np.abs(x - cx - 0.02 * np.sin(14 * y))
        bark = ramp(leaf, colours("4a3628", "7a5f48"))
        picture = mix(picture, bark, step(trunk, -0.001, 0.001) * ((y > cy) & (y < foot)))
        far = np.hypot(x - cx, (y - cy) * 1.05) + 0.11 * radius * (3.4 * leaf - 1.6)
        light = 0.45 - 0.45 * ((x - cx) + 1.2 * (y - cy)) / radius + 0.75 * (leaf - 0.5)
        picture = mix(picture, ramp(light, LEAVES), step(radius - far, -0.006, 0.004))
    return picture
