"""Statistics of a thumbnail stand for those of the whole: how far a picture may be from the exact one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import velatura
from harness import REAL, Daemon
from PIL import Image
from velatura_models import training

BOUND = 20
"""Of 255, in the mean: what docs/methods.md states."""
PHOTO = Path(training.__file__).parent / "photos" / "astronaut.jpg"


def test_a_thumbnail_s_statistics_keep_a_photo_s_picture_near_the_exact_one():
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((480, 480)))
    with (
        Daemon(engine=REAL, tile=96, dtype="float32", prewarm=False, threads=1) as daemon,
        velatura.connect(start=False, home=daemon.home) as v,
    ):
        near, exact = (
            v.stylize(photo, "mosaic", method="multi", exact=way).astype(int) for way in (False, True)
        )
    difference = np.abs(near - exact)
    assert 0 < difference.mean() < BOUND
