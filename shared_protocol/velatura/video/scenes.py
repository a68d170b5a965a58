"""Where a scene ends, and one picture that stands for a whole scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

THUMBNAIL = (64, 36)
"""Width and height, in pixels, at which frames are compared."""
BINS = 16
MOVED = 0.06
"""Mean difference between two thumbnails, of 1, below which nothing much happened."""
RECOLOURED = 0.3
"""Share of the pixels whose colours another scene changes: a pan moves pixels but keeps their colours."""
PATCHES = 3
"""Rows and columns of a scene's patchwork."""


class Cuts:
    """Finds the first frame of every scene, frame by frame.

    A cut changes places and colours at once: the mean difference of two thumbnails is over `MOVED`, and their
    histograms differ by more than `RECOLOURED`, both at least twice as much as a frame before.
    """

    def __init__(self) -> None:
        self.scenes: list[int] = []
        self._count = 0
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._usual = (0.0, 0.0)

    def add(self, thumbnail: np.ndarray) -> None:
        """Takes the next frame, `(h, w, 3)` u8."""
        small = thumbnail.astype(np.float32) / 255
        colours = _histogram(thumbnail)
        if self._last is None:
            self.scenes.append(0)
        else:
            moved = float(np.abs(small - self._last[0]).mean())
            recoloured = float(np.abs(colours - self._last[1]).sum() / 2)
            clear = moved > 2 * self._usual[0] and recoloured > 2 * self._usual[1]
            if moved > MOVED and recoloured > RECOLOURED and clear:
                self.scenes.append(self._count)
                self._usual = (0.0, 0.0)
            else:
                self._usual = (moved, recoloured)
        self._last = (small, colours)
        self._count += 1


def _histogram(thumbnail: np.ndarray) -> np.ndarray:
    """Share of the pixels in every bin, the mean of the three channels'."""
    bins = (thumbnail >> 4).reshape(-1, 3)
    counts = sum(np.bincount(bins[:, c], minlength=BINS) for c in range(3))
    return np.asarray(counts, np.float64) / (3 * len(bins))


def patchwork(first: int, after: int, frame: Callable[[int], np.ndarray]) -> np.ndarray:
    """A picture as large as a frame, each patch of it from another time of the scene: what is measured in it
    is true of the whole scene, at the cost of one frame.

    Args:
        first, after: the scene's frames.
        frame: gives one, `(H, W, C)`.
    """
    order = _spread(np.linspace(first, after - 1, PATCHES * PATCHES).round().astype(int).tolist())
    made: np.ndarray | None = None
    for index in sorted(set(order)):
        picture = frame(index)
        made = picture.copy() if made is None else made
        rows, columns = (np.linspace(0, side, PATCHES + 1).astype(int) for side in picture.shape[:2])
        for place in (p for p, wanted in enumerate(order) if wanted == index):
            y, x = divmod(place, PATCHES)
            where = np.s_[rows[y] : rows[y + 1], columns[x] : columns[x + 1]]
            made[where] = picture[where]
    assert made is not None
    return made


def _spread(indices: Sequence[int]) -> list[int]:
    """The same, so that neighbouring patches are far apart in time."""
    return [indices[(4 * k) % len(indices)] for k in range(len(indices))]
