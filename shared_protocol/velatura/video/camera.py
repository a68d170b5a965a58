"""A camera, painted as it films: its newest frame, as soon as the last one is done.

A camera does not wait, so frames that come while one is painted are left out. A file in a camera's place
gives every frame.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..blob import Blob
from ..errors import VelaturaError
from ..pictures import images
from ..recipe import Stylize
from .painting import Daemon
from .reading import Clip, Colour
from .scenes import THUMBNAIL, Cuts
from .steady import Steady
from .writing import Part, join

BLINK = 10.0
"""Seconds without a frame after which a camera is gone."""


@dataclass(frozen=True)
class Shot:
    """A frame `(H, W, 3)` u8 RGB, and when it was taken, in seconds from the first."""

    frame: np.ndarray
    seconds: float


class Camera:
    """Frames of a camera, the newest when asked; a context manager that lets go of it.

    Args:
        source: the number of a camera, from 0; its device or address; or a file that is played in its place.
        side: the longest side of its frames, in pixels; larger ones are made smaller.
        capture: in OpenCV's place.

    Raises:
        VelaturaError: `bad_image` where nothing can be seen there.
    """

    def __init__(self, source: str, side: int = 512, capture: Any = None) -> None:
        self._source, self._side = source, side
        self._live = source.isdigit() or source.startswith("/dev/") or "://" in source
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is said here
        self._capture = capture or cv2.VideoCapture(int(source) if source.isdigit() else source)
        if not self._capture.isOpened():
            words = "no camera answers; try another number, a device, an address or a video file"
            raise VelaturaError("bad_image", words if self._live else "cannot be read as a video", source)
        self._here = threading.Condition()
        self._shot: Shot | None = None
        self._over = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        with self._here:
            self._over = True
            self._here.notify_all()
        self._thread.join(1.0)
        if not self._thread.is_alive():  # else it waits for a camera that is silent
            self._capture.release()

    def shots(self) -> Iterator[Shot]:
        """The newest shot, each time; ends with the file, or where the camera is gone.

        Raises:
            VelaturaError: `bad_image` where there is not a single one, `timeout` where a camera is silent.
        """
        count = 0
        while True:
            with self._here:
                if not self._here.wait_for(lambda: self._shot is not None or self._over, BLINK):
                    raise VelaturaError("timeout", f"gave no frame for {BLINK:.0f} s", self._source)
                shot, self._shot = self._shot, None
                self._here.notify_all()
            if shot is None:
                break
            count += 1
            yield shot
        if not count:
            raise VelaturaError("bad_image", "gives no frame", self._source)

    def _watch(self) -> None:
        began = None
        while not self._over:
            there, frame = self._capture.read()
            now = time.monotonic() if self._live else self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            with self._here:
                if there:
                    began = now if began is None else began
                    taken = now - began
                    if not self._live:
                        self._here.wait_for(lambda: self._shot is None or self._over)
                    self._shot = Shot(_fitted(frame, self._side), taken)
                else:
                    self._over = True
                self._here.notify_all()


def paint(
    client: Daemon, camera: Camera, recipe: Stylize, pictures: Sequence[Blob], *, steady: bool = True
) -> Iterator[Shot]:
    """What a camera sees, painted; the next frame is with the daemon while one is looked at.

    Args:
        recipe: for every frame; one pass each, so `auto` as its quality means fast.
        pictures: that the recipe names.
        steady: hold each frame to the one before, and take statistics of a scene's first frame for all of it.

    Raises:
        VelaturaError: as `Camera.shots` and `Client.submit` do.
    """
    recipe = replace(recipe, quality="fast" if recipe.quality == "auto" else recipe.quality)
    cuts, held = Cuts(), Steady()
    first: Blob | None = None
    waiting: tuple[Shot, bool, Any] | None = None

    def done(shot: Shot, cut: bool, job: Any) -> Shot:
        painted = job.result()
        if not steady:
            return replace(shot, frame=painted)
        if cut:
            held.cut()
        return replace(shot, frame=held.add(shot.frame, painted, recipe.strength))

    try:
        for shot in camera.shots():
            before = len(cuts.scenes)
            cuts.add(cv2.resize(shot.frame, THUMBNAIL, interpolation=cv2.INTER_AREA))
            cut = len(cuts.scenes) > before
            sent, sources = recipe, list(pictures)
            if steady and recipe.quality == "fast":
                if cut or first is None:
                    first = images.read(shot.frame).blob()
                    first.hash_whole()
                sent, sources = replace(recipe, reference=first.digest), [*sources, first]
            job = client.submit(sent, shot.frame, priority="interactive", pictures=sources)
            ended, waiting = waiting, (shot, cut, job)
            if ended is not None:
                yield done(*ended)
        if waiting is not None:
            yield done(*waiting)
            waiting = None
    finally:
        if waiting is not None:
            with suppress(VelaturaError):
                waiting[2].cancel()


class Recording:
    """Shots into a file; a context manager, after which it is there, with what there was until an error too.

    Args:
        out: `.mp4`, `.mov`, `.m4v`, `.mkv` or `.webm`.
        crf: constant quality of the encoder, 0 to 51.
    """

    def __init__(self, out: Path, crf: int = 18) -> None:
        self._out, self._crf, self._last = out, crf, -1
        self._clip: Clip | None = None
        self._part: Part | None = None

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        if self._clip is not None and self._part is not None:
            self._part.close()
            join([self._clip.path], self._clip, self._out)
            shutil.rmtree(self._clip.path.parent)

    def add(self, shot: Shot) -> None:
        """The next shot, of the first one's size."""
        if self._clip is None or self._part is None:
            path = self._out.with_name(f".{self._out.name}.parts") / "0.nut"
            path.parent.mkdir(parents=True, exist_ok=True)
            height, width = shot.frame.shape[:2]
            colour, unit = Colour(1, 1, 1, 1), Fraction(1, 1000)
            self._clip = Clip(
                path, width, height, 0, "yuv420p", False, unit, (), (0,), Fraction(25), Fraction(1), colour
            )
            self._part = Part(path, self._clip, self._out.suffix.lower(), self._crf)
        self._last = max(self._last + 1, round(shot.seconds * 1000))
        self._part.add(shot.frame, self._last)


def _fitted(frame: np.ndarray, side: int) -> np.ndarray:
    """A camera's frame as RGB, its sides even and no longer than that."""
    height, width = frame.shape[:2]
    factor = min(1.0, side / max(height, width))
    size = tuple(max(2, round(n * factor) // 2 * 2) for n in (width, height))
    return cv2.cvtColor(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
