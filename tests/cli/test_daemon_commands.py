"""Starting, stopping and looking at the daemon; jobs of all clients; the style library."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import velatura as api
from cli.conftest import pixels
from cli.running import command, spawned, velatura
from harness import Daemon, picture, until
from PIL import Image
from velatura.recipe import Style, Stylize
from velatura_daemon.cli import daemon as commands
from velatura_daemon.cli import exits


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A home folder in which no daemon runs yet; one that a test starts is ended."""
    daemon = Daemon()
    for name, value in daemon.environment.items():
        if name.startswith("VELATURA_") or name == "PYTHONPATH":
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("VELATURA_CONNECTION", raising=False)
    yield daemon
    velatura("daemon", "stop")
    daemon.close()


def test_start_stop_and_start_again(empty: Daemon) -> None:
    first = velatura("daemon", "start", "--json").json
    assert first["started"] and first["pid"] > 0
    assert velatura("daemon", "start").out.startswith(f"runs already: process {first['pid']} at ipc://")
    assert velatura("daemon", "status", "--json").json["pid"] == first["pid"]
    assert velatura("daemon", "stop").out == f"stopped: process {first['pid']}\n"
    assert velatura("daemon", "stop").out == "no daemon runs\n"


def test_a_daemon_that_hangs_is_ended_by_its_process_id(
    empty: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(commands, "STOP_SECONDS", 0.5)
    pid = velatura("daemon", "start", "--json").json["pid"]
    os.kill(pid, signal.SIGSTOP)
    stopped = velatura("daemon", "stop")
    assert stopped.out == f"stopped: process {pid}\n" and f"process {pid}" in stopped.err
    pid = velatura("daemon", "start", "--json").json["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert velatura("daemon", "stop", "--force").out == f"stopped: process {pid}\n"


def test_a_daemon_of_an_earlier_version_is_told_and_renewed(
    empty: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = velatura("daemon", "start", "--json").json["pid"]
    monkeypatch.setattr("velatura.session.__version__", "0.2.0")
    told = velatura("ps")
    assert told.code == 0 and "this is 0.2.0; renew it: velatura daemon restart" in told.err
    with empty.connect("a painter 1.0") as talk:
        job = talk.submit(Stylize(styles=(Style(name="gate"),)), picture())
        talk.until(lambda: job.state.value == "running", "the job runs")
        assert velatura("daemon", "restart").code == 10
    until(lambda: not velatura("ps", "--json").json, "the job has gone with its program")
    assert f"stopped: process {pid}\nstarted: process" in velatura("daemon", "restart").out


def test_a_daemon_of_another_version_is_stopped(empty: Daemon) -> None:
    pid = velatura("daemon", "start", "--json").json["pid"]
    file = empty.home / "run" / "daemon.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "protocol": [9, 0], "version": "9.0"}))
    stopped = velatura("daemon", "stop")
    assert stopped.code == 0 and stopped.out == f"stopped: process {pid}\n" and "version 9.0" in stopped.err


@pytest.mark.parametrize("words", [("daemon", "status"), ("ps",), ("cancel", "job")])
def test_what_only_looks_at_the_daemon_does_not_start_one(empty: Daemon, words: tuple[str, ...]) -> None:
    outcome = velatura(*words)
    assert outcome.code == 9 and "velatura daemon start" in outcome.err
    assert not (empty.home / "run" / "daemon.json").exists()


def test_a_second_daemon_says_who_runs(empty: Daemon) -> None:
    pid = velatura("daemon", "start", "--json").json["pid"]
    outcome = spawned("daemon", "run")
    assert outcome.code == exits.ALREADY_RUNNING
    assert f"process {pid}" in outcome.err and "velatura daemon stop" in outcome.err


def test_run_stays_in_the_foreground_and_logs(empty: Daemon) -> None:
    process = subprocess.Popen(command("daemon", "run"), stderr=subprocess.PIPE, text=True)
    until(lambda: velatura("daemon", "status").code == 0, "the daemon answers")
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0 and "listens at ipc://" in said


def test_logs_show_the_end_of_the_file(empty: Daemon) -> None:
    missing = velatura("daemon", "logs")
    assert missing.code == exits.FILES and "no log yet" in missing.err
    velatura("daemon", "start")
    until(lambda: "listens at" in velatura("daemon", "logs").out, "a line in the log")
    assert velatura("daemon", "logs", "-n", 1).out.count("\n") == 1


def test_status_is_readable(home: Daemon) -> None:
    outcome = velatura("daemon", "status")
    assert outcome.code == 0 and "version" in outcome.out and "blobs.budget" in outcome.out
    assert not re.search(r"protocol +\d, |uptime +[\d.]+$", outcome.out, re.MULTILINE)


def test_ps_shows_every_clients_jobs_and_cancel_ends_them(home: Daemon) -> None:
    with home.connect("a painter 1.0") as talk:
        job = talk.submit(Stylize(styles=(Style(name="gate"),)), picture())
        talk.until(lambda: job.state.value == "running", "the job runs")
        (row,) = velatura("ps", "--json").json
        assert (row["name"], row["state"], row["client"]) == (job.id, "running", "a painter 1.0")
        assert job.id in velatura("ps").out
        assert velatura("cancel", job.id[:5]).out == f"{job.id}: cancelled\n"
        assert talk.ended(job).state.value == "cancelled"
    outcome = velatura("cancel", job.id)
    assert outcome.code == 8 and "is none of the jobs" in outcome.err


def test_styles_are_added_shown_and_removed(home: Daemon, folder: Path) -> None:
    Image.fromarray(pixels(0, side=64)).save("large.png")  # the fake pictures are too small for a style
    words = ("--title", "My own", "--artist", "Me", "--year", "c. 2020")
    assert velatura("styles", "add", "large.png", "--name", "my-own", *words).out == "my-own\n"
    (mine,) = [style for style in velatura("styles", "list", "--json").json if style["kind"] == "user"]
    assert (mine["name"], mine["title"], mine["artist"], mine["year"]) == (
        "my-own",
        "My own",
        "Me",
        "c. 2020",
    )
    assert "My own" in velatura("styles", "show", "my-own").out
    assert "my-own" in velatura("styles", "list").out
    assert velatura("styles", "remove", "my-own").code == 0
    assert "my-own" not in velatura("styles", "list").out


def test_style_errors_name_the_field(home: Daemon, folder: Path) -> None:
    assert velatura("styles", "show", "no-such").code == 6
    Image.fromarray(pixels(0, side=64)).save("large.png")
    outcome = velatura("styles", "add", "large.png", "--name", "Not A Name")
    assert outcome.code == 3 and "name: is 'Not A Name'" in outcome.err and "try 'not-a-name'" in outcome.err
    assert velatura("styles", "remove", "pointillism").code == 3
    Path("broken.png").write_bytes(b"x")
    assert velatura("styles", "add", "broken.png").code == 4


def test_tables_in_a_pipe_keep_a_line_a_row(home: Daemon) -> None:
    rows = velatura("styles", "list", "--json").json
    lines = velatura("styles", "list").out.splitlines()
    assert len(lines) == len(rows) + 1
    assert all(
        row["name"] in line and row["title"] in line for row, line in zip(rows, lines[1:], strict=True)
    )


def test_a_reader_that_has_enough_ends_a_command_quietly(home: Daemon) -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen(command("styles", "list"), stdout=pipe, stderr=pipe, env=home.environment)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == exits.ENOUGH


def test_the_version_is_the_packages() -> None:
    assert velatura("--version").out == f"velatura {api.__version__}\n"
    said = subprocess.run(
        [Path(sys.executable).parent / "velatura", "--version"], capture_output=True, text=True
    )
    assert said.stdout == f"velatura {api.__version__}\n"
