"""Transfers: what is sent arrives, never more than the window is in flight, and nothing wrong passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAYOUTS
from velatura import messages as m
from velatura.errors import VelaturaError
from velatura.pixels import Layout, digest
from velatura.transfer import Phase, Receiver, Sender
from velatura.wire import error_for

LAYOUT = Layout(16, 8, "RGBA", "u8")  # 512 bytes
DATA = bytes(i * 7 % 256 for i in range(LAYOUT.nbytes))
NAME = digest(LAYOUT, [DATA])


def pair(data: bytes = DATA, layout: Layout = LAYOUT, chunk: int = 100) -> tuple[Sender, Receiver, bytearray]:
    sender = Sender("t", layout, digest(layout, [data]), lambda o, n: data[o : o + n], chunk)
    room = bytearray(layout.nbytes)
    return sender, Receiver(sender.offer(), room), room


@given(st.data(), LAYOUTS, st.integers(1, 5000))
def test_any_blob_arrives_with_at_most_a_window_in_flight(data, layout, chunk_bytes):
    blob = data.draw(st.binary(min_size=layout.nbytes, max_size=layout.nbytes))
    sender, receiver, room = pair(blob, layout, chunk_bytes)
    in_flight, answers = [], [receiver.begin()]
    while not sender.over:
        deliver = in_flight and (not answers or data.draw(st.booleans()))
        if deliver:
            answers.append(receiver.receive(*in_flight.pop(0)))
        elif answers:
            sender.receive(answers.pop(0))
        while data.draw(st.booleans()) and (chunk := sender.next_chunk()):
            in_flight.append(chunk)
        if not in_flight and not answers and (chunk := sender.next_chunk()):
            in_flight.append(chunk)
        assert len(in_flight) <= m.WINDOW
    assert sender.phase is receiver.phase is Phase.DONE
    assert bytes(room) == blob


@given(st.integers(0, 600), st.integers(1, 600), st.integers(0, 600))
def test_only_the_next_piece_is_taken(received, length, offset):
    """Whatever the receiver has, a chunk elsewhere, or beyond the end, is refused and nothing is written."""
    received = min(received, LAYOUT.nbytes - 1)
    _, receiver, room = pair()
    receiver.begin()
    if received:
        receiver.receive(m.Chunk("t", 0, received), DATA[:received])
    before = bytes(room)
    fits = offset == received and offset + length <= LAYOUT.nbytes
    body = DATA[offset : offset + length] if fits else b"x" * length
    if fits:
        receiver.receive(m.Chunk("t", offset, length), body)
        assert bytes(room[: offset + length]) == DATA[: offset + length]
    else:
        with pytest.raises(VelaturaError) as caught:
            receiver.receive(m.Chunk("t", offset, length), body)
        assert caught.value.code == "bad_frame"
        assert bytes(room) == before
        assert receiver.phase is Phase.ENDED


@given(st.integers(0, LAYOUT.nbytes - 1), st.integers(1, 255))
def test_one_wrong_byte_is_a_digest_mismatch(position, flip):
    wrong = bytearray(DATA)
    wrong[position] ^= flip
    receiver = Receiver(m.Offer("t", NAME, LAYOUT), bytearray(LAYOUT.nbytes))
    receiver.begin()
    with pytest.raises(VelaturaError) as caught:
        receiver.receive(m.Chunk("t", 0, LAYOUT.nbytes), wrong)
    assert caught.value.code == "digest_mismatch"
    assert receiver.phase is Phase.ENDED


def test_the_digest_covers_the_layout():
    names = {
        digest(layout, [DATA])
        for layout in (
            LAYOUT,
            Layout(8, 16),
            Layout(16, 8, "BGRA"),
            Layout(16, 8, "GRAYA", "u16"),
            Layout(16, 8, premultiplied=True),
            Layout(16, 8, transfer="linear"),
        )
    }
    assert len(names) == 6


def test_a_chunk_before_credit_is_refused():
    _, receiver, _ = pair()
    with pytest.raises(VelaturaError, match="offered"):
        receiver.receive(m.Chunk("t", 0, 10), DATA[:10])


def test_a_chunk_after_the_end_is_refused():
    _, receiver, _ = pair()
    receiver.begin()
    receiver.receive(m.Chunk("t", 0, 512), DATA)
    with pytest.raises(VelaturaError, match="done"):
        receiver.receive(m.Chunk("t", 0, 512), DATA)


def test_a_body_of_another_length_is_refused():
    _, receiver, _ = pair()
    receiver.begin()
    with pytest.raises(VelaturaError, match="9 bytes announced as 10"):
        receiver.receive(m.Chunk("t", 0, 10), DATA[:9])


def test_the_receiver_s_memory_must_fit_exactly():
    with pytest.raises(VelaturaError, match="512 bytes announced, room for 511"):
        Receiver(m.Offer("t", NAME, LAYOUT), bytearray(511))


def test_nothing_is_sent_without_credit_and_chunks_are_whole_rows():
    sender, _, _ = pair(chunk=200)  # rows of 64 bytes: 3 fit
    assert sender.next_chunk() is None
    sender.receive(m.Credit("t", 2))
    lengths = [chunk[0].length for chunk in iter(sender.next_chunk, None)]
    assert lengths == [192, 192]
    assert not sender.over


def test_credit_beyond_the_window_ends_the_transfer():
    sender, _, _ = pair()
    sender.receive(m.Credit("t", 4))
    with pytest.raises(VelaturaError, match="at most 4"):
        sender.receive(m.Credit("t", 1))
    assert sender.phase is Phase.ENDED and sender.next_chunk() is None


def test_what_is_held_already_is_not_sent():
    sender, _, _ = pair()
    sender.receive(m.Have("t", NAME))
    assert sender.phase is Phase.DONE and sender.next_chunk() is None


def test_have_of_another_blob_is_an_error():
    sender, _, _ = pair()
    with pytest.raises(VelaturaError, match="not what was offered"):
        sender.receive(m.Have("t", "0" * 32))


def test_a_refusal_and_a_drop_end_the_sender():
    sender, _, _ = pair()
    sender.receive(error_for(VelaturaError("busy", "no room"), transfer="t"))
    assert sender.over and sender.error is not None and sender.error.code == "busy"
    sender, _, _ = pair()
    sender.receive(m.Drop("t"))
    assert sender.over and sender.error is None


def test_a_source_that_gives_too_little_is_noticed():
    sender = Sender("t", LAYOUT, NAME, lambda o, n: b"")
    sender.receive(m.Credit("t", 1))
    with pytest.raises(VelaturaError) as caught:
        sender.next_chunk()
    assert caught.value.code == "bad_image"


def test_either_side_can_drop():
    sender, receiver, _ = pair()
    assert sender.drop() == receiver.drop() == m.Drop("t")
    assert sender.over and receiver.over
