"""A clip painted: frames through the daemon, each held to the one before, into a file that appears whole.

Beside the output stands a folder with the seconds that are done; the same call again goes on from there, any
other call begins anew. What a second's last frame leaves for the next one is kept with it, so that a run in
pieces gives the encoder the same frames as one in a single piece.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import cv2
import numpy as np

from ..blob import Blob
from ..errors import FieldError, VelaturaError
from ..pictures import images
from ..pictures.formats import READABLE
from ..recipe import Stylize, recipe_to_map
from .flow import Flow
from .reading import Clip, scan
from .scenes import patchwork
from .steady import Steady
from .track import Track, read_track
from .writing import CODECS, Part, join

if TYPE_CHECKING:
    from ..waiting import JobFuture

AHEAD = 2
"""Frames that are with the daemon while the newest result is put together."""
FORMAT = 1
"""Of the folder of parts; another one's are not gone on with."""


@dataclass(frozen=True)
class ClipProgress:
    """How far a clip is."""

    doing: str
    """`reading` or `painting`."""
    done: int
    of: int
    """Frames; 0 where their number is not known yet."""
    seconds_left: float | None = None
    """Estimate, once frames were painted."""
    note: str = ""
    """What is to be known of the clip, once it was read: `Clip.note`."""


Tell = Callable[[ClipProgress], None]


class Daemon(Protocol):
    """What paints a frame: a `velatura.Client`."""

    def submit(
        self, recipe: Stylize, image: Any, mask: Any = None, *, priority: str, pictures: Sequence[Blob]
    ) -> JobFuture:
        """See `velatura.client.Client.submit`."""
        ...

    def added(self, path: Path) -> str:
        """See `velatura.session.DaemonSession.added`."""
        ...


def paint(
    client: Daemon,
    source: Path,
    out: Path,
    recipe: Stylize,
    pictures: list[Blob],
    *,
    track: str | os.PathLike | Mapping[str, Any] | None = None,
    mask: str | os.PathLike | None = None,
    steady: bool = True,
    flow: Flow | None = None,
    crf: int = 18,
    tell: Tell = lambda progress: None,
) -> Path:
    """Paints a clip.

    Args:
        source: the video.
        out: the file to write, `.mp4`, `.mov`, `.m4v`, `.mkv` or `.webm`.
        recipe: for every frame; `auto` as its quality means fast.
        pictures: that the recipe names.
        track: keyframes, see `track`.
        mask: a video or a picture: where, and how strongly; white is in full.
        steady: hold each frame to the one before, and paint all of a scene by the same statistics.
        flow: what finds motion, see `flow.motion`.
        crf: constant quality of the encoder, 0 to 51; 18 shows no loss.
        tell: called with the progress.

    Raises:
        VelaturaError: `bad_image` for a video that cannot be read; as `Client.submit` does.
        OSError: where the disk is full or cannot be written; what is done stays for the next run.
    """
    check_output(source, out)
    if recipe.quality == "auto":
        recipe = replace(recipe, quality="fast")
    course = read_track(track, recipe, client.added)
    began = time.monotonic()
    clip = scan(source, lambda done, of: tell(ClipProgress("reading", done, of)))
    tell(ClipProgress("reading", len(clip), len(clip), note=clip.note))
    course = replace(course, recipe=_settled(client, course, pictures))
    masks = _Masks(Path(mask), clip) if mask is not None else None
    job = _Job(client, clip, course, [*pictures, *course.pictures], masks, steady, flow)
    how = [steady, flow.name if flow is not None else "", crf, out.suffix]
    about = _about(clip, course, mask, how)
    folder = _folder(out, about)
    parts = _done(folder)
    start = sum(part.frames for part in parts)
    if parts and start < len(clip):
        job.steady.load(parts[-1].state)
    began = time.monotonic()
    try:
        _write(job, folder, start, out.suffix.lower(), crf, began, tell)
    finally:
        job.close()
    join([part.path for part in _done(folder)], clip, out)
    shutil.rmtree(folder)
    return out


def check_output(source: Path, out: Path) -> None:
    """Raises `FieldError` for an output that cannot become of it."""
    if out.suffix.lower() not in CODECS:
        raise FieldError("out", f"is {out.name!r}; a video ends in {', '.join(CODECS)}")
    if source.exists() and out.exists() and out.samefile(source):
        raise FieldError("out", "is the input itself; choose another output")


@dataclass(frozen=True)
class _Finished:
    """A second that is done: its number, frames, file, and what its last frame left."""

    path: Path
    frames: int
    state: Path


def _folder(out: Path, about: str) -> Path:
    """The folder of the parts, emptied where they are another job's."""
    folder = out.with_name(f".{out.name}.parts")
    note = folder / "job"
    if not note.is_file() or note.read_text("utf-8") != about:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(about, "utf-8")
    for half in folder.glob("*.half*"):
        half.unlink()
    return folder


def _done(folder: Path) -> list[_Finished]:
    """The parts that follow each other from the first; `000003-25.nut` is the fourth, of 25 frames."""
    found: list[_Finished] = []
    for path in sorted(folder.glob("*.nut")):
        number, _, frames = path.stem.partition("-")
        if int(number) == len(found):
            found.append(_Finished(path, int(frames), folder / f"{number}.npz"))
    while found and not found[-1].state.is_file():
        found.pop()
    return found


def _write(job: _Job, folder: Path, start: int, suffix: str, crf: int, began: float, tell: Tell) -> None:
    clip, number = job.clip, len(_done(folder))
    frames = job.frames(start)
    index = start
    while index < len(clip):
        second = int(clip.seconds(index))
        after = next((i for i in range(index, len(clip)) if int(clip.seconds(i)) > second), len(clip))
        part = Part(folder / f"{number:06d}-{after - index}.nut", clip, suffix, crf)
        try:
            while index < after:
                part.add(next(frames), clip.times[index])
                index += 1
                each = (time.monotonic() - began) / (index - start)
                tell(ClipProgress("painting", index, len(clip), each * (len(clip) - index)))
            half = folder / f"{number:06d}.half.npz"
            job.steady.save(half)
            half.replace(folder / f"{number:06d}.npz")
            part.close()
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                part.discard()
            raise
        (folder / f"{number - 1:06d}.npz").unlink(missing_ok=True)
        number += 1


class _Job:
    """A clip on its way through the daemon."""

    def __init__(
        self,
        client: Daemon,
        clip: Clip,
        course: Track,
        pictures: list[Blob],
        masks: _Masks | None,
        steady: bool,
        flow: Flow | None,
    ) -> None:
        self.client, self.clip, self.course, self.pictures, self.masks = client, clip, course, pictures, masks
        self.held, self.steady = steady, Steady(flow)
        self._waiting: deque[tuple[int, np.ndarray, Stylize, np.ndarray | None, JobFuture]] = deque()
        self._sheet: tuple[int, Blob] | None = None

    def frames(self, start: int) -> Iterator[np.ndarray]:
        """The clip's frames, painted, from one on."""
        last = self.course.at(self.clip.seconds(start - 1)) if start else None
        for index, frame in enumerate(self.clip.frames(start), start):
            self._waiting.append(self._submitted(index, frame))
            if len(self._waiting) > AHEAD:
                yield (made := self._next(last))[0]
                last = made[1]
        while self._waiting:
            yield (made := self._next(last))[0]
            last = made[1]

    def close(self) -> None:
        """Gives up what is still with the daemon."""
        for *_, job in self._waiting:
            with contextlib.suppress(VelaturaError):
                job.cancel()

    def _submitted(
        self, index: int, frame: np.ndarray
    ) -> tuple[int, np.ndarray, Stylize, np.ndarray | None, JobFuture]:
        recipe = self.course.at(self.clip.seconds(index))
        mask = self.masks.at(index) if self.masks is not None else None
        pictures = list(self.pictures)
        sent = recipe
        if self.held and recipe.quality == "fast":
            sheet = self._patchwork(index)
            pictures.append(sheet)
            sent = replace(recipe, reference=sheet.digest)
        job = self.client.submit(sent, frame, mask, priority="batch", pictures=pictures)
        return index, frame, recipe, mask, job

    def _next(self, last: Stylize | None) -> tuple[np.ndarray, Stylize]:
        index, frame, recipe, mask, job = self._waiting.popleft()
        painted = job.result()
        if not self.held:
            return painted, recipe
        if index in self.clip.scenes:
            self.steady.cut()
        share = recipe.strength if mask is None else recipe.strength * (mask.astype(np.float32) / 255)
        return self.steady.add(frame, painted, share, turning=last is not None and recipe != last), recipe

    def _patchwork(self, index: int) -> Blob:
        """What stands for the scene of a frame."""
        first, after = self.clip.scene_of(index)
        if self._sheet is None or self._sheet[0] != first:
            blob = images.read(patchwork(first, after, self.clip.frame)).blob()
            blob.hash_whole()
            self._sheet = first, blob
        return self._sheet[1]


class _Masks:
    """The mask of every frame: a picture for all, or of a second video what it shows at that time.

    Raises:
        VelaturaError: `bad_image` where it cannot be read.
    """

    def __init__(self, path: Path, clip: Clip) -> None:
        self.clip = clip
        self.still: np.ndarray | None = None
        if path.suffix.lower() in READABLE:
            self.still = self._fitted(np.asarray(images.to_pil(images.read(path).array).convert("RGB")))
            return
        self.video = scan(path)
        self._frames: Iterator[np.ndarray] = iter(())
        self._at, self._now = -1, np.zeros(0)

    def at(self, index: int) -> np.ndarray:
        """The mask of a frame, `(H, W)` u8."""
        if self.still is not None:
            return self.still
        seconds = self.clip.seconds(index) + 1e-6
        wanted = max(self._at, 0)
        while wanted + 1 < len(self.video) and self.video.seconds(wanted + 1) <= seconds:
            wanted += 1
        if self._at < 0:
            self._frames, self._at = self.video.frames(wanted), wanted - 1
        while self._at < wanted:
            self._now, self._at = self._fitted(next(self._frames)), self._at + 1
        return self._now

    def _fitted(self, frame: np.ndarray) -> np.ndarray:
        eight = (frame >> 8).astype(np.uint8) if frame.dtype == np.uint16 else frame
        gray = cv2.cvtColor(eight, cv2.COLOR_RGB2GRAY)
        return cv2.resize(gray, (self.clip.width, self.clip.height), interpolation=cv2.INTER_AREA)


def _settled(client: Daemon, course: Track, pictures: list[Blob]) -> Stylize:
    """The recipe with its method found out, once for the clip: what is best for a blend in its middle may be
    another than for its ends, and would show."""
    recipe = course.recipe
    if recipe.quality != "fast" or recipe.method != "auto":
        return recipe
    widest = replace(course.widest())
    probe = replace(widest, styles=tuple(replace(style, mask="") for style in widest.styles))
    gray = np.full((64, 64, 3), 128, np.uint8)
    job = client.submit(probe, gray, priority="batch", pictures=[*pictures, *course.pictures])
    job.result()
    ran = cast(Stylize, job.recipe)
    return replace(recipe, method=ran.method, backbone=ran.backbone)


def _about(clip: Clip, course: Track, mask: str | os.PathLike | None, how: list[Any]) -> str:
    """What makes a run the same as an earlier one, as a digest."""
    files = [clip.path] + ([Path(mask)] if mask is not None else [])
    stamps = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    numbers = {name: [list(times), list(values)] for name, (times, values) in course.numbers.items()}
    blends = [[[*name, weight] for name, weight in blend.items()] for blend in course.blends[1]]
    changes = [numbers, list(course.blends[0]), blends]
    parts = [FORMAT, stamps, recipe_to_map(course.recipe), changes, *how]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
