"""A client written from PROTOCOL.md alone, with zmq, msgpack and hashlib, against the real daemon.

Nothing of the package is used to talk, so that a promise which only our own client keeps is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq
from harness import Daemon


class Stranger:
    """One DEALER and the page's words."""

    def __init__(self, home: Path) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(json.loads((home / "run" / "daemon.json").read_text())["endpoint"])

    def say(self, t: str, body: bytes | None = None, **fields: Any) -> None:
        self.socket.send_multipart([msgpack.packb({"t": t, **fields}), *([body] if body is not None else [])])

    def hear(self, *wanted: str) -> tuple[dict[str, Any], bytes]:
        """The next message of one of the wanted types; all others are passed over."""
        while True:
            assert self.socket.poll(60000), f"no {wanted} came"
            header, *body = self.socket.recv_multipart()
            message = msgpack.unpackb(header)
            if message["t"] in wanted:
                return message, b"".join(body)
            assert message["t"] in ("alive", "queued", "started", "progress"), message

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with Daemon() as daemon:
        yield daemon.home
        assert daemon.stop() == 0


@pytest.fixture
def stranger(home: Path) -> Iterator[Stranger]:
    made = Stranger(home)
    made.say("hello", major=1, minor=7, client="a stranger", session=os.urandom(16).hex(), mood="fine")
    welcome, _ = made.hear("welcome")
    assert welcome["major"] == 1 and welcome["lease"] > 0 and welcome["max_blob"] > 0
    yield made
    made.say("bye")
    made.close()


def test_a_job_from_the_page(stranger: Stranger):
    width, height = 700, 900
    pixels = os.urandom(width * height * 4)
    name = hashlib.blake2b(b"700 900 RGBA u8 straight srgb\n" + pixels, digest_size=16).hexdigest()
    recipe = {"kind": "stylize", "styles": [{"name": "stained-glass"}], "strength": 0.5}
    stranger.say("submit", job="strangers-job", recipe=recipe, content=name)
    need, _ = stranger.hear("need")
    assert need["digests"] == [name]
    stranger.say("offer", transfer="up", digest=name, layout={"width": width, "height": height})
    credit = sent = 0
    while True:
        answer, _ = stranger.hear("credit", "have", *(() if sent else ("queued",)))
        if answer["t"] == "have":
            assert answer["digest"] == name and sent == len(pixels)
            break
        credit += answer["chunks"]
        while credit and sent < len(pixels):
            piece = pixels[sent : sent + 300_001]
            stranger.say("chunk", piece, transfer="up", offset=sent, length=len(piece))
            sent, credit = sent + len(piece), credit - 1
    result, _ = stranger.hear("result")
    assert result["recipe"]["strength"] == 0.5 and result["layout"]["width"] == width
    stranger.say("fetch", transfer="down", digest=result["digest"])
    offer, _ = stranger.hear("offer")
    assert (offer["transfer"], offer["digest"]) == ("down", result["digest"])
    stranger.say("credit", transfer="down", chunks=4)
    got = b""
    while len(got) < len(pixels):
        chunk, body = stranger.hear("chunk")
        assert chunk["offset"] == len(got) and chunk["length"] == len(body)
        got += body
        if len(got) < len(pixels):
            stranger.say("credit", transfer="down", chunks=1)
    stranger.say("have", transfer="down", digest=result["digest"])
    stranger.say("release", job="strangers-job")
    assert got == pixels.translate(bytes(range(255, -1, -1)))


def test_before_hello_nothing_is_served(home: Path):
    rude = Stranger(home)
    rude.say("request", request="r", what="status")
    error, _ = rude.hear("error")
    assert error["code"] == "hello_required"
    rude.close()


def test_lists_come_in_pages(stranger: Stranger):
    names: list[str] = []
    more, after = True, ""
    while more:
        stranger.say("request", request=f"r{len(names)}", what="styles", after=after)
        reply, _ = stranger.hear("reply")
        names += [item["name"] for item in reply["items"]]
        more, after = reply["more"], names[-1]
    assert len(names) == len(set(names)) >= 8


def test_what_the_page_refuses_is_refused(stranger: Stranger):
    stranger.say("sing", song="la")
    assert stranger.hear("error")[0]["code"] == "unknown_type"
    stranger.say("submit", job="bad", recipe={"kind": "stylize", "styles": [{"name": "a"}], "strength": 3})
    error, _ = stranger.hear("error", "failed")
    assert error["code"] == "bad_field" and error["where"].endswith("recipe.strength")
    assert error["job"] == "bad", "so that the client stops waiting"
    stranger.say("fetch", transfer="t", digest="0" * 32)
    error, _ = stranger.hear("error")
    assert (error["code"], error["transfer"]) == ("unknown_blob", "t")
    stranger.say("cancel", job="none")
    error, _ = stranger.hear("error")
    assert (error["code"], error["job"]) == ("unknown_job", "none")


@pytest.mark.parametrize(("side", "offset", "code"), [(1, 0, "digest_mismatch"), (4, 8, "bad_frame")])
def test_wrong_bytes_and_a_chunk_out_of_order_end_the_transfer(
    stranger: Stranger, side: int, offset: int, code: str
):
    stranger.say("offer", transfer="t", digest="0" * 32, layout={"width": side, "height": side})
    stranger.hear("credit")
    stranger.say("chunk", b"1234", transfer="t", offset=offset, length=4)
    error, _ = stranger.hear("error")
    assert (error["code"], error["transfer"]) == (code, "t")
