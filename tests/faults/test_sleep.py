"""Time in which nobody could run: a closed lid, a stopped process, a machine with other things to compute."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from harness import Daemon, picture
from velatura.jobstate import State
from velatura.recipe import Refine, Style, Stylize
from velatura_daemon.service import clocks
from velatura_daemon.service.clocks import MOST, Waking, Watch, processor_seconds, stuck

Start = Callable[..., Daemon]
STYLES = (Style(name="invert"),)


def test_daemon_worker_and_client_that_sleep_together_go_on_where_they_were(start_daemon: Start):
    daemon = start_daemon(lease=6, hang_seconds=6, cancel_grace=6)
    assert daemon.process is not None
    with daemon.connect() as talk:
        job = talk.submit(Refine(styles=STYLES, iterations=200), picture())
        talk.until(lambda: job.progress is not None)
        asleep = (daemon.process.pid, talk.worker_pid())
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(8)  # longer than the lease, and than a worker may be silent; this client sleeps too
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
        talk.ended(job)
        assert job.state is State.DONE and job.result is not None and job.result.record["steps"] == 200
        assert talk.run(Stylize(styles=STYLES), picture(seed=1)).state is State.DONE
        assert talk.status()["worker"]["starts"] == 1
    assert "lease is over" not in daemon.log()


def test_the_clock_stands_still_while_its_process_does(monkeypatch: pytest.MonkeyPatch):
    reading = 1000.0
    monkeypatch.setattr(clocks.time, "monotonic", lambda: reading)
    now = Waking()
    reading += 0.5
    assert now() == 0.5
    reading += 3600.0
    assert now() == 0.5 + MOST


@pytest.mark.parametrize(
    ("computed", "is_stuck"),
    [(0.0, True), (0.09, True), (5.0, False), (59.0, False), (61.0, True)],
    ids=["sleeps", "sleeps, nearly", "lacks the processor", "just does not", "computes for ever"],
)
def test_a_silent_worker_is_stuck_when_it_computes_nothing_or_for_too_long(computed: float, is_stuck: bool):
    assert stuck(100.0 + computed, 100.0, 9.0 if computed < 1 else 60.0) == is_stuck
    assert stuck(None, 100.0, 60.0) and stuck(100.0, None, 60.0), "unknown: by the wall clock alone"


def test_processor_time_is_that_of_the_process():
    before = processor_seconds(os.getpid())
    assert before is not None
    while time.process_time() < before + 0.2:
        pass
    after = processor_seconds(os.getpid())
    assert after is not None and 0.1 <= after - before <= time.process_time()
    assert processor_seconds(1 << 30) is None
    assert not Watch(5.0, os.getpid()).late(5.5, 1.0)
