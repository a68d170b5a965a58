"""The mixing pad: a point between two, three or four styles gives their shares. Pure geometry.

Two styles lie at the ends of a line, three at the corners of a triangle, four at those of a square.
Shares sum to 1, and a point on a corner gives that style alone. Coordinates are 0..1, y downwards.
"""

from __future__ import annotations

MOST = 4
Point = tuple[float, float]

CORNERS: dict[int, tuple[Point, ...]] = {
    1: ((0.5, 0.5),),
    2: ((0.0, 0.5), (1.0, 0.5)),
    3: ((0.5, 0.0), (0.0, 1.0), (1.0, 1.0)),
    4: ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),
}


def shares(count: int, point: Point) -> tuple[float, ...]:
    """The share of each of `count` styles at `point`; a point outside counts as the nearest inside."""
    if count == 1:
        return (1.0,)
    x, y = clamp(count, point)
    if count == 2:
        return (1 - x, x)
    if count == 3:
        (ax, ay), (bx, by), (cx, cy) = CORNERS[3]
        area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy)
        a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area
        b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area
        return _normal((a, b, 1 - a - b))
    return ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)


def point_of(weights: tuple[float, ...]) -> Point:
    """The point that stands for given shares: the corners' mean, weighted. Exact for two and three styles."""
    total = sum(weights)
    corners = CORNERS[len(weights)]
    if total <= 0:
        return (0.5, 0.5)
    return (
        sum(w * c[0] for w, c in zip(weights, corners, strict=True)) / total,
        sum(w * c[1] for w, c in zip(weights, corners, strict=True)) / total,
    )


def clamp(count: int, point: Point) -> Point:
    """The nearest point inside the pad's shape."""
    x, y = (min(1.0, max(0.0, v)) for v in point)
    if count == 1:
        return (0.5, 0.5)
    if count == 2:
        return (x, 0.5)
    if count == 3:  # the triangle's width grows with y: |x - 1/2| <= y / 2
        return _nearest_in_triangle(x, y)
    return (x, y)


def _nearest_in_triangle(x: float, y: float) -> Point:
    if abs(x - 0.5) <= y / 2:
        return (x, y)
    side = 1.0 if x > 0.5 else -1.0
    # Project onto the slanted edge from (1/2, 0) to (1/2 + side/2, 1).
    t = min(1.0, max(0.0, ((x - 0.5) * side / 2 + y) / 1.25))
    return (0.5 + side * t / 2, t)


def _normal(values: tuple[float, ...]) -> tuple[float, ...]:
    positive = [max(0.0, v) for v in values]
    total = sum(positive)
    return tuple(v / total for v in positive)
