"""Procedural style pictures, painted by this project's own code.

Each painter is a function `paint` in a module of its own, made one by `canvas.painter`: called with a size
and a seed it gives `(size, size, 3)` uint8, sRGB; the same of both give the same picture. The pictures that
ship are these, painted once: `python -m velatura_daemon.styles.procedural FOLDER` paints them again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import (
    batik,
    deco,
    embroidery,
    impasto,
    marbling,
    mosaic,
    papercut,
    pointillism,
    risograph,
    stained_glass,
    watercolour,
    waves,
    windswept,
    woodcut,
)

SIZE = 768
"""Side of the pictures that ship, in pixels."""

SEED = 7
"""The chance they are painted with."""

PAINTERS: dict[str, Callable[[int, int], np.ndarray]] = {
    "art-deco": deco.paint,
    "batik": batik.paint,
    "cut-paper": papercut.paint,
    "embroidery": embroidery.paint,
    "impasto": impasto.paint,
    "indigo-waves": waves.paint,
    "marbling": marbling.paint,
    "mosaic": mosaic.paint,
    "pointillism": pointillism.paint,
    "risograph": risograph.paint,
    "stained-glass": stained_glass.paint,
    "watercolour": watercolour.paint,
    "windswept": windswept.paint,
    "woodcut": woodcut.paint,
}
"""Painter by style name."""
