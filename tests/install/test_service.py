"""Units of the systems' own service managers, as they read them."""

from __future__ import annotations

import configparser
import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest
from velatura_daemon.install import service

COMMAND = ["/opt/my python/bin/python", "-m", "velatura_daemon", "run"]


def made(system: str, home: Path, **env: str) -> dict[str, str]:
    found = service.files(system, home, env, COMMAND, home / "100%" / "run" / "daemon.sock")
    return {str(path.relative_to(home)): text.decode() for path, text in found.items()}


def test_systemd_holds_the_socket_and_starts_the_daemon_on_need(tmp_path: Path) -> None:
    units = made("linux", tmp_path, VELATURA_HOME="/my home")
    assert list(units) == [f".config/systemd/user/velatura.{kind}" for kind in ("socket", "service")]
    read = [configparser.RawConfigParser(strict=False) for _ in units]
    for parser, text in zip(read, units.values(), strict=True):
        parser.read_string(text)
    socket, daemon = read
    assert socket["Socket"]["ListenStream"] == f"{tmp_path}/100%%/run/daemon.sock"
    assert socket["Socket"]["SocketMode"] == "0600" and socket["Install"]["WantedBy"] == "sockets.target"
    assert daemon["Service"]["ExecStart"] == '"/opt/my python/bin/python" "-m" "velatura_daemon" "run"'
    assert 'Environment="VELATURA_HOME=/my home"' in units[".config/systemd/user/velatura.service"]
    assert 'Environment="VELATURA_EXIT_SECONDS=1800"' in units[".config/systemd/user/velatura.service"]
    if shutil.which("systemd-analyze"):
        folder = tmp_path / ".config/systemd/user"
        folder.mkdir(parents=True)
        for name, text in units.items():
            (tmp_path / name).write_text(text.replace(COMMAND[0], "/bin/true"))
        check = ["systemd-analyze", "--user", "verify", *map(str, sorted(folder.iterdir()))]
        done = subprocess.run(
            check, capture_output=True, text=True, env={"XDG_RUNTIME_DIR": str(tmp_path)}, check=False
        )
        assert "velatura" not in done.stderr


def test_macos_starts_it_at_login(tmp_path: Path) -> None:
    ((name, text),) = made("macos", tmp_path, VELATURA_HOME="/my home").items()
    agent = plistlib.loads(text.encode())
    assert name == f"Library/LaunchAgents/{agent['Label']}.plist" and agent["RunAtLoad"] is True
    assert agent["ProgramArguments"] == COMMAND and agent["EnvironmentVariables"] == {
        "VELATURA_HOME": "/my home"
    }


def test_windows_starts_it_at_login_without_a_window(tmp_path: Path) -> None:
    command = [str(tmp_path / "my python" / "python.exe"), *COMMAND[1:]]
    found = service.files("windows", tmp_path, {"APPDATA": str(tmp_path)}, command, Path())
    ((path, text),) = found.items()
    assert path.parent.name == "Startup" and path.suffix == ".cmd"
    python = tmp_path / "my python" / "pythonw.exe"
    assert text.decode().endswith(f'start "" /b "{python}" -m velatura_daemon run\r\n')


def test_files_are_written_and_taken_back_and_a_missing_manager_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "v"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(service, "this_system", lambda: "linux")
    monkeypatch.setattr(service.shutil, "which", lambda name: None)
    assert service.install(dry_run=True)[0].startswith("write ") and not list(tmp_path.rglob("velatura.*"))
    assert "run: systemctl --user enable --now velatura.socket" in service.install()[-1]
    assert len(list(tmp_path.rglob("velatura.*"))) == 2
    service.remove()
    assert not list(tmp_path.rglob("velatura.*"))
    assert service.remove() == ["no service of Velatura's is installed"]
