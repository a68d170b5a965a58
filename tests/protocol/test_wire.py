"""Frames: a header, and a body with chunks only."""

from __future__ import annotations

import msgpack
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from strategies import MESSAGES
from velatura import messages as m
from velatura import wire
from velatura.errors import VelaturaError


@given(MESSAGES)
def test_what_is_packed_is_unpacked(message):
    body = bytes(message.length) if isinstance(message, m.Chunk) else None
    again, again_body = wire.unpack(wire.pack(message, body))
    assert again == message
    assert (again_body is None) == (body is None)
    assert body is None or bytes(again_body or b"") == body


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_garbage_frames_are_refused(frames):
    with pytest.raises(VelaturaError) as caught:
        wire.unpack(frames)
    assert caught.value.code in ("bad_frame", "unknown_type", "bad_field")


CHUNK = m.encode(m.Chunk("t", 0, 4))


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "0 frames"),
        ([CHUNK], "without its second frame"),
        ([CHUNK, b"123"], "announced 4 bytes and brought 3"),
        ([CHUNK, b"1234", b""], "3 frames"),
        ([m.encode(m.Alive()), b"more"], "only chunks do"),
        ([b"\xc1"], "not msgpack"),
        ([msgpack.packb([1, 2])], "not a map"),
        ([msgpack.packb({"t": 5})], "message type under 't'"),
        ([msgpack.packb({"t": "alive"}) + b"x"], "not msgpack"),
        ([bytes(m.MAX_HEADER + 1)], "at most 65536"),
        ([msgpack.packb({"t": "sing"})], "'sing' is not known"),
    ],
)
def test_what_is_wrong_is_said(frames, words):
    with pytest.raises(VelaturaError) as caught:
        wire.unpack(frames)
    assert words in str(caught.value)


def test_a_body_over_the_limit_is_refused_before_it_is_sent():
    with pytest.raises(VelaturaError) as caught:
        wire.pack(m.Chunk("t", 0, m.CHUNK_BYTES), bytes(m.CHUNK_BYTES + 1))
    assert caught.value.code == "too_large"


def test_a_body_without_a_chunk_is_refused():
    with pytest.raises(VelaturaError, match="carries no bytes"):
        wire.pack(m.Alive(), b"x")


@pytest.mark.parametrize(
    ("raw", "about"),
    [
        ({"t": "submit", "job": "j1", "recipe": 5, "request": 7}, {"job": "j1"}),
        ({"t": "chunk", "transfer": "t1", "offset": -1}, {"transfer": "t1"}),
        ({"t": "request", "request": "r1", "what": "why"}, {"request": "r1"}),
        ({"t": "sing", "job": "x" * 65}, {}),
        ([1], {}),
    ],
)
def test_the_report_of_an_unreadable_message_names_what_it_was_about(raw, about):
    with pytest.raises(VelaturaError) as caught:
        wire.unpack([msgpack.packb(raw)])
    report = wire.error_for(caught.value)
    named = {"job": report.job, "transfer": report.transfer, "request": report.request}
    assert {key: name for key, name in named.items() if name} == about


def test_errors_cross_the_wire():
    error = wire.error_for(VelaturaError("busy", "try later", "submit"), job="j")
    again = wire.as_exception(error)
    assert (error.job, again.code, again.message, again.field) == ("j", "busy", "try later", "submit")


def test_a_defect_is_reported_as_internal_and_fits_the_fields():
    error = wire.error_for(ZeroDivisionError("x" * 5000))
    assert error.code == "internal" and error.message.startswith("ZeroDivisionError")
    assert m.decode(m.encode(error)) == error


def test_an_error_code_of_a_newer_minor_becomes_internal_and_keeps_its_words():
    again = wire.as_exception(m.Error("too_blue", "less blue, please"))
    assert again.code == "internal" and "less blue" in str(again) and "too_blue" in str(again)


def test_a_mismatch_says_which_side_to_update():
    assert wire.mismatch((1, 0), (1, 9)) is None
    old_client, old_daemon = wire.mismatch((1, 0), (2, 0)), wire.mismatch((2, 0), (1, 4))
    assert old_client and "the client is the older side: update the plug-in" in str(old_client)
    assert old_daemon and "the daemon is the older side" in str(old_daemon)
    assert "1.4" in str(old_daemon) and "pip install -U" in str(old_daemon)


def test_sockets_get_the_protocol_s_limits():
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        wire.limit(socket)
        assert socket.getsockopt(zmq.LINGER) == 0
        assert socket.getsockopt(zmq.MAXMSGSIZE) == m.CHUNK_BYTES
