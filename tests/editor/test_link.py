"""The one connection: nothing before it is woken, words for every trouble, and a way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import velatura
from velatura.blob import Blob
from velatura.editor import words
from velatura.editor.calls import Follower
from velatura.editor.link import START_PATIENCE, Link
from velatura.editor.memory import Memory
from velatura.editor.pump import BUDGET
from velatura.editor.studio import Studio
from velatura.errors import VelaturaError
from velatura.jobs import Down, HappenedEvent
from velatura.pixels import Layout
from velatura.recipe import Style, Stylize

from editor.fake_paper import FakePaper
from editor.fakes import FakeDaemon, FakeLoop

WAVE = Stylize((Style("wave"),))


@pytest.fixture
def link(loop: FakeLoop, daemon: FakeDaemon) -> Link:
    return Link(loop, daemon.start, "Fake 1.0", lambda: loop.now)


class Heard:
    """A follower that writes down what it hears."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.follower = Follower(
            lambda job: self.words.append("changed"),
            lambda job, step, picture: self.words.append(f"preview {step}"),
            lambda job: self.words.append(job.state.value),
            lambda error: self.words.append(f"lost: {error}"),
        )


def blob() -> Blob:
    return Blob(Layout(2, 2, "GRAY"), bytes(4))


def test_nothing_happens_before_it_is_woken(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    loop.run(60)
    assert link.state == "asleep" and daemon.lines == [] and loop.waiting == 0
    with pytest.raises(VelaturaError, match="not running"):
        link.submit(Heard().follower, WAVE, blob())


def test_waking_connects_and_learns_styles_and_status(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    daemon.answers["jobs"] = [{"client": "GIMP 3, velatura 1"}, {"client": "me", "mine": True}]
    link.wake()
    assert link.state == "starting"
    loop.run(0.1)
    assert link.state == "ready" and [s["name"] for s in link.styles] == ["wave", "mosaic"]
    assert link.status["engine"] == {"device": "cpu"} and link.busy == "work for GIMP 3"
    link.wake()
    assert len(daemon.lines) == 1, "once is enough"
    asked = len(daemon.asked)
    loop.run(7)
    assert [what for what, _ in daemon.asked[asked:]] == ["status", "jobs"] * 2


def test_it_works_for_one_budget_in_a_turn_of_the_loop(
    link: Link, loop: FakeLoop, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many timers and descriptors call it at the same time."""
    link.wake()
    loop.run(1)
    line, worked = daemon.lines[0], dict[float, list[float]]()

    def process(budget: float) -> list[HappenedEvent]:
        now = worked.setdefault(loop.now, [])
        now.append(budget)
        line.pending = len(now) < 3
        return []

    monkeypatch.setattr(line, "process", process)
    loop.run(1)
    assert {len(budgets) for budgets in worked.values()} == {3}
    assert {sum(budgets) for budgets in worked.values()} <= {0.0, BUDGET}


def test_a_daemon_is_started_where_none_runs(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    daemon.there = False
    called: list[str] = []
    link.when_connected(lambda: called.append("connected"), lambda error: called.append(str(error)))
    loop.run(2)
    assert (link.state, daemon.started, called) == ("starting", 1, [])
    daemon.there = True
    loop.run(1)
    assert link.state == "ready" and called == ["connected"]


def test_one_that_never_comes_is_given_up(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    daemon.there = False
    called: list[str] = []
    link.when_connected(lambda: called.append("connected"), lambda error: called.append(error.code))
    loop.run(START_PATIENCE + 1)
    assert link.state == "stopped" and "does not answer" in link.trouble and called == ["not_running"]


def test_one_that_does_not_answer_is_ended_when_it_is_started_again(
    link: Link, loop: FakeLoop, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(daemon, "answer", lambda: None)
        link.wake()
        loop.run(START_PATIENCE + 1)
    assert link.state == "stopped" and "does not answer" in link.trouble and not daemon.started
    link.restart()
    assert not daemon.there and daemon.started == 1


def test_none_installed_is_told_at_once(link: Link, daemon: FakeDaemon) -> None:
    daemon.there = daemon.installed = False
    told: list[VelaturaError] = []
    link.when_connected(lambda: None, told.append)
    assert link.state == "missing" and "not installed" in str(told[0])


def test_a_job_is_followed_to_its_one_end(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    link.wake()
    heard = Heard()
    job = link.submit(heard.follower, WAVE, blob(), priority="batch")
    assert job.options.priority == "batch"
    daemon.progress(job, 1, 2)
    daemon.frame(job, 5)
    daemon.finish(job)
    daemon.finish(job)
    loop.run(0.1)
    assert heard.words == ["changed", "preview 1", "done"]


def test_a_daemon_that_dies_loses_its_jobs_and_uploads(
    link: Link, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    link.wake()
    loop.run(0.1)
    heard, told = Heard(), []
    link.submit(heard.follower, WAVE, blob())
    daemon.die()
    loop.run(0.5)
    assert link.state == "stopped" and link.trouble == "The daemon has ended."
    assert len(heard.words) == 1 and heard.words[0].startswith("lost")
    link.upload(blob(), told.append)
    link.fetch("aa", lambda picture, error: told.append(error))
    link.ask("styles", lambda items, error: told.append(error))
    assert [error.code for error in told] == ["not_running"] * 3


def test_one_that_hangs_is_silent_and_may_come_back(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    link.wake()
    loop.run(0.1)
    daemon.say(Down(VelaturaError("timeout", "no answer")))
    loop.run(1)
    assert link.state == "silent" and "may come back" in link.trouble and len(daemon.lines) == 1
    daemon.answer()
    loop.run(0.1)
    assert link.state == "ready" and link.trouble == ""


def test_another_one_in_its_place_is_found(
    link: Link, loop: FakeLoop, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that someone has started again listens elsewhere."""
    from velatura.endpoint import Address

    link.wake()
    loop.run(0.1)
    monkeypatch.setattr(daemon, "read", lambda: Address("ipc:///another", pid=2))
    daemon.say(Down(VelaturaError("not_running", "the line is dead")))
    loop.run(1)
    assert link.state == "ready" and daemon.lines[0].closed and len(daemon.lines) == 2
    assert daemon.lines[1].address.endpoint == "ipc:///another"


def test_one_that_will_not_serve_us_is_refused_until_asked_again(
    link: Link, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    link.wake()
    loop.run(0.1)
    daemon.say(Down(VelaturaError("protocol", "update the plug-in"), final=True))
    loop.run(5)
    assert (link.state, link.trouble) == ("refused", "update the plug-in")
    link.restart()
    loop.run(0.5)
    assert link.state == "ready"


def test_closing_is_final(link: Link, loop: FakeLoop, daemon: FakeDaemon) -> None:
    link.wake()
    loop.run(0.1)
    link.close()
    link.wake()
    loop.run(5)
    assert daemon.lines[0].closed and len(daemon.lines) == 1 and loop.waiting == 0


@pytest.mark.parametrize("what", ["fetch", "upload", "ask"])
def test_every_question_is_answered_once(link: Link, loop: FakeLoop, daemon: FakeDaemon, what: str) -> None:
    link.wake()
    loop.run(0.1)
    told: list[object] = []
    ways: dict[str, Callable[[], None]] = {
        "fetch": lambda: link.fetch("aa", lambda picture, error: told.append((picture, error))),
        "upload": lambda: link.upload(blob(), told.append),
        "ask": lambda: link.ask("styles", lambda items, error: told.append((items, error))),
    }
    ways[what]()
    loop.run(1)
    answers = {
        "fetch": (daemon.thumbnails["aa"], None),
        "upload": None,
        "ask": (daemon.answers["styles"], None),
    }
    assert told == [answers[what]]


def test_a_daemon_of_another_version_is_renewed_when_nobody_needs_it(
    link: Link, loop: FakeLoop, daemon: FakeDaemon
) -> None:
    daemon.version = "0.0.9"
    daemon.answers["jobs"] = [{"client": "GIMP 3, velatura 1"}]
    link.wake()
    loop.run(0.1)
    assert link.outdated == "0.0.9" and not link.can_renew
    link.renew()
    assert ("shutdown", {}) not in daemon.asked, "somebody's work would be lost"
    daemon.answers["jobs"] = []
    loop.run(4)
    assert link.can_renew
    link.renew()
    assert ("shutdown", {}) in daemon.asked
    daemon.version = velatura.__version__
    daemon.die()
    loop.run(0.5)
    assert link.state == "starting" and daemon.started == 1
    daemon.there = True
    loop.run(0.5)
    assert link.state == "ready" and link.outdated == ""


def test_an_idle_daemon_is_restarted_and_a_device_is_heeded(
    studio: Studio, paper: FakePaper, loop: FakeLoop, daemon: FakeDaemon, tmp_path: Path
) -> None:
    assert words.devices(studio.link.status, "") == {"": "Automatic", "cpu": "the processor"}
    assert list(words.devices({"engine": {"device": "cuda:0"}}, "xpu")) == ["", "cpu", "cuda:0", "xpu"]
    paper.open(8, 8)
    studio.look.choose("wave")
    studio.use_device("cpu")
    studio.apply()
    loop.run(0.2)
    assert daemon.job.options.device == "cpu"
    assert Memory(tmp_path / "memory.json").settings["device"] == "cpu"
    studio.link.renew()
    assert ("shutdown", {}) not in daemon.asked, "not while a job is under way"
    daemon.finish(daemon.job)
    loop.run(0.2)
    studio.link.renew()
    assert ("shutdown", {}) in daemon.asked
    daemon.die()
    loop.run(0.5)
    daemon.there = True
    loop.run(1)
    assert daemon.started == 1 and studio.link.state == "ready"
