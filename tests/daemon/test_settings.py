"""Settings from defaults, file and environment, and errors that name what is wrong."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from velatura.errors import FieldError
from velatura.schema import to_map
from velatura_daemon.logs import KEPT, LARGEST, start_logging, tail
from velatura_daemon.paths import Paths, default_paths
from velatura_daemon.settings import Settings, load_settings, settings_from_map


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, tmp_path / "state", tmp_path / "cache", tmp_path / "data")


def test_without_file_and_variables_the_defaults_hold(paths: Paths):
    assert load_settings(paths, {}) == Settings()


def test_the_file_overrides_defaults_and_variables_override_the_file(paths: Paths):
    paths.settings_file.write_text('threads = 3\nlease = 5\ndevice = "cpu"\nprewarm = false\n')
    made = load_settings(paths, {"VELATURA_THREADS": "4", "VELATURA_PREWARM": "yes", "HOME": "/"})
    assert (made.threads, made.lease, made.device, made.prewarm) == (4, 5.0, "cpu", True)


def test_the_mark_that_windows_editors_put_first_is_read_over(paths: Paths):
    paths.settings_file.write_text("threads = 3\n", "utf-8-sig")
    assert load_settings(paths, {}).threads == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("threads = 5000", ("threads", "5000", "0 to 1024")),
        ("threads = 1.5", ("threads", "whole number", "1.5")),
        ('lease = "long"', ("lease", "a number", "long")),
        ("thread = 2", ("thread", "no setting", "threads")),
        ('log_level = "loud"', ("log_level", "loud", "debug")),
        ("threads = = 2", ("settings.toml", "not TOML")),
        ("lease = nan", ("lease", "finite")),
    ],
)
def test_a_wrong_setting_in_the_file_is_named_with_its_value_and_range(paths: Paths, text: str, words):
    paths.settings_file.write_text(text)
    with pytest.raises(FieldError) as caught:
        load_settings(paths, {})
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("VELATURA_THREADS", "many", ("VELATURA_THREADS", "whole number", "many")),
        ("VELATURA_THREADS", "-1", ("threads", "-1", "0 to 1024")),
        ("VELATURA_PREWARM", "perhaps", ("VELATURA_PREWARM", "perhaps", "true")),
    ],
)
def test_a_wrong_variable_is_named(paths: Paths, variable: str, value: str, words):
    with pytest.raises(FieldError) as caught:
        load_settings(paths, {variable: value})
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_every_setting_can_come_from_a_variable_and_survives_the_way_to_the_worker(paths: Paths):
    for f in dataclasses.fields(Settings):
        value = getattr(Settings(), f.name)
        made = load_settings(paths, {f"VELATURA_{f.name.upper()}": str(value)})
        assert getattr(made, f.name) == value
    changed = Settings(threads=2, listen="tcp://127.0.0.1:*", prewarm=False)
    assert settings_from_map(to_map(changed)) == changed


def test_everything_lies_under_velatura_home_when_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    found = default_paths()
    all_of_them = (found.settings_file, found.logs, found.cards, found.styles, found.weights)
    assert all(path.is_relative_to(tmp_path) for path in all_of_them)
    monkeypatch.delenv("VELATURA_HOME")
    assert not default_paths().logs.is_relative_to(tmp_path)


def test_logs_rotate_and_their_tail_can_be_read(paths: Paths):
    log = start_logging(paths, "test")
    for i in range(3 * LARGEST // 1000):
        log.info("%d %s", i, "x" * 1000)
    files = sorted(file.name for file in paths.logs.iterdir())
    assert files[0] == "test.log" and 2 <= len(files) <= KEPT + 1
    assert all(file.stat().st_size <= LARGEST for file in paths.logs.iterdir())
    last = tail(paths.logs / "test.log", 2)
    assert last.count("\n") == 1 and "x" * 1000 in last
    assert tail(paths.logs / "none.log") == ""
