"""A batch on a real scheduler and real worker processes: exactly once, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from cli.running import command, spawned
from PIL import Image

pytestmark = pytest.mark.timeout(900)  # programs that start, on a machine that may be busy

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose engine inverts pictures, or waits for the file `open`; see `tests/fake_engine.py`."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("VELATURA_HOME", str(folder))
    monkeypatch.setenv("VELATURA_ENGINE", "fake_engine:FakeEngine")
    monkeypatch.setenv("VELATURA_THREADS", "1")
    paths = [str(ROOT / part) for part in ("shared_protocol", "daemon", "models", "tests")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return folder


def photos(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for index in range(count):
        Image.new("RGB", (24, 16), (index, 100, 200)).save(folder / f"{index:03d}.png")
    return folder


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / ".velatura-batch.jsonl").read_text().splitlines()]


def until(true: Any, seconds: float = 240) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


def engines(batch: psutil.Process) -> list[psutil.Process]:
    """The worker processes of a batch: those that have loaded the engine."""
    return [p for p in batch.children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]


def test_every_picture_once_and_a_bad_one_ends_nothing(home: Path, tmp_path: Path):
    source = photos(tmp_path / "in", 12)
    (source / "007.png").write_bytes(b"no picture")
    outcome = spawned(
        "batch", source, "-s", "invert", "-o", tmp_path / "out", "--cluster", "local:2", "--json"
    )
    assert outcome.code == 23 and "007.png" in outcome.err
    found = json.loads(outcome.out)
    assert len(found) == 12 and [Path(o["source"]).name for o in found if o["error"]] == ["007.png"]
    assert len({o["worker"] for o in found}) == 2
    for index in set(range(12)) - {7}:
        made = np.asarray(Image.open(tmp_path / "out" / f"{index:03d}.png"))
        assert (made == (255 - index, 155, 55)).all()
    again = spawned("batch", source, "-s", "invert", "-o", tmp_path / "out", "--cluster", "local:1")
    assert again.code == 23 and "0 painted, 11 there already, 1 failed" in again.out
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir() if p.is_file()) == [".jsonl"] + [".png"] * 11


def gated(tmp_path: Path, count: int) -> Path:
    """A file of jobs: two that are done at once, then such as wait at the gate."""
    photos(tmp_path / "in", count)
    styles = ["invert", "invert"] + ["gate"] * (count - 2)
    lines = [json.dumps({"in": f"in/{i:03d}.png", "style": style}) for i, style in enumerate(styles)]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines))
    return tmp_path / "jobs.jsonl"


def test_a_worker_that_is_killed_loses_only_what_it_had_in_hand(home: Path, tmp_path: Path):
    jobs, out = gated(tmp_path, 10), tmp_path / "out"
    words = command("batch", "--jobs", jobs, "-o", out, "--cluster", "local:2", "--json")
    batch = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: len(list(out.glob("*.png"))) >= 2)
        busy = until(lambda: len(found := engines(psutil.Process(batch.pid))) >= 2 and found)
        time.sleep(3)  # each has a picture in hand, at the gate
        os.kill(busy[0].pid, signal.SIGKILL)
        time.sleep(1)
        (home / "open").touch()
        printed, _ = batch.communicate(timeout=240)
    finally:
        batch.kill()
    found = json.loads(printed)
    assert batch.returncode == 0 and len(found) == 10 and not any(o["error"] for o in found)
    assert sorted(Path(o["target"]).name for o in found) == [f"{i:03d}.png" for i in range(10)]
    assert len(lines(out)) == 10 and {p.suffix for p in out.iterdir()} == {".png", ".jsonl"}


@pytest.fixture
def scheduler(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and two workers, each a program of its own, that trust one certificate alone."""
    key, certificate = (str(tmp_path / name) for name in ("key.pem", "certificate.pem"))
    making = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run(
        ["openssl", *making, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL
    )
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT", certificate)
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY", key)
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", certificate)
    address = "tls://127.0.0.1:18786"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    dask += ["--host", address, "--port", "18786"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-dashboard"]
    worker += ["--nthreads", "1"]
    started = [subprocess.Popen(words, stderr=subprocess.DEVNULL) for words in (dask, worker, worker)]
    yield address, started
    for process in started[::-1]:
        process.kill()
        process.wait(30)


def test_a_batch_whose_scheduler_goes_away_says_so_and_is_gone_on_with(
    home: Path, tmp_path: Path, scheduler: Any
):
    address, processes = scheduler
    jobs, out = gated(tmp_path, 6), tmp_path / "out"
    words = command("batch", "--jobs", jobs, "-o", out, "--cluster", address)
    batch = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: len(list(out.glob("*.png"))) >= 2)
        processes[0].kill()
        _, said = batch.communicate(timeout=240)
    finally:
        batch.kill()
    assert batch.returncode == 9 and "the scheduler, or every worker, is gone" in said, said
    (home / "open").touch()
    assert spawned("batch", "--jobs", jobs, "-o", out, "--cluster", "local:1").code == 0
    assert sorted(p.name for p in out.glob("*.png")) == [f"{i:03d}.png" for i in range(6)]


def test_no_scheduler_is_an_error_in_words(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from velatura_daemon.cluster import batch as module

    monkeypatch.setattr(module, "PATIENCE", 1)
    from cli.running import velatura

    words = ("batch", photos(tmp_path / "in", 1), "-s", "invert", "-o", tmp_path / "out", "--cluster")
    outcome = velatura(*words, "tcp://127.0.0.1:1")
    assert outcome.code == 9 and "no scheduler answers at tcp://127.0.0.1:1" in outcome.err
    outcome = velatura(*words, "tls://127.0.0.1:1")
    assert outcome.code == 3 and "TLS__CA_FILE" in outcome.err


def test_addresses_of_stores_are_read_and_written(home: Path, tmp_path: Path):
    from velatura_daemon.cluster import places

    source = photos(tmp_path / "in", 3)
    outcome = spawned(
        "batch", f"file://{source}", "-s", "invert", "-o", f"file://{tmp_path}/far", "--cluster", "local:1"
    )
    assert outcome.code == 0 and "3 painted" in outcome.out
    assert (np.asarray(Image.open(tmp_path / "far" / "002.png")) == (253, 155, 55)).all()
    places.write("memory://folder/a.png", b"abc")
    assert places.read("memory://folder/a.png") == b"abc" and places.exists("memory://folder/a.png")
    assert places.listed("memory://folder", {".png"}) == [("memory:///folder/a.png", "a.png")]


def test_a_style_file_joins_the_library_of_whoever_paints(home: Path, tmp_path: Path) -> None:
    from velatura_daemon.cluster.node import _style
    from velatura_daemon.styles.library import Library

    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)).save(tmp_path / "a.png")
    other = Library(tmp_path / "styles", tmp_path / "cache")
    other.add("moss", tmp_path / "a.png")
    for name in ("moss.velatura", "again.velatura"):
        (tmp_path / name).write_bytes(other.export("moss"))
        assert _style(str(tmp_path / name)) == "moss"
    assert len(list(home.rglob("styles/moss"))) == 1
