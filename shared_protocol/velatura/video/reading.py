"""A video file: its facts, and its frames as upright RGB arrays of 8 or 16 bits.

`scan` decodes the whole clip once, small, before any work begins: so a file that is damaged in its middle is
refused at once, frames are counted rather than estimated, and scene cuts are known beforehand.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame

from ..errors import VelaturaError
from ..pixels import MAX_SIDE
from .scenes import THUMBNAIL, Cuts

HD = 720
"""Lines from which a video that does not say its colour matrix has BT.709's, below it BT.601's."""
MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""The scaler's number of a colour matrix by the one that files give (ITU-T H.273, table 4)."""
UNTOLD = 2
SOUGHT = 100
"""Frames by which time goes back only where it was sought."""
SHORT = 0.5
"""Seconds by which a clip may end before what its file tells."""


@dataclass(frozen=True)
class Colour:
    """What a file says of its colours, as the numbers of ITU-T H.273; `range` 1 is studio, 2 full."""

    matrix: int
    range: int
    transfer: int
    primaries: int

    def scaler(self, height: int) -> tuple[int, int]:
        """Matrix and range as the scaler takes them, guessed where the file is silent."""
        guess = 1 if height >= HD else 5
        return MATRICES.get(self.matrix, guess), self.range or 1


@dataclass(frozen=True)
class Clip:
    """A video's facts.

    Args:
        width, height: in pixels, upright.
        turns: quarter turns counter-clockwise that make a stored frame upright.
        pixels: format of its frames, such as `yuv420p10le`.
        deep: whether it has more than 8 bits.
        base: unit of `times`, in seconds.
        times: when each frame is shown.
        scenes: the first frame of every scene.
        rate: frames a second, on average.
        aspect: width of a pixel over its height, upright.
        note: that the frames end before what the file tells, as those of a damaged one do; else empty.
    """

    path: Path
    width: int
    height: int
    turns: int
    pixels: str
    deep: bool
    base: Fraction
    times: tuple[int, ...]
    scenes: tuple[int, ...]
    rate: Fraction
    aspect: Fraction
    colour: Colour
    note: str = ""

    def __len__(self) -> int:
        return len(self.times)

    def seconds(self, index: int) -> float:
        """When a frame is shown, counted from the first."""
        return float((self.times[index] - self.times[0]) * self.base)

    def scene_of(self, index: int) -> tuple[int, int]:
        """First frame, and the one after the last, of the scene that a frame is in."""
        start = max(first for first in self.scenes if first <= index)
        return start, min((first for first in self.scenes if first > index), default=len(self))

    def array(self, frame: VideoFrame) -> np.ndarray:
        """A frame, `(height, width, 3)` u8 or u16 RGB, upright."""
        matrix, span = self.colour.scaler(frame.height)
        stored = (self.height, self.width) if self.turns % 2 else (self.width, self.height)
        made = frame.reformat(
            *stored, "rgb48le" if self.deep else "rgb24", src_colorspace=matrix, src_color_range=span
        )
        return np.ascontiguousarray(np.rot90(made.to_ndarray(), self.turns))

    def frames(self, start: int = 0) -> Iterator[np.ndarray]:
        """The frames from one on.

        Raises:
            VelaturaError: `bad_image` where the file has changed since it was scanned.
        """
        with contextlib.ExitStack() as opened:
            container = opened.enter_context(_opened(self.path))
            try:
                if start:
                    sought = container.streams.video[0]
                    container.seek(self.times[start], stream=sought, backward=True, any_frame=False)
            except FFmpegError:  # a bare stream, without an index: from its beginning
                container = opened.enter_context(_opened(self.path))
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            index = start
            for place, frame in enumerate(_decoded(self.path, container, self.base)):
                if place == 0 and frame.pts > self.times[start]:
                    container.seek(0, stream=stream)  # an index that cannot be trusted: from the beginning
                    continue
                if index < len(self) and frame.pts == self.times[index]:
                    yield self.array(frame)
                    index += 1
            if index < len(self):
                words = f"frame {index} of {len(self)} is no longer there; was the file changed meanwhile?"
                raise VelaturaError("bad_image", words, str(self.path))

    def frame(self, index: int) -> np.ndarray:
        """One frame."""
        return next(self.frames(index))


def scan(path: Path, tell: Callable[[int, int], None] = lambda done, of: None) -> Clip:
    """A clip's facts; decodes all of it.

    Args:
        tell: called with the frames so far and the file's own estimate of all, 0 where it gives none.

    Raises:
        VelaturaError: `bad_image` for what is no video, has no picture in it, or is damaged, saying where;
            `too_large` for frames over the protocol's limits.
    """
    with _opened(path) as container:
        if not container.streams.video:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
            raise VelaturaError("bad_image", f"holds no video, only {kinds}", str(path))
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        base, about = stream.time_base, stream.codec_context
        assert base is not None
        if max(about.width, about.height) > MAX_SIDE:
            words = f"has frames of {about.width} x {about.height}; a picture has at most {MAX_SIDE} a side"
            raise VelaturaError("too_large", words, str(path))
        times: list[int] = []
        cuts, turns = Cuts(), 0
        for frame in _decoded(path, container, base):
            if not times:
                turns = round(frame.rotation / 90) % 4
            times.append(frame.pts)
            cuts.add(frame.reformat(*THUMBNAIL, "rgb24").to_ndarray())
            tell(len(times), stream.frames)
        if not times:
            raise VelaturaError("bad_image", "has no frame in it", str(path))
        aspect = about.sample_aspect_ratio or Fraction(1)
        size = (about.height, about.width) if turns % 2 else (about.width, about.height)
        pixels = about.pix_fmt or "yuv420p"
        deep = any(component.bits > 8 for component in av.VideoFormat(pixels).components)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        colour = Colour(about.colorspace, about.color_range, about.color_trc, about.color_primaries)
        lasts, told = float((times[-1] - times[0]) * base + 1 / rate), _told(stream)
        note = f"can be read for {lasts:.2f} s; the file tells of {told:.2f} s"
    return Clip(
        path,
        *size,
        turns,
        pixels,
        deep,
        base,
        tuple(times),
        tuple(cuts.scenes),
        Fraction(rate),
        1 / aspect if turns % 2 else aspect,
        colour,
        note if told - lasts > SHORT else "",
    )


def _told(stream: Any) -> float:
    """Seconds that a stream lasts by what its file says; 0 where it says nothing."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    found = re.match(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    hours, minutes, seconds = map(float, found.groups()) if found else (0.0, 0.0, 0.0)
    return 3600 * hours + 60 * minutes + seconds


def _opened(path: Path) -> Any:
    try:
        return av.open(str(path))
    except (FFmpegError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise VelaturaError("bad_image", "no such file", str(path)) from error
        raise VelaturaError("bad_image", f"cannot be read as a video: {_words(error)}", str(path)) from error


def _decoded(path: Path, container: Any, base: Fraction) -> Iterator[Any]:
    """The frames of a container's first video, each later than the one before; those that give no time of
    their own follow at the average rate, those that are not later are left out."""
    stream = container.streams.video[0]
    step = max(1, round(1 / ((stream.average_rate or 25) * base)))
    last: int | None = None
    try:
        for frame in container.decode(stream):
            if frame.pts is None:
                frame.pts = 0 if last is None else last + step
            if last is None or frame.pts > last or frame.pts < last - SOUGHT * step:
                last = frame.pts
                yield frame
    except (FFmpegError, ValueError) as error:
        where = "at its beginning" if last is None else f"after {float(last * base):.2f} s"
        raise VelaturaError("bad_image", f"is damaged {where}: {_words(error)}", str(path)) from error


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
