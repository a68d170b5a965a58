"""A real refinement over a real daemon: it streams, stops, gives way, and survives its worker."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli.running import command
from harness import REAL, Daemon, Talk
from PIL import Image
from velatura.blob import Blob, Picture
from velatura.jobs import Job
from velatura.jobstate import State
from velatura.pairs import Pair
from velatura.pictures.files import recipe_of
from velatura.pixels import Layout
from velatura.recipe import Refine, Style, Stylize, Texture

WOODCUT = (Style(name="woodcut"),)
ENDLESS = Refine(WOODCUT, iterations=5000, levels=1)
PAIRS = tuple(
    Pair(*row)
    for row in ((0.2, 0.3, 0.3, 0.35), (0.7, 0.3, 0.6, 0.3), (0.3, 0.7, 0.3, 0.6), (0.7, 0.7, 0.7, 0.8))
)
BENDING = replace(ENDLESS, objective="strotss", shapes="only", pairs=PAIRS, reach=1.0)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon(REAL, threads=1, dtype="float32") as running:
        yield running


@pytest.fixture
def talk(daemon: Daemon) -> Iterator[Talk]:
    with daemon.connect() as session:
        yield session


def photo(seed: int = 0, side: int = 64) -> Blob:
    layout = Layout(side, side, "RGBA")
    ramp = np.linspace(40, 200, side)
    pixels = np.stack([ramp[None] + 0 * ramp[:, None], ramp[:, None] + 0 * ramp[None]], -1)
    pixels = np.concatenate([pixels, np.full((side, side, 1), 20 * seed + 60.0)], -1)
    return Blob(layout, np.dstack([pixels, np.full((side, side), 255)]).astype("u1").tobytes())


def running(talk: Talk, recipe: Refine, steps: int = 2, **options) -> Job:
    """A job that has made at least so many steps."""
    job = talk.submit(recipe, photo(), **options)
    talk.until(lambda: job.over or (job.progress and job.progress.step >= steps), "the refinement advances")
    assert job.error is None, job.error
    return job


def test_progress_and_previews_come_while_it_runs_and_the_result_is_the_best(talk: Talk) -> None:
    seen: dict[int, float] = {}
    job = talk.submit(Refine(WOODCUT, iterations=25, levels=1), photo(), preview_every=0.01, preview_side=32)

    def over() -> bool:
        if job.progress and job.progress.losses:  # none before the first evaluation
            seen[job.progress.step] = job.progress.losses["total"]
        return job.over

    talk.until(over, "the refinement ends")
    assert job.state is State.DONE, job.error
    assert job.progress is not None
    assert job.progress.of == 25
    assert set(job.progress.losses) == {"content", "style", "tv", "total"}
    assert len(seen) > 3
    assert seen[max(seen)] < seen[min(seen)]  # the last step itself may be told by the result alone
    previews = talk.previews(job)
    assert previews
    assert (previews[0].picture.layout.width, previews[0].picture.layout.height) == (32, 32)
    assert job.picture is not None
    assert job.picture.layout == photo().layout
    assert job.result is not None
    assert job.result.record["steps"] == 25


def test_stop_keeps_what_there_is(talk: Talk) -> None:
    job = running(talk, ENDLESS)
    talk.connection.stop(job)
    talk.ended(job)
    assert job.state is State.DONE, job.error
    assert job.result is not None
    assert 2 <= job.result.record["steps"] < 5000
    assert any("stopped on request" in note for note in job.result.record["notes"])


def test_cancel_discards(talk: Talk) -> None:
    job = running(talk, ENDLESS)
    talk.connection.cancel(job)
    talk.ended(job)
    assert job.state is State.CANCELLED
    assert job.picture is None


def test_a_refinement_gives_way_to_an_interactive_job_and_goes_on(talk: Talk) -> None:
    long = running(talk, ENDLESS, priority="batch")
    assert long.progress is not None
    before = long.progress.step
    quick = talk.run(Stylize(WOODCUT), photo(seed=1))
    assert quick.state is State.DONE, quick.error
    assert not long.over
    talk.until(lambda: long.progress and long.progress.step > before + 3, "the refinement goes on")
    talk.connection.stop(long)
    assert talk.ended(long).state is State.DONE


def test_a_refinement_survives_the_death_of_its_worker_with_its_shapes(talk: Talk) -> None:
    job = running(talk, BENDING, steps=3)  # the first checkpoint follows the first step
    os.kill(talk.worker_pid(), signal.SIGKILL)
    talk.until(lambda: job.state is State.PAUSED, "the job is told")
    talk.until(lambda: job.state is State.RUNNING, "a new worker goes on with it")
    talk.connection.stop(job)
    talk.ended(job)
    assert job.state is State.DONE, job.error
    assert job.result is not None
    assert any("resumed at step" in note for note in job.result.record["notes"])


def test_a_texture_comes_from_nothing_but_a_style(talk: Talk) -> None:
    job = talk.run(Texture(WOODCUT, width=80, height=48, iterations=6, levels=1, tileable=True))
    assert job.state is State.DONE, job.error
    assert job.picture is not None
    assert (job.picture.layout.width, job.picture.layout.height) == (80, 48)


def test_the_command_shows_a_live_bar_previews_and_what_the_record_notes(
    daemon: Daemon, tmp_path: Path
) -> None:
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(tmp_path / "photo.png")
    Image.linear_gradient("L").resize((60, 40)).convert("RGB").save(tmp_path / "small.png")
    words = command(
        "refine", "photo.png", "-s", "small.png", "--iterations", 24, "--levels", 1, "-o", "out.png",
        "--content-layer", "relu3_1=0.5", "--content-layer", "conv4_2=1", "--previews", "steps",
        "--preview-every", 0.05, "--preview-side", 32,
    )  # fmt: skip
    ours, theirs = pty.openpty()
    environment = {**daemon.environment, "TERM": "xterm", "COLUMNS": "200"}
    process = subprocess.Popen(words, cwd=tmp_path, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's end on Linux
        while part := os.read(ours, 1 << 16):
            shown += part
    os.close(ours)
    assert process.wait() == 0, shown
    text = shown.decode()
    assert re.search(r"photo\.png.*\d+/24.*content [\d.e-]+ style [\d.e-]+ tv [\d.e-]+ .*s left", text), text
    assert "velatura: a style of 60 x 40 pixels" in text
    recipe = recipe_of(tmp_path / "out.png")
    assert isinstance(recipe, Refine)
    assert recipe.content_layers == (("conv4_2", 1.0), ("relu3_1", 0.5))
    previews = sorted((tmp_path / "steps").iterdir())
    assert previews and previews[0].name.startswith("step-0000")
    assert Image.open(previews[0]).size == (32, 32)


def test_a_deformation_shows_how_it_grows_and_keeps_what_there_is(talk: Talk) -> None:
    job = talk.submit(BENDING, photo(), preview_every=0.01)
    talk.until(lambda: job.over or len(talk.previews(job)) > 2, "it is shown")
    first = bent_by(talk.previews(job)[0].picture)
    talk.until(lambda: job.over or bent_by(talk.previews(job)[-1].picture) > 1.5 * first, "shapes move on")
    before = bent_by(talk.previews(job)[-1].picture)
    talk.connection.stop(job)
    talk.ended(job)
    assert job.state is State.DONE and job.picture is not None and job.result is not None, job.error
    assert isinstance(job.result.recipe, Refine) and job.result.recipe.pairs == PAIRS
    assert bent_by(job.picture) > 0.5 * before > 0


def test_looking_for_pairs_counts_as_no_step(talk: Talk) -> None:
    job = talk.submit(replace(BENDING, shapes="joint", pairs=(), iterations=2), photo(), preview_every=0.01)
    counted = set()
    talk.until(lambda: counted.add(job.progress.of if job.progress else 2) or job.over, "it ends")
    assert job.state is State.DONE and counted == {2}, job.error
    assert [preview.step for preview in talk.previews(job)][:1] == [0]


def test_a_deformation_that_is_cancelled_leaves_nothing(talk: Talk) -> None:
    job = running(talk, replace(BENDING, shapes="joint", objective="gram"))
    talk.connection.cancel(job)
    assert talk.ended(job).state is State.CANCELLED and job.picture is None


def bent_by(picture: Picture) -> float:
    """Mean difference from the photo, in levels of 255."""
    pixels = (
        np.frombuffer(blob, np.uint8).astype(float) for blob in (picture.data, photo().read(0, 64**2 * 4))
    )
    return float(np.abs(next(pixels) - next(pixels)).mean())


def test_keypoints_and_a_deformation_from_the_command_line(daemon: Daemon, tmp_path: Path) -> None:
    """The file that one command writes is the other's; an empty one is told, and no error."""
    big = np.array(
        Image.fromarray(np.random.default_rng(3).integers(0, 255, (9, 13, 3), np.uint8)).resize((96, 80))
    )
    Image.fromarray(big).save(tmp_path / "photo.png")
    Image.fromarray(np.roll(big, (5, 7), (0, 1))).save(tmp_path / "style.png")
    environment = {**os.environ, **daemon.environment}

    def run(*words: str) -> str:
        done = subprocess.run(
            command(*words), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    words = ("keypoints", "photo.png", "style.png", "-o", "points.json", "--picture", "pairs.png")
    assert "pairs: points.json" in run(*words)
    assert Image.open(tmp_path / "pairs.png").size == (96, 80)
    points = json.loads((tmp_path / "points.json").read_text())
    assert points["content"] == points["style"] == [96, 80] and len(points["pairs"]) >= 3
    refine = ("refine", "photo.png", "-s", "style.png", "--iterations", "2", "--deform", "points.json")
    run(*refine, "-o", "bent.png")
    recipe = recipe_of(tmp_path / "bent.png")
    assert isinstance(recipe, Refine) and recipe.shapes == "joint"
    assert len(recipe.pairs) == len(points["pairs"])
    (tmp_path / "points.json").write_text(json.dumps({**points, "pairs": []}))
    assert "no pairs of places, so shapes stay" in run(*refine, "-o", "straight.png")
    recipe = recipe_of(tmp_path / "straight.png")
    assert isinstance(recipe, Refine) and recipe.shapes == "keep"
