"""Motion by a trained network: RAFT (Teed & Deng, ECCV 2020), small or large, as torchvision builds it.

None ships and none is pulled, since torchvision's weights were trained on films made for research: whoever
may use them names their file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.models.optical_flow import raft_large, raft_small

from .convert import read_checkpoint
from .files import WeightsError

STRIDE = 8
LEAST = 128
"""The smallest side, in pixels, that its pyramid of correlations takes."""
UPDATES = 12
"""Times that the motion is corrected; what it was trained with."""


class Raft:
    """Finds motion between two pictures, in the place of `velatura.video.flow.Search`.

    Args:
        path: torchvision's weights, such as `raft_small_C_T_V2-01064c6d.pth`, or such of one's own.

    Raises:
        WeightsError: `corrupt` or `architecture`, in words.
    """

    def __init__(self, path: Path) -> None:
        state = read_checkpoint(path)
        large = any(name.startswith("mask_predictor") for name in state)
        network = raft_large() if large else raft_small()
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError("architecture", f"{path} holds no RAFT as torchvision builds it") from error
        self.name = f"raft {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
        self._network = network.eval()

    @torch.inference_mode()
    def __call__(self, now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """How far right and down each pixel was a frame before, in pixels.

        Args:
            now, before: lightness, `(h, w)` u8.

        Returns:
            `(h, w, 2)` float32.
        """
        height, width = now.shape
        pad = [max(LEAST, -(-side // STRIDE) * STRIDE) - side for side in (width, height)]
        frames = (self._frame(picture, pad) for picture in (now, before))
        found = self._network(*frames, num_flow_updates=UPDATES)[-1][0, :, :height, :width]
        return np.ascontiguousarray(found.permute(1, 2, 0).float().cpu().numpy())

    def _frame(self, gray: np.ndarray, pad: list[int]) -> Any:
        """`(1, 3, H, W)` in -1..1, its border continued to the right and below."""
        frame = torch.from_numpy(gray).float()[None, None] / 127.5 - 1
        return F.pad(frame, (0, pad[0], 0, pad[1]), mode="replicate").expand(1, 3, -1, -1)
