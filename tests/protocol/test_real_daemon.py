"""The client against the real daemon, started as users start it, with an engine that needs no networks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import velatura
import zmq
from PIL import Image
from velatura import launch, wire
from velatura import messages as m
from velatura.client import Client
from velatura.connection_thread import ConnectionThread
from velatura.errors import JobFailed, VelaturaError
from velatura.jobstate import State
from velatura.pictures import png
from velatura.recipe import Upscale

HERE = Path(__file__).parents[1]
ARRAY = np.random.default_rng(1).integers(0, 256, (60, 80, 4), np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("velatura")
    paths = [str(HERE), *(str(HERE.parent / part) for part in ("shared_protocol", "daemon", "models"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        patch.setenv("VELATURA_ENGINE", "fake_engine:FakeEngine")
        patch.delenv("VELATURA_CONNECTION", raising=False)
        address = launch.ensure(base, 60)
        yield base
        with velatura.connect(start=False, home=base) as client:
            client.shutdown()
        until = 600
        while launch.find(base) == address and until:
            until -= 1
            threading.Event().wait(0.05)
        assert until, "the daemon did not end when asked to"


@pytest.fixture
def v(home: Path) -> Iterator[Client]:
    with velatura.connect(start=False, home=home, timeout=120) as client:
        yield client


def test_a_picture_makes_the_round(v):
    assert np.array_equal(v.stylize(ARRAY, "stained-glass"), 255 - ARRAY)
    image = v.stylize(Image.fromarray(ARRAY), "stained-glass", mask=np.ones((60, 80), bool))
    assert np.array_equal(np.asarray(image), 255 - ARRAY)


def test_a_picture_of_many_chunks_makes_the_round(v):
    big = np.random.default_rng(2).integers(0, 256, (1500, 1600, 4), np.uint8)
    assert np.array_equal(v.stylize(big, "stained-glass"), 255 - big)
    deep = np.random.default_rng(3).random((1200, 1100, 4), np.float32)
    out = v.stylize(deep, "stained-glass")
    assert out.dtype == np.float32 and out.tobytes() == deep.tobytes().translate(bytes(range(255, -1, -1)))


def test_a_loop_over_many_pictures_holds_back_by_itself(v, monkeypatch):
    monkeypatch.setattr("velatura.session.AT_ONCE", 3)
    arrays = [np.full((4, 4, 3), i, np.uint8) for i in range(20)]
    jobs = []
    for array in arrays:
        jobs.append(v.stylize(array, "stained-glass", wait=False))
        assert sum(not job.done for job in jobs) <= 3
    assert all(np.array_equal(job.result(60), 255 - array) for job, array in zip(jobs, arrays, strict=True))


def test_previews_and_progress_stream_and_stop_keeps_the_picture(v):
    job = v.refine(ARRAY, "stained-glass", iterations=5000, preview_every=0.01, wait=False)
    steps, previews = [], 0
    for event in job:
        steps.append(event.step)
        if event.preview is not None:
            previews += 1
            assert np.array_equal(event.preview.ravel()[1:], 255 - ARRAY.ravel()[1:]), "but for its mark"
        if previews == 3:
            job.stop()
    assert steps == sorted(steps) and job.state is State.DONE
    assert np.array_equal(job.result(), 255 - ARRAY)


def test_cancel_ends_a_running_job(v):
    job = v.refine(ARRAY, "stained-glass", iterations=5000, wait=False)
    for event in job:
        if event.state is State.RUNNING and event.step:
            job.cancel()
    assert job.state is State.CANCELLED


def test_a_live_preview_overtakes_a_long_job(v):
    long = v.refine(ARRAY, "stained-glass", iterations=5000, wait=False, priority="batch")
    while long.state is not State.RUNNING:
        next(iter(long))
    assert np.array_equal(v.stylize(ARRAY, "stained-glass", strength=0.5), 255 - ARRAY)
    assert not long.done
    long.cancel()


def test_a_file_over_the_daemon_s_limit_is_refused_before_it_is_decoded(v, tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.fromarray(ARRAY).save(path)
    monkeypatch.setattr(ConnectionThread, "most", ARRAY.nbytes - 1)
    monkeypatch.setattr(png, "from_array", lambda *_: pytest.fail("decoded"))
    for ask in (lambda: v.stylize(path, "wave"), lambda: v.submit(Upscale(), path)):
        with pytest.raises(VelaturaError, match=r"large\.png.* the daemon takes \d+,") as caught:
            ask()
        assert caught.value.code == "too_large"


def test_a_failure_reaches_the_caller(v):
    with pytest.raises(JobFailed) as caught:
        v.stylize(ARRAY, "fail")
    assert (caught.value.code, caught.value.field) == ("bad_field", "recipe.styles[0].name")


def test_a_texture_needs_no_picture(v):
    assert v.texture("stained-glass", 32, 24, iterations=1).size == (32, 24)


def test_an_enlargement_comes_back_larger_and_one_over_the_limits_is_refused(v):
    height, width = ARRAY.shape[:2]
    assert v.upscale(ARRAY).shape == (4 * height, 4 * width, ARRAY.shape[2])
    assert v.upscale(ARRAY, factor=8, strength=0.5).shape[:2] == (8 * height, 8 * width)
    with pytest.raises(JobFailed, match="at most") as caught:
        v.upscale(np.zeros((3000, 3000), np.uint8), factor=8)
    assert caught.value.code == "too_large"
    with pytest.raises(JobFailed, match="of the whole picture"):
        v.submit(Upscale(), ARRAY, mask=np.ones((height, width), bool)).result()


def test_a_detached_job_is_found_again(home, v):
    job = v.refine(ARRAY, "stained-glass", iterations=40, detached=True, wait=False)
    while job.state is not State.RUNNING:
        next(iter(job))
    v.close()
    with velatura.connect(start=False, home=home) as other:
        assert np.array_equal(np.asarray(other.attach(job.id).result(60)), 255 - ARRAY)


def test_questions_have_answers(v):
    status = v.status()
    assert status["protocol"] == list(m.PROTOCOL) and status["sessions"] >= 1
    styles = {style["name"]: style for style in v.styles()}
    assert len(styles) >= 8
    thumbnail = v.picture(styles["stained-glass"]["thumbnail"])
    assert thumbnail.width >= 32
    assert any(model["name"] == "slim" for model in v.models())
    with pytest.raises(VelaturaError):
        v.remove_style("stained-glass")


def test_a_style_of_one_s_own_is_added_and_removed(v):
    v.add_style("mine", ARRAY[:, :, :3], title="Mine", artist="Me", year=2024)
    (mine,) = [style for style in v.styles() if style["name"] == "mine"]
    assert (mine["title"], mine["artist"], mine["year"]) == ("Mine", "Me", "2024")
    v.remove_style("mine")
    assert "mine" not in {style["name"] for style in v.styles()}


def test_the_jobs_of_a_killed_program_are_cancelled(home, v, eventually):
    code = """
        import sys, time, numpy as np, velatura
        v = velatura.connect(start=False, home=sys.argv[1])
        job = v.refine(np.zeros((60, 80, 4), np.uint8), "stained-glass", iterations=5000, wait=False)
        for event in job:
            if event.step:
                print(job.id, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert name in {job["name"] for job in v.jobs()}
        other.send_signal(signal.SIGKILL)
        other.wait()
    running = ("queued", "running", "paused", "waiting")
    eventually(lambda: not [j for j in v.jobs() if j["name"] == name and j["state"] in running])


def test_garbage_is_answered_and_harms_nobody(home, v):
    address = launch.find(home)
    assert address is not None
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        wire.limit(socket)
        socket.connect(address.endpoint)
        for frames in ([b"\xc1"], [b"", b"", b""], [m.encode(m.Submit("j", None))], [os.urandom(5000)]):
            socket.send_multipart(frames)
            assert socket.poll(60000)
            answer, _ = wire.unpack(socket.recv_multipart())
            assert isinstance(answer, m.Error)
        socket.send_multipart(wire.pack(m.Hello(major=9, session="0" * 32)))
        assert socket.poll(60000)
        answer, _ = wire.unpack(socket.recv_multipart())
        assert (
            isinstance(answer, m.Error)
            and answer.code == "protocol"
            and "daemon is the older" in answer.message
        )
    assert v.status()["version"]


def daemons(home: Path) -> set[int]:
    """Daemons of a home folder, also those that are only about to see that another one runs."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            words = (folder / "cmdline").read_bytes().split(b"\0")
            serves = f"VELATURA_HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if serves and b"velatura_daemon" in words and b"run" in words:
                found.add(int(folder.name))
    return found


def test_a_daemon_starts_by_itself_for_several_programs_at_once(home, tmp_path, eventually):
    """Four clients, no daemon: one is started, all four are served by it."""
    found: list[int] = []

    def use() -> None:
        with velatura.connect(home=tmp_path, timeout=120) as client:
            found.append(client.status()["pid"])

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(found) == 4 and len(set(found)) == 1
    eventually(lambda: daemons(tmp_path) == {found[0]})  # those that came second see so, and end
    with velatura.connect(start=False, home=tmp_path) as client:
        client.shutdown()


def test_a_client_starts_the_daemon_again_after_it_was_killed(home, tmp_path):
    with velatura.connect(home=tmp_path, timeout=120) as client:
        os.kill(client.status()["pid"], signal.SIGKILL)
        while client._thread.up:
            threading.Event().wait(0.02)
        assert np.array_equal(client.stylize(ARRAY, "stained-glass"), 255 - ARRAY)
        client.shutdown()
