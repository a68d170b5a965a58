"""Conversion between colour spaces by Krita's own colour management, in documents that nobody sees.

Krita converts whole tiles of 64 x 64 pixels, so a strip of a wide layer, a few rows high, would cost many
times its pixels. Since conversion looks at single pixels only, strips are laid out as a block of tiles.
"""

from __future__ import annotations

from typing import Any

from velatura.editor import geometry
from velatura.editor.geometry import Rect
from velatura.editor.i18n import _
from velatura.editor.paper import Refused

from ..colors import Space, cost
from ..qt import QtCore
from .active import application

STRIP_SECONDS = 0.004
"""What converting one strip may take; reading, cutting and reducing it take as long again or longer."""

BLOCK = 256
"""Width of the block that a strip is laid out as: four tiles."""

_UNDO_BYTES = 64 * 1024 * 1024
"""A scratch document remembers every conversion; it is replaced after so many bytes."""


class Converter:
    """Converts strips from one colour space to another; the artist's own history never knows of it.

    Use as a context manager: leaving it closes the scratch document.
    """

    def __init__(self, given: Space, wanted: Space) -> None:
        self.given, self.wanted = given, wanted
        self._scratch: Any = None
        self._used = 0

    def __enter__(self) -> Converter:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._scratch is not None:
            self._scratch.setModified(False)
            self._scratch.close()
            self._scratch = None

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
        rows = -(-count // BLOCK)
        padding = bytes((rows * BLOCK - count) * self.given.pixel_bytes)
        node = self._document().createNode("strip", "paintlayer")
        node.setPixelData(QtCore.QByteArray(pixels + padding), 0, 0, BLOCK, rows)
        if not node.setColorSpace(self.wanted.model, self.wanted.depth, self.wanted.profile):
            raise Refused(_("Krita cannot convert to {space}.", space=self.wanted))
        self._used += len(pixels)
        return node.pixelData(0, 0, BLOCK, rows).data()[: count * self.wanted.pixel_bytes]

    def _document(self) -> Any:
        if self._used > _UNDO_BYTES:
            self.__exit__()
        if self._scratch is None:
            given = self.given
            made = application().createDocument(
                8, 8, "velatura", given.model, given.depth, given.profile, 72.0
            )
            if made is None:
                raise Refused(_("Krita cannot make a document in {space}.", space=given))
            made.setBatchmode(True)
            self._scratch, self._used = made, 0
        return self._scratch
