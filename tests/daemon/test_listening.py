"""Who may connect: ipc for the owner, TCP only with CURVE and an admitted key."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from harness import PATIENCE, Daemon, picture, until
from velatura import endpoint, keys
from velatura import messages as m
from velatura.connection import Connection
from velatura.jobs import Down, JobEnded, Up
from velatura.jobstate import State
from velatura.launch import ALREADY_RUNNING
from velatura.recipe import Style, Stylize

Start = Callable[..., Daemon]
INVERT = Stylize(styles=(Style(name="invert"),))


@pytest.fixture
def listening(start_daemon: Start) -> Iterator[tuple[Daemon, str]]:
    """A daemon that also listens on TCP, and that endpoint."""
    daemon = start_daemon(listen="tcp://127.0.0.1:*")
    with daemon.connect() as talk:
        yield daemon, talk.status()["tcp_endpoint"]


def over_tcp(daemon: Daemon, where: str) -> endpoint.Address:
    public, _ = keys.key_pair("server", daemon.home)
    return endpoint.Address(where, public.decode(), m.PROTOCOL, "", 1, "", "elsewhere")


def events_until(connection: Connection, kind: type) -> list:
    seen: list = []
    for _ in range(int(PATIENCE / 0.05)):
        connection.wait(0.05)
        seen += connection.process()
        if any(isinstance(e, kind) for e in seen):
            return seen
    raise AssertionError(f"no {kind.__name__} came, only {seen}")


def test_the_socket_is_the_owners_alone(daemon: Daemon):
    socket = endpoint.socket_path(daemon.home)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(endpoint.connection_file(daemon.home).stat().st_mode) == 0o600


def test_a_folder_that_others_may_enter_keeps_the_daemon_from_starting(tmp_path: Path):
    daemon = Daemon(home=tmp_path)
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "run").chmod(0o755)
    process = daemon.spawn("run")
    words, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and "chmod 700" in words


def test_a_long_home_folder_is_no_hindrance(tmp_path: Path):
    home = tmp_path / ("long" * 30)
    home.mkdir()
    with Daemon(home=home) as daemon, daemon.connect() as talk:
        assert talk.run(INVERT, picture()).state is State.DONE


def test_an_admitted_client_works_over_tcp(listening: tuple[Daemon, str]):
    daemon, where = listening
    connection = Connection(over_tcp(daemon, where), "tcp", base=daemon.home)
    job = connection.submit(INVERT, picture(700, 700))
    events_until(connection, JobEnded)
    assert job.state is State.DONE
    connection.close()


def test_a_stranger_is_turned_away_until_it_is_admitted(listening: tuple[Daemon, str], tmp_path: Path):
    daemon, where = listening
    stranger_home = tmp_path / "stranger"
    stranger_home.mkdir()
    address = over_tcp(daemon, where)
    connection = Connection(address, "stranger", base=stranger_home)
    refused = next(e for e in events_until(connection, Down) if isinstance(e, Down))
    assert refused.final and refused.error.code == "insecure"
    connection.close()
    keys.admit(keys.key_pair("client", stranger_home)[0], "stranger", daemon.home)
    connection = Connection(address, "stranger", base=stranger_home)
    events_until(connection, Up)
    connection.close()


def test_tcp_without_encryption_gets_no_answer(listening: tuple[Daemon, str]):
    daemon, where = listening
    context = zmq.Context()
    plain = context.socket(zmq.DEALER)
    plain.setsockopt(zmq.LINGER, 0)
    plain.connect(where)
    plain.send(m.encode(m.Hello(session="0" * 32)))
    with daemon.connect() as talk:
        assert talk.run(INVERT, picture()).state is State.DONE
        assert talk.status()["sessions"] == 2, "the fixture's and ours"
    assert not plain.poll(500)
    plain.close()
    context.term()


@pytest.mark.parametrize(
    "listen", ["ipc:///tmp/x", "tcp://nowhere.invalid:1", "tcp://127.0.0.1:65536", "7878"]
)
def test_an_address_that_cannot_be_bound_is_named(listen: str):
    daemon = Daemon(listen=listen)
    process = daemon.spawn("run")
    words, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and "listen" in words and listen in words
    daemon.close()


ACTIVATE = """
import os, select, socket, sys
path = sys.argv[1]
os.makedirs(os.path.dirname(path), mode=0o700)
os.chmod(os.path.dirname(path), 0o700)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
os.dup2(listener.fileno(), 3)
print("listening", flush=True)
while True:
    select.select([listener], [], [])
    child = os.fork()
    if not child:
        os.set_inheritable(3, True)
        environment = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
        os.execve(sys.executable, [sys.executable, "-m", "velatura_daemon", "run"], environment)
    os.waitpid(child, 0)
"""
"""What systemd does with a socket unit, in short: listen, and start the daemon when somebody connects."""


@pytest.fixture
def activated() -> Iterator[Daemon]:
    """A home folder whose socket the system holds."""
    daemon = Daemon()
    path = str(daemon.home / "run" / "daemon.sock")
    system = subprocess.Popen(
        [sys.executable, "-c", ACTIVATE, path],
        env=daemon.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert system.stdout is not None and system.stdout.readline().strip() == "listening"
    yield daemon
    os.killpg(system.pid, signal.SIGKILL)
    system.communicate()
    daemon.close()


def test_connecting_starts_a_daemon_whose_socket_the_system_holds(activated: Daemon):
    address = endpoint.describe(f"ipc://{endpoint.socket_path(activated.home)}")
    for _ in range(2):  # the second time after the first daemon has ended
        connection = Connection(address, "sandboxed", base=activated.home)
        job = connection.submit(INVERT, picture())
        events_until(connection, JobEnded)
        assert job.state is State.DONE
        connection.close()
        pid = activated.address().pid
        os.kill(pid, signal.SIGTERM)
        until(lambda pid=pid: endpoint.process_start(pid) == "", "the daemon has ended")
        assert endpoint.connection_file(activated.home).exists(), "still true: connecting starts one"
        assert endpoint.socket_path(activated.home).exists()


def test_a_daemon_started_by_hand_leaves_the_place_to_the_one_the_system_starts(activated: Daemon):
    process = activated.spawn("run")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == ALREADY_RUNNING
    until(endpoint.connection_file(activated.home).exists, "the system started one instead")
    with activated.connect() as talk:
        assert talk.run(INVERT, picture()).state is State.DONE


def test_the_umask_of_the_daemon_is_not_changed_by_binding(daemon: Daemon):
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    mask = re.search(r"Umask:\s*(\d+)", status)
    before = os.umask(0)
    os.umask(before)
    assert mask is not None and int(mask[1], 8) == before
