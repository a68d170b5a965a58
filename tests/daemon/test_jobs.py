"""Jobs of all kinds through a real daemon with real sockets, from submission to their one end."""

from __future__ import annotations

import pytest
from fake_engine import invert
from harness import Daemon, Talk, picture
from velatura.jobstate import State
from velatura.recipe import Refine, Style, Stylize, Texture


def stylize(how: str = "invert") -> Stylize:
    return Stylize(styles=(Style(name=how),))


def refine(steps: int = 10, how: str = "invert") -> Refine:
    return Refine(styles=(Style(name=how),), iterations=steps)


def test_a_picture_goes_in_and_comes_back_changed(talk: Talk):
    content = picture(300, 200)
    job = talk.run(stylize(), content)
    assert job.state is State.DONE and job.picture is not None
    assert bytes(job.picture.data) == invert(content.read(0, content.layout.nbytes))
    assert job.picture.layout == content.layout
    assert job.result is not None and job.result.record["engine"] == "fake"
    assert job.result.recipe == stylize()


def test_the_engine_is_told_that_a_slider_moves(talk: Talk):
    job = talk.run(stylize(), picture(), slider="mixed")
    assert job.result is not None and job.result.record["slider"] == "mixed"


def test_large_pictures_travel_in_many_chunks(talk: Talk):
    content = picture(2048, 1500)
    job = talk.run(stylize(), content)
    assert job.picture is not None
    assert bytes(job.picture.data) == invert(content.read(0, content.layout.nbytes))


def test_a_texture_needs_no_content(talk: Talk):
    recipe = Texture(styles=(Style(name="invert"),), width=20, height=16, iterations=3, seed=9)
    job = talk.run(recipe)
    assert job.picture is not None and bytes(job.picture.data) == bytes([9]) * 20 * 16 * 3


def test_a_content_sent_once_is_not_asked_for_again(talk: Talk):
    content = picture(64, 64)
    talk.run(stylize(), content)
    again = talk.submit(stylize(), picture(64, 64))
    seen = set()
    talk.until(lambda: seen.add(again.state) or again.over)
    assert again.state is State.DONE and State.WAITING not in seen


def test_a_long_job_tells_progress_and_shows_previews(talk: Talk):
    job = talk.submit(refine(5_000), picture(), preview_every=0.05)
    steps = []

    def seen() -> bool:
        steps.append(job.progress.step if job.progress else 0)
        return len(set(steps)) > 3 and len(talk.previews(job)) > 2

    talk.until(seen, "progress and previews come")  # of what comes while nobody looks, the newest stays
    talk.connection.stop(job)
    talk.ended(job)
    assert job.state is State.DONE and job.progress is not None
    assert steps == sorted(steps)
    assert job.progress.of == 5_000 and job.progress.losses["total"] > 0
    marks = [p.picture.data[0] for p in talk.previews(job)]
    assert marks == sorted(marks) == [p.step for p in talk.previews(job)]


def test_stop_keeps_what_is_there(talk: Talk):
    job = talk.submit(refine(5_000), picture())
    talk.until(lambda: job.progress and job.progress.step >= 3)
    talk.connection.stop(job)
    talk.ended(job)
    assert job.state is State.DONE and job.result is not None
    assert 3 <= job.result.record["steps"] < 5_000


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_cancel_ends_a_job_in_any_state_and_the_next_one_runs(talk: Talk, state: str):
    ahead = talk.submit(stylize("gate"), picture(seed=1))
    job = talk.submit(refine(5_000), picture(seed=2))
    talk.until(lambda: ahead.state is State.RUNNING and job.state is State.QUEUED)
    if state != "queued":
        talk.daemon.open_gate()
        talk.until(lambda: job.state is State.RUNNING)
    if state == "paused":
        talk.daemon.close_gate()
        talk.submit(stylize("gate"), picture(seed=3))
        talk.until(lambda: job.state is State.PAUSED)
    talk.connection.cancel(job)
    talk.ended(job)
    assert job.state is State.CANCELLED
    talk.daemon.open_gate()
    assert talk.run(stylize(), picture(seed=4)).state is State.DONE
    assert len([e for e in talk.ends() if e.job is job]) == 1


def test_a_live_preview_interrupts_a_refinement_which_then_goes_on_where_it_was(talk: Talk):
    long = talk.submit(refine(5_000), picture(seed=1))
    talk.until(lambda: long.progress and long.progress.step >= 2)
    quick = talk.run(stylize(), picture(seed=2))
    assert quick.state is State.DONE and not long.over and long.progress is not None
    before = long.progress.step
    talk.until(lambda: long.progress and long.progress.step > before, "it goes on")
    talk.connection.stop(long)
    talk.ended(long)
    assert long.result is not None
    assert long.result.record["steps"] > before and long.result.record["resumed_from"] == 0


def test_of_waiting_previews_with_one_key_only_the_newest_is_made(talk: Talk):
    first = talk.submit(stylize("gate"), picture(), supersede="slider")
    talk.until(lambda: first.state is State.RUNNING)
    jobs = [talk.submit(stylize(f"s{i}"), picture(), supersede="slider") for i in range(5)]
    talk.until(lambda: all(j.over or j.state is State.QUEUED for j in jobs))
    talk.daemon.open_gate()
    talk.until(lambda: first.over and all(j.over for j in jobs))
    assert first.state is State.DONE, "what runs is finished, so that a dragged slider shows something"
    assert [j.state for j in jobs] == [State.CANCELLED] * 4 + [State.DONE]
    assert "superseded" in jobs[0].reason


def test_a_full_queue_answers_busy(start_daemon):
    with start_daemon(queue_per_client=2).connect() as talk:
        running = talk.submit(stylize("gate"), picture())
        talk.until(lambda: running.state is State.RUNNING)
        waiting = [talk.submit(stylize("gate"), picture()) for _ in range(2)]
        talk.until(lambda: all(j.state is State.QUEUED for j in waiting))
        refused = talk.run(stylize("gate"), picture())
        assert refused.state is State.FAILED and refused.error is not None
        assert refused.error.code == "busy"
        talk.daemon.open_gate()
        assert all(talk.ended(j).state is State.DONE for j in [running, *waiting])


def test_batches_wait_for_interactive_jobs(talk: Talk):
    gate = talk.submit(stylize("gate"), picture())
    talk.until(lambda: gate.state is State.RUNNING)
    batch = [talk.submit(stylize(), picture(), priority="batch") for _ in range(3)]
    talk.until(lambda: all(j.state is State.QUEUED for j in batch))
    live = talk.submit(stylize(), picture())
    talk.until(lambda: live.state is State.QUEUED)
    talk.daemon.open_gate()
    talk.until(lambda: all(j.over for j in [*batch, live]))
    order = [e.job for e in talk.ends()]
    assert order.index(live) < min(order.index(b) for b in batch)


def test_an_error_of_the_engine_names_the_field_and_the_next_job_runs(talk: Talk):
    job = talk.run(stylize("fail"), picture())
    assert job.state is State.FAILED and job.error is not None
    assert (job.error.code, job.error.field) == ("bad_field", "recipe.styles[0].name")
    assert talk.run(stylize(), picture()).state is State.DONE


def test_after_running_out_of_memory_caches_are_freed_and_the_next_job_passes(talk: Talk):
    job = talk.run(stylize("memory"), picture())
    assert job.error is not None and job.error.code == "out_of_memory"
    assert talk.run(stylize("memory"), picture()).state is State.DONE


def test_masks_must_be_gray_and_of_the_contents_size(talk: Talk):
    job = talk.run(stylize(), picture(8, 6), mask=picture(8, 6))
    assert job.error is not None and job.error.field == "submit.mask" and "GRAY" in job.error.message
    job = talk.run(stylize(), picture(8, 6), mask=picture(8, 7, channels="GRAY"))
    assert job.error is not None and "8 x 7" in job.error.message and "8 x 6" in job.error.message
    job = talk.run(stylize(), picture(8, 6), mask=picture(8, 6, channels="GRAY"))
    assert job.state is State.DONE


def test_another_session_sees_a_job_in_the_list_and_can_cancel_it(daemon: Daemon):
    with daemon.connect("painter") as mine, daemon.connect("ps") as other:
        job = mine.submit(refine(5_000), picture())
        mine.until(lambda: job.progress is not None)
        listed = {item["name"]: item for item in other.ask("jobs")}
        assert listed[job.id]["client"] == "painter" and not listed[job.id]["mine"]
        assert listed[job.id]["state"] == "running" and listed[job.id]["kind"] == "refine"
        other.connection.cancel(job.id)
        other.turn()
        mine.ended(job)
        assert job.state is State.CANCELLED and "another program" in job.reason


def test_memory_is_given_back_when_results_are_released(start_daemon):
    with start_daemon(blobs_mb=4).connect() as talk:
        for seed in range(6):
            assert talk.run(stylize(), picture(512, 512, seed)).state is State.DONE

        def settled():
            blobs = talk.status()["blobs"]
            return blobs["reserved"] == 0 and blobs["bytes"] <= blobs["budget"]

        talk.until(settled)
        assert talk.run(stylize(), picture(512, 512, 0)).state is State.DONE, "evicted, so it is sent again"


def test_a_picture_over_the_limit_is_refused_with_the_limit(start_daemon):
    with start_daemon(blobs_mb=2).connect() as talk:
        job = talk.run(stylize(), picture(700, 700))  # it has room, and its result has none beside it
        assert job.error is not None and job.error.code == "too_large"
        assert "the daemon holds at most 2 MB, its setting blobs_mb" in job.error.message
    with start_daemon(max_blob_mb=1).connect() as talk:
        job = talk.run(stylize(), picture(1024, 1024))
        assert job.error is not None and job.error.code == "too_large"
        assert talk.run(stylize(), picture()).state is State.DONE
