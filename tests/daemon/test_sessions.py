"""Sessions: clients that vanish, fall silent, come back; daemons that are second, stopped, or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_engine import invert
from harness import PATIENCE, Daemon, Talk, picture
from peer import Peer
from velatura import endpoint
from velatura import messages as m
from velatura.blob import Blob
from velatura.jobstate import State
from velatura.launch import ALREADY_RUNNING
from velatura.pixels import Layout
from velatura.recipe import Refine, Style, Stylize
from velatura_daemon.service.sessions import GAP, Outbox

Start = Callable[..., Daemon]
INVERT = Stylize(styles=(Style(name="invert"),))
LONG = Refine(styles=(Style(name="invert"),), iterations=5_000)


def client_process(daemon: Daemon, then: str) -> subprocess.Popen[str]:
    """Another program that starts a long job, says so, and then does `then`."""
    script = f"""
    import time
    from harness import *
    from velatura.recipe import Refine, Style
    daemon = Daemon(home=Path({str(daemon.home)!r}))
    with daemon.connect("victim") as talk:
        job = talk.submit(Refine(styles=(Style(name="invert"),), iterations=5000), picture())
        talk.until(lambda: job.progress is not None)
        print("running", flush=True)
        {then}
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=daemon.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline().strip() == "running"
    return process


def jobs_of(talk: Talk) -> list[str]:
    return [item["state"] for item in talk.ask("jobs")]


def test_the_jobs_of_a_killed_client_are_cancelled_and_its_memory_comes_back(daemon: Daemon, talk: Talk):
    process = client_process(daemon, "time.sleep(1000)")
    assert jobs_of(talk) == ["running"]
    process.kill()
    process.communicate()
    talk.until(lambda: jobs_of(talk) == [], "the orphaned job is cancelled")
    assert talk.status()["sessions"] == 1 and talk.status()["blobs"]["reserved"] == 0
    assert talk.run(INVERT, picture()).state is State.DONE


def test_a_stopped_client_loses_its_session_when_the_lease_is_over(start_daemon: Start):
    daemon = start_daemon(lease=2)
    process = client_process(daemon, "time.sleep(1000)")
    with daemon.connect() as talk:
        os.kill(process.pid, signal.SIGSTOP)
        talk.until(lambda: "its lease is over" in daemon.log())
        talk.until(lambda: jobs_of(talk) == [])
    process.kill()
    process.communicate()


def test_a_client_that_vanishes_in_the_middle_of_an_upload_leaves_nothing(daemon: Daemon, talk: Talk):
    peer = Peer(daemon)
    peer.send(m.Offer("t", "0" * 32, Layout(1000, 1000)))
    peer.expect(m.Credit)
    peer.send(m.Chunk("t", 0, 1_000_000), bytes(1_000_000))
    peer.expect(m.Credit)
    assert talk.status()["blobs"]["reserved"] > 0
    peer.vanish()
    talk.until(lambda: talk.status()["blobs"]["reserved"] == 0, "the upload's memory comes back")


def test_goodbye_cancels_the_jobs_of_the_session(daemon: Daemon, talk: Talk):
    with daemon.connect() as other:
        job = other.submit(LONG, picture())
        other.until(lambda: job.progress is not None)
    talk.until(lambda: jobs_of(talk) == [])


def test_a_detached_job_survives_its_session_and_can_be_taken_over(daemon: Daemon, talk: Talk):
    with daemon.connect() as other:
        job = other.submit(Refine(styles=LONG.styles, iterations=100), picture(), detached=True)
        other.until(lambda: job.progress is not None)
    taken = talk.connection.attach(job.id)
    talk.ended(taken)
    assert taken.state is State.DONE and taken.result is not None
    assert taken.result.record["steps"] == 100
    talk.until(lambda: jobs_of(talk) == [], "the fetched result is released")


@pytest.mark.parametrize("how", ["gate", "fail"])
def test_the_outcome_of_a_detached_job_waits_for_whoever_attaches(daemon: Daemon, talk: Talk, how: str):
    content = picture()
    with daemon.connect() as other:
        first = other.submit(Stylize(styles=(Style(name="gate"),)), picture(seed=1))
        job = other.submit(Stylize(styles=(Style(name=how),)), content, detached=True)
        other.until(lambda: first.state is State.RUNNING and job.state is State.QUEUED)
    daemon.open_gate()
    talk.until(lambda: jobs_of(talk) == ["done" if how == "gate" else "failed"])
    taken = talk.ended(talk.connection.attach(job.id))
    if how == "gate":
        assert taken.picture is not None
        assert bytes(taken.picture.data) == invert(content.read(0, content.layout.nbytes))
    else:
        assert taken.error is not None and taken.error.code == "bad_field"
    talk.until(lambda: jobs_of(talk) == [])


@pytest.mark.parametrize("reached", ["waiting", "queued"])
def test_a_detached_job_that_had_not_begun_can_be_taken_over(daemon: Daemon, talk: Talk, reached: str):
    blob = picture()
    with Peer(daemon) as peer:
        gate = talk.submit(Stylize(styles=(Style(name="gate"),)), picture(seed=1))
        talk.until(lambda: gate.state is State.RUNNING)
        peer.send(m.Submit("j", INVERT, blob.hash_whole(), detached=True))
        peer.expect(m.Need)
        if reached == "queued":
            send_blob(peer, blob)
            peer.expect(m.Queued)
    with Peer(daemon) as heir:
        heir.send(m.Attach("j"))
        if reached == "waiting":
            assert heir.expect(m.Need).digests == (blob.digest,)
            send_blob(heir, blob)
        heir.expect(m.Queued)
        daemon.open_gate()
        heir.expect(m.Started)
        assert heir.expect(m.Result).layout == blob.layout


def send_blob(peer: Peer, blob: Blob) -> None:
    peer.send(m.Offer("t", blob.hash_whole(), blob.layout))
    peer.expect(m.Credit)
    data = bytes(blob.read(0, blob.layout.nbytes))
    peer.send(m.Chunk("t", 0, len(data)), data)
    peer.expect(m.Have)


def test_a_detached_outcome_that_nobody_wants_is_forgotten(start_daemon: Start):
    daemon = start_daemon(keep_detached=1)
    with daemon.connect() as talk:
        with daemon.connect() as other:
            job = other.submit(Refine(styles=LONG.styles, iterations=30), picture(), detached=True)
            other.until(lambda: job.progress is not None)
        talk.until(lambda: jobs_of(talk) == [], "it is forgotten")


def test_only_detached_jobs_can_be_taken_over(daemon: Daemon, talk: Talk):
    with daemon.connect() as other:
        job = other.submit(LONG, picture())
        other.until(lambda: job.progress is not None)
        stolen = talk.ended(talk.connection.attach(job.id))
        assert stolen.error is not None and "not detached" in stolen.error.message
        assert not job.over


def test_a_session_is_renewed_under_another_routing_id_and_keeps_its_jobs(daemon: Daemon, talk: Talk):
    with Peer(daemon) as first, Peer(daemon, hello=False) as second:
        first.send(m.Submit("j", INVERT, "0" * 32))
        first.expect(m.Need)
        second.send(m.Hello(session=first.session))
        second.expect(m.Welcome)
        second.send(m.Attach("j"))
        assert second.expect(m.Need).job == "j"
        first.send(m.Heartbeat())
        assert first.wait_for(m.Error).code == "hello_required"


def test_a_second_daemon_says_who_runs_and_ends_with_a_code_of_its_own(daemon: Daemon, talk: Talk):
    second = daemon.spawn("run")
    words, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == ALREADY_RUNNING
    assert str(daemon.address().pid) in words and daemon.address().endpoint in words
    assert talk.run(INVERT, picture()).state is State.DONE


def test_a_killed_daemon_leaves_nothing_that_keeps_the_next_one_from_starting(daemon: Daemon):
    daemon.kill()
    assert endpoint.connection_file(daemon.home).exists()
    daemon.start()
    with daemon.connect() as talk:
        assert talk.run(INVERT, picture()).state is State.DONE


@pytest.mark.parametrize("how", ["request", "signal"])
def test_a_stopped_daemon_tells_its_clients_and_cleans_up(daemon: Daemon, how: str):
    assert daemon.process is not None
    with Peer(daemon) as peer:
        peer.send(m.Submit("j", INVERT, "0" * 32))
        peer.expect(m.Need)
        if how == "request":
            peer.send(m.Request("r", "shutdown"))
            peer.expect(m.Reply)
        else:
            daemon.process.terminate()
        assert peer.expect(m.Cancelled).reason == "the daemon was stopped"
        daemon.process.communicate(timeout=PATIENCE)
    assert daemon.process.returncode == 0
    assert not endpoint.connection_file(daemon.home).exists()
    assert not endpoint.socket_path(daemon.home).exists()


def test_a_wrong_setting_is_named_and_keeps_the_daemon_from_starting(start_daemon: Start):
    daemon = Daemon(lease=0)
    process = daemon.spawn("run")
    words, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "lease" in words and "1 to 3600" in words
    daemon.close()


def test_shared_memory_has_no_name_that_a_killed_daemon_could_leave_behind(daemon: Daemon, talk: Talk):
    talk.run(INVERT, picture(512, 256))  # small enough to be kept by its digest
    assert daemon.process is not None
    files = [str(fd.readlink()) for fd in Path(f"/proc/{daemon.process.pid}/fd").iterdir()]
    slots = [name for name in files if "velatura-slot" in name or "velatura-lent" in name]
    assert slots and all(name.startswith("/memfd:") for name in slots)


def test_progress_and_previews_are_conflated_and_everything_else_keeps_its_order():
    outbox = Outbox()
    outbox.put(m.Started("j"))
    for step in range(5):
        outbox.put(m.Progress("j", step=step, of=10))
    assert outbox.next(0.0) == m.Started("j")
    outbox.sent(outbox.next(0.0), 0.0)
    newest = outbox.next(0.0)
    assert newest == m.Progress("j", step=4, of=10)
    outbox.sent(newest, 0.0)
    outbox.put(m.Progress("j", step=5, of=10))
    assert outbox.next(GAP / 2) is None, "the next one waits"
    outbox.put(m.Paused("j"))
    assert outbox.next(GAP / 2) == m.Progress("j", step=5, of=10), "but never past a pause"
    outbox.sent(outbox.next(GAP / 2), GAP / 2)
    assert outbox.next(GAP / 2) == m.Paused("j")
    outbox.sent(outbox.next(GAP / 2), GAP / 2)
    outbox.put(m.Progress("j", step=6, of=10))
    outbox.put(m.Result("j"))
    assert outbox.next(1.0) == m.Result("j")
    outbox.sent(outbox.next(1.0), 1.0)
    assert outbox.next(9.0) is None, "nothing of a job follows its end"
