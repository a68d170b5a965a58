"""What an error ends is said by what carries it (PROTOCOL.md, Errors): every code, at the daemon; and
how many and how old transfers and unread messages may become (Transfers, Sessions)."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Daemon
from peer import Peer
from velatura import messages as m
from velatura.errors import CODES, VelaturaError
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize
from velatura_daemon.service.blobs import BlobStore
from velatura_daemon.service.sessions import DEEPEST, Session, Sessions
from velatura_daemon.service.transfers import MOST, MOVING, STALL, Transfers

LAYOUT = Layout(10, 10, "GRAY")
DATA = bytes(range(100))
NAME = digest(LAYOUT, [DATA])


def job(name: str, style: str = "invert", content: str = NAME) -> m.Submit:
    return m.Submit(name, Stylize(styles=(Style(name=style),)), content)


def upload(peer: Peer, transfer: str = "up", data: bytes = DATA) -> None:
    peer.send(m.Offer(transfer, NAME, LAYOUT))
    peer.expect(m.Credit)
    peer.send(m.Chunk(transfer, 0, len(data)), data)


def test_a_job_that_fails_has_ended_whatever_the_code(daemon: Daemon):
    with Peer(daemon) as peer:
        upload(peer)
        peer.expect(m.Have)
        peer.send(job("waits", content="0" * 32))
        peer.expect(m.Need)
        for code in CODES:
            peer.send(job(code, f"error-{code}"))
            failed = peer.wait_for(m.Failed)
            assert (failed.job, failed.code) == (code, code)
            peer.send(m.Attach(code))
            error = peer.error()
            assert (error.code, error.job) == ("unknown_job", code)
        peer.send(m.Attach("waits"))
        assert peer.expect(m.Need).job == "waits"


def test_a_transfer_that_fails_leaves_its_job_waiting(daemon: Daemon):
    with Peer(daemon) as peer:
        peer.send(job("j"))
        peer.expect(m.Need)

        def fails(code: str, transfer: str) -> None:
            error = peer.error()
            assert (error.code, error.transfer, error.job) == (code, transfer, "")
            peer.send(m.Attach("j"))
            assert peer.expect(m.Need).digests == (NAME,)

        upload(peer, "wrong", bytes(100))
        fails("digest_mismatch", "wrong")
        peer.send(m.Offer("long", NAME, LAYOUT))
        peer.expect(m.Credit)
        peer.send(m.Chunk("long", 50, 100), DATA)
        fails("bad_frame", "long")
        peer.send(m.Chunk("none", 0, 100), DATA)
        fails("bad_frame", "none")
        peer.send(m.Offer("name", "no digest", LAYOUT))
        fails("bad_field", "name")
        peer.send(m.Offer("huge", NAME, Layout(20000, 20000, "RGBA", "f32")))
        fails("too_large", "huge")
        peer.send(m.Fetch("f", "0" * 32))
        fails("unknown_blob", "f")
        upload(peer)
        peer.expect(m.Have)
        assert peer.expect(m.Queued).job == "j"


def test_a_question_that_fails_ends_nothing_else(daemon: Daemon):
    with Peer(daemon) as peer:
        peer.send(job("j"))
        peer.expect(m.Need)
        peer.send(m.Request("r", "style_remove", args={"name": "none-such"}))
        error = peer.error()
        assert (error.code, error.request, error.job) == ("unknown_style", "r", "")
        peer.send(m.Attach("j"))
        assert peer.expect(m.Need).job == "j"


class Moved:
    """The transfers of one session, on a clock of its own; and what they say."""

    def __init__(self, tmp_path: Path) -> None:
        self.said: list[m.Message] = []
        self.store = BlobStore(1 << 24)
        self.transfers = Transfers(self.store, 1 << 20, self.said.append, lambda _: None, lambda *_: None)

    def take(self, message: m.Message, now: float = 0.0, body: bytes | None = None) -> list[m.Message]:
        self.said.clear()
        self.transfers.receive(message, None if body is None else memoryview(body), now)  # type: ignore[arg-type]  # only such are given
        return list(self.said)


@pytest.fixture
def moved(tmp_path: Path):
    made = Moved(tmp_path)
    yield made
    made.transfers.close()


def test_uploads_have_a_number_and_stand_still_for_a_minute_at_most(moved: Moved):
    for i in range(MOST):
        begun = moved.take(m.Offer(f"t{i}", f"{i:032x}", LAYOUT))
        assert begun == ([m.Credit(f"t{i}", 4)] if i < MOVING else [])
    with pytest.raises(VelaturaError, match="64 uploads are open already"):
        moved.take(m.Offer("more", "f" * 32, LAYOUT))
    moved.said.clear()
    moved.transfers.check_time(STALL)
    assert moved.said == []
    moved.transfers.check_time(STALL + 0.1)
    ended = [s for s in moved.said if isinstance(s, m.Error)]
    assert [(e.code, e.transfer) for e in ended] == [("timeout", f"t{i}") for i in range(MOVING)]
    credits = {said.transfer for said in moved.said if isinstance(said, m.Credit)}
    assert credits == {f"t{i}" for i in range(MOVING, 2 * MOVING)}, "the next ones move"


def test_downloads_have_a_number_and_stand_still_for_a_minute_at_most(moved: Moved):
    moved.take(m.Offer("up", NAME, LAYOUT))
    assert moved.take(m.Chunk("up", 0, 100), body=DATA) == [m.Have("up", NAME)]
    for i in range(MOST):
        offered = moved.take(m.Fetch(f"f{i}", NAME))
        assert offered == ([m.Offer(f"f{i}", NAME, LAYOUT)] if i < MOVING else [])
    with pytest.raises(VelaturaError, match="64 downloads are open already"):
        moved.take(m.Fetch("more", NAME))
    moved.said.clear()
    moved.transfers.check_time(STALL + 0.1)
    dropped = [said.transfer for said in moved.said if isinstance(said, m.Drop)]
    offered = [said.transfer for said in moved.said if isinstance(said, m.Offer)]
    assert dropped == ["f0", "f1", "f2", "f3"] and offered == ["f4", "f5", "f6", "f7"]


def test_what_was_not_sent_yet_comes_over_the_next_connection_and_has_a_number(moved: Moved):
    sessions = Sessions(most=2, lease=30.0)
    session = Session("0" * 32, b"first", "tests", moved.transfers, opened=0.0, heard=0.0)
    sessions.add(session)
    for number in range(DEEPEST):
        session.outbox.put(m.Queued(f"{number}"))
    assert not session.choked
    sessions.move(session, b"second")
    assert sessions.at(b"first") is None and sessions.at(b"second") is session
    assert session.outbox.next(0.0) == m.Queued("0") and len(session.outbox) == DEEPEST == 2000
    session.outbox.put(m.Queued("more"))
    assert session.choked
