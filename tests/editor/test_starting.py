"""How an editor starts the daemon."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from velatura.editor import starting
from velatura.errors import VelaturaError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(starting, "SANDBOX", tmp_path / "none")


def record(folder: Path, *command: str) -> None:
    (folder / "installed.json").write_text(json.dumps({"command": command}))


def test_the_recorded_command_runs_as_it_is(tmp_path: Path) -> None:
    """Both installers record all of it; nothing is to be added."""
    record(tmp_path, "/bin/sh", "-c", 'echo "$#" > "$0"', str(tmp_path / "said"))
    starting.starter(tmp_path)
    until = time.monotonic() + 10
    while not (tmp_path / "said").exists() or not (tmp_path / "said").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
    assert (tmp_path / "said").read_text() == "0\n"


def test_a_command_that_is_gone_is_not_tried(tmp_path: Path) -> None:
    assert starting.command(tmp_path) is None
    record(tmp_path, "/nowhere/python")
    assert starting.command(tmp_path) is None
    (tmp_path / "installed.json").write_text("{")
    assert starting.command(tmp_path) is None


def test_a_home_that_cannot_be_used_and_a_sandbox_are_told(tmp_path: Path) -> None:
    record(tmp_path, "/bin/sh", "-c", "exit 3")
    (tmp_path / "home").write_text("a file where the folder belongs")
    with pytest.raises(VelaturaError, match="could not be started"):
        starting.starter(tmp_path)
    starting.SANDBOX.touch()
    with pytest.raises(VelaturaError, match="outside"):
        starting.starter(tmp_path)
