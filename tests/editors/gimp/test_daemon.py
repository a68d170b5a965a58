"""What the plug-in does when the daemon is not there, of another version, silent, or ends in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Daemon, until
from velatura import endpoint

from editors.gimp.conftest import ENGINE
from editors.gimp.session import Gimp
from editors.roots import Root


@pytest.fixture(scope="module")
def lonely(root: Root, folder: Path) -> Iterator[Gimp]:
    """A GIMP without a daemon."""
    with Gimp(root, folder, folder / "home") as gimp:
        yield gimp


@pytest.fixture
def home(lonely: Gimp) -> Iterator[Path]:
    """Its home folder, empty."""
    yield lonely.home
    shutil.rmtree(lonely.home)
    lonely.home.mkdir()


def record_command(gimp: Gimp, *command: str) -> None:
    """What the installer would have recorded."""
    file = gimp.settings / "plug-ins" / "velatura_gimp" / "installed.json"
    file.write_text(json.dumps({"version": "0.1.0", "command": command}))


STYLIZE = """
image, layer = new_image()
before = state(image)
value = call("stylize", image, layer, style="x"), state(image) == before
image.delete()
"""


def test_a_missing_installation_is_explained(lonely: Gimp, home: Path) -> None:
    record_command(lonely, "/nowhere/python", "-m", "velatura_daemon", "run")
    result, unchanged = lonely.run(STYLIZE)
    assert "could not be started" in result["error"] and "Install the plug-in again" in result["error"]
    assert unchanged


def test_a_home_that_cannot_be_used_is_named_and_ends_the_run(lonely: Gimp, home: Path) -> None:
    (home / "run").write_text("a file where the private folder belongs")
    record_command(lonely, "/bin/sh", "-c", "exec sleep 60")
    result, unchanged = lonely.run(STYLIZE)
    assert result["status"] == "execution-error"
    assert str(home / "run") in result["error"]
    assert unchanged


def test_a_daemon_that_ends_at_once_is_quoted(lonely: Gimp, home: Path) -> None:
    record_command(lonely, "/bin/sh", "-c", "echo no space for networks; exit 3")
    result, unchanged = lonely.run(STYLIZE)
    assert "status 3" in result["error"] and "no space for networks" in result["error"]
    assert unchanged


def test_the_daemon_is_started_when_none_runs(lonely: Gimp, home: Path) -> None:
    """The recorded command only asks: the daemon's Python is not inside the editors' folder."""
    asked = home / "asked"
    record_command(lonely, "/bin/sh", "-c", f"touch {asked}; exec sleep 60")
    lonely.start(STYLIZE)
    until(asked.exists, "the plug-in runs the recorded command")
    with Daemon(ENGINE, home):
        result, _ = lonely.finish()
    assert result["status"] == "success", result


def test_another_protocol_version_is_refused_saying_whom_to_update(lonely: Gimp, home: Path) -> None:
    with Daemon(ENGINE, home) as daemon:
        file = endpoint.connection_file(daemon.home)
        told = json.loads(file.read_text())
        file.write_text(json.dumps({**told, "protocol": [9, 0]}))
        result, unchanged = lonely.run(STYLIZE)
        file.write_text(json.dumps(told))
    assert "9" in result["error"] and "update" in result["error"].lower(), result
    assert unchanged


def test_a_daemon_that_hangs_is_given_up_in_words(lonely: Gimp, home: Path) -> None:
    with Daemon(ENGINE, home) as daemon:
        assert daemon.process is not None
        os.kill(daemon.process.pid, signal.SIGSTOP)
        result, unchanged = lonely.run(STYLIZE)
    assert "does not answer" in result["error"]
    assert unchanged


def test_a_daemon_that_ends_in_the_middle_is_told(lonely: Gimp, home: Path) -> None:
    with Daemon(ENGINE, home) as daemon:
        lonely.start(STYLIZE.replace('"stylize"', '"refine"').replace("style=", "iterations=5000, style="))
        with daemon.connect() as talk:
            talk.until(lambda: [j for j in talk.ask("jobs") if j["state"] == "running"], "the job runs")
        daemon.kill()
        result, unchanged = lonely.finish()
    assert result["status"] != "success" and "daemon" in result["error"]
    assert unchanged
