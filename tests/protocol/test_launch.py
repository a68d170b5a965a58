"""Starting the daemon: found when it runs, started when not, explained when it cannot be."""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_daemon import FakeDaemon
from velatura import endpoint, launch
from velatura.errors import VelaturaError

PACKAGE = str(Path(endpoint.__file__).parents[1])
LISTENS = f"""
    import sys, time, pathlib
    sys.path.insert(0, {PACKAGE!r})
    from velatura import endpoint
    base = pathlib.Path(sys.argv[1])
    try:
        (base / "taken").mkdir(parents=True)         # stands for the daemon's lock
    except FileExistsError:
        sys.exit(18)
    endpoint.write(endpoint.describe("ipc:///nowhere"), base)
    until = time.monotonic() + 60
    while not (base / "end").exists() and time.monotonic() < until:
        time.sleep(0.02)
"""


def program(code: str, base) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), str(base)]


@pytest.fixture
def base(tmp_path):
    yield tmp_path
    (tmp_path / "end").touch()


def wait_for(starter: launch.Starter) -> endpoint.Address:
    until = time.monotonic() + 60
    while (address := starter.poll()) is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    return address


def test_a_running_daemon_is_found_and_not_started_again(daemon):
    assert launch.find(daemon.base) == daemon.address == launch.ensure(daemon.base)


def test_the_file_of_a_daemon_that_died_counts_as_none(tmp_path):
    daemon = FakeDaemon(tmp_path)
    path = endpoint.connection_file(tmp_path)
    path.write_text(path.read_text().replace('"started": "', '"started": "0'))
    assert launch.find(tmp_path) is None
    daemon.stop()


def test_a_program_with_an_event_loop_polls_until_the_daemon_listens(base):
    starter = launch.Starter(program(LISTENS, base), base)
    address = wait_for(starter)
    assert address.endpoint == "ipc:///nowhere" and launch.find(base) == address


def test_two_that_start_at_once_get_the_same_daemon(base, monkeypatch):
    monkeypatch.setattr(launch, "command", lambda: (program(LISTENS, base), True))
    found: list[endpoint.Address] = []
    threads = [threading.Thread(target=lambda: found.append(launch.ensure(base, 60))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(found) == 4 and len(set(found)) == 1


def test_a_daemon_that_ends_at_once_is_quoted(base):
    starter = launch.Starter(
        program("import sys; sys.exit('the settings are wrong: threads = -1')", base), base
    )
    with pytest.raises(VelaturaError, match="status 1; it said: the settings are wrong: threads = -1"):
        wait_for(starter)


def test_a_daemon_that_says_nothing_since_the_disk_is_full(base, monkeypatch):
    monkeypatch.setattr(launch.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(VelaturaError, match=r"ended at once with status 1.* is full; make room there"):
        wait_for(launch.Starter(program("import sys; sys.exit(1)", base), base))


def test_a_daemon_that_never_listens_is_given_up(base):
    waits = (
        "import sys, time, pathlib\nwhile not (pathlib.Path(sys.argv[1]) / 'end').exists(): time.sleep(0.02)"
    )
    starter = launch.Starter(program(waits, base), base, patience=0.2)
    with pytest.raises(VelaturaError, match=r"start\.log") as caught:
        wait_for(starter)
    assert caught.value.code == "timeout"


def test_a_program_that_is_gone_says_to_install_again(base):
    with pytest.raises(VelaturaError, match="install the daemon again"):
        launch.Starter([str(base / "no-such-program")], base)


def test_without_an_installation_it_says_what_to_do(base, monkeypatch):
    monkeypatch.setattr(launch.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(launch.shutil, "which", lambda name: None)
    with pytest.raises(VelaturaError, match="pip install"):
        launch.ensure(base)


def test_an_editor_s_own_environment_is_not_passed_on(base, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/editor")
    monkeypatch.setenv("VELATURA_CONNECTION", "/elsewhere")
    code = """
        import os, sys
        leaked = sorted(set(os.environ) & {"PYTHONHOME", "VELATURA_CONNECTION"})
        sys.exit(repr(leaked) + os.environ["VELATURA_HOME"])
    """
    starter = launch.Starter(program(code, base), base)
    with pytest.raises(VelaturaError) as caught:
        wait_for(starter)
    assert f"it said: []{base}" in str(caught.value)


def test_a_relative_home_is_one_folder_for_client_and_daemon(base, monkeypatch):
    monkeypatch.chdir(base.parent)
    monkeypatch.setenv("VELATURA_HOME", base.name)
    starter = launch.Starter(program("import os, sys; sys.exit(os.environ['VELATURA_HOME'])", base))
    with pytest.raises(VelaturaError, match=f"it said: {base}"):
        wait_for(starter)
