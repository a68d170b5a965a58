"""Workers that crash, hang, dawdle or cannot start: they are replaced, the job is told, and work goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import PATIENCE, Daemon, Talk, picture, until
from velatura.jobstate import State
from velatura.recipe import Refine, Style, Stylize
from velatura_daemon.service.workers import worker_environment
from velatura_daemon.settings import Settings, usable_cores

Start = Callable[..., Daemon]


def stylize(how: str = "invert") -> Stylize:
    return Stylize(styles=(Style(name=how),))


def refine(steps: int = 5_000, how: str = "invert") -> Refine:
    return Refine(styles=(Style(name=how),), iterations=steps)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie counts)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def works_again(talk: Talk) -> None:
    """A job is done; perhaps not the first one, where silence of a second is already too long."""
    talk.until(lambda: talk.run(stylize(), picture()).state is State.DONE, "a job is done")


@pytest.mark.parametrize("how", ["crash", "kill"])
def test_a_worker_that_dies_fails_its_job_and_the_next_one_runs_in_a_new_worker(talk: Talk, how: str):
    before = talk.worker_pid()
    job = talk.submit(stylize("crash" if how == "crash" else "gate"), picture())
    if how == "kill":
        talk.until(lambda: job.state is State.RUNNING)
        os.kill(before, signal.SIGKILL)
    talk.ended(job)
    assert job.state is State.FAILED and job.error is not None and job.error.code == "worker_died"
    assert ("SIGKILL" if how == "kill" else "exit code 7") in job.error.message
    after = talk.run(stylize(), picture())
    assert after.state is State.DONE and after.result is not None
    assert after.result.record["pid"] != before


def test_a_refinement_goes_on_from_its_checkpoint_in_a_new_worker(talk: Talk):
    job = talk.submit(refine(20, "crash-once"), picture())
    states = []
    talk.until(lambda: states.append(job.state) or job.over)
    assert job.state is State.DONE and job.result is not None
    assert State.PAUSED in states
    assert job.result.record["resumed_from"] == 4 and job.result.record["steps"] == 20


def test_a_paused_refinement_survives_the_crash_of_the_preview_that_interrupted_it(talk: Talk):
    long = talk.submit(refine(60), picture(seed=1))
    talk.until(lambda: long.progress is not None)
    quick = talk.run(stylize("crash"), picture(seed=2))
    assert quick.state is State.FAILED
    talk.ended(long)
    assert long.state is State.DONE and long.result is not None and long.result.record["steps"] == 60


def test_a_hung_worker_is_replaced_and_its_job_told(start_daemon: Start):
    with start_daemon(hang_seconds=1).connect() as talk:
        job = talk.run(stylize("hang"), picture())
        assert job.error is not None and job.error.code == "worker_died" and "hung" in job.error.message
        works_again(talk)


def test_a_worker_that_says_nonsense_is_replaced_at_once(start_daemon: Start):
    with start_daemon().connect() as talk:
        job = talk.run(stylize("nonsense"), picture())
        assert job.error is not None and job.error.code == "worker_died"
        assert "makes no sense" in job.error.message
        assert talk.run(stylize(), picture()).state is State.DONE


def test_a_stopped_worker_is_replaced(start_daemon: Start):
    with start_daemon(hang_seconds=1).connect() as talk:
        pid = talk.worker_pid()
        os.kill(pid, signal.SIGSTOP)
        job = talk.run(stylize(), picture())
        assert job.state is State.FAILED or job.state is State.DONE
        until(lambda: gone(pid), "the stopped worker is gone")
        works_again(talk)


def test_a_cancel_that_overruns_its_grace_costs_the_worker_its_life(start_daemon: Start):
    with start_daemon(cancel_grace=0.5).connect() as talk:
        pid = talk.worker_pid()
        job = talk.submit(stylize("slow-close"), picture())
        talk.until(lambda: job.state is State.RUNNING)
        talk.connection.cancel(job)
        talk.ended(job)
        assert job.state is State.CANCELLED
        assert talk.run(stylize(), picture()).state is State.DONE
        assert gone(pid)


def test_a_worker_that_cannot_start_fails_the_job_in_its_own_words(start_daemon: Start):
    with start_daemon("fake_engine:NoSuchEngine").connect() as talk:
        job = talk.run(stylize(), picture())
        assert job.error is not None and job.error.code == "worker_died"
        assert "NoSuchEngine" in job.error.message
        assert talk.status()["worker"]["state"] == "off"


def test_status_is_answered_while_the_worker_computes(talk: Talk):
    job = talk.submit(stylize("hang"), picture())
    talk.until(lambda: job.state is State.RUNNING)
    status = talk.status()
    assert status["jobs"] == {"running": 1}
    assert status["engine"]["device"] == "cpu" and status["engine"]["device_reason"]


def test_a_card_that_is_gone_is_no_silent_fallback(start_daemon: Start):
    daemon = start_daemon(prewarm=False)
    (daemon.home / "device").write_text("cuda")
    with daemon.connect() as talk:
        assert talk.run(stylize(), picture()).state is State.DONE
        assert not talk.status()["worker"]["trouble"]
        (daemon.home / "device").unlink()  # as after a sleep
        talk.run(stylize("crash"), picture())
        assert talk.run(stylize(), picture()).state is State.DONE
        assert "the graphics card (cuda) is gone" in talk.status()["worker"]["trouble"]
    assert "is gone: the processor computes" in daemon.log()


def test_an_idle_worker_ends_gives_all_memory_back_and_comes_back_on_need(start_daemon: Start):
    with start_daemon(idle_seconds=0.5).connect() as talk:
        assert talk.run(stylize(), picture()).state is State.DONE
        talk.until(lambda: talk.status()["worker"]["state"] == "off", "the idle worker ends")
        assert talk.status()["blobs"]["bytes"] == 0
        assert talk.run(stylize(), picture()).state is State.DONE


@pytest.mark.parametrize("prewarm", [True, False])
def test_the_worker_is_warmed_at_the_start_or_started_at_the_first_job(start_daemon: Start, prewarm: bool):
    with start_daemon(prewarm=prewarm).connect() as talk:
        if prewarm:
            talk.until(lambda: talk.status()["engine"].get("warmed"), "the engine is warm")
        else:
            assert talk.status()["worker"] == {"state": "off", "pid": 0, "starts": 0, "trouble": ""}
            assert talk.run(stylize(), picture()).state is State.DONE


def test_a_daemon_that_nobody_needs_ends_and_one_with_a_client_stays(start_daemon: Start):
    daemon = start_daemon(exit_seconds=4)
    process = daemon.process
    assert process is not None
    with daemon.connect() as talk:
        assert talk.run(stylize(), picture()).state is State.DONE
        end = time.monotonic() + 5
        talk.until(lambda: time.monotonic() > end, "more than the time goes by")
        assert process.poll() is None
    assert process.wait(PATIENCE) == 0 and "nobody has needed" in daemon.log()


def test_an_idle_worker_does_the_engines_idle_work_to_its_end(talk: Talk):
    talk.worker_pid()
    talk.until(lambda: talk.status()["engine"].get("idled") == 3, "three pieces of idle work")


def test_the_worker_ends_with_a_daemon_that_is_killed(start_daemon: Start):
    daemon = start_daemon()
    with daemon.connect() as talk:
        pid = talk.worker_pid()
        talk.submit(stylize("hang"), picture())
        talk.until(lambda: talk.status()["jobs"].get("running"))
    daemon.kill()
    until(lambda: gone(pid), "the worker noticed")


def test_the_worker_leaves_the_editor_a_core_where_there_are_more_than_two():
    threads = Settings().worker_threads()
    cores = usable_cores()
    assert threads == (cores - 1 if cores > 2 else cores)
    assert Settings(threads=5).worker_threads() == 5
    environment = worker_environment(Settings(threads=3))
    assert environment["OMP_NUM_THREADS"] == "3" and environment["MALLOC_MMAP_MAX_"] == "0"
