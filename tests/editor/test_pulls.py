"""What can be pulled from inside an editor, on a fake link: offered, followed, cancelled, and told of."""

from __future__ import annotations

from typing import Any

import pytest
from velatura.editor.studio import Studio

from editor.fakes import FakeDaemon, FakeLoop

VGG = {"name": "vgg19", "kind": "backbone", "installed": False, "size": 96_000_000}
SEA = {"name": "sea", "title": "The Sea", "artist": "Her", "can_pull": True, "size": 240_000}


@pytest.fixture
def lacking(studio: Studio, daemon: FakeDaemon, loop: FakeLoop) -> Studio:
    """An editor whose daemon lacks a network and a picture, and has others."""
    daemon.answers["models"] = [VGG, {**VGG, "name": "slim", "installed": True}]
    daemon.answers["styles"] += [SEA, {**SEA, "name": "lake", "has_picture": True}]
    studio.link.refresh()
    loop.run(1)
    return studio


def says(daemon: FakeDaemon, loop: FakeLoop, name: str, **how: Any) -> None:
    """The daemon gives how far a pull is, and is asked."""
    kind = "model" if name == "vgg19" else "style"
    item = {"kind": kind, "name": name, "state": "running", "done": 0, "size": 0, "error": "", **how}
    daemon.answers["pull"] = daemon.answers["pulls"] = daemon.answers["pull_cancel"] = [item]
    loop.run(1)


def test_what_is_not_here_is_offered_with_its_size_networks_first(lacking: Studio):
    offered = [(pull.kind, pull.name, pull.words) for pull in lacking.pulls.offered]
    assert offered == [("model", "vgg19", "96 MB"), ("style", "sea", "0.2 MB")]
    assert lacking.pulls.offered[1].title == "The Sea, Her"


def test_a_pull_is_followed_until_it_is_here(lacking: Studio, daemon: FakeDaemon, loop: FakeLoop):
    told: list[str] = []
    lacking.told.connect(told.append)
    pulls = lacking.pulls
    says(daemon, loop, "vgg19", state="waiting")
    pulls.begin(*pulls.offered[:1])
    loop.run(0.1)
    assert daemon.asked[-1] == ("pull", {"kind": "model", "name": "vgg19"})
    assert pulls.offered[0].words == "Waiting for the one before" and pulls.under_way
    says(daemon, loop, "vgg19")
    assert pulls.offered[0].words == "Fetching 96 MB…" and pulls.offered[0].fraction is None
    says(daemon, loop, "vgg19", done=20_000_000, size=80_000_000)
    assert (pulls.offered[0].words, pulls.offered[0].fraction) == ("20 MB of 80 MB", 0.25)
    says(daemon, loop, "vgg19", done=80_000_000, size=80_000_000)
    assert pulls.offered[0].words == "Installing…"
    daemon.answers["models"] = [{**VGG, "installed": True}]
    says(daemon, loop, "vgg19", state="done", done=80_000_000, size=80_000_000)
    assert [pull.name for pull in pulls.offered] == ["sea"] and told == ["VGG-19 is here."]
    asked = len(daemon.asked)
    loop.run(2)
    assert "pulls" not in [what for what, _ in daemon.asked[asked:]], "it looks on though nothing is pulled"


def test_a_pull_that_fails_or_is_cancelled_can_be_begun_again(
    lacking: Studio, daemon: FakeDaemon, loop: FakeLoop
):
    told: list[str] = []
    lacking.told.connect(told.append)
    pulls = lacking.pulls
    says(daemon, loop, "sea")
    pulls.begin(pulls.offered[1])
    says(daemon, loop, "sea")
    says(daemon, loop, "sea", state="failed", error="the museum does not answer; try again later")
    assert pulls.offered[1].words == "the museum does not answer; try again later" and not pulls.under_way
    assert told == ["The Sea, Her: the museum does not answer; try again later"]
    assert pulls.current == pulls.offered[1] and pulls.current_words == pulls.current.words
    pulls.give_up()
    assert pulls.current is None and pulls.offered[1].words == "0.2 MB"
    says(daemon, loop, "sea")
    pulls.begin(pulls.offered[1])
    loop.run(0.1)
    assert pulls.under_way and pulls.offered[1].error == ""
    pulls.give_up()
    says(daemon, loop, "sea", state="cancelled", done=1000)
    assert ("pull_cancel", {"kind": "style", "name": "sea"}) in daemon.asked
    assert pulls.offered[1].words == "Cancelled; it goes on from there."


def test_one_line_tells_of_all_that_are_pulled(lacking: Studio, daemon: FakeDaemon, loop: FakeLoop):
    pulls = lacking.pulls
    wait = {"kind": "model", "name": "vgg19", "state": "waiting", "done": 0, "size": 0, "error": ""}
    run = {**wait, "kind": "style", "name": "sea", "state": "running", "done": 120_000, "size": 240_000}
    daemon.answers["pull"] = daemon.answers["pulls"] = [wait, run]
    pulls.begin(*pulls.offered)
    loop.run(0.1)
    assert pulls.current is not None and pulls.current.name == "sea"
    assert pulls.current_words == "0.1 MB of 0.2 MB · 1 more wait"
    failed = [{**item, "state": "failed", "error": "no network"} for item in (wait, run)]
    daemon.answers["pulls"] = failed
    loop.run(1)
    assert pulls.current_words == "no network · 1 more failed" and len(pulls.failed) == 2


def test_a_pull_that_goes_on_since_before_is_shown_and_no_daemon_is_said(
    lacking: Studio, daemon: FakeDaemon, loop: FakeLoop
):
    says(daemon, loop, "vgg19", done=48_000_000, size=96_000_000)
    daemon.answer()  # a new connection
    loop.run(1)
    lacking.link.state = "silent"
    lacking.link.state = "ready"
    loop.run(1)
    assert lacking.pulls.offered[0].fraction == 0.5
    daemon.there = daemon.installed = False
    daemon.die()
    loop.run(5)
    lacking.pulls.begin(lacking.pulls.offered[0])
    assert "not installed" in lacking.pulls.words


def test_what_failed_before_we_came_is_no_news(lacking: Studio, daemon: FakeDaemon, loop: FakeLoop):
    says(daemon, loop, "sea", state="failed", error="no network")
    lacking.link.state = "silent"
    lacking.link.state = "ready"
    loop.run(1)
    assert lacking.pulls.current is None
    lacking.pulls.begin(lacking.pulls.offered[1])
    loop.run(1)
    assert lacking.pulls.current_words == "no network"
