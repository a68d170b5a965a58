"""How large strokes are where nobody says it."""

from __future__ import annotations

BASE = 1024
"""Longest side, in pixels, of pictures that a style's own strokes suit; a larger one they make a texture.
Laid out at 1024 pixels a sky is painted, and a bird keeps its eye; at 800 that is gone (photos of 1600 and
2400 pixels in four styles)."""

MOST = 8.0
"""The largest stroke size."""


def suiting(width: int, height: int) -> float:
    """The stroke size that suits a picture, in steps of a tenth; 1 where its size is not known."""
    return min(MOST, max(1.0, round(max(width, height) / BASE, 1)))
