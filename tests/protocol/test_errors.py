"""What an error ends is said by what carries it (PROTOCOL.md, Errors): every code, at a client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fake_daemon import FakeDaemon, finish
from velatura import messages as m
from velatura.blob import Blob
from velatura.connection import Connection
from velatura.errors import CODES
from velatura.jobs import Answered, JobEnded
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura.recipe import Style, Stylize

RECIPE = Stylize(styles=(Style("great-wave"),))
LAYOUT = Layout(4, 3)
SESSION = ("hello_required", "protocol")
"""What is about the session, whatever it names."""
Spin = Callable[..., list[Any]]


def content() -> Blob:
    return Blob(LAYOUT, bytes(LAYOUT.nbytes))


def held(daemon: FakeDaemon, connection: Connection, spin: Spin) -> tuple[Any, bytes, m.Submit]:
    """A job that runs, and whom to answer about it."""
    daemon.script.run = lambda fake, peer, submit: fake.say(peer, m.Started(submit.job))
    job = connection.submit(RECIPE, content())
    spin(connection, lambda _: job.state is State.RUNNING)
    return job, *daemon._waiting[job.id]


def ended(job: Any) -> Callable[[list[Any]], bool]:
    return lambda events: any(isinstance(e, JobEnded) and e.job is job for e in events)


@pytest.mark.parametrize("carrier", [m.Failed, m.Error])
def test_an_answer_about_a_job_ends_that_job_alone(
    daemon: FakeDaemon, connection: Connection, spin: Spin, carrier: type
) -> None:
    other, peer, submit = held(daemon, connection, spin)
    codes = set(CODES) - (set(SESSION) if carrier is m.Error else set())
    for code in sorted(codes):
        answer = carrier(code=code, message="words")
        daemon.script.run = lambda fake, peer, s, a=answer: fake.say(peer, replace(a, job=s.job))
        job = connection.submit(RECIPE, content())
        spin(connection, ended(job))
        assert job.state is State.FAILED and job.error is not None and job.error.code == code
        assert other.state is State.RUNNING, code
    daemon.do(lambda: finish(daemon, peer, submit))
    spin(connection, ended(other))
    assert other.state is State.DONE


def test_an_error_of_a_transfer_ends_that_transfer_alone(
    daemon: FakeDaemon, connection: Connection, spin: Spin
) -> None:
    """A preview that cannot be had is no error of its job."""
    job, peer, submit = held(daemon, connection, spin)
    for asked, code in enumerate(sorted(set(CODES) - set(SESSION)), 1):
        daemon.script.lost = code
        daemon.do(lambda: daemon.say(peer, m.Preview(job.id, 1, "0" * 32, LAYOUT)))
        spin(
            connection,
            lambda _, asked=asked: len(daemon.got(m.Fetch)) == asked and not connection._exchange._downloads,
        )
    daemon.do(lambda: finish(daemon, peer, submit))
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_an_error_of_a_question_ends_that_question_alone(
    daemon: FakeDaemon, connection: Connection, spin: Spin
) -> None:
    job, peer, submit = held(daemon, connection, spin)
    for code in sorted(set(CODES) - set(SESSION)):
        daemon.script.refusal = code
        connection.ask("styles")
        events = spin(connection, lambda seen: any(isinstance(e, Answered) for e in seen))
        (answer,) = [e for e in events if isinstance(e, Answered)]
        assert answer.error is not None and answer.error.code == code
    daemon.do(lambda: finish(daemon, peer, submit))
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_an_error_that_names_nothing_ends_nothing(
    daemon: FakeDaemon, connection: Connection, spin: Spin
) -> None:
    """After `hello_required` the client says hello and asks after its job."""
    job, peer, submit = held(daemon, connection, spin)
    for code in sorted(set(CODES) - {"protocol"}):
        daemon.do(lambda code=code: daemon.say(peer, m.Error(code, "words")))
    spin(connection, lambda _: daemon.got(m.Attach))
    daemon.do(lambda: finish(daemon, peer, submit))
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_another_major_ends_everything(daemon: FakeDaemon, connection: Connection, spin: Spin) -> None:
    job, peer, _ = held(daemon, connection, spin)
    daemon.do(lambda: daemon.say(peer, m.Error("protocol", "update the plug-in")))
    spin(connection, ended(job))
    assert job.error is not None and (job.error.code, job.error.message) == ("protocol", "update the plug-in")
