"""Peers that want too much of the daemon's memory and descriptors, and what an innocent client sees of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Daemon, Talk, picture, until
from hypothesis import given
from hypothesis import strategies as st
from velatura import messages as m
from velatura.jobstate import State
from velatura.recipe import Style, Stylize
from velatura_daemon.service.front import FRAMES, GREETING, Cut, Gate

Start = Callable[..., Daemon]
RECIPE = Stylize(styles=(Style(name="invert"),))
HELLO = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"NULL" + bytes(16) + b"\0" + bytes(31)


class Raw:
    """A peer that speaks ZMTP byte by byte, with or without its handshake."""

    def __init__(self, daemon: Daemon, greet: bool = True) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(daemon.address().endpoint.removeprefix("ipc://"))
        self.socket.settimeout(30)
        if greet:
            body = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
            self.socket.sendall(HELLO + bytes([4, len(body)]) + body)

    def cut_off(self) -> bool:
        """Whether the daemon closes the connection."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        return True

    def send_until_cut_off(self, piece: bytes, most: int) -> int:
        """Bytes that the daemon took of `most`."""
        sent = 0
        while sent < most:
            try:
                self.socket.sendall(piece)
                sent += len(piece)
            except (ConnectionError, TimeoutError):
                break
        return sent


def resident(daemon: Daemon) -> int:
    assert daemon.process is not None
    fields = dict(
        line.split(":") for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
    )
    return int(fields["RssAnon"].split()[0]) << 10


def test_a_message_of_endless_parts_is_cut_off_and_nobody_else_waits(daemon: Daemon, talk: Talk):
    talk.worker_pid()
    before = resident(daemon)
    raw = Raw(daemon)
    taken = raw.send_until_cut_off(b"\x01\x01x" * 100_000, 6_000_000)
    assert taken < 6_000_000
    began = time.monotonic()
    talk.status()
    assert time.monotonic() - began < 20 and resident(daemon) - before < 64 << 20
    assert talk.run(RECIPE, picture()).state is State.DONE and "is cut off" in daemon.log()


def test_an_unfinished_message_holds_a_few_frames_at_most(daemon: Daemon, talk: Talk):
    talk.worker_pid()
    before = resident(daemon)
    frame = b"\x03" + (4 << 20).to_bytes(8, "big") + bytes(4 << 20)
    raws = [Raw(daemon) for _ in range(3)]
    for raw in raws:
        assert raw.send_until_cut_off(frame, 60 << 20) < 60 << 20
        raw.socket.close()
    until(lambda: resident(daemon) - before < 64 << 20, "what was not finished is given back")
    assert talk.run(RECIPE, picture()).state is State.DONE


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" + bytes(8) + b"\x7f\x01\x00" + bytes(60)]
)
def test_another_protocol_is_cut_off(daemon: Daemon, said: bytes):
    raw = Raw(daemon, greet=False)
    raw.socket.sendall(said)
    assert raw.cut_off()


def test_silent_connections_are_refused_before_descriptors_run_out(start_daemon: Start):
    daemon = start_daemon(prewarm=False)
    with daemon.connect() as talk:
        talk.status()
        assert daemon.process is not None
        fds = Path(f"/proc/{daemon.process.pid}/fd")
        silent = [Raw(daemon, greet=False) for _ in range(1100)]
        until(lambda: "a connection is refused" in daemon.log(), "connections over the budget are refused")
        assert len(list(fds.iterdir())) < 1024 * 3 + 200
        assert talk.run(RECIPE, picture()).state is State.DONE
        for raw in silent:
            raw.socket.close()
        until(lambda: len(list(fds.iterdir())) < 100, "their descriptors are given back")


frames = st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=FRAMES - 1)


def encoded(parts: list[tuple[bool, bytes]]) -> bytes:
    """A message of these parts, each with a short or long head."""
    out = b""
    for i, (long, body) in enumerate(parts):
        flags = (1 if i < len(parts) - 1 else 0) | (2 if long or len(body) > 255 else 0)
        head = len(body).to_bytes(8, "big") if flags & 2 else bytes([len(body)])
        out += bytes([flags]) + head + body
    return out


@given(st.lists(frames, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=200))
def test_right_messages_pass_however_they_are_cut_into_pieces(messages: list, cuts: list[int]):
    data = memoryview(HELLO + b"".join(encoded(parts) for parts in messages))
    gate, at = Gate(), 0
    for cut in cuts:
        gate.pass_through(data[at : at + cut]) if at < len(data) else None
        at += cut
    gate.pass_through(data[at:])


@given(st.integers(FRAMES + 1, 50), st.integers(1, 64))
def test_too_many_frames_are_noticed_at_the_first_over_the_limit(count: int, cut: int):
    gate, data = Gate(), HELLO + encoded([(False, b"x")] * count)
    with pytest.raises(Cut, match=f"{FRAMES + 1} frames"):
        for at in range(0, len(data), cut):
            gate.pass_through(memoryview(data)[at : at + cut])
    assert len(HELLO) == GREETING and m.CHUNK_BYTES == 4 << 20
