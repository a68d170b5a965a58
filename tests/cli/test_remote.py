"""A daemon for other machines, set up with commands alone; two home folders on loopback are two machines."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import velatura
from cli.running import Outcome
from cli.running import velatura as command
from harness import FAKE, PATIENCE, Daemon
from velatura import endpoint, keys
from velatura.errors import VelaturaError

PICTURE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Outcome]:
    """Runs a command on one of the machines."""
    monkeypatch.delenv("VELATURA_CONNECTION", raising=False)

    def run(machine: str, *arguments: str) -> Outcome:
        home = tmp_path / machine
        home.mkdir(exist_ok=True)
        monkeypatch.setenv("VELATURA_HOME", str(home))
        return command(*arguments)

    return run


def test_a_gpu_box_serves_a_laptop_that_it_admits_by_name(at, tmp_path: Path, monkeypatch):
    (tmp_path / "box").mkdir()
    laptop_key = at("laptop", "keys", "new").out.strip()
    assert at("laptop", "keys", "new").code == 21, "a pair is not thrown away by mistake"
    with Daemon(FAKE, home=tmp_path / "box", listen="tcp://127.0.0.1:*") as daemon:
        with daemon.connect() as talk:
            where = talk.status()["tcp_endpoint"]
        listed = at("box", "keys", "list", "--json").json
        box_key = next(row["key"] for row in listed if row["whose"] == "own, as server")

        assert at("laptop", "profile", "add", "studio", where, box_key).code == 0
        assert at("laptop", "profile", "list", "--json").json[0]["address"] == where
        monkeypatch.setenv("VELATURA_CONNECTION", "studio")
        with pytest.raises(VelaturaError, match=r"refuses this key.*velatura keys allow"):
            velatura.connect(timeout=PATIENCE)

        assert at("box", "keys", "allow", "laptop", laptop_key).code == 0
        at("laptop", "keys", "list")
        with velatura.connect(timeout=PATIENCE) as client:
            assert np.array_equal(client.stylize(PICTURE, "invert"), 255 - PICTURE)
        assert "laptop" in at("box", "keys", "list").out

        assert at("box", "keys", "revoke", "laptop").code == 0
        at("laptop", "keys", "list")
        with pytest.raises(VelaturaError, match="refuses this key"):
            velatura.connect(timeout=PATIENCE)
        secret = keys.key_pair("client")[1].decode()
        assert secret not in at("laptop", "keys", "list").out + daemon.log()


def test_a_wrong_server_key_is_named(at, tmp_path: Path):
    (tmp_path / "box").mkdir()
    with Daemon(FAKE, home=tmp_path / "box", listen="tcp://127.0.0.1:*") as daemon:
        with daemon.connect() as talk:
            where = talk.status()["tcp_endpoint"]
        wrong = at("laptop", "keys", "new").out.strip()  # a key, and not the box's
        at("laptop", "profile", "add", "studio", where, wrong)
        for seconds in (2, 20, PATIENCE):
            with pytest.raises(VelaturaError) as caught:
                velatura.connect(address="studio", timeout=seconds)
            if "hangs up" in caught.value.message:
                break
        assert re.search(r"hangs up: is .* its key", caught.value.message)
        assert wrong in caught.value.message and where in caught.value.message


def test_a_profile_that_is_none_is_told(at, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VELATURA_CONNECTION", "studo")
    outcome = at("laptop", "styles", "list")
    assert outcome.code == 3 and "'studo'; there is no profile" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("keys", "allow", "../x", "k" * 40), "letters, digits"),
        (("keys", "allow", "x", "short"), "40 characters"),
        (("keys", "revoke", "nobody"), "admitted: none"),
        (("profile", "add", "../x", "tcp://box:1", "k" * 40), "letters, digits"),
        (("profile", "add", "x", "tcp://box:1", ""), "server_key"),
        (("profile", "add", "x", "http://box:1", "k" * 40), "tcp://HOST:PORT"),
        (("profile", "add", "x", "tcp://box:65536", "k" * 40), "at most 65535"),
        (("profile", "add", "x", "tcp://box", "k" * 40), "ADDRESS:PORT"),
        (("profile", "add", "x", "tcp://box:1", "short"), "5 characters"),
        (("profile", "remove", "x"), "no profile"),
    ],
)
def test_mistakes_are_told(at, arguments: tuple[str, ...], words: str):
    outcome = at("laptop", *arguments)
    assert outcome.code == 3 and words in outcome.err
    assert not endpoint.profiles()
