"""Where everything was in the frame before, and how sure that is.

Dense inverse search (Kroeger et al., ECCV 2016), or another `Flow`, finds the motion both ways. It is sure
where going back and forth ends at the start (Sundaram et al., ECCV 2010, eq. 5), away from the borders of
what moves (eq. 6), and where both frames show the same there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

SIDE = 1024
"""Longest side, in pixels, at which motion is looked for."""
STILL = 0.05
"""Pixels of motion that are taken for none, so that what stands is not resampled."""
SAME = 0.06
"""Difference of lightness, of 1, over which two places do not show the same."""
SOFT = 5
"""Pixels over which sureness fades."""


@dataclass(frozen=True)
class Motion:
    """From a frame to the one before it.

    Args:
        field: `(H, W, 2)` float32: how many pixels right and down each pixel was, a frame before.
        sure: `(H, W)` float32 in 0..1.
    """

    field: np.ndarray
    sure: np.ndarray

    def carried(self, before: np.ndarray) -> np.ndarray:
        """What was in the frame before, `(H, W)` or `(H, W, C)` float32, where it is now."""
        return warped(before, self.field)


class Flow(Protocol):
    """Finds motion."""

    name: str

    def __call__(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """How far right and down each pixel was a frame before, `(h, w, 2)`, by the `lightness` of both."""
        ...


class Search:
    """Dense inverse search: OpenCV's, in its middle setting."""

    name = "dis"

    def __call__(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """See `Flow`."""
        if min(now.shape) < 16:  # too small for its patches
            return np.zeros((*now.shape, 2), np.float32)
        finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return finder.calc(now, before, None)  # type: ignore[call-overload]  # None is "no first guess"


def lightness(frame: np.ndarray) -> np.ndarray:
    """What motion is looked for in: `(h, w)` u8 of a frame `(H, W, 3)` u8 or u16, no larger than `SIDE`."""
    eight = (frame >> 8).astype(np.uint8) if frame.dtype == np.uint16 else frame
    gray = cv2.cvtColor(eight, cv2.COLOR_RGB2GRAY)
    factor = SIDE / max(gray.shape)
    if factor >= 1:
        return gray
    size = (max(1, round(gray.shape[1] * factor)), max(1, round(gray.shape[0] * factor)))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def motion(now: np.ndarray, before: np.ndarray, size: tuple[int, int], flow: Flow | None = None) -> Motion:
    """From a frame to the one before it.

    Args:
        now, before: `lightness` of the two.
        size: width and height of the frames.
        flow: what finds it; by default dense inverse search.
    """
    flow = flow or Search()
    back, forth = flow(now, before), flow(before, now)
    still = (np.abs(back) < STILL).all(2)
    back[still] = 0
    sure = _sure(now, before, back, forth)
    if (now.shape[1], now.shape[0]) != size:
        scale = np.array([size[0] / now.shape[1], size[1] / now.shape[0]], np.float32)
        back = cv2.resize(back, size, interpolation=cv2.INTER_LINEAR) * scale
        sure = cv2.resize(sure, size, interpolation=cv2.INTER_LINEAR)
    return Motion(back, sure)


def warped(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """A picture looked up where a field points; outside, its border is continued."""
    rows, columns = np.indices(field.shape[:2], np.float32)
    x, y = columns + field[:, :, 0], rows + field[:, :, 1]
    return cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _sure(now: np.ndarray, before: np.ndarray, back: np.ndarray, forth: np.ndarray) -> np.ndarray:
    returned = warped(forth, back)
    squares = (back**2).sum(2) + (returned**2).sum(2)
    sure = ((back + returned) ** 2).sum(2) <= 0.01 * squares + 0.5
    slope = sum(cv2.Sobel(back, cv2.CV_32F, *axis, ksize=1, scale=0.5) ** 2 for axis in ((1, 0), (0, 1)))
    sure &= np.asarray(slope).sum(2) <= 0.01 * (back**2).sum(2) + 0.1
    rows, columns = np.indices(now.shape, np.float32)
    x, y = columns + back[:, :, 0], rows + back[:, :, 1]
    sure &= (x >= 0) & (y >= 0) & (x <= now.shape[1] - 1) & (y <= now.shape[0] - 1)
    was = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    differ = cv2.blur(np.abs(now.astype(np.float32) - was) / 255, (SOFT, SOFT))
    same = np.exp(-((differ / SAME) ** 2))
    return cv2.blur(cv2.erode(sure.astype(np.float32), np.ones((3, 3))) * same, (SOFT, SOFT))
