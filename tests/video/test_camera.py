"""What a camera sees, painted: the newest frame of one that does not wait, every frame of a file."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.running import velatura
from velatura.errors import VelaturaError
from velatura.video import camera as module
from velatura.video.camera import Camera, Recording, Shot, paint
from velatura_daemon.web.screen import Screen

from .clips import exact_motion, read, unsteadiness, write
from .test_video import FRAMES, PLACES, RECIPE, Painter, flickering


class Film:
    """In OpenCV's place: gives frames, then what a camera that is gone or silent does."""

    def __init__(self, frames: list[np.ndarray], then: Callable[[], Any] = lambda: None) -> None:
        self.frames, self.then, self.released = list(frames), then, False

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        if self.frames:
            return True, self.frames.pop(0)
        self.then()
        return False, None

    def release(self) -> None:
        self.released = True


def test_a_file_gives_every_frame_in_a_size_that_encoders_take(tmp_path: Path):
    source = write(tmp_path / "in.mp4", FRAMES[:5], times=[0, 1, 2, 5, 6])
    with Camera(str(source), side=51) as filmed:
        shots = list(filmed.shots())
    assert [round(s.seconds * 25) for s in shots] == [0, 1, 2, 5, 6]
    assert {s.frame.shape for s in shots} == {(34, 50, 3)}
    assert abs(shots[0].frame.astype(int).mean() - FRAMES[0].mean()) < 3


def test_a_camera_does_not_wait_and_gives_its_newest_frame():
    seen, go = threading.Event(), threading.Event()

    def then() -> None:
        seen.set()
        go.wait()

    film = Film([np.full((8, 8, 3), value, np.uint8) for value in (10, 20, 30)], then)
    with Camera("0", capture=film) as filmed:
        seen.wait()  # three frames came, and nobody looked
        shots = filmed.shots()
        assert next(shots).frame[0, 0, 0] == 30
        go.set()  # it is pulled out
        assert list(shots) == []
    assert film.released


def test_cameras_that_are_not_there_silent_or_empty_are_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(VelaturaError, match="cannot be read as a video"):
        Camera(str(tmp_path / "text.mp4"))
    with pytest.raises(VelaturaError, match="no camera answers"):
        Camera("/dev/video-none")
    with Camera("0", capture=Film([])) as filmed, pytest.raises(VelaturaError, match="gives no frame"):
        next(filmed.shots())
    monkeypatch.setattr(module, "BLINK", 0.05)
    go = threading.Event()
    with (
        Camera("0", capture=Film([], go.wait)) as filmed,
        pytest.raises(VelaturaError, match="gave no frame"),
    ):
        next(filmed.shots())
    go.set()
    outcome = velatura("webcam", "--camera", "/dev/video-none", "-s", "mosaic")
    assert outcome.code == 4 and "no camera answers" in outcome.err


def test_it_holds_still_by_one_picture_of_each_scene(tmp_path: Path):
    def painted(frames: list[np.ndarray], steady: bool) -> tuple[list[np.ndarray], Painter]:
        painter, film = Painter(flickering()), Film([f[:, :, ::-1] for f in frames])
        film.get = lambda _: 0.0  # type: ignore[attr-defined]  # as a camera's
        with Camera("film", capture=film) as filmed:
            made = [s.frame for s in paint(painter, filmed, RECIPE, [], steady=steady)]
        return made, painter

    loose, _ = painted(FRAMES[:16], False)
    held, painter = painted(FRAMES[:16], True)
    motions = exact_motion(PLACES[:16], (96, 64))
    assert 2 * unsteadiness(held, motions, 12) < unsteadiness(loose, motions, 12)
    assert len({job.recipe.reference for job in painter.asked}) == 1
    _, painter = painted(FRAMES[:3] + [255 - f[::-1] for f in FRAMES[:3]], True)
    references = [job.recipe.reference for job in painter.asked]
    assert len(set(references[:3])) == len(set(references[3:])) == 1 and references[0] != references[3]


def test_a_recording_is_there_with_its_times_also_when_the_camera_breaks(tmp_path: Path):
    out = tmp_path / "me.mp4"
    with pytest.raises(VelaturaError, match="unplugged"), Recording(out, 4) as recording:
        for frame, seconds in zip(FRAMES[:3], (0.0, 0.2, 0.25), strict=True):
            recording.add(Shot(frame, seconds))
        raise VelaturaError("timeout", "unplugged")
    made, clip = read(out)
    assert [round(clip.seconds(i), 3) for i in range(len(clip))] == [0.0, 0.2, 0.25]
    assert np.abs(np.stack(made).astype(int) - np.stack(FRAMES[:3])).mean() < 3
    assert [p.name for p in tmp_path.iterdir()] == ["me.mp4"]
    with Recording(tmp_path / "none.mp4"):
        pass
    assert not (tmp_path / "none.mp4").exists()


def test_frames_are_shown_to_who_knows_the_address_and_made_for_nobody_else():
    with Screen() as screen:
        screen.show(lambda: pytest.fail("nobody is looking"))
        assert b"<img" in urllib.request.urlopen(screen.address).read()
        for wrong in (screen.address.rpartition("/")[0] + "/", screen.address + "x", screen.address[:-1]):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(wrong)
        with urllib.request.urlopen(screen.address + "/frames") as stream:
            while not screen.watchers:
                threading.Event().wait(0.01)
            for jpeg in (b"one", b"second"):
                screen.show(lambda jpeg=jpeg: jpeg)
                lines = [stream.readline() for _ in range(4)]
                assert lines[0] == b"--frame\r\n" and int(lines[2].split()[1]) == len(jpeg)
                assert stream.read(len(jpeg) + 2) == jpeg + b"\r\n"
