"""A frame's painting, held to the painting of the frame before (after Ruder et al. 2016).

    out = paint + w (carried - paint),    w = KEEP x sure x share

with `carried` the last result moved to where things are now, `sure` the motion's sureness and `share` how
much of the style is there at all, so that where strength or mask is 0 a pixel stays the clip's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .flow import Flow, lightness, motion

KEEP = 0.9
"""Share of the last result where the motion is sure: what flickers by itself is a tenth of it a frame."""
TURNING = 0.6
"""The same while the recipe changes, so that a fade does not lag behind."""
LEAST = 0.15
"""Mean sureness under which two frames have too little in common: a cut."""
FULL = 0.25
"""Share of the style from which on the last result counts in full."""


class Steady:
    """Goes through the frames of a clip in order; `save` and `load` keep it between two runs.

    Args:
        flow: what finds motion, see `flow.motion`.
    """

    def __init__(self, flow: Flow | None = None) -> None:
        self._flow = flow
        self._seen: np.ndarray | None = None
        self._made: np.ndarray | None = None
        self._share: np.ndarray | None = None

    def cut(self) -> None:
        """The next frame begins a scene."""
        self._seen = self._made = self._share = None

    def add(
        self, frame: np.ndarray, painted: np.ndarray, share: float | np.ndarray = 1.0, turning: bool = False
    ) -> np.ndarray:
        """The next frame's result.

        Args:
            frame: of the clip, `(H, W, 3)` u8 or u16.
            painted: the same, painted by itself.
            share: how much of the style is there: strength times mask, `(H, W)` or a number.
            turning: whether the recipe is another than a frame before.

        Returns:
            `(H, W, 3)` of the same depth.
        """
        seen, made = lightness(frame), painted.astype(np.float32)
        whole = np.broadcast_to(np.float32(share), frame.shape[:2])
        if self._seen is not None and self._made is not None and self._share is not None:
            moved = motion(seen, self._seen, (frame.shape[1], frame.shape[0]), self._flow)
            if moved.sure.mean() > LEAST:
                weight = (TURNING if turning else KEEP) * moved.sure * np.minimum(whole / FULL, 1)
                if isinstance(share, np.ndarray):
                    weight *= 1 - np.minimum(4 * np.abs(whole - moved.carried(self._share)), 1)
                made += weight[:, :, None] * (moved.carried(self._made) - made)
        self._seen, self._made, self._share = seen, made, np.ascontiguousarray(whole)
        top = np.iinfo(frame.dtype).max
        return np.rint(made.clip(0, top)).astype(frame.dtype)

    def save(self, path: Path) -> None:
        """Writes what the next frame needs."""
        if self._seen is None or self._made is None or self._share is None:
            np.savez(path)
        else:
            np.savez(path, seen=self._seen, made=self._made, share=self._share)

    def load(self, path: Path) -> None:
        """Goes on where `save` was called."""
        with np.load(path, allow_pickle=False) as kept:
            self._seen, self._made, self._share = (kept.get(name) for name in ("seen", "made", "share"))
