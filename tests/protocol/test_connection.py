"""The connection against a scripted daemon on real sockets: sessions, liveness, the event loop, CURVE."""

from __future__ import annotations

import threading
import time

import pytest
import zmq
import zmq.auth
from asked import DATA, INVERTED, LAYOUT, RECIPE, content, down, ended, hold, running, up
from fake_daemon import FakeDaemon
from velatura import connection as connection_module
from velatura import endpoint, keys, wire
from velatura import messages as m
from velatura.blob import Blob
from velatura.connection import Connection
from velatura.endpoint import Address
from velatura.errors import VelaturaError
from velatura.jobs import Answered, Down
from velatura.jobstate import State
from velatura.pixels import Layout


def test_an_ended_session_is_renewed_and_its_jobs_are_asked_after(daemon, connection, script, spin):
    script.run = hold
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    script.run = None
    daemon.forget_sessions()
    spin(connection, lambda _: not daemon.sessions)
    name = connection.ask("status")
    events = spin(connection, ended(job))
    assert job.state is State.DONE
    assert len({hello.session for hello in daemon.got(m.Hello)}) == 1, "the token is kept"
    assert daemon.got(m.Attach) == [m.Attach(job.id)]
    events += spin(connection, lambda seen: any(isinstance(e, Answered) for e in events + seen))
    assert [e.request for e in events if isinstance(e, Answered)] == [name], "the question was asked again"


def test_a_job_that_ended_with_its_session_is_submitted_anew(daemon, connection, script, spin):
    script.run = hold
    job, stopped = connection.submit(RECIPE, content()), connection.submit(RECIPE, content())
    spin(connection, running(stopped))
    connection.stop(stopped)
    script.run = None
    daemon.do(daemon._waiting.clear)  # as when this program was suspended for longer than the lease
    daemon.forget_sessions()
    spin(connection, lambda _: not daemon.sessions)
    connection.ask("status")
    spin(connection, lambda seen: job.over and stopped.over)
    assert job.state is State.DONE and [s.job for s in daemon.got(m.Submit)].count(job.id) == 2
    assert stopped.error.code == "unknown_job", "nothing is left of what was to be kept"


def test_a_detached_job_is_attached_to(daemon, script, spin):
    script.run = hold
    with_job = Connection(daemon.address, "first")
    job = with_job.submit(RECIPE, content(), detached=True)
    spin(with_job, running(job))
    with_job.close()
    script.run = None
    other = Connection(daemon.address, "second")
    spin(other, up)
    again = other.attach(job.id)
    spin(other, ended(again))
    assert bytes(again.picture.data) == INVERTED
    other.close()


def test_the_end_of_the_daemon_fails_jobs_at_once_and_its_return_is_noticed(tmp_path, spin):
    first = FakeDaemon(tmp_path / "home")
    first.script.run = hold
    connection = Connection(first.address, "tests")
    job, kept = connection.submit(RECIPE, content()), connection.submit(RECIPE, content(), detached=True)
    spin(connection, lambda _: job.state is kept.state is State.RUNNING)
    first.stop()
    events = spin(connection, lambda seen: ended(job)(seen) and down(seen))
    (lost,) = [e for e in events if isinstance(e, Down)]
    assert lost.error.code == "not_running" and not lost.final and not connection.up
    assert job.error.code == "not_running" and not kept.over
    second = FakeDaemon(tmp_path / "home")
    events = spin(connection, lambda seen: up(seen) and kept.over)
    assert kept.state is State.DONE, "the new daemon got it anew"
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.state is State.DONE
    connection.close()
    second.stop()


def test_a_daemon_that_hangs_is_noticed_by_its_silence(monkeypatch, daemon, connection, script, spin):
    monkeypatch.setattr(connection_module, "SILENCE", 0.5)
    script.run = hold
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    script.mute = True
    events = spin(connection, down)
    assert "has not answered" in str(events[-1].error) and not events[-1].final
    assert not job.over, "it may only be slow"
    connection.cancel(job)
    assert ended(job)(connection.process()), "the user need not wait for a daemon that hangs"
    script.mute = False
    spin(connection, up)


def test_after_the_lease_a_silent_daemon_s_jobs_have_failed(monkeypatch, daemon, script, spin):
    monkeypatch.setattr(connection_module, "SILENCE", 0.3)
    script.run, script.lease = hold, 1.0
    connection = Connection(daemon.address, "tests")
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    script.mute = True
    spin(connection, ended(job))
    assert job.error.code == "timeout"
    connection.close()


def test_the_lease_is_renewed(daemon, script, spin):
    script.lease = 1.0
    connection = Connection(daemon.address, "tests")
    spin(connection, lambda _: len(daemon.got(m.Heartbeat)) >= 2)
    connection.close()


def test_the_lease_is_renewed_while_the_program_s_own_thread_is_held_up(daemon, script, spin, eventually):
    script.lease = 1.0
    connection = Connection(daemon.address, "tests", keep_alive=True)
    spin(connection, up)
    before = len(daemon.got(m.Heartbeat))
    eventually(lambda: len(daemon.got(m.Heartbeat)) >= before + 2)  # nobody calls process() here
    assert not down(connection.process())
    connection.close()


def test_a_daemon_of_another_major_is_refused_in_words(daemon, connection, script, spin):
    script.version = (2, 0)
    events = spin(connection, down)
    assert events[-1].final and events[-1].error.code == "protocol"
    assert "the client is the older side: update" in str(events[-1].error)
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "protocol"


def test_a_connection_file_of_another_major_is_refused_before_connecting(daemon):
    address = Address(daemon.address.endpoint, "", (0, 9))
    with pytest.raises(VelaturaError, match="the daemon is the older side"):
        Connection(address)


def test_a_daemon_that_is_not_there_is_noticed(monkeypatch, tmp_path, spin):
    monkeypatch.setattr(connection_module, "SILENCE", 0.3)
    connection = Connection(Address(f"ipc://{tmp_path}/none.sock", "", (1, 0)))
    events = spin(connection, down)
    assert events[-1].error.code == "not_running"
    connection.close()


def test_goodbye_is_said_and_closing_twice_is_harmless(daemon, connection, spin, eventually):
    spin(connection, up)
    connection.close()
    connection.close()
    eventually(lambda: daemon.got(m.Bye))
    assert connection.process() == []


def test_garbage_from_the_daemon_is_survived(daemon, connection, spin, eventually):
    spin(connection, up)
    peer = next(iter(daemon.sessions))
    daemon.do(lambda: daemon._socket.send_multipart([peer, b"\xc1\xc1"]))
    daemon.do(lambda: daemon._socket.send_multipart([peer, b"\x80", b"", b""]))
    daemon.do(lambda: daemon.say(peer, m.Offer("never-asked", "0" * 32, LAYOUT)))
    daemon.do(lambda: daemon.say(peer, m.Result("unknown", "0" * 32, LAYOUT)))
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.state is State.DONE
    spin(connection, lambda _: len(daemon.got(m.Error)) == 2 and m.Drop("never-asked") in daemon.log)


# -- the event loop ------------------------------------------------------------------------------------


def test_the_descriptor_and_pending_are_enough_to_drive_it(daemon):
    """Like a GUI: wait on the descriptor only, call again while pending, and a tick of 0.25 s besides."""
    connection = Connection(daemon.address)
    job = connection.submit(RECIPE, Blob(Layout(1024, 1024), bytes(4 * 1024 * 1024)))
    until = time.monotonic() + 60
    while not job.over:
        assert time.monotonic() < until
        connection.process()
        if not connection.pending and not job.over:
            poller = zmq.Poller()
            poller.register(connection.fd, zmq.POLLIN)
            poller.poll(int(connection_module.TICK * 1000))
    assert job.state is State.DONE
    connection.close()


def test_one_call_does_bounded_work_on_a_huge_picture(connection, spin):
    """Counted in strips, not in time: a call with no budget left hashes one strip at most."""
    spin(connection, up)
    asked = []
    layout = Layout(4096, 4096, "RGBA", "f32")  # 256 MiB, never in memory

    def rows(y: int, n: int) -> bytes:
        asked.append(n * layout.row_bytes)
        return bytes(n * layout.row_bytes)

    job = connection.submit(RECIPE, Blob(layout, rows))
    for _ in range(5):
        before = len(asked)
        connection.process(budget=0.0)
        assert len(asked) - before <= 1 and connection.pending
    assert max(asked) <= 1024 * 1024
    connection.cancel(job)
    assert job.over


def test_a_source_that_runs_the_event_loop_does_no_harm(connection, spin):
    """An editor's pixel call may turn the event loop, which calls `process` in the middle of `process`."""

    def rows(y: int, n: int) -> bytes:
        assert connection.process() == []
        return DATA[y * LAYOUT.row_bytes : (y + n) * LAYOUT.row_bytes]

    job = connection.submit(RECIPE, Blob(LAYOUT, rows))
    spin(connection, ended(job))
    assert bytes(job.picture.data) == INVERTED


def test_closing_from_another_thread_than_the_lease_s_is_safe(daemon):
    for _ in range(5):
        connection = Connection(daemon.address, keep_alive=True)
        connection.process()
        connection.close()
    assert threading.active_count() < 50


# -- TCP with CURVE ------------------------------------------------------------------------------------


@pytest.fixture
def curve_server(tmp_path):
    """A ROUTER with CURVE that admits the keys in the list and welcomes everybody it admits."""
    public, secret = keys.key_pair("server", tmp_path)
    stop, ready = threading.Event(), threading.Event()
    found: dict[str, int] = {}

    def serve() -> None:
        from zmq.auth.thread import ThreadAuthenticator

        with zmq.Context() as context:
            guard = ThreadAuthenticator(context)
            guard.start()
            folder = tmp_path / "admitted"
            folder.mkdir()
            for i, key in enumerate(keys.admitted(tmp_path).values()):
                (folder / f"{i}.key").write_text(f'curve\n    public-key = "{key.decode()}"\n')
            guard.configure_curve(domain="*", location=str(folder))
            with context.socket(zmq.ROUTER) as router:
                wire.limit(router)
                router.curve_server, router.curve_publickey, router.curve_secretkey = True, public, secret
                found["port"] = router.bind_to_random_port("tcp://127.0.0.1")
                ready.set()
                while not stop.is_set():
                    if router.poll(20):
                        peer, *_ = router.recv_multipart()
                        router.send_multipart([peer, *wire.pack(m.Welcome())])
            guard.stop()

    thread = threading.Thread(target=serve, daemon=True)

    def start() -> Address:
        thread.start()
        assert ready.wait(30)
        return endpoint.describe(f"tcp://127.0.0.1:{found['port']}", public.decode())

    yield start
    stop.set()
    thread.join(30)


def test_an_admitted_key_connects_over_tcp(tmp_path, curve_server, spin):
    keys.admit(keys.key_pair("client", tmp_path)[0], "me", tmp_path)
    connection = Connection(curve_server(), base=tmp_path)
    spin(connection, up)
    connection.close()


def test_an_unknown_key_is_refused_in_words(tmp_path, curve_server, spin):
    (tmp_path / "other").mkdir()
    keys.admit(keys.key_pair("client", tmp_path)[0], "me", tmp_path)
    connection = Connection(curve_server(), base=tmp_path / "other")
    events = spin(connection, down)
    assert events[-1].error.code == "insecure" and events[-1].final
    connection.close()


def test_plain_tcp_is_never_used():
    with pytest.raises(VelaturaError, match="CURVE only"):
        Connection(Address("tcp://127.0.0.1:5555", "", (1, 0)))
