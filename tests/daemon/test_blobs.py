"""The blob store's budget, shared-memory slots, and the line between supervisor and worker."""

from __future__ import annotations

import errno
import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from velatura import messages as m
from velatura.errors import VelaturaError
from velatura.pixels import Layout
from velatura_daemon.between import orders, slots
from velatura_daemon.between.channel import LARGEST, Channel, ChannelClosed
from velatura_daemon.service.blobs import PAGE, BlobStore
from velatura_daemon.service.transfers import Transfers


def layout(pages: int) -> Layout:
    return Layout(PAGE, pages, "GRAY")


def add(store: BlobStore, name: str, pages: int = 1) -> None:
    store.add(name, layout(pages), slots.create_slot(pages * PAGE))


def test_the_memory_of_a_large_picture_is_given_back_in_the_background(monkeypatch):
    monkeypatch.setattr(slots, "LARGE", 2 * PAGE)
    close, by_us = os.close, []

    def closed(fd: int) -> None:
        by_us.append(threading.current_thread() is threading.main_thread())
        close(fd)

    monkeypatch.setattr(os, "close", closed)
    store = BlobStore(9 * PAGE)
    for name, pages in (("large", 2), ("small", 1)):
        add(store, name, pages)
        blob = store.get(name)
        assert blob is not None
        store.drop_unpinned()
        for thread in threading.enumerate():
            if thread.name == "closing":
                thread.join(5)
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(blob.fd)
    assert by_us == [False, True]


def test_the_least_recently_used_blob_goes_first_and_pinned_ones_stay():
    store = BlobStore(3 * PAGE)
    for name in "abc":
        add(store, name)
    store.pin("a")
    store.get("b")
    add(store, "d")
    assert [n for n in "abcd" if n in store] == ["a", "b", "d"]
    store.close()


def test_room_that_is_reserved_is_kept_free_and_too_much_is_refused():
    store = BlobStore(4 * PAGE)
    add(store, "old")
    amount = store.reserve(3 * PAGE)
    assert "old" in store
    second = store.reserve(1)
    assert "old" not in store, "dropped for the reservation"
    with pytest.raises(VelaturaError) as caught:
        store.reserve(1)
    assert caught.value.code == "busy"
    store.unreserve(amount)
    store.unreserve(second)
    assert store.reserved == 0
    store.close()


def test_a_result_is_taken_even_beyond_the_budget_and_the_excess_goes_when_it_is_released():
    store = BlobStore(2 * PAGE)
    for name in "abc":
        add(store, name)
        store.pin(name)
    assert store.used == 3 * PAGE
    store.unpin("b")
    assert store.used == 2 * PAGE and "b" not in store
    store.close()


def test_a_blob_held_already_does_not_keep_a_second_descriptor():
    store = BlobStore(10 * PAGE)
    add(store, "a")
    fd = slots.create_slot(PAGE)
    store.add("a", layout(1), fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert store.used == PAGE
    store.close()


OPS = st.lists(
    st.tuples(st.sampled_from(["add", "pin", "unpin", "reserve", "unreserve", "get"]), st.integers(0, 7)),
    max_size=80,
)


@settings(max_examples=100, deadline=None)
@given(OPS)
def test_accounts_always_add_up(ops):
    store = BlobStore(8 * PAGE, most=6)
    pins: dict[str, int] = {}
    amounts: list[int] = []
    for op, number in ops:
        name = f"b{number}"
        if op == "add":
            add(store, name, 1 + number % 3)
        elif op == "pin" and name in store:
            store.pin(name)
            pins[name] = pins.get(name, 0) + 1
        elif op == "unpin" and pins.get(name):
            pins[name] -= 1
            store.unpin(name)
        elif op == "reserve":
            try:
                amounts.append(store.reserve(number * PAGE))
            except VelaturaError:
                assert store.pinned + store.reserved + max(1, number) * PAGE > store.budget
        elif op == "unreserve" and amounts:
            store.unreserve(amounts.pop())
        elif op == "get":
            store.get(name)
        held = [f"b{i}" for i in range(8) if f"b{i}" in store]
        assert all(name in held for name, count in pins.items() if count), "a pinned blob was dropped"
        assert store.used == sum((1 + int(n[1:]) % 3) * PAGE for n in held)
        assert store.pinned == sum((1 + int(n[1:]) % 3) * PAGE for n in held if pins.get(n))
        assert store.reserved == sum(amounts)
        over = store.used + store.reserved > store.budget or len(store) > store.most
        loose = [n for n in held if not pins.get(n)]
        assert not over or len(loose) <= 1, "over the budget although something could go"
    store.close()


@pytest.mark.parametrize("kind", ["memfd", "file"])
def test_a_slot_is_zeroed_reserved_and_shared(kind: str, monkeypatch: pytest.MonkeyPatch):
    if kind == "file":
        monkeypatch.delattr(os, "memfd_create")
    fd = slots.create_slot(10_000)
    assert os.fstat(fd).st_size == 10_000 and not os.get_inheritable(fd)
    assert os.fstat(fd).st_blocks * 512 >= 10_000, "the space is there, not only promised"
    view = slots.map_slot(fd, 10_000, writable=True)
    assert bytes(view) == bytes(10_000)
    view[5000:5003] = b"abc"
    slots.write_slot(fd, 9_998, b"yz")
    assert slots.read_slot(fd, 4_999, 5) == b"\0abc\0"
    assert slots.read_slot(fd, 9_990, 100) == bytes(8) + b"yz"
    os.close(fd)
    assert bytes(view[9_998:]) == b"yz", "the mapping outlives the descriptor"


def test_more_than_the_machine_has_is_refused_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    """Never try it for real: the kernel would give it, and end other processes to find it."""
    monkeypatch.setattr(slots, "available_memory", lambda: 300 << 20)
    with pytest.raises(VelaturaError, match="300 MB are available") as caught:
        slots.create_slot(100 << 20)
    assert caught.value.code == "out_of_memory"
    os.close(slots.create_slot(16 << 20))


def test_a_full_disk_is_an_error_and_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch):
    def full(fd: int, offset: int, nbytes: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(VelaturaError, match="No space left"):
        slots.create_slot(4096)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_slot_can_be_reserved_piece_by_piece():
    fd = slots.create_slot(40 * PAGE, reserve=False)
    assert os.fstat(fd).st_size == 40 * PAGE and os.fstat(fd).st_blocks == 0
    slots.reserve_slot(fd, 8 * PAGE, 16 * PAGE)
    assert os.fstat(fd).st_blocks * 512 == 16 * PAGE
    os.close(fd)


def test_available_memory_is_what_the_kernel_says():
    available = slots.available_memory()
    assert available is not None and 0 < available < 1 << 50


def pair() -> tuple[Channel, Channel]:
    a, b = socket.socketpair()
    return Channel(a), Channel(b)


def test_messages_arrive_whole_in_order_and_with_their_descriptors():
    ours, theirs = pair()
    fds = [slots.create_slot(1) for _ in range(3)]
    for i, fd in enumerate(fds):
        slots.write_slot(fd, 0, bytes([65 + i]))
    said = [orders.EngineReady({"text": "x" * 5000}), orders.Beat(), orders.Saved("job", 3, 1)]
    for message, riding in zip(said, (fds[:2], [], fds[2:]), strict=True):
        ours.send(message, riding)
    got = theirs.receive()
    assert [message for message, _ in got] == said
    assert [[slots.read_slot(fd, 0, 1) for fd in received] for _, received in got] == [
        [b"A", b"B"],
        [],
        [b"C"],
    ]
    assert all(not os.get_inheritable(fd) for _, received in got for fd in received)
    for fd in [*fds, *(fd for _, received in got for fd in received)]:
        os.close(fd)
    ours.close()
    theirs.close()


def test_sending_to_one_that_does_not_read_never_blocks_and_loses_nothing():
    ours, theirs = pair()
    for i in range(50):
        ours.send(orders.EngineReady({"number": i, "pad": "x" * 100_000}))
    assert ours.pending
    numbers: list[int] = []
    while len(numbers) < 50:
        numbers += [m.status["number"] for m, _ in theirs.receive() if isinstance(m, orders.EngineReady)]
        ours.flush()
    assert numbers == list(range(50)) and not ours.pending
    with pytest.raises(ValueError, match="EngineReady of"):
        ours.send(orders.EngineReady({"pad": "x" * (LARGEST + 1)}))
    ours.close()
    theirs.close()


def test_what_was_said_before_the_end_is_heard_and_then_the_end():
    ours, theirs = pair()
    ours.send(orders.Beat())
    ours.close()
    assert [message for message, _ in theirs.receive()] == [orders.Beat()]
    with pytest.raises(ChannelClosed):
        theirs.receive()
    theirs.close()


def test_a_transfer_that_stands_still_for_a_minute_has_ended():
    store, said = BlobStore(4 * PAGE), []
    add(store, "held")
    transfers = Transfers(store, 4 * PAGE, said.append, said.append, lambda *_: None)
    transfers.receive(m.Offer("up", "0" * 32, layout(1)), None, 0.0)
    transfers.receive(m.Fetch("down", "held"), None, 0.0)
    assert [type(message) for message in said] == [m.Credit, m.Offer]
    transfers.check_time(60.0)
    assert len(said) == 2
    transfers.check_time(60.1)
    failed, dropped = said[2:]
    assert (failed.code, failed.transfer) == ("timeout", "up") and dropped == m.Drop("down")
    assert store.reserve(4 * PAGE), "neither holds memory any more"
    transfers.close()
    store.close()
