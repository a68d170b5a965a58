"""Conversion between colour spaces by Krita's own colour management, in documents that nobody sees.

Krita converts whole tiles of 64 x 64 pixels, so a strip of a wide layer, a few rows high, would cost many
times its pixels. Since conversion looks at single pixels only, strips are laid out as a block of tiles.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import krita
from velatura.editor import geometry
from velatura.editor.alpha import gray_as_rgb, gray_of_rgb
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from ..colors import BUILT_IN, Space, cost, cube, found, steps, unknown
from ..qt import QtCore

STRIP_SECONDS = 0.004
"""What converting one strip may take; reading, cutting and reducing it take as long again or longer."""

BLOCK = 256
"""Width of the block that a strip is laid out as: four tiles."""

_UNDO_BYTES = 64 * 1024 * 1024
"""A scratch document remembers every conversion; it is replaced after so many bytes."""


class Converter:
    """Converts strips from one colour space to another; the artist's own history never knows of it.

    Use as a context manager: leaving it closes the scratch documents.
    """

    def __init__(self, given: Space, wanted: Space) -> None:
        self.given, self.wanted = given, wanted
        self._steps = [_Step(*step) for step in steps(given, wanted)]

    def __enter__(self) -> Converter:
        return self

    def __exit__(self, *unused: object) -> None:
        for step in self._steps:
            step.close()

    def strips(self, rect: Rect, multiple: int = 1, thinned: int = 1) -> list[Rect]:
        """Strips of `rect`, multiples of `multiple` rows high, that take about `STRIP_SECONDS`.

        Args:
            thinned: only every so many-th pixel of every so many-th row is converted.
        """
        budget = geometry.STRIP_BYTES
        nanoseconds = cost(self.given, self.wanted)
        row = rect.width * max(self.given.pixel_bytes, self.wanted.pixel_bytes)
        if nanoseconds:
            rows = int(STRIP_SECONDS * 1e9 / nanoseconds) * thinned * thinned // rect.width
            budget = min(budget, rows * row)
        return list(geometry.strips(rect, row, multiple, budget))

    def convert(self, pixels: bytes, count: int) -> bytes:
        """`count` pixels in the wanted space; the same bytes where both spaces are one."""
        if self.given == self.wanted:
            return pixels
        if self._steps[0].given.model != self.given.model:
            pixels = gray_as_rgb(pixels, "H" if self.given.whole else "f")
        for step in self._steps:
            pixels = step.convert(pixels, count)
        if self._steps[-1].wanted.model != self.wanted.model:
            pixels = gray_of_rgb(pixels, "H" if self.wanted.whole else "f")
        return pixels


class _Step:
    """One conversion of Krita's."""

    def __init__(self, given: Space, wanted: Space) -> None:
        self.given, self.wanted = given, wanted
        self._scratch: Any = None
        self._used = 0

    def convert(self, pixels: bytes, count: int) -> bytes:
        rows = -(-count // BLOCK)
        padding = bytes((rows * BLOCK - count) * self.given.pixel_bytes)
        node = self._document().createNode("strip", "paintlayer")
        node.setPixelData(QtCore.QByteArray(pixels + padding), 0, 0, BLOCK, rows)
        if not node.setColorSpace(self.wanted.model, self.wanted.depth, self.wanted.profile):
            raise Refused(_("Krita cannot convert to {space}.", space=self.wanted))
        self._used += len(pixels)
        return node.pixelData(0, 0, BLOCK, rows).data()[: count * self.wanted.pixel_bytes]

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.setModified(False)
            self._scratch.close()
            self._scratch = None

    def _document(self) -> Any:
        if self._used > _UNDO_BYTES:
            self.close()
        if self._scratch is None:
            given = self.given
            made = krita.Krita.instance().createDocument(
                8, 8, "velatura", given.model, given.depth, given.profile, 72.0
            )
            if made is None:
                raise Refused(_("Krita cannot make a document in {space}.", space=given))
            made.setBatchmode(True)
            self._scratch, self._used = made, 0
        return self._scratch


def find_out(space: Space) -> None:
    """Looks, once, whether a profile's numbers are sRGB's (`colors.found`)."""
    if unknown(space):
        pixels, samples = cube(space.model)
        with Converter(replace(space, depth="U8"), Space("RGBA", "F32", BUILT_IN)) as converter:
            found(space, array("f", converter.convert(pixels, len(samples) // 4)))
