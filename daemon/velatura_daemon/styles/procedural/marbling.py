"""Paper marbling: drops of ink that push each other aside, then drawn with combs.

Every pixel is followed backwards through the marbler's moves (Lu, Jaffer, Jin, Zhao and Mao, "Mathematical
Marbling", IEEE Computer Graphics and Applications 2012): undo the combs, then the drops from the
last to the first, until a drop is found that holds it.
"""

from __future__ import annotations

import numpy as np

from .canvas import Array, colours, fbm, grid, noise, painter, paper
from .canvas import smoothstep as step

INKS = colours("f4ead2", "12263f", "c8442f", "e2a33b", "2d7f86", "f4ead2", "6f1d2b", "7fb3ae", "1b3c63")


@painter
def paint(n: int, rng: np.random.Generator) -> Array:
    x, y = grid(n)
    shaky = fbm(n, 5, 3, rng) - 0.5
    x, y = x + 0.010 * shaky, y + 0.010 * (fbm(n, 5, 3, rng) - 0.5)
    x, y = _uncurl(x, y, ((0.27, 0.30), (0.74, 0.66), (0.68, 0.16), (0.20, 0.80)), rng)
    x, y = _uncomb(x, y, 0.030, 0.060, 0.30, along="x")
    x, y = _uncomb(x, y, 0.115, 0.15, 0.40, along="y")
    ink, edge = _undrop(x, y, rng)

    picture = INKS[ink]
    pooled = 1 - 0.16 * step(-edge, -0.0035, 0.0) + 0.05 * noise(n, 120, rng) * (ink % 5 != 0)
    picture = picture * pooled[..., None]
    bare = step(noise(n, 230, rng), 2.3, 2.9) * 0.5
    picture = picture * (1 - bare[..., None]) + bare[..., None] * INKS[0]
    return picture * paper(n, rng, 0.013)[..., None]


def _uncomb(x: Array, y: Array, spacing: float, pull: float, sharp: float, along: str) -> tuple[Array, Array]:
    """Undoes a comb whose teeth, `spacing` apart, were drawn `pull` far, every other one the other way."""
    across = y if along == "x" else x
    phase = across / spacing
    near = np.abs(phase - np.round(phase))
    sign = np.where(np.round(phase).astype(int) % 2 == 0, 1, -1)
    moved = sign * pull * sharp**2 / (sharp**2 + (2 * near) ** 2)
    moved = moved * (1 - 2 * near)
    return (x - moved, y) if along == "x" else (x, y - moved)


def _uncurl(x: Array, y: Array, centres: tuple, rng: np.random.Generator) -> tuple[Array, Array]:
    """Undoes turns of a stylus around the centres."""
    for k, (cx, cy) in enumerate(centres):
        radius = rng.uniform(0.10, 0.15)
        dx, dy = x - cx, y - cy
        turn = (2.6 if k % 2 else -2.6) * np.exp(-(dx**2 + dy**2) / (2 * (radius / 1.6) ** 2))
        x, y = cx + dx * np.cos(turn) - dy * np.sin(turn), cy + dx * np.sin(turn) + dy * np.cos(turn)
    return x, y


def _undrop(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Which ink each pixel has, and how far from that drop's rim it lies (share of the side, >= 0)."""
    count = 420
    spread = (np.arange(count)[:, None] * (0.7548777, 0.5698403) + rng.random(2)) % 1
    at = 1.3 * spread - 0.15 + rng.normal(0, 0.02, (count, 2))
    radius = np.where(
        np.arange(count) < 300, rng.uniform(0.036, 0.062, count), rng.uniform(0.008, 0.030, count)
    )
    inks = (np.arange(count) + rng.integers(0, 3, count)) % len(INKS)
    px, py = x.ravel().copy(), y.ravel().copy()
    ink, edge = np.zeros(px.size, int), np.full(px.size, 0.1, np.float32)
    open_ = np.arange(px.size)
    for k in range(count - 1, -1, -1):
        dx, dy = px - at[k, 0], py - at[k, 1]
        far2 = dx * dx + dy * dy
        held = far2 < radius[k] ** 2
        ink[open_[held]] = inks[k]
        edge[open_[held]] = radius[k] - np.sqrt(far2[held])
        kept = ~held
        open_, dx, dy, far2 = open_[kept], dx[kept], dy[kept], far2[kept]
        shrink = np.sqrt(1 - radius[k] ** 2 / far2)
        px, py = at[k, 0] + dx * shrink, at[k, 1] + dy * shrink
    return ink.reshape(x.shape), edge.reshape(x.shape)
