"""Frames out: second by second into files of their own, then one file with the sound.

Every second of the clip is encoded by itself and appears whole or not at all, so that a run that was stopped
goes on from the last one. The parts have no frames that look ahead, so that they join without encoding again.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.packet import Packet
from av.video.frame import VideoFrame

from .reading import UNTOLD, Clip

MP4 = {False: "libx264", True: "libx265"}
CODECS = {
    ".mp4": MP4,
    ".m4v": MP4,
    ".mov": MP4,
    ".mkv": MP4,
    ".webm": dict.fromkeys((False, True), "libvpx-vp9"),
}
"""Encoder by suffix, for 8 bits and for more."""
SOUND = {".webm": "libopus"}
"""What sound becomes that a container cannot hold as it is; AAC elsewhere."""
OPTIONS = {
    "libx264": {"preset": "medium"},
    "libx265": {"preset": "medium", "x265-params": "log-level=error"},
    "libvpx-vp9": {"b": "0", "row-mt": "1", "cpu-used": "4", "lag-in-frames": "0"},
}


class Part:
    """One stretch of the clip, being written.

    Args:
        path: of the file, which is there once `close` has returned.
        clip: whose frames they become: its size, times and colours.
        suffix: of the whole.
        crf: constant quality, from 0 (lossless) to 51.
    """

    def __init__(self, path: Path, clip: Clip, suffix: str, crf: int) -> None:
        self.path, self.clip = path, clip
        self._half = path.with_suffix(".half")
        codec = CODECS[suffix][clip.deep]
        self._out = av.open(str(self._half), "w", format="nut")
        options = {**OPTIONS[codec], "crf": str(crf)}
        stream: Any = self._out.add_stream(codec, rate=clip.rate, options=options)
        stream.width, stream.height = clip.width, clip.height
        stream.pix_fmt = self._pixels = pixel_format(clip, codec)
        stream.time_base = stream.codec_context.time_base = clip.base
        stream.codec_context.max_b_frames = 0
        stream.codec_context.sample_aspect_ratio = clip.aspect
        colour = clip.colour
        stream.codec_context.colorspace = colour.matrix or UNTOLD
        stream.codec_context.color_range = colour.range
        stream.codec_context.color_trc = colour.transfer
        stream.codec_context.color_primaries = colour.primaries
        self._stream = stream

    def add(self, frame: np.ndarray, time: int) -> None:
        """The next frame, `(H, W, 3)`, and when it is shown, in the clip's unit."""
        made = VideoFrame.from_ndarray(frame, "rgb48le" if frame.dtype == np.uint16 else "rgb24")
        matrix, span = self.clip.colour.scaler(self.clip.height)
        made = made.reformat(format=self._pixels, dst_colorspace=matrix, dst_color_range=span)
        made.pts, made.time_base = time, self.clip.base
        made.colorspace, made.color_range = self.clip.colour.matrix, self.clip.colour.range
        self._out.mux(self._stream.encode(made))

    def close(self) -> None:
        """Ends it; the file is there, whole."""
        self._out.mux(self._stream.encode(None))
        self._out.close()
        _sync(self._half)
        self._half.replace(self.path)

    def discard(self) -> None:
        """Leaves nothing of it."""
        self._out.close()
        self._half.unlink(missing_ok=True)


def pixel_format(clip: Clip, codec: str) -> str:
    """How frames are stored: with the clip's depth and as much colour as it has, where the encoder can."""
    about = av.VideoFormat(clip.pixels)
    colour = "420"
    if about.is_rgb or clip.width % 2 or clip.height % 2:
        colour = "444"
    elif len(about.components) >= 3:
        wide, high = about.chroma_width(4), about.chroma_height(4)
        colour = {(2, 2): "420", (2, 4): "422", (4, 4): "444"}.get((wide, high), "420")
    wanted = f"yuv{colour}p" + ("10le" if clip.deep else "")
    known = {f.name for f in av.Codec(codec, "w").video_formats or ()}
    return wanted if wanted in known else "yuv420p"


def join(parts: Sequence[Path], clip: Clip, target: Path) -> None:
    """One file of the parts, with the sound and the words of the clip; there whole, or not at all."""
    half = parts[0].parent / f"whole{target.suffix}"
    options = {"movflags": "+faststart"} if CODECS[target.suffix.lower()] is MP4 else {}
    with (
        av.open(str(clip.path)) as source,
        av.open(str(parts[0])) as first,
        av.open(str(half), "w", options=options if target.suffix.lower() != ".mkv" else {}) as out,
    ):
        out.metadata.update(
            {k: v for k, v in source.metadata.items() if k in ("title", "artist", "comment", "date")}
        )
        video = out.add_stream_from_template(first.streams.video[0])
        video.time_base = clip.base
        sound = [
            _sound(source, index, out, target.suffix.lower()) for index in range(len(source.streams.audio))
        ]
        for packet in heapq.merge(_pictures(parts, video), *sound, key=_when):
            out.mux(packet)
    _sync(half)
    half.replace(target)


def _pictures(parts: Sequence[Path], stream: Any) -> Iterator[Packet]:
    for part in parts:
        with av.open(str(part)) as container:
            for packet in container.demux(video=0):
                if packet.dts is not None:  # the last one only flushes
                    packet.stream = stream
                    yield packet


def _sound(source: Any, index: int, out: Any, suffix: str) -> Iterator[Packet]:
    """A track of sound: as it is where the container holds such, else encoded again."""
    stream = source.streams.audio[index]
    copied = (
        stream.codec_context.name in out.supported_codecs
        or stream.codec.canonical_name in out.supported_codecs
    )
    if copied:
        made = out.add_stream_from_template(stream)
    else:
        made = out.add_stream(SOUND.get(suffix, "aac"), rate=48000)
        made.layout = stream.layout
    return _copied(source.name, index, made) if copied else _encoded(source.name, index, made)


def _copied(path: str, index: int, made: Any) -> Iterator[Packet]:
    with av.open(path) as container:
        for packet in container.demux(audio=index):
            if packet.dts is not None:
                packet.stream = made
                yield packet


def _encoded(path: str, index: int, made: Any) -> Iterator[Packet]:
    with av.open(path) as container:
        resampler = AudioResampler(
            made.codec_context.format, made.codec_context.layout, made.codec_context.rate
        )
        for frame in container.decode(audio=index):
            for part in resampler.resample(frame):
                yield from made.encode(part)
        for part in resampler.resample(None):
            yield from made.encode(part)
        yield from made.encode(None)


def _when(packet: Packet) -> Fraction:
    assert packet.dts is not None and packet.time_base is not None
    return packet.dts * packet.time_base


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
