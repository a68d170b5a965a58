"""Large pictures go between programs of one machine as memory, and never otherwise than sealed."""

from __future__ import annotations

import os
import signal
import socket
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import velatura
from fake_engine import invert
from harness import Daemon, Talk, picture
from peer import Peer
from velatura import lending
from velatura import messages as m
from velatura.blob import Blob, Room
from velatura.client import Client
from velatura.connection import Connection
from velatura.pixels import RANDOM, Layout, digest
from velatura.recipe import Style, Stylize
from velatura_daemon.service.transfers import MOVING, OWN

RECIPE = Stylize(styles=(Style(name="invert"),))
LAYOUT = Layout(1024, 1024, "GRAY")
PIXELS = np.random.default_rng(3).integers(0, 256, (700, 600, 3), np.uint8)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with Daemon() as daemon:
        yield daemon


@pytest.fixture
def talk(daemon: Daemon) -> Iterator[Talk]:
    with daemon.connect() as talk:
        talk.until(lambda: talk.connection.lends, "the line is open")
        yield talk


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with velatura.connect(start=False, home=daemon.home) as client:
        yield client


@pytest.fixture
def lender(daemon: Daemon) -> Iterator[tuple[Peer, lending.LendingLine]]:
    """A peer that has opened its line by hand."""
    with Peer(daemon) as peer:
        line = lending.opened(daemon.address().endpoint, peer.session)
        assert line is not None
        yield peer, line
        line.close()


def sealed(data: bytes) -> lending.LentMemory:
    memory = lending.LentMemory(len(data))
    memory.write(0, memoryview(data))
    memory.seal()
    return memory


def test_a_large_picture_goes_there_and_back_without_a_chunk(talk: Talk, monkeypatch: pytest.MonkeyPatch):
    moved: list[m.Message] = []
    pack = velatura.wire.pack
    monkeypatch.setattr(velatura.wire, "pack", lambda *a: moved.append(a[0]) or pack(*a))
    content = picture(1200, 900)
    job = talk.run(RECIPE, content)
    assert job.picture is not None and job.result is not None
    data = bytes(content.read(0, content.layout.nbytes))
    assert bytes(job.picture.data) == invert(data)
    assert [type(each) for each in moved if isinstance(each, (m.Chunk, m.Lent))] == [m.Lent]
    assert content.digest == digest(content.layout, [data]), (
        "known by its bytes, as a program after this one finds it"
    )
    assert job.result.digest.startswith(RANDOM)
    held = picture(1200, 900, seed=5)
    before = talk.status()["blobs"]["count"]
    talk.run(RECIPE, held)
    talk.until(
        lambda: talk.status()["blobs"]["count"] == before + 1, "the result is gone, nobody can name it again"
    )
    job.picture.data[:4] = b"mine"  # the view is this program's own


def test_a_small_one_and_one_of_a_detached_job_are_named_by_their_bytes(talk: Talk):
    small, detached = picture(50, 40), picture(1200, 901)
    for content, options in ((small, {}), (detached, {"detached": True})):
        job = talk.run(RECIPE, content, **options)
        assert job.picture is not None and job.result is not None
        assert job.result.digest == digest(content.layout, [bytes(job.picture.data)])


def test_without_a_line_all_goes_in_chunks(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lending, "opened", lambda *_: None)
    with daemon.connect() as talk:
        content = picture(1200, 902)
        job = talk.run(RECIPE, content)
        assert job.picture is not None and job.result is not None
        assert bytes(job.picture.data) == invert(bytes(content.read(0, content.layout.nbytes)))
        assert job.result.digest == digest(content.layout, [bytes(job.picture.data)])


def test_an_array_keeps_its_name_until_it_changes(client: Client, monkeypatch: pytest.MonkeyPatch):
    names: list[str] = []
    said: list[type] = []
    submit, pack = Connection.submit, velatura.wire.pack

    def noted(self: Connection, recipe: Stylize, content: Blob, *rest: object, **more: object):
        names.append(content.digest)
        return submit(self, recipe, content, *rest, **more)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Connection, "submit", noted)
    monkeypatch.setattr(velatura.wire, "pack", lambda *a: said.append(type(a[0])) or pack(*a))
    array = PIXELS.copy()
    for _ in range(2):
        assert np.array_equal(client.submit(RECIPE, array).result(), 255 - array)
    array[-1, -1] += 1
    assert np.array_equal(client.submit(RECIPE, array).result(), 255 - array)
    fetched = [m.Submit, m.Fetch, m.Credit, m.Have, m.Release]
    fresh = [m.Offer, m.Lent, *fetched]
    assert [each for each in said if each is not m.Heartbeat] == fresh + fetched + fresh
    assert names[0] == names[1] != names[2] and all(name.startswith(RANDOM) for name in names)


def test_of_arrays_the_latest_are_kept_and_none_beyond_the_session(daemon: Daemon, talk: Talk):
    before = talk.status()["blobs"]["count"]
    with velatura.connect(start=False, home=daemon.home) as client:
        for i in range(OWN + 2):
            client.submit(RECIPE, PIXELS + np.uint8(i)).result()
        talk.until(
            lambda: talk.status()["blobs"]["count"] == before + OWN, "those before can be named no more"
        )
    talk.until(lambda: talk.status()["blobs"]["count"] == before, "nobody is left who could name them")


def test_a_result_is_given_back_when_the_program_lets_go_of_it(client: Client, talk: Talk):
    job = client.submit(RECIPE, PIXELS.copy())
    job.result()
    held = weakref.ref(job)
    del job
    talk.until(lambda: held() is None, "the thread of the connection holds it no longer")


@pytest.mark.parametrize("spare", [None, lending.LentMemory(LAYOUT.nbytes, at_once=True)])
def test_what_is_lent_cannot_be_changed_any_more(spare: lending.LentMemory | None):
    blob = Blob(LAYOUT, bytes(range(256)) * 4096)
    blob.lend(spare=spare)
    blob.hash_whole()
    assert blob.memory is not None and lending.is_sound(blob.memory.fd, LAYOUT.nbytes)
    assert not lending.is_sound(blob.memory.fd, LAYOUT.nbytes + 4097)
    for change in (lambda fd: os.pwrite(fd, b"x", 0), lambda fd: os.ftruncate(fd, 1)):
        with pytest.raises(PermissionError):
            change(blob.memory.fd)
    assert bytes(blob.memory.view) == bytes(range(256)) * 4096


@pytest.mark.parametrize("lent", [True, False])
def test_a_picture_that_comes_piece_by_piece(talk: Talk, lent: bool, monkeypatch: pytest.MonkeyPatch):
    """Where memory can be lent it is in such from the start, and known by its bytes as any."""
    monkeypatch.setattr(lending, "possible", lambda: lent)
    layout = Layout(600, 700, "RGB")
    room = Room(layout)
    for row in PIXELS:
        room.add(row.tobytes())
    blob = room.blob()
    assert (blob.memory is not None) == lent
    job = talk.run(RECIPE, blob)
    assert job.picture is not None
    assert bytes(job.picture.data) == invert(PIXELS.tobytes())
    assert blob.digest == digest(layout, [PIXELS.tobytes()])
    assert blob.memory is not None and lending.is_sound(blob.memory.fd, layout.nbytes)


@pytest.mark.parametrize("wrong", ["open", "short", "file", "nothing", "of another"])
def test_memory_that_could_change_is_refused(
    wrong: str, lender: tuple[Peer, lending.LendingLine], talk: Talk
):
    peer, line = lender
    name = f"up-{wrong}"
    peer.send(m.Offer(name, lending.random_name(), LAYOUT))
    peer.expect(m.Credit)
    memory = lending.LentMemory(LAYOUT.nbytes)
    given, to = memory.fd, name
    if wrong == "short":
        memory = sealed(b"short")
        given = memory.fd
    elif wrong == "file":
        given = os.open("/dev/null", os.O_RDONLY)
    elif wrong == "of another":
        memory.seal()
        to = "up-other"
    if wrong != "nothing":
        assert line.give(to, given)
    if wrong == "file":
        os.close(given)
    peer.send(m.Lent(name))
    error = peer.error()
    assert (error.code, error.transfer) == ("bad_frame", name)
    assert talk.run(RECIPE, picture(30, 20)).picture is not None
    assert talk.status()["blobs"]["reserved"] == 0


def test_memory_that_is_not_what_it_is_called_is_refused(
    lender: tuple[Peer, lending.LendingLine], talk: Talk
):
    peer, line = lender
    memory = sealed(bytes(LAYOUT.nbytes))
    peer.send(m.Offer("up-false", "0" * 32, LAYOUT))
    peer.expect(m.Credit)
    assert line.give("up-false", memory.fd)
    peer.send(m.Lent("up-false"))
    assert peer.error().code == "digest_mismatch"
    assert talk.status()["blobs"]["reserved"] == 0


def test_others_are_answered_while_lent_memory_is_verified(
    lender: tuple[Peer, lending.LendingLine], talk: Talk
):
    """What follows is there with the message that lends, and answered before all was looked at."""
    peer, line = lender
    large = Layout(8192, 8192, "GRAY")
    data = bytes(large.nbytes)
    memory, name = sealed(data), digest(large, [data])
    pid = talk.status()["pid"]

    def lend(transfer: str, then: m.Message, body: bytes | None = None) -> None:
        peer.send(m.Offer(transfer, name, large))
        peer.expect(m.Credit)
        os.kill(pid, signal.SIGSTOP)
        for _ in range(1 + isinstance(then, m.Lent)):
            assert line.give(transfer, memory.fd)
        peer.send(m.Lent(transfer))
        peer.send(then, body)
        os.kill(pid, signal.SIGCONT)

    lend("dropped", m.Drop("dropped"))
    for transfer, then, body in (("more", m.Chunk("more", 0, 1), b"x"), ("twice", m.Lent("twice"), None)):
        lend(transfer, then, body)
        error = peer.error()
        assert (error.code, error.transfer) == ("bad_frame", transfer)
    lend("good", m.Request("now", "status"))
    assert peer.expect(m.Reply).items[0]["blobs"]["reserved"] == large.nbytes, "of the others nothing is left"
    assert peer.expect(m.Have).transfer == "good"
    assert talk.status()["blobs"]["reserved"] == 0


def test_memory_comes_with_its_offer_whatever_else_moves(
    lender: tuple[Peer, lending.LendingLine], talk: Talk
):
    peer, line = lender
    for i in range(MOVING + 1):
        peer.send(m.Offer(f"slow-{i}", lending.random_name(), LAYOUT))
    memory, name = sealed(bytes(LAYOUT.nbytes)), lending.random_name()
    for transfer in ("first", "again"):
        assert line.give(transfer, memory.fd)
        peer.send(m.Offer(transfer, name, LAYOUT))
        peer.send(m.Lent(transfer))
        assert peer.wait_for(m.Have).transfer == transfer
    for i in range(MOVING + 1):
        peer.send(m.Drop(f"slow-{i}"))
    peer.send(m.Request("then", "status"))
    assert peer.wait_for(m.Reply).items[0]["blobs"]["reserved"] == 0, "and nothing was wrong with the second"


def test_memory_without_an_offer_is_refused_and_a_line_of_nobody_closed(
    daemon: Daemon, lender: tuple[Peer, lending.LendingLine]
):
    peer, line = lender
    memory = sealed(bytes(LAYOUT.nbytes))
    assert line.give("never", memory.fd)
    peer.send(m.Lent("never"))
    assert peer.error().code == "bad_frame"
    stranger = lending.opened(daemon.address().endpoint, "0" * 32)
    assert stranger is not None
    door = lending.door_of(daemon.address().endpoint)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.connect(str(door))
        out.send(b"no descriptor")
        socket.send_fds(out, [b"no socket"], [memory.fd])
    peer.send(m.Offer("good", lending.random_name(), LAYOUT))
    peer.expect(m.Credit)
    assert line.give("good", memory.fd)
    peer.send(m.Lent("good"))
    assert peer.expect(m.Have).transfer == "good"
    assert not stranger.give("x", memory.fd)
    stranger.close()
