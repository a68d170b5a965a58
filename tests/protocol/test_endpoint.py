"""Where the daemon is found: private folders, the connection file, keys."""

from __future__ import annotations

import json
import os
import platform
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from velatura import endpoint, keys
from velatura.endpoint import Address
from velatura.errors import FieldError, VelaturaError

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows protects the profile folder by itself")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read(tmp_path):
    written = endpoint.describe("ipc:///somewhere", version="1")
    path = endpoint.write(written, tmp_path)
    assert endpoint.read(tmp_path) == written
    assert path == endpoint.connection_file(tmp_path)
    assert [p.name for p in path.parent.iterdir()] == ["daemon.json"], "no temporary file is left"


@posix
def test_folder_and_file_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        path = endpoint.write(endpoint.describe("ipc:///x"), tmp_path)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700


@posix
def test_a_folder_open_to_others_is_refused_with_the_remedy(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    with pytest.raises(VelaturaError, match="chmod 700") as caught:
        endpoint.write(endpoint.describe("ipc:///x"), tmp_path)
    assert caught.value.code == "insecure"


@posix
def test_a_link_instead_of_the_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VelaturaError, match="not a folder"):
        endpoint.socket_path(tmp_path)


@posix
def test_a_file_that_others_may_write_is_not_trusted(tmp_path):
    endpoint.write(endpoint.describe("ipc:///x"), tmp_path).chmod(0o666)
    with pytest.raises(VelaturaError) as caught:
        endpoint.read(tmp_path)
    assert caught.value.code == "insecure"


def test_without_a_file_no_daemon_runs(tmp_path):
    with pytest.raises(VelaturaError, match="velatura daemon start") as caught:
        endpoint.read(tmp_path)
    assert caught.value.code == "not_running"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a connection file"),
        ("[1]", "must be a map"),
        ('{"endpoint": 5}', "endpoint"),
        ('{"endpoint": "udp://x", "protocol": [1, 0]}', "ipc://PATH"),
        ('{"endpoint": "tcp://127.0.0.1:5555", "protocol": [1, 0]}', "CURVE only"),
        ("\xff", "not a connection file"),
    ],
)
def test_a_damaged_file_is_said_to_be(tmp_path, text, words):
    path = endpoint.write(endpoint.describe("ipc:///x"), tmp_path)
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FieldError, match=words) as caught:
        endpoint.read(tmp_path)
    assert str(path) in str(caught.value) and "restart the daemon" in str(caught.value)


def test_plain_tcp_cannot_be_published(tmp_path):
    with pytest.raises(FieldError, match="CURVE only"):
        endpoint.write(endpoint.describe("tcp://127.0.0.1:5555"), tmp_path)
    assert not endpoint.connection_file(tmp_path).exists()


def test_newer_files_with_more_in_them_are_read(tmp_path):
    path = endpoint.write(endpoint.describe("ipc:///x"), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "mood": "blue"}))
    assert endpoint.read(tmp_path).endpoint == "ipc:///x"


def test_a_daemon_withdraws_only_its_own_file(tmp_path):
    endpoint.write(endpoint.describe("ipc:///mine"), tmp_path)
    endpoint.remove(tmp_path)
    assert not endpoint.connection_file(tmp_path).exists()
    endpoint.write(Address("ipc:///other", protocol=(1, 0), pid=os.getpid() + 1), tmp_path)
    endpoint.remove(tmp_path)
    assert endpoint.connection_file(tmp_path).exists()


def test_the_home_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "a"))
    assert endpoint.home() == tmp_path / "a"
    assert endpoint.connection_file() == tmp_path / "a" / "run" / "daemon.json"


@pytest.mark.skipif(sys.platform != "linux", reason="the rule for Linux")
def test_a_sandbox_s_xdg_folders_are_not_asked(tmp_path, monkeypatch):
    monkeypatch.delenv("VELATURA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/else")
    assert endpoint.home() == tmp_path / ".local" / "share" / "velatura"


def test_another_connection_file_can_be_named(tmp_path, monkeypatch):
    path = endpoint.write(endpoint.describe("ipc:///far"), tmp_path / "far")
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path / "near"))
    monkeypatch.setenv("VELATURA_CONNECTION", str(path))
    assert endpoint.read().endpoint == "ipc:///far"


@posix
def test_a_long_home_gets_a_short_socket_in_a_private_folder(tmp_path):
    base = tmp_path / ("x" * 120)
    base.mkdir()
    path = endpoint.socket_path(base)
    assert len(os.fsencode(path)) <= endpoint.SOCKET_LIMIT
    assert path == endpoint.socket_path(base) != endpoint.socket_path(tmp_path / ("y" * 120))
    assert mode(path.parent) == 0o700
    for folder in (path.parent, endpoint.socket_path(tmp_path / ("y" * 120)).parent):
        folder.rmdir()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_id_used_again_is_told_apart():
    mine = endpoint.describe("ipc:///x")
    assert endpoint.is_alive(mine) is True
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        reused = Address("ipc:///x", "", (1, 0), "", other.pid, mine.started, mine.host)
        assert endpoint.is_alive(reused) is False
        other.communicate(b"\n")
    gone = Address("ipc:///x", "", (1, 0), "", other.pid, mine.started, mine.host)
    assert endpoint.is_alive(gone) is False


def test_a_daemon_of_another_machine_cannot_be_judged_from_here():
    away = Address("ipc:///x", "", (1, 0), "", os.getpid(), "", platform.node() + "-other")
    assert endpoint.is_alive(away) is None


@posix
def test_keys_are_made_once_and_private(tmp_path):
    pair = keys.key_pair("client", tmp_path)
    assert pair == keys.key_pair("client", tmp_path) != keys.key_pair("server", tmp_path)
    assert [len(key) for key in pair] == [40, 40]
    assert mode(tmp_path / "run" / "client.key") == 0o600


def test_a_public_key_is_never_taken_for_an_option(tmp_path, monkeypatch):
    pairs = iter([(b"-" * 40, b"s" * 40), (b"k-" * 20, b"s" * 40)])
    monkeypatch.setattr("zmq.curve_keypair", lambda: next(pairs))
    assert keys.key_pair("server", tmp_path)[0] == b"k-" * 20


def test_a_damaged_key_file_is_refused(tmp_path):
    keys.key_pair("client", tmp_path)
    (tmp_path / "run" / "client.key").write_text("short\n")
    with pytest.raises(VelaturaError, match="damaged"):
        keys.key_pair("client", tmp_path)


def test_admitted_keys(tmp_path):
    assert keys.admitted(tmp_path) == {}
    public, _ = keys.key_pair("client", tmp_path)
    keys.admit(public, "laptop", tmp_path)
    (tmp_path / "run" / "clients" / "junk.pub").write_text("not a key")
    assert keys.admitted(tmp_path) == {"laptop": public}
    with pytest.raises(VelaturaError, match="letters, digits"):
        keys.admit(public, "../laptop", tmp_path)
    with pytest.raises(VelaturaError, match="40 characters"):
        keys.admit(b"short", "laptop", tmp_path)
