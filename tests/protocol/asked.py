"""What tests of the connection ask for, and when they have seen enough; a job that is only begun."""

from __future__ import annotations

from fake_daemon import FakeDaemon
from velatura import messages as m
from velatura.blob import Blob
from velatura.jobs import Down, JobEnded, Up
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura.recipe import Style, Stylize

RECIPE = Stylize(styles=(Style("great-wave"),))
LAYOUT = Layout(40, 30)
DATA = bytes(i * 31 % 256 for i in range(LAYOUT.nbytes))
INVERTED = bytes(255 - b for b in DATA)


def content() -> Blob:
    return Blob(LAYOUT, DATA)


def ended(job):
    return lambda events: any(isinstance(e, JobEnded) and e.job is job for e in events)


def up(events):
    return any(isinstance(e, Up) for e in events)


def down(events):
    return any(isinstance(e, Down) for e in events)


def hold(daemon: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
    daemon.say(peer, m.Started(submit.job))


def running(job):
    return lambda events: job.state is State.RUNNING
