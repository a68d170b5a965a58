"""A hundred thousand damaged messages: each is answered or passed over, and everybody else is served."""

from __future__ import annotations

import json
import random
from pathlib import Path

import zmq
from harness import Daemon, Talk, picture
from peer import Peer
from velatura import messages as m
from velatura.jobstate import State
from velatura.recipe import Style, Stylize

GOLDEN = Path(__file__).parents[1] / "protocol" / "golden.json"
MESSAGES = 100_000
WARM = 20_000
"""Messages after which memory counts as settled."""


def resident(daemon: Daemon) -> int:
    assert daemon.process is not None
    lines = Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)["RssAnon"].split()[0]) << 10


def mutated(frame: bytes, chance: random.Random) -> bytes:
    """A right header with a few bytes changed, cut out, doubled or put in."""
    data = bytearray(frame)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(4)
        if what == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif what == 1:
            del data[at : at + chance.randrange(1, 9)]
        elif what == 2:
            data[at:at] = data[at : at + chance.randrange(1, 9)]
        else:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
    return bytes(data)


def test_a_client_of_the_first_version_is_understood(daemon: Daemon):
    first = json.loads(GOLDEN.with_name("golden-first.json").read_text())
    frames = {name: bytes.fromhex(frame) for name, frame in first.items()}
    theirs = (m.Submit, m.Cancel, m.Stop, m.Attach, m.Release, m.Heartbeat, m.Offer, m.Drop, m.Fetch)
    with Peer(daemon, hello=False) as peer:
        peer.send_raw(frames["hello"])
        peer.expect(m.Welcome)
        for frame in frames.values():
            if isinstance(m.decode(frame), theirs):
                peer.send_raw(frame)
        peer.send(m.Request("last", "status"))
        complaints = set()
        while not isinstance(message := peer.receive()[0], m.Reply):
            if isinstance(message, m.Error | m.Failed) and message.where != "offer.transfer":  # used twice
                complaints.add(message.code)
        assert complaints <= {"unknown_job", "unknown_blob", "duplicate_job"}
    assert "Traceback" not in daemon.log()


def test_damaged_messages_leave_memory_flat_and_everybody_served(daemon: Daemon, talk: Talk):
    chance = random.Random(15)
    headers = [bytes.fromhex(frame) for frame in json.loads(GOLDEN.read_text()).values()]
    harmless = [h for h in headers if b"shutdown" not in h and b"\xa3bye" not in h]
    recipe = Stylize(styles=(Style(name="invert"),))
    assert talk.run(recipe, picture()).state is State.DONE
    settled = 0
    with Peer(daemon) as peer:
        for number in range(MESSAGES):
            damaged = mutated(chance.choice(harmless), chance)
            if b"shutdown" in damaged:
                continue
            peer.send_raw(damaged, *([chance.randbytes(8)] if number % 50 == 0 else []))
            while peer.socket.poll(0):
                peer.socket.recv_multipart(zmq.NOBLOCK)
            if number == WARM:
                settled = resident(daemon)
            if number % 25_000 == 0:
                assert talk.run(recipe, picture(seed=number % 7)).state is State.DONE
    assert talk.run(recipe, picture(30, 30)).state is State.DONE
    assert resident(daemon) - settled < 24 << 20
    assert "Traceback" not in daemon.log()
