"""Woodcut: mountains, pines and a red sun in lines that swell with the shade, from three blocks."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Array, colours, fbm, grid, mix, noise, painter, paper, shifted
from .canvas import smoothstep as step

PAPER, BLUE, RED, INK = colours("efe3c8", "5b8a99", "d6452c", "1d1a22")
SUN = (0.68, 0.25)


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    shaky = 0.0011 * noise(n, 45, rng) + 0.0005 * noise(n, 130, rng)
    x, y = x + shaky, y + 0.0011 * noise(n, 45, rng)
    key, tint, red = _blocks(x, y, n, rng)

    wood = fbm(n, 46, 3, rng, stretch=14)
    rings = 0.5 + 0.5 * np.sin(wood * 26 + 6 * y)
    fleck = step(noise(n, 380, rng) + 0.5 * noise(n, 120, rng), 2.1, 2.7)
    picture = PAPER * paper(n, rng, 0.022)[..., None]
    soft = 0.80 + 0.20 * rings
    picture = mix(picture, picture * BLUE, shifted(tint, 0.0015, -0.001) * soft * (1 - 0.7 * fleck))
    picture = mix(
        picture, picture * RED * 1.05, shifted(red, -0.0012, 0.0015) * (0.88 + 0.12 * rings) * (1 - fleck)
    )
    picture = mix(picture, INK * np.ones_like(picture), key * (0.93 - 0.10 * rings * wood) * (1 - fleck))
    return picture


def _cut(phase: Array, shade: Array, n: int, lines: float) -> Array:
    """Lines at whole values of `phase`, as wide as `shade` (0 none, 1 solid), `lines` of them to a side."""
    near = np.abs(phase - np.round(phase)) * 2
    soft = 1.6 * lines / n
    return step(np.clip(shade, 0, 1) * (1 + 2 * soft) - soft - near, -soft, soft)


def _blocks(x: Array, y: Array, n: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """The key block's lines, and where the blue and the red block print."""
    far = np.hypot(x - SUN[0], y - SUN[1])
    swell = fbm(n, 7, 4, rng, stretch=3)
    arcs = far * 62 + 0.9 * (fbm(n, 5, 3, rng) - 0.5)
    shade = 0.16 + 0.75 * np.clip(0.62 - 1.5 * y, 0, 1) + 0.35 * (swell - 0.45)
    key = _cut(arcs, shade * step(far, 0.135, 0.20), n, 62)
    sun = step(0.118 - far, -0.0008, 0.0008)
    tint = 0.75 * np.clip(0.85 - 1.9 * y, 0, 1) * step(far, 0.12, 0.30)
    red = np.maximum(sun, 0.5 * np.exp(-(((y - 0.56) / 0.07) ** 2)) * (1 - sun))
    for k, (base, high, cells, turn) in enumerate(((0.50, 0.24, 3.2, 0.9), (0.60, 0.20, 4.3, -0.7))):
        key, tint, red = _mountain((key, tint, red), x, y, rng, (base, high, cells, turn), near=k)
    lake = step(y - 0.705, -0.001, 0.001)
    ripple = fbm(n, 24, 3, rng, stretch=9)
    rows = (y - 0.70) * (120 - 60 * y) + 0.8 * np.sin(17 * x + 3 * swell) * 0.15 + 0.7 * (ripple - 0.5)
    glow = np.exp(-(((x - SUN[0]) / (0.06 + 0.25 * (y - 0.7))) ** 2))
    shade = 0.20 + 0.55 * ripple + 0.25 * np.abs(x - 0.5) - 0.75 * glow * (ripple < 0.62)
    key = key * (1 - lake) + lake * _cut(rows, shade, n, 75)
    tint = tint * (1 - lake) + lake * (0.85 - 0.75 * glow)
    red = red * (1 - lake) + lake * 0.9 * glow * step(ripple, 0.35, 0.6)
    wood, leaf = _pines(n, rng)
    flick = _cut(x * 60 + y * 95 + 2 * swell, 1.02 - 0.50 * leaf * step(fbm(n, 70, 2, rng), 0.4, 0.7), n, 110)
    return np.maximum(key * (1 - wood), wood * flick), tint * (1 - 0.8 * wood), red * (1 - wood)


def _mountain(
    plates: tuple[Array, Array, Array],
    x: Array,
    y: Array,
    rng: np.random.Generator,
    form: tuple[float, float, float, float],
    near: int,
) -> tuple[Array, Array, Array]:
    """A range over the plates: lines fall from its ridges to both sides, one lit and one in shade.

    Args:
        form: height of its foot, its own height, peaks across, and how its lines lean.
        near: 0 for the farther range, 1 for the nearer.
    """
    key, tint, red = plates
    n = x.shape[0]
    base, high, cells, turn = form
    line = np.arange(4 * n, dtype=np.float32) / (4 * n)
    crags: Array = np.zeros_like(line)
    for k, (part, start) in enumerate(zip((1.0, 0.42, 0.2, 0.09, 0.045), rng.uniform(0, 2, 5), strict=True)):
        crags += part * np.abs(((line * cells * 2**k + start) % 2) - 1)
    crags = base - high * (crags - crags.min()) / np.ptp(crags) + 0.10 * high
    top = np.interp(x, line, crags)
    wide = n // 5
    even = np.convolve(np.pad(crags, wide, mode="edge"), np.ones(2 * wide + 1) / (2 * wide + 1), "valid")
    bent = fbm(n, 9, 4, rng)
    spread = x + 0.22 * (bent - 0.5) * np.clip((y - top) / 0.10, 0, 1)
    slope = np.sign(np.interp(spread, line, np.gradient(even)))
    below = step(y - top, -0.0012, 0.0012)
    depth = np.clip((y - top) / 0.22, 0, 1)
    lines = 84 + 26 * near
    phase = lines * (0.75 * x * slope + turn * 0.25 * x + 0.62 * y) + 5.5 * (bent - 0.5)
    lit = slope * np.sign(turn) > 0
    shade = np.where(lit, 0.06 + 0.55 * depth * bent, 0.62 + 0.45 * bent - 0.42 * depth)
    shade = shade * (1 - 0.75 * step(depth, 0.55, 1.0)) + 0.10 * near
    rim = step(0.0034 - np.abs(y - top), -0.0008, 0.0008)
    lines_ = np.maximum(_cut(phase, shade, n, lines), rim)
    mist = step(depth, 0.5, 1.0)
    return (
        key * (1 - below) + below * lines_,
        tint * (1 - below) + below * (np.where(lit, 0.10, 0.62) * (1 - mist) + 0.08),
        red * (1 - below) + below * 0.30 * mist * (near == 0),
    )


def _pines(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Pines and a slope in the foreground, and where their lit needles are."""
    image = Image.new("L", (n, n), 0)
    draw = ImageDraw.Draw(image)
    x = np.linspace(-0.02, 1.02, 200)
    ground = 0.915 + 0.035 * np.sin(4.5 * x + 0.8) + 0.006 * rng.standard_normal(200)
    draw.polygon([(0, n), *((a * n, b * n) for a, b in zip(x, ground, strict=True)), (n, n)], fill=255)
    trees = (
        (0.09, 0.36),
        (0.20, 0.47),
        (0.015, 0.52),
        (0.30, 0.63),
        (0.93, 0.50),
        (0.845, 0.64),
        (1.0, 0.60),
    )
    for cx, top in trees:
        foot = 0.95
        draw.polygon(
            [((cx - 0.008) * n, foot * n), (cx * n, top * n), ((cx + 0.008) * n, foot * n)], fill=255
        )
        tiers = int((foot - top) / 0.021)
        for k in range(1, tiers):
            at = top + (foot - 0.05 - top) * k / tiers
            reach = 0.26 * (at - top) ** 0.9 * rng.uniform(0.75, 1.1) + 0.006
            for side in (-1, 1):
                wide = reach * rng.uniform(0.75, 1.1)
                tip = (cx + side * wide, at + 0.35 * wide + 0.008)
                teeth = [(cx, at - 0.016)]
                for t in np.linspace(0.15, 1, 7):
                    px, py = cx + side * wide * t, at - 0.012 + (tip[1] - at + 0.012) * t**1.4
                    teeth += [(px, py), (px - side * 0.004, py + 0.010 * (1.3 - t))]
                draw.polygon([(a * n, b * n) for a, b in [*teeth, tip, (cx, at + 0.012)]], fill=255)
    wood = np.asarray(image, np.float32) / 255
    return wood, np.clip(shifted(wood, -0.006, 0.010) * wood, 0, 1)
