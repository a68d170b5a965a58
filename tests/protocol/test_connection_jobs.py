"""Jobs, questions and pictures over the connection, against a scripted daemon on real sockets."""

from __future__ import annotations

import os

import pytest
from asked import DATA, INVERTED, LAYOUT, RECIPE, content, ended, hold, running
from fake_daemon import FakeDaemon, finish
from velatura import messages as m
from velatura.blob import Blob
from velatura.errors import FieldError
from velatura.jobs import Answered, Fetched, JobChanged, JobEnded, JobPreview, Up, Uploaded
from velatura.jobstate import State
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize


def test_a_picture_goes_up_when_needed_and_the_result_comes_back(connection, spin):
    job = connection.submit(RECIPE, content())
    events = spin(connection, ended(job))
    assert isinstance(events[0], Up)
    assert job.state is State.DONE
    assert bytes(job.picture.data) == INVERTED and job.picture.layout == LAYOUT
    assert job.result.record == {"build": "fake"} and job.result.recipe == RECIPE
    assert sum(isinstance(e, JobEnded) for e in events) == 1


def test_a_second_job_on_the_same_picture_sends_no_pixels(daemon, connection, spin):
    for strength in (0.2, 0.9):
        job = connection.submit(Stylize(styles=RECIPE.styles, strength=strength), content())
        spin(connection, ended(job))
        assert job.state is State.DONE
    assert len(daemon.got(m.Offer)) == 1
    assert sum(chunk.length for chunk in daemon.got(m.Chunk)) == LAYOUT.nbytes


def test_jobs_are_released_when_the_result_has_come(daemon, connection, spin, eventually):
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    eventually(lambda: daemon.got(m.Release) == [m.Release(job.id)])


def test_big_layers_are_read_in_strips_without_a_copy_of_the_whole(daemon, connection, spin):
    layout = Layout(1024, 1024, "RGBA", "f32")  # 16 MiB
    data = os.urandom(layout.row_bytes)
    asked = []

    def rows(y: int, n: int) -> bytes:
        asked.append((y, n))
        return data * n

    job = connection.submit(RECIPE, Blob(layout, rows))
    spin(connection, ended(job))
    assert job.state is State.DONE
    assert max(n for _, n in asked) * layout.row_bytes <= 1024 * 1024
    assert sum(n for _, n in asked) == 2 * layout.height, "once for the digest, once to send"
    assert daemon.blobs[digest(layout, [data * layout.height])][0] == layout


def test_at_most_a_window_of_chunks_is_in_flight(daemon, connection, spin):
    layout = Layout(2048, 2048)
    job = connection.submit(RECIPE, Blob(layout, bytes(layout.nbytes)))
    spin(connection, ended(job))
    flying = most = 0
    for message in daemon.log:
        flying += isinstance(message, m.Chunk)
        most = max(most, flying)
    assert len(daemon.got(m.Chunk)) == 16 and job.state is State.DONE


def test_style_pictures_and_masks_travel_under_provisional_names(daemon, connection, spin):
    style, mask = Blob(Layout(4, 4), bytes(64)), Blob(Layout(40, 30, "GRAY"), bytes(1200))
    recipe = Stylize(styles=(Style(digest=style.key, mask=mask.key),))
    job = connection.submit(recipe, content(), pictures=[style, mask])
    spin(connection, ended(job))
    assert job.state is State.DONE
    (submit,) = daemon.got(m.Submit)
    assert submit.recipe.styles[0].digest == digest(Layout(4, 4), [bytes(64)])
    assert submit.recipe.styles[0].mask == digest(Layout(40, 30, "GRAY"), [bytes(1200)])


def test_the_options_reach_the_daemon(daemon, connection, spin):
    options = {
        "priority": "batch",
        "supersede": "k",
        "detached": True,
        "preview_side": 64,
        "preview_every": 0.5,
    }
    job = connection.submit(RECIPE, content(), **options)
    spin(connection, ended(job))
    (submit,) = daemon.got(m.Submit)
    assert {name: getattr(submit, name) for name in options} == options


def test_what_is_out_of_range_is_refused_at_the_call(connection):
    with pytest.raises(FieldError, match="strength"):
        connection.submit(Stylize(styles=RECIPE.styles, strength=2), content())
    with pytest.raises(FieldError, match="preview_side"):
        connection.submit(RECIPE, content(), preview_side=-1)


def test_a_picture_over_the_daemon_s_limit_is_refused_before_it_is_sent(daemon, connection, script, spin):
    script.max_blob = LAYOUT.nbytes - 1
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "too_large" and "4800 bytes" in str(job.error)
    assert not daemon.got(m.Submit)


def test_a_source_that_fails_fails_its_job_only(connection, spin):
    def closed(y: int, n: int) -> bytes:
        raise RuntimeError("the document was closed")

    bad, good = connection.submit(RECIPE, Blob(LAYOUT, closed)), connection.submit(RECIPE, content())
    spin(connection, lambda events: ended(bad)(events) and ended(good)(events))
    assert bad.error.code == "bad_image" and "the document was closed" in str(bad.error)
    assert good.state is State.DONE


def test_a_picture_that_changes_while_it_is_sent_fails_the_job_in_words(connection, spin):
    calls = iter(range(100))
    job = connection.submit(RECIPE, Blob(LAYOUT, lambda y, n: bytes([next(calls)]) * (n * LAYOUT.row_bytes)))
    spin(connection, ended(job))
    assert job.state is State.FAILED and "was changed while it was being sent" in str(job.error)


def test_a_picture_nobody_has_fails_the_job_in_words(connection, spin):
    job = connection.submit(Stylize(styles=(Style(digest="f" * 32),)), content())
    spin(connection, ended(job))
    assert job.error.code == "unknown_blob" and "f" * 32 in str(job.error)


def test_progress_and_previews_come_as_events(daemon, connection, script, spin):
    def refine(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        fake.say(peer, m.Started(submit.job))
        for step in (1, 2, 3):
            fake.say(peer, m.Progress(submit.job, step, 4, {"style": 1 / step}, 2.0))
            name = fake.offer(Layout(2, 1), bytes([step] * 8))
            fake.say(peer, m.Preview(submit.job, step, name, Layout(2, 1)))
        fake.do(lambda: None if previews < 1 else finish(fake, peer, submit))

    previews = 0
    script.run = refine
    job = connection.submit(RECIPE, content(), preview_every=0.1)
    events = spin(connection, lambda seen: any(isinstance(e, JobPreview) and e.step == 3 for e in seen))
    shown = [e for e in events if isinstance(e, JobPreview)]
    assert [e.step for e in shown][-1] == 3 and bytes(shown[-1].picture.data) == bytes([3] * 8)
    assert (job.progress.step, job.fraction, job.progress.losses) == (3, 0.75, {"style": 1 / 3})
    assert any(isinstance(e, JobChanged) for e in events)
    connection.cancel(job)
    spin(connection, ended(job))
    assert job.state is State.CANCELLED


@pytest.mark.parametrize(
    ("fault", "code"), [("corrupt_results", "digest_mismatch"), ("lose_results", "unknown_blob")]
)
def test_a_result_that_is_corrupted_or_gone_fails_the_job(connection, script, spin, fault, code):
    setattr(script, fault, True)
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.state is State.FAILED and job.error.code == code


def test_cancel_waits_for_the_daemon_s_word(daemon, connection, script, spin):
    script.run = hold
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    connection.cancel(job)
    events = spin(connection, ended(job))
    assert job.state is State.CANCELLED and job.reason == "asked"
    assert daemon.got(m.Cancel) == [m.Cancel(job.id)]
    connection.cancel(job)
    daemon.say_everyone(m.Cancelled(job.id, "again"))
    daemon.say_everyone(m.Progress(job.id, 1, 2))
    events += spin(connection, lambda _: not daemon._do)
    events += connection.process()
    assert sum(isinstance(e, JobEnded) for e in events) == 1, "one terminal event, whatever comes later"


def test_a_job_that_was_never_sent_is_cancelled_at_once(daemon, connection):
    job = connection.submit(RECIPE, content())
    connection.cancel(job)
    assert ended(job)(connection.process())
    assert not daemon.got(m.Submit)


def test_an_unsent_preview_is_superseded_here(daemon, connection, spin):
    jobs = [connection.submit(RECIPE, content(), supersede="docker") for _ in range(5)]
    events = spin(connection, ended(jobs[-1]))
    assert [job.state for job in jobs] == [State.CANCELLED] * 4 + [State.DONE]
    assert all(job.reason == "superseded" for job in jobs[:4])
    assert sum(isinstance(e, JobEnded) for e in events) == 5
    assert len(daemon.got(m.Submit)) == 1


def test_stop_is_passed_on_and_the_result_counts(daemon, connection, script, spin):
    script.run = hold
    job = connection.submit(RECIPE, content())
    spin(connection, running(job))
    connection.stop(job)
    spin(connection, lambda _: daemon.got(m.Stop))
    peer, submit = daemon._waiting[job.id]
    daemon.do(lambda: finish(daemon, peer, submit))
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_a_word_that_makes_no_sense_fails_the_job_rather_than_hanging_it(daemon, connection, script, spin):
    script.run = lambda fake, peer, submit: fake.say(peer, m.Queued(submit.job))
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "internal" and "'queue' in state 'queued'" in str(job.error)


def test_stale_progress_is_ignored(connection, script, spin):
    def late(fake: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
        fake.say(peer, m.Progress(submit.job, 1, 2))
        fake.say(peer, m.Started(submit.job))
        finish(fake, peer, submit)

    script.run = late
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.state is State.DONE


def test_a_failure_carries_code_words_and_field(connection, script, spin):
    failed = lambda fake, peer, s: fake.say(peer, m.Failed(s.job, "unknown_style", "no such style", "recipe"))  # noqa: E731
    script.run = failed
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert (job.error.code, job.error.message, job.error.field) == (
        "unknown_style",
        "no such style",
        "recipe",
    )


def test_an_error_about_a_job_ends_it(connection, script, spin):
    script.run = lambda fake, peer, s: fake.say(peer, m.Error("busy", "the queue is full", job=s.job))
    job = connection.submit(RECIPE, content())
    spin(connection, ended(job))
    assert job.error.code == "busy"


# -- questions and pictures ----------------------------------------------------------------------------


def test_a_list_is_collected_over_its_pages(connection, script, spin):
    script.pages = [[{"name": "a"}, {"name": "b"}], [{"name": "c"}], [{"name": "d"}]]
    name = connection.ask("styles")
    events = spin(connection, lambda seen: any(isinstance(e, Answered) for e in seen))
    (answer,) = [e for e in events if isinstance(e, Answered)]
    assert answer.request == name and [item["name"] for item in answer.items] == ["a", "b", "c", "d"]


def test_a_picture_is_uploaded_and_fetched(daemon, connection, spin):
    blob = content()
    connection.upload(blob)
    events = spin(connection, lambda seen: any(isinstance(e, Uploaded) for e in seen))
    assert [e.error for e in events if isinstance(e, Uploaded)] == [None]
    connection.fetch(blob.digest)
    connection.fetch("0" * 32)
    events = spin(connection, lambda seen: sum(isinstance(e, Fetched) for e in seen) == 2)
    found = {e.digest: e for e in events if isinstance(e, Fetched)}
    good, bad = found[blob.digest], found["0" * 32]
    assert bytes(good.picture.data) == DATA
    assert bad.picture is None and bad.error.code == "unknown_blob"


def test_a_gallery_of_thumbnails_does_not_flood_the_daemon(daemon, connection, spin):
    names = [daemon.offer(Layout(4, 4), bytes([i] * 64)) for i in range(60)]
    for name in names:
        connection.fetch(name)
    events = spin(connection, lambda seen: sum(isinstance(e, Fetched) for e in seen) == 60)
    assert {e.digest for e in events if isinstance(e, Fetched) and e.picture} == set(names)
    open_now = most = 0
    for message in daemon.log:
        open_now += isinstance(message, m.Fetch) - isinstance(message, m.Have)
        most = max(most, open_now)
    assert most <= 8
