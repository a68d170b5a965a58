"""`velatura doctor` finds what is wrong, says what to do, and tells scripts by its exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.running import velatura
from harness import Daemon
from velatura_daemon.cli import doctor as checks
from velatura_daemon.cli import exits
from velatura_daemon.install import Folder
from velatura_daemon.install import gimp as gimp_installer
from velatura_daemon.paths import default_paths
from velatura_models.store.verify import Check

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(autouse=True)
def no_editors(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own editors are none of the tests' business."""
    monkeypatch.setattr(checks, "EDITORS", {})


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the networks' self-tests out, which take seconds."""
    monkeypatch.setattr(checks, "weights", lambda paths: iter(()))


def findings(*options: str) -> dict[str, Any]:
    told = velatura("doctor", "--json", *options).json
    return {finding["name"]: finding for finding in told["findings"]}


@pytest.mark.usefixtures("no_weights")
def test_a_person_reads_a_line_for_each_thing_and_a_verdict() -> None:
    outcome = velatura("doctor")
    assert outcome.code == 0, outcome.out
    assert "[ok] daemon: version " in outcome.out
    assert outcome.out.splitlines()[-1] == "no problems"


def test_a_sound_installation_has_no_problems() -> None:
    found = findings()
    assert "problem" not in {finding["level"] for finding in found.values()}
    assert {found[name]["level"] for name in ("python", "packages", "daemon", "device", "folders")} == {"ok"}
    assert found["device"]["detail"].startswith("cpu; device_reason: ")
    assert found["weights slim encoder"]["level"] == "ok"
    assert found["weights vgg19"]["remedy"] == "run: velatura models pull vgg19"


@pytest.mark.usefixtures("no_weights")
def test_a_package_that_cannot_be_imported_is_a_problem_and_the_rest_is_still_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "velatura_daemon.engine.device", None)
    outcome = velatura("doctor", "--json")
    found = {finding["name"]: finding for finding in outcome.json["findings"]}
    assert outcome.code == exits.PROBLEMS and found["device setting"]["level"] == "problem"
    assert found["daemon"]["level"] == "ok"


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("device", ["cuda:77", "potato"])
def test_a_device_that_is_not_there_is_a_problem(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELATURA_DEVICE", device)
    assert device in findings()["device setting"]["detail"]
    assert findings()["device setting"]["level"] == "problem"


@pytest.mark.usefixtures("no_weights")
def test_a_wrong_setting_is_a_problem_with_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELATURA_TILE", "-1")
    outcome = velatura("doctor", "--json")
    assert outcome.code == exits.PROBLEMS and outcome.json["problems"] == 1
    assert "tile: is -1; allowed is 0 to 16384 pixels" in findings()["settings"]["detail"]
    monkeypatch.delenv("VELATURA_TILE")
    monkeypatch.setenv("VELATURA_THREDS", "2")
    strange = findings()["environment"]
    assert (strange["level"], strange["remedy"]) == ("problem", "did you mean VELATURA_THREADS?")


@pytest.mark.usefixtures("no_weights")
def test_a_folder_that_others_may_enter_is_a_problem(home: Daemon) -> None:
    run = home.home / "run"
    run.chmod(0o755)
    try:
        outcome = velatura("doctor")
    finally:
        run.chmod(0o700)
    assert outcome.code == exits.PROBLEMS and f"chmod 700 '{run}'" in outcome.out


def test_damaged_weights_are_a_problem(home: Daemon) -> None:
    weights = default_paths().weights
    files = [weights / "vgg19.safetensors", weights / "nets" / "mine.transform.safetensors"]
    try:
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"\x80\x02 a pickle")
        found = findings()
    finally:
        for file in files:
            file.unlink()
    backbone, own = found["weights vgg19 encoder"], found["network mine"]
    assert backbone["level"] == own["level"] == "problem" and "a pickle" in backbone["detail"]
    assert backbone["remedy"] == "run: velatura models pull vgg19"
    assert own["remedy"] == "or remove it: velatura models remove mine.transform"


@pytest.mark.usefixtures("no_weights")
def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOM", 1 << 62)
    found = findings()["folder for cache"]
    assert found["level"] == "problem" and found["remedy"] == "make room on that disk"


def test_weights_that_reconstruct_badly_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*_: object) -> Iterator[Check]:
        return iter([Check("slim", "adain", False, "reconstructs at 3 dB", 3.0)])

    monkeypatch.setattr("velatura_models.store.verify.verify", verify)
    found = findings()["weights slim adain"]
    assert (found["level"], found["remedy"]) == ("problem", "install Velatura again")


@pytest.mark.usefixtures("no_weights")
def test_no_daemon_is_fine_unless_it_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "other"))
    assert findings("--no-start")["daemon"]["level"] == "note"
    monkeypatch.setenv("VELATURA_CONNECTION", str(tmp_path / "gone.json"))
    found = findings()["daemon"]
    assert found["level"] == "problem" and "not_running" in found["detail"]


def test_an_old_package_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    real = checks.importlib.metadata.version
    monkeypatch.setattr(
        checks.importlib.metadata, "version", lambda name: "0.1" if name == "pyzmq" else real(name)
    )
    (problem,) = [f for f in checks.packages() if f.level == checks.PROBLEM]
    assert problem.name == "package pyzmq" and problem.remedy == "run: pip install -U 'pyzmq>=26'"


def test_an_old_plug_in_is_a_problem_and_a_missing_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "EDITORS", {"gimp": "velatura_gimp"})
    monkeypatch.setattr(gimp_installer, "here", lambda: [Folder("GIMP 3.0", tmp_path)])
    assert [f.level for f in checks.editors()] == [checks.NOTE]
    plugin = tmp_path / "velatura_gimp"
    plugin.mkdir()
    (plugin / "installed.json").write_text('{"version": "0.0.1"}')
    (old,) = checks.editors()
    assert (old.level, old.remedy) == (checks.PROBLEM, "run: velatura install gimp")
    (plugin / "installed.json").write_text('{"version": "0.1.0"}')
    assert [f.level for f in checks.editors()] == [checks.OK]


@pytest.mark.usefixtures("no_weights")
def test_a_package_that_is_missing_or_too_old_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {
        "velatura": ["numpy>=9999.1", "velatura-daemon; extra == 'daemon'"],
        "velatura-daemon": ["no-such-package>=1", "another; extra == 'dev'"],
    }
    monkeypatch.setattr(checks.importlib.metadata, "requires", wanted.get)
    found = {finding.name: finding for finding in checks.packages()}
    assert found.keys() == {"package numpy", "package no-such-package"}
    assert found["package numpy"].detail.endswith(", >=9999.1 needed")
    assert found["package no-such-package"].detail == "is not installed"
