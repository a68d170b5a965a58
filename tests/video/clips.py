"""Clips for tests: a photograph moved in a known way, and files of every awkward kind."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import skimage.data
from velatura.video.flow import Motion, lightness, motion


def panned(count: int, size: tuple[int, int] = (96, 64)) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames of a camera that moves, turns and zooms over a photograph, and where each pixel of a frame lies
    in the photograph, as 3 x 3 matrices: the exact motion."""
    photo = cv2.GaussianBlur(skimage.data.coffee(), (0, 0), 1.0)
    width, height = size
    frames, places = [], []
    for t in range(count):
        zoom, angle = 1.35 + 0.15 * np.sin(t / 25), 0.02 * np.sin(t / 17)
        x, y = 300 + 40 * np.sin(t / 20), 200 + 25 * np.cos(t / 23)
        c, s = zoom * np.cos(angle), zoom * np.sin(angle)
        place = np.array(
            [[c, -s, x - (c * width - s * height) / 2], [s, c, y - (s * width + c * height) / 2], [0, 0, 1]]
        )
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        frames.append(cv2.warpAffine(photo, place[:2], size, flags=flags, borderMode=cv2.BORDER_REFLECT))
        places.append(place)
    return frames, places


def exact_motion(places: Sequence[np.ndarray], size: tuple[int, int]) -> list[Motion]:
    """From every frame of `panned` but the first to the one before it."""
    width, height = size
    motions = []
    for before, now in pairwise(places):
        back = np.linalg.inv(before) @ now
        rows, columns = np.indices((height, width), np.float32)
        x, y = (np.float32(r[0]) * columns + np.float32(r[1]) * rows + np.float32(r[2]) for r in back[:2])
        both = (x >= 1) & (y >= 1) & (x <= width - 2) & (y <= height - 2)
        motions.append(Motion(np.stack([x - columns, y - rows], 2), both.astype(np.float32)))
    return motions


def seen_motion(frames: Sequence[np.ndarray]) -> list[Motion]:
    """The same as it is seen in a clip whose motion nobody knows."""
    size = (frames[0].shape[1], frames[0].shape[0])
    return [motion(lightness(now), lightness(before), size) for before, now in pairwise(frames)]


def unsteadiness(frames: Sequence[np.ndarray], motions: Sequence[Motion], skip: int = 3) -> float:
    """Mean difference, in 8-bit steps, between a frame and the one before moved to it (the warping error of
    Lai et al., ECCV 2018, in absolute differences), over what both surely show; the first frames settle."""
    errors = []
    for t in range(skip, len(frames)):
        moved = motions[t - 1]
        before = moved.carried(frames[t - 1].astype(np.float32))
        errors.append(np.abs(frames[t] - before)[moved.sure > 0.5].mean())
    return float(np.mean(errors))


def write(
    path: Path,
    frames: Sequence[np.ndarray],
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    base: Fraction = Fraction(1, 25),
    sound: str = "",
    rotation: int = 0,
    **context: Any,
) -> Path:
    """A video file.

    Args:
        times: of the frames, in `base`; one after the other by default.
        sound: codec of a second of a tone, or empty.
        context: of the encoder, such as `color_range`.
    """
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"crf": "10"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.time_base = pixels, base
        stream.codec_context.time_base = base
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        tone = out.add_stream(sound, rate=48000) if sound else None
        for index, frame in enumerate(frames):
            deep = frame.dtype == np.uint16
            made = av.VideoFrame.from_ndarray(frame, "rgb48le" if deep else "rgb24").reformat(
                format=pixels, dst_colorspace=5, dst_color_range=context.get("color_range", 1)
            )
            made.color_range = context.get("color_range", 1)
            made.pts, made.time_base = (times[index] if times else index), base
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
        if tone is not None:
            wave = (8000 * np.sin(np.arange(48000) / 20)).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(wave, "s16", "mono")
            frame.sample_rate = 48000
            resampled = av.AudioResampler(tone.format, tone.layout, 48000).resample(frame)
            for part in resampled:
                out.mux(tone.encode(part))
            out.mux(tone.encode(None))
    return path


def read(path: Path) -> tuple[list[np.ndarray], Any]:
    """The frames of a file, by our reader, and its facts."""
    from velatura.video.reading import scan

    clip = scan(path)
    return list(clip.frames()), clip
