"""Stained glass: a sun in rings of panes over hills and water, leaded, lit from behind."""

from __future__ import annotations

import numpy as np

from .canvas import Array, blur, cells, colours, fbm, grid, light, mix, noise, painter, sample
from .canvas import smoothstep as step

SUN = (0.56, 0.37)
WARM = colours("fff3b0", "ffd23f", "ff9f1c", "f3602c", "d7263d", "9b1d50")
SKY = colours("a9dbe0", "4a9fd0", "2a70bd", "2749a5", "33308c", "5b2a86", "7a2f7e")
HILLS = colours("d9d24a", "8fb544", "3f9450", "1c7358", "0f5150")
WATER = colours("c9eedd", "58bdb8", "2390a8", "175f93", "173a74")


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    seeds, region = _panes(rng)
    index, border = cells(n, seeds)
    glass = _colour_of(seeds, region, rng)[index]
    x, y = grid(n)

    turn = rng.uniform(0, np.pi, len(seeds)).astype(np.float32)[index]
    u = (x * np.cos(turn) + y * np.sin(turn)) * 0.35 + turn
    v = (y * np.cos(turn) - x * np.sin(turn)) * 2.2 + turn
    streaks = sample(fbm(n, 7, 4, rng), u, v) - 0.5
    ripple = sample(noise(n, 60, rng), u + v * 0.2, v)
    inside = step(border, 0.0, 0.022)
    near = np.exp(-2.2 * np.hypot(x - SUN[0], y - SUN[1]))
    value = 0.50 + 0.26 * inside + 0.55 * streaks + 0.06 * ripple + 0.26 * near
    glass = glass * value[..., None]
    glass = glass + (0.16 * step(streaks, 0.18, 0.42) * inside)[..., None]
    dust = noise(n, 330, rng)
    glass = glass * (1 - 0.22 * step(dust, 1.6, 2.6))[..., None] + (0.3 * step(-dust, 2.1, 2.9))[..., None]

    glow = blur(np.where((border < 0.004)[..., None], 0, glass), 0.012)
    across = _outer(index, region, n)
    width = 0.0036 + 0.0030 * across + 0.0006 * noise(n, 30, rng)
    lead = step(width - border, -0.0004, 0.0006)
    round_ = np.sqrt(np.clip(1 - (border / np.maximum(width, 1e-4)) ** 2, 0, 1))
    diffuse, shine = light(round_ + 0.05 * noise(n, 200, rng), 0.004, 120)
    came = colours("23232b")[0] * (0.45 + 0.55 * diffuse)[..., None] + 0.22 * shine[..., None]
    return mix(glass, came, lead) + 0.24 * glow


def _panes(rng: np.random.Generator) -> tuple[Array, Array]:
    """Seeds `(k, 2)` and their region: 0 sun, 1 sky, 2 hills, 3 water."""
    points = [SUN]
    for ring in range(1, 17):
        radius = 0.052 * ring + 0.0011 * ring**2
        count = int(7 + 4.6 * ring)
        turn = 2 * np.pi * (np.arange(count) + 0.5 * (ring % 2) + rng.uniform(-0.22, 0.22, count)) / count
        far = radius * rng.uniform(0.97, 1.03, count)
        points += list(zip(SUN[0] + far * np.cos(turn), SUN[1] + far * np.sin(turn), strict=True))
    sky = np.array([p for p in points if p[1] < _ridge(p[0]) - 0.01])
    land = []
    for row in range(9):
        for column in range(14):
            at = (column + 0.5 * (row % 2) + rng.uniform(-0.25, 0.25)) / 13.2
            land.append((at, _ridge(at) + 0.028 + 0.047 * row + rng.uniform(-0.008, 0.008)))
    seeds = np.concatenate([sky, np.array(land)])
    far = np.hypot(*(seeds - SUN).T)
    below = seeds[:, 1] > _ridge(seeds[:, 0])
    shore = 0.80 + 0.03 * np.sin(9 * seeds[:, 0] + 1)
    region = np.where(below, np.where(seeds[:, 1] > shore, 3, 2), np.where(far < 0.30, 0, 1))
    return seeds, region


def _ridge(x: Array | float) -> Array | float:
    return 0.63 + 0.055 * np.sin(5.2 * x + 0.6) + 0.025 * np.sin(12 * x)


def _colour_of(seeds: Array, region: Array, rng: np.random.Generator) -> Array:
    """A colour for every pane: a walk through its region's palette, with chance."""
    far = np.hypot(*(seeds - SUN).T)
    depth = [far / 0.30, (far - 0.30) / 0.62, (seeds[:, 1] - 0.6) / 0.24, (seeds[:, 1] - 0.78) / 0.24]
    made = np.zeros((len(seeds), 3), np.float32)
    for k, palette in enumerate((WARM, SKY, HILLS, WATER)):
        at = np.clip(depth[k] + rng.normal(0, 0.13, len(seeds)), 0, 1) * (len(palette) - 1)
        made = np.where((region == k)[:, None], palette[at.round().astype(int)], made)
    odd = rng.random(len(seeds)) < 0.06
    made[odd & (region == 1)] = colours("f7b2ad")[0]
    made[odd & (region == 3)] = colours("ffd98a")[0]
    return made


def _outer(index: Array, region: Array, n: int) -> Array:
    """1 along borders between regions, fading within a hundredth of the side."""
    area = region[index]
    edge = np.zeros((n, n), np.float32)
    edge[:-1] += area[:-1] != area[1:]
    edge[:, :-1] += area[:, :-1] != area[:, 1:]
    return np.clip(blur(np.minimum(edge, 1), 0.003) * 12, 0, 1)
