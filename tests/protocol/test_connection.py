"""The connection against a scripted daemon on real sockets: sessions, jobs, pictures, and what goes wrong."""

from __future__ import annotations

import os
import threading
import time

import pytest
import zmq
import zmq.auth
from fake_daemon import FakeDaemon, finish
from velatura import connection as connection_module
from velatura import endpoint, keys, wire
from velatura import messages as m
from velatura.blob import Blob
from velatura.connection import Connection
from velatura.endpoint import Address
from velatura.errors import FieldError, VelaturaError
from velatura.jobs import Answered, Down, Fetched, JobChanged, JobEnded, JobPreview, Up, Uploaded
from velatura.jobstate import State
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize

RECIPE = Stylize(styles=(Style("great-wave"),))
LAYOUT = Layout(40, 30)
DATA = bytes(i * 31 % 256 for i in range(LAYOUT.nbytes))
INVERTED = bytes(255 - b for b in DATA)


def content() -> Blob:
    return Blob(LAYOUT, DATA)


def ended(job):
    return lambda events: any(isinstance(e, JobEnded) and e.job is job for e in events)


def up(events):
    return any(isinstance(e, Up) for e in events)


def down(events):
    return any(isinstance(e, Down) for e in events)


# -- jobs ---------------------------------------------------------------------------------------------


def test_a_picture_goes_up_when_needed_and_the_result_comes_back(connection, spin):
    job = connection.submit(RECIPE, content())
    events = spin(connection, ended(job))
    assert isinstance(events[0], Up)
    assert job.state is State.DONE
    assert bytes(job.picture.data) == INVERTED and job.picture.layout == LAYOUT
    assert job.result.record == {"build": "fake"} and job.result.recipe == RECIPE
    assert sum(isinstance(e, JobEnded) for e in events) == 1


def test_a_second_job_on_the_same_picture_sends_no_pixels(daemon, connection, spin):
    for strength in (0.2, 0.9):
        job = connection.submit(Stylize(styles=RECIPE.styles, strength=strength), content())
        spin(connection, ended(job))
        assert job.state is State.DONE
    assert len(daemon.got(m.Offer)) == 1
    assert sum(chunk.length for chunk in daemon.got(m.Chunk)) == LAYOUT.nbytes


def test_jobs_are_released_when_the_result_has_come(daemon, connection, spin, eventually):
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    eventually(lambda: daemon.got(m.Release) == [m.Release(job.id)])


def test_big_layers_are_read_in_strips_without_a_copy_of_the_whole(daemon, connection, spin):
    layout = Layout(1024, 1024, "RGBA", "f32")  # 16 MiB
    data = os.urandom(layout.row_bytes)
    asked = []

    def rows(y: int, n: int) -> bytes:
        asked.append((y, n))
        return data * n

    job = connection.submit(RECIPE, Blob(layout, rows))
    spin(connection, ended(job))
    assert job.state is State.DONE
    assert max(n for _, n in asked) * layout.row_bytes <= 1024 * 1024
    assert sum(n for _, n in asked) == 2 * layout.height, "once for the digest, once to send"
    assert daemon.blobs[digest(layout, [data * layout.height])][0] == layout


def test_at_most_a_window_of_chunks_is_in_flight(daemon, connection, spin):
    layout = Layout(2048, 2048)
    job = connection.submit(RECIPE, Blob(layout, bytes(layout.nbytes)))
    spin(connection, ended(job))
    flying = most = 0
    for message in daemon.log:
        flying += isinstance(message, m.Chunk)
        most = max(most, flying)
    assert len(daemon.got(m.Chunk)) == 16 and job.state is State.DONE


def test_style_pictures_and_masks_travel_under_provisional_names(daemon, connection, spin):
    style, mask = Blob(Layout(4, 4), bytes(64)), Blob(Layout(40, 30, "GRAY"), bytes(1200))
    recipe = Stylize(styles=(Style(digest=style.key, mask=mask.key),))
    job = connection.submit(recipe, content(), pictures=[style, mask])
    spin(connection, ended(job))
    assert job.state is State.DONE
    (submit,) = daemon.got(m.Submit)
    assert submit.recipe.styles[0].digest == digest(Layout(4, 4), [bytes(64)])
    assert submit.recipe.styles[0].mask == digest(Layout(40, 30, "GRAY"), [bytes(1200)])


def test_the_options_reach_the_daemon(daemon, connection, spin):
    options = {
        "priority": "batch",
        "supersede": "k",
        "detached": True,
        "preview_side": 64,
        "preview_every": 0.5,
    }
    job = connection.submit(RECIPE, content(), **options)
    spin(connection, ended(job))
    (submit,) = daemon.got(m.Submit)
    assert {name: getattr(submit, name) for name in options} == options


def test_what_is_out_of_range_is_refused_at_the_call(connection):
    with pytest.raises(FieldError, match="strength"):
        connection.submit(Stylize(styles=RECIPE.styles, strength=2), content())
    with pytest.raises(FieldError, match="preview_side"):
        connection.submit(RECIPE, content(), preview_side=-1)


def test_a_picture_over_the_daemon_s_limit_is_refused_before_it_is_sent(daemon, connection, script, spin):
    script.max_blob = LAYOUT.nbytes - 1
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "too_large" and "4800 bytes" in str(job.error)
    assert not daemon.got(m.Submit)


def test_a_source_that_fails_fails_its_job_only(connection, spin):
    def closed(y: int, n: int) -> bytes:
        raise RuntimeError("the document was closed")

    bad, good = connection.submit(RECIPE, Blob(LAYOUT, closed)), connection.submit(RECIPE, content())
    spin(connection, lambda events: ended(bad)(events) and ended(good)(events))
    assert bad.error.code == "bad_image" and "the document was closed" in str(bad.error)
    assert good.state is State.DONE


def test_a_picture_that_changes_while_it_is_sent_fails_the_job_in_words(connection, spin):
    calls = iter(range(100))
    job = connection.submit(RECIPE, Blob(LAYOUT, lambda y, n: bytes([next(calls)]) * (n * LAYOUT.row_bytes)))
    spin(connection, ended(job))
    assert job.state is State.FAILED and "was changed while it was being sent" in str(job.error)


def test_a_picture_nobody_has_fails_the_job_in_words(connection, spin):
    job = connection.submit(Stylize(styles=(Style(digest="f" * 32),)), content())
    spin(connection, ended(job))
    assert job.error.code == "unknown_blob" and "f" * 32 in str(job.error)


def test_progress_and_previews_come_as_events(daemon, connection, script, spin):
    def refine(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        fake.say(peer, m.Started(submit.job))
        for step in (1, 2, 3):
            fake.say(peer, m.Progress(submit.job, step, 4, {"style": 1 / step}, 2.0))
            name = fake.offer(Layout(2, 1), bytes([step] * 8))
            fake.say(peer, m.Preview(submit.job, step, name, Layout(2, 1)))
        fake.do(lambda: None if previews < 1 else finish(fake, peer, submit))

    previews = 0
    script.run = refine
    job = connection.submit(RECIPE, content(), preview_every=0.1)
    events = spin(connection, lambda seen: any(isinstance(e, JobPreview) and e.step == 3 for e in seen))
    shown = [e for e in events if isinstance(e, JobPreview)]
    assert [e.step for e in shown][-1] == 3 and bytes(shown[-1].picture.data) == bytes([3] * 8)
    assert (job.progress.step, job.fraction, job.progress.losses) == (3, 0.75, {"style": 1 / 3})
    assert any(isinstance(e, JobChanged) for e in events)
    connection.cancel(job)
    spin(connection, ended(job))
    assert job.state is State.CANCELLED


@pytest.mark.parametrize(
    ("fault", "code"), [("corrupt_results", "digest_mismatch"), ("lose_results", "unknown_blob")]
)
def test_a_result_that_is_corrupted_or_gone_fails_the_job(connection, script, spin, fault, code):
    setattr(script, fault, True)
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.state is State.FAILED and job.error.code == code


def hold(daemon: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
    daemon.say(peer, m.Started(submit.job))


def running(job):
    return lambda events: job.state is State.RUNNING


def test_cancel_waits_for_the_daemon_s_word(daemon, connection, script, spin):
    script.run = hold
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    connection.cancel(job)
    events = spin(connection, ended(job))
    assert job.state is State.CANCELLED and job.reason == "asked"
    assert daemon.got(m.Cancel) == [m.Cancel(job.id)]
    connection.cancel(job)
    daemon.say_everyone(m.Cancelled(job.id, "again"))
    daemon.say_everyone(m.Progress(job.id, 1, 2))
    events += spin(connection, lambda _: not daemon._do)
    events += connection.process()
    assert sum(isinstance(e, JobEnded) for e in events) == 1, "one terminal event, whatever comes later"


def test_a_job_that_was_never_sent_is_cancelled_at_once(daemon, connection):
    job = connection.submit(RECIPE, content())
    connection.cancel(job)
    assert ended(job)(connection.process())
    assert not daemon.got(m.Submit)


def test_an_unsent_preview_is_superseded_here(daemon, connection, spin):
    jobs = [connection.submit(RECIPE, content(), supersede="docker") for _ in range(5)]
    events = spin(connection, ended(jobs[-1]))
    assert [job.state for job in jobs] == [State.CANCELLED] * 4 + [State.DONE]
    assert all(job.reason == "superseded" for job in jobs[:4])
    assert sum(isinstance(e, JobEnded) for e in events) == 5
    assert len(daemon.got(m.Submit)) == 1


def test_stop_is_passed_on_and_the_result_counts(daemon, connection, script, spin):
    script.run = hold
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    connection.stop(job)
    spin(connection, lambda _: daemon.got(m.Stop))
    peer, submit = daemon._waiting[job.id]
    daemon.do(lambda: finish(daemon, peer, submit))
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_a_word_that_makes_no_sense_fails_the_job_rather_than_hanging_it(daemon, connection, script, spin):
    script.run = lambda fake, peer, submit: fake.say(peer, m.Queued(submit.job))
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "internal" and "'queue' in state 'queued'" in str(job.error)


def test_stale_progress_is_ignored(connection, script, spin):
    def late(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        fake.say(peer, m.Progress(submit.job, 1, 2))
        fake.say(peer, m.Started(submit.job))
        finish(fake, peer, submit)

    script.run = late
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_a_failure_carries_code_words_and_field(connection, script, spin):
    failed = lambda fake, peer, s: fake.say(peer, m.Failed(s.job, "unknown_style", "no such style", "recipe"))  # noqa: E731
    script.run = failed
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert (job.error.code, job.error.message, job.error.field) == (
        "unknown_style",
        "no such style",
        "recipe",
    )


def test_an_error_about_a_job_ends_it(connection, script, spin):
    script.run = lambda fake, peer, s: fake.say(peer, m.Error("busy", "the queue is full", job=s.job))
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "busy"


# -- questions and pictures ---------------------------------------------------------------------------


def test_a_list_is_collected_over_its_pages(connection, script, spin):
    script.pages = [[{"name": "a"}, {"name": "b"}], [{"name": "c"}], [{"name": "d"}]]
    name = connection.ask("styles")
    events = spin(connection, lambda seen: any(isinstance(e, Answered) for e in seen))
    (answer,) = [e for e in events if isinstance(e, Answered)]
    assert answer.request == name and [item["name"] for item in answer.items] == ["a", "b", "c", "d"]


def test_a_picture_is_uploaded_and_fetched(daemon, connection, spin):
    blob = content()
    connection.upload(blob)
    events = spin(connection, lambda seen: any(isinstance(e, Uploaded) for e in seen))
    assert [e.error for e in events if isinstance(e, Uploaded)] == [None]
    connection.fetch(blob.digest)
    connection.fetch("0" * 32)
    events = spin(connection, lambda seen: sum(isinstance(e, Fetched) for e in seen) == 2)
    found = {e.digest: e for e in events if isinstance(e, Fetched)}
    good, bad = found[blob.digest], found["0" * 32]
    assert bytes(good.picture.data) == DATA
    assert bad.picture is None and bad.error.code == "unknown_blob"


def test_a_gallery_of_thumbnails_does_not_flood_the_daemon(daemon, connection, spin):
    names = [daemon.offer(Layout(4, 4), bytes([i] * 64)) for i in range(60)]
    for name in names:
        connection.fetch(name)
    events = spin(connection, lambda seen: sum(isinstance(e, Fetched) for e in seen) == 60)
    assert {e.digest for e in events if isinstance(e, Fetched) and e.picture} == set(names)
    open_now = most = 0
    for message in daemon.log:
        open_now += isinstance(message, m.Fetch) - isinstance(message, m.Have)
        most = max(most, open_now)
    assert most <= 8


# -- sessions and liveness ----------------------------------------------------------------------------


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


# -- the event loop -----------------------------------------------------------------------------------


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


# -- TCP with CURVE -----------------------------------------------------------------------------------


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
