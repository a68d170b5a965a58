"""Whatever one peer sends, it gets an error, the daemon lives, and a well-behaved client notices nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from fake_engine import invert
from harness import Daemon, Talk, picture
from peer import Peer
from velatura import messages as m
from velatura.jobstate import State
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize

RECIPE = Stylize(styles=(Style(name="invert"),))


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """One daemon for all of them: that it lives through everything is the point."""
    with Daemon() as running:
        yield running


@pytest.fixture
def peer(daemon: Daemon, talk: Talk) -> Iterator[Peer]:
    """A hostile peer; when it is done, another client's job must pass as if nothing had been."""
    with Peer(daemon) as hostile:
        yield hostile
        content = picture(40, 30)
        job = talk.run(RECIPE, content)
        assert job.picture is not None
        assert bytes(job.picture.data) == invert(content.read(0, content.layout.nbytes))
        assert "Traceback" not in daemon.log()


@pytest.mark.parametrize(
    "frames",
    [
        (b"",),
        (b"\xc1",),
        (b"not msgpack at all",),
        (msgpack.packb([1, 2, 3]),),
        (msgpack.packb({"t": 7}),),
        (msgpack.packb({"no": "type"}),),
        (b"", b"", b""),
        (b"\xdd\xff\xff\xff\xff",),
        (b"\x81" * 60000,),
        (os.urandom(1000), os.urandom(1000)),
    ],
)
def test_garbage_frames_are_answered_with_bad_frame(peer: Peer, frames: tuple[bytes, ...]):
    peer.send_raw(*frames)
    assert peer.error().code == "bad_frame"


def test_an_unknown_type_is_named_in_the_answer(peer: Peer):
    peer.send_raw(msgpack.packb({"t": "explode"}))
    error = peer.error()
    assert error.code == "unknown_type" and "explode" in error.message


def test_a_message_that_is_the_daemons_to_send_is_refused(peer: Peer):
    peer.send(m.Started("x"))
    assert peer.error().code == "unknown_type"


def test_a_field_out_of_range_is_named_with_its_range(peer: Peer):
    peer.send_raw(
        msgpack.packb(
            {
                "t": "submit",
                "job": "j",
                "recipe": {"kind": "stylize", "strength": 3, "styles": [{"name": "x"}]},
            }
        )
    )
    error = peer.error()
    assert error.code == "bad_field" and error.where == "submit.recipe.strength" and "0 to 1" in error.message


def test_a_header_over_the_limit_is_refused(peer: Peer):
    peer.send_raw(msgpack.packb({"t": "heartbeat", "pad": b"x" * (m.MAX_HEADER + 1)}))
    assert peer.error().code == "bad_frame"


def test_a_frame_over_the_limit_ends_the_connection_before_it_is_read_whole(peer: Peer):
    peer.send_raw(b"x" * (m.CHUNK_BYTES + 1))
    peer.send(m.Heartbeat())


def test_without_hello_nothing_is_served(daemon: Daemon, peer: Peer):
    with Peer(daemon, hello=False) as stranger:
        for message in (m.Heartbeat(), m.Request("r", "status"), m.Submit("j", RECIPE, "0" * 32)):
            stranger.send(message)
            assert stranger.error().code == "hello_required"


def test_another_major_version_is_refused_in_words(daemon: Daemon, peer: Peer):
    with Peer(daemon, hello=False) as old:
        old.send(m.Hello(major=0, session="0" * 32))
        error = old.error()
        assert error.code == "protocol" and "client is the older" in error.message
        old.send(m.Hello(major=2, session="0" * 32))
        error = old.error()
        assert error.code == "protocol" and "daemon is the older" in error.message


@pytest.mark.parametrize("token", ["", "short", "Z" * 32, "0" * 64])
def test_a_token_that_could_be_guessed_is_refused(daemon: Daemon, peer: Peer, token: str):
    with Peer(daemon, hello=False) as other:
        other.send(m.Hello(session=token))
        assert other.error().code == "bad_field"


def offer(peer: Peer, layout: Layout, name: str = "t", claimed: str = "0" * 32) -> None:
    peer.send(m.Offer(name, claimed, layout))
    assert peer.expect(m.Credit).chunks <= m.WINDOW


def test_bytes_other_than_announced_are_found_out(peer: Peer):
    layout = Layout(10, 10, "GRAY")
    offer(peer, layout)
    peer.send(m.Chunk("t", 0, 100), bytes(100))
    assert peer.error().code == "digest_mismatch"
    peer.send(m.Fetch("f", "0" * 32))
    assert peer.error().code == "unknown_blob"


@pytest.mark.parametrize(
    ("chunk", "length"),
    [
        (m.Chunk("t", 1, 50), 50),
        (m.Chunk("t", 2**39, 50), 50),
        (m.Chunk("t", 0, 101), 101),
        (m.Chunk("unheard-of", 0, 10), 10),
    ],
)
def test_lying_chunks_end_their_transfer(peer: Peer, chunk: m.Chunk, length: int):
    offer(peer, Layout(10, 10, "GRAY"))
    peer.send(chunk, bytes(length))
    error = peer.error()
    assert error.code == "bad_frame" and error.transfer == chunk.transfer


def test_a_chunk_whose_header_lies_about_its_length_is_refused(peer: Peer):
    offer(peer, Layout(10, 10, "GRAY"))
    peer.send_raw(m.encode(m.Chunk("t", 0, 100)), bytes(99))
    assert peer.error().code == "bad_frame"


def test_an_announcement_beyond_the_limits_takes_no_memory(daemon: Daemon, peer: Peer, talk: Talk):
    peer.send(m.Offer("t", "0" * 32, Layout(20000, 20000, "RGBA", "f32")))
    assert peer.error().code == "too_large"
    for bad in (Layout(0, 5), Layout(65536, 65536), Layout(-1, 5), Layout(5, 5, "CMYK")):
        peer.send(m.Offer("t", "0" * 32, bad))
        assert peer.error().code == "bad_field"
    talk.until(lambda: talk.status()["blobs"]["reserved"] == 0)


def test_uploads_that_are_announced_and_not_sent_hold_little(daemon: Daemon, peer: Peer, talk: Talk):
    layout = Layout(1000, 1000, "GRAY")
    for i in range(100):
        peer.send(m.Offer(f"t{i}", f"{i:032x}", layout))
    answers = [peer.receive()[0] for _ in range(4 + 36)]
    assert sum(isinstance(a, m.Credit) for a in answers) == 4
    assert sum(isinstance(a, m.Error) and a.code == "busy" for a in answers) == 36
    talk.until(lambda: talk.status()["blobs"]["reserved"] <= 4 * 1_003_520)


def test_a_flood_does_not_keep_others_waiting(daemon: Daemon, peer: Peer, talk: Talk):
    garbage = os.urandom(200)
    for _ in range(20_000):
        peer.send_raw(garbage)
    assert talk.run(RECIPE, picture(50, 50)).state is State.DONE


def test_cancel_after_the_end_releases_a_result_without_a_word(peer: Peer):
    content = picture(4, 3, seed=77)
    layout, data = content.layout, bytes(content.read(0, content.layout.nbytes))
    name = digest(layout, [data])
    peer.send(m.Submit("f" * 16, RECIPE, name))
    assert peer.expect(m.Need).digests == (name,)
    peer.send(m.Offer("t", name, layout))
    peer.expect(m.Credit)
    peer.send(m.Chunk("t", 0, len(data)), data)
    while not isinstance(peer.receive()[0], m.Result):
        pass
    peer.send(m.Cancel("f" * 16))
    peer.send(m.Cancel("f" * 16))
    error = peer.expect(m.Error)
    assert (error.code, error.job) == ("unknown_job", "f" * 16), "the second one: the first was not answered"


def test_credit_for_more_than_may_be_in_flight_is_out_of_range(peer: Peer):
    peer.send_raw(msgpack.packb({"t": "credit", "transfer": "f", "chunks": 5}))
    error = peer.expect(m.Error)
    assert (error.code, error.transfer) == ("bad_field", "f")


def test_a_client_that_never_reads_loses_its_session(daemon: Daemon, peer: Peer, talk: Talk):
    for i in range(12_000):
        peer.send(m.Request(f"r{i}", "status"))
    talk.until(lambda: "does not read" in daemon.log() or talk.status()["sessions"] == 1)


def test_credit_that_was_not_due_ends_the_download(peer: Peer):
    layout, data = Layout(10, 10, "GRAY"), bytes(range(100))
    name = digest(layout, [data])
    peer.send(m.Offer("t", name, layout))
    peer.expect(m.Credit)
    peer.send(m.Chunk("t", 0, 100), data)
    peer.expect(m.Have)
    peer.send(m.Fetch("f", name))
    assert peer.expect(m.Offer).layout == layout
    peer.send(m.Credit("f", 4))
    message, body = peer.receive()
    assert isinstance(message, m.Chunk) and body == data
    peer.send(m.Credit("f", 4))
    assert peer.error().code == "bad_frame"


def test_a_slow_reader_gets_every_byte_and_the_daemon_stays_small(daemon: Daemon, peer: Peer, talk: Talk):
    layout = Layout(4096, 4096, "GRAY")
    data = os.urandom(layout.nbytes)
    name = digest(layout, [data])
    peer.send(m.Offer("up", name, layout))
    peer.expect(m.Credit)
    for offset in range(0, len(data), m.CHUNK_BYTES):
        peer.send(m.Chunk("up", offset, m.CHUNK_BYTES), data[offset : offset + m.CHUNK_BYTES])
    peer.wait_for(m.Have)
    assert daemon.process is not None
    before = resident(daemon.process.pid)
    for i in range(24):
        peer.send(m.Fetch(f"f{i}", name))
    received = {f"f{i}": b"" for i in range(24)}
    while received:
        message, body = peer.receive()
        if isinstance(message, m.Offer):
            peer.send(m.Credit(message.transfer, 4))
        elif isinstance(message, m.Chunk):
            received[message.transfer] += body
            if len(received[message.transfer]) == len(data):
                assert received.pop(message.transfer) == data
                peer.send(m.Have(message.transfer, name))
        assert resident(daemon.process.pid) - before < 200 << 20


def test_unasked_chunks_are_dropped_and_take_no_memory(daemon: Daemon, peer: Peer):
    assert daemon.process is not None
    before, body = resident(daemon.process.pid), bytes(m.CHUNK_BYTES)
    for _ in range(150):
        peer.send(m.Chunk("never", 0, len(body)), body)
    for _ in range(150):
        assert peer.error().transfer == "never"
        assert resident(daemon.process.pid) - before < 400 << 20


def resident(pid: int) -> int:
    """Bytes of memory that a process has of its own, shared memory left out."""
    fields = dict(line.split(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) << 10


@pytest.mark.parametrize(
    ("submit", "where"),
    [
        (m.Submit("j"), "submit.recipe"),
        (m.Submit("", RECIPE, "0" * 32), "submit.job"),
        (m.Submit("j", RECIPE), "submit.content"),
    ],
)
def test_an_incomplete_submission_fails_naming_the_part(peer: Peer, submit: m.Submit, where: str):
    peer.send(submit)
    failed = peer.expect(m.Failed)
    assert failed.code == "bad_field" and failed.where == where


def test_a_second_job_of_the_same_name_is_refused_and_the_first_goes_on(peer: Peer):
    job = m.Submit("j", RECIPE, "0" * 32)
    peer.send(job)
    assert peer.expect(m.Need).digests == ("0" * 32,)
    peer.send(job)
    assert peer.error().code == "duplicate_job"
    peer.send(m.Cancel("j"))
    assert peer.expect(m.Cancelled).job == "j"


@pytest.mark.parametrize("message", [m.Cancel("x"), m.Stop("x"), m.Attach("x")])
def test_jobs_that_do_not_exist(peer: Peer, message: m.Message):
    peer.send(message)
    error = peer.error()
    assert error.code == "unknown_job" and error.job == "x"


def test_messages_after_the_end_of_a_transfer_are_harmless(peer: Peer):
    for message in (m.Have("t", "0" * 32), m.Drop("t"), m.Credit("t", 1), m.Error("internal", transfer="t")):
        peer.send(message)
    peer.send(m.Heartbeat())
    peer.send(m.Request("r", "status"))
    assert peer.expect(m.Reply).request == "r"
