"""Gilded fans: art deco sunbursts and arcs of enamel in gold leaf, tile against tile."""

from __future__ import annotations

import numpy as np

from .canvas import Array, colours, fbm, grid, light, mix, noise, painter, ramp
from .canvas import smoothstep as step

ENAMEL = colours("0c2b3a", "14504f", "1e7a72", "e9dcc3", "d9795d", "7a1f3d", "15192e", "c7b182")
LEAF = colours("5e3f14", "a8762a", "e0b354", "fbe7a1", "d9a441", "8a5d1f")
TILES = 4


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    column, row = (np.minimum((c * TILES).astype(int), TILES - 1) for c in (x, y))
    u, v = x * TILES - column, y * TILES - row
    corner = (column + row) % 2 + 2 * (row % 2)
    u = np.where((corner == 1) | (corner == 2), 1 - u, u)
    v = np.where(corner >= 2, 1 - v, v)
    scheme = (column // 2 * 3 + row // 2 * 5 + column * row) % 4

    far, angle = np.hypot(u, v), np.arctan2(v, u) / (np.pi / 2)
    other = np.hypot(1 - u, 1 - v)
    picture = ENAMEL[_pick(scheme, (0, 6, 5, 1))]
    gold = np.zeros((n, n), np.float32)
    soft = 1.4 * TILES / n

    def within(low: float, high: float, distance: Array = far) -> Array:
        return step(distance - low, -soft, soft) * step(high - distance, -soft, soft)

    def line(at: float, wide: float, distance: Array = far) -> Array:
        return within(at - wide / 2, at + wide / 2, distance)

    rays = 18
    wedge = np.abs(angle * rays % 1 - 0.5) * 2
    fan = within(0.36, 0.90)
    picture = mix(picture, ENAMEL[_pick(scheme, (2, 4, 3, 7))], fan * ((angle * rays).astype(int) % 2 == 0))
    gold = np.maximum(gold, fan * step(0.09 - (1 - wedge) * far, -0.02, 0.02))
    scallop = 0.90 + 0.055 * np.sqrt(np.clip(1 - wedge**2, 0, 1))
    picture = mix(
        picture, ENAMEL[_pick(scheme, (3, 7, 4, 2))], within(0.90, 2.0) * step(scallop - far, -soft, soft)
    )
    gold = np.maximum(gold, step(0.010 - np.abs(far - scallop), -soft, soft))
    petals = 6
    leaf = np.abs(angle * petals % 1 - 0.5) * 2
    arch = 0.36 - 0.13 * leaf**1.7
    picture = mix(picture, ENAMEL[_pick(scheme, (5, 1, 6, 4))], step(arch - far, -soft, soft))
    inner = 0.31 - 0.15 * leaf**1.3
    picture = mix(picture, ENAMEL[_pick(scheme, (4, 3, 2, 5))], step(inner - far, -soft, soft))
    gold = np.maximum(gold, step(0.008 - np.abs(far - arch), -soft, soft))
    gold = np.maximum(gold, step(0.006 - np.abs(far - inner), -soft, soft))
    for at, wide in (
        (0.90, 0.020),
        (0.36, 0.018),
        (0.385, 0.006),
        (0.875, 0.006),
        (0.13, 0.016),
        (0.105, 0.006),
    ):
        gold = np.maximum(gold, line(at, wide))
    picture = mix(picture, ENAMEL[_pick(scheme, (3, 5, 7, 6))], step(0.105 - far, -soft, soft))
    rest = step(far - 0.975, -soft, soft)
    bands = (other * 26).astype(int) % 3
    picture = mix(picture, ENAMEL[_pick(scheme, (6, 0, 1, 5))], rest)
    gold = np.maximum(gold, rest * (bands == 0))
    gold = np.maximum(gold, line(0.985, 0.022))
    studs = np.hypot((angle * rays % 1 - 0.5) / rays * 1.5708 * 0.62, far - 0.63)
    gold = np.maximum(gold, step(0.011 - studs, -soft, soft))
    return _gilded(picture, gold, x, y, n, rng)


def _pick(scheme: Array, order: tuple[int, ...]) -> Array:
    return np.array(order)[scheme]


def _gilded(picture: Array, gold: Array, x: Array, y: Array, n: int, rng: np.random.Generator) -> Array:
    """Enamel under gold leaf, lit: the leaf shimmers, is rubbed at places, and stands over the enamel."""
    cloud = fbm(n, 5, 4, rng)
    crackle = step(np.abs(fbm(n, 16, 4, rng) - 0.5), 0.010, 0.0)
    brushed = noise(n, 380, rng, 14)
    enamel = picture * (0.82 + 0.30 * cloud + 0.025 * brushed - 0.10 * crackle)[..., None]
    enamel = enamel + 0.035 * step(noise(n, 300, rng), 1.9, 2.6)[..., None]
    sheen = 0.5 + 0.34 * np.sin(9 * (x + 0.7 * y) + 4 * cloud) + 0.07 * brushed + 0.10 * noise(n, 90, rng)
    worn = step(noise(n, 130, rng) + 0.6 * noise(n, 40, rng), 1.5, 2.2)
    diffuse, shine = light(gold + 0.02 * brushed, 0.0035, 125)
    leaf = ramp(sheen, LEAF) * (0.45 + 0.55 * diffuse)[..., None] + 0.35 * shine[..., None] * gold[..., None]
    return mix(enamel * (0.6 + 0.4 * diffuse)[..., None], leaf, gold * (1 - 0.75 * worn))
