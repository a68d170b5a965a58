"""Jobs and transfers of the client without a socket: whatever the daemon says, in whatever order, and
whatever the program does meanwhile, each job ends exactly once and nothing raises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import instances
from velatura import messages as m
from velatura.blob import Blob
from velatura.errors import VelaturaError
from velatura.exchange import Exchange
from velatura.jobs import JobChanged, JobEnded, JobPreview
from velatura.jobstate import State
from velatura.pixels import Layout, digest
from velatura.recipe import Style, Stylize
from velatura.tracking import Tracker

RECIPE = Stylize(styles=(Style("great-wave"),))
LAYOUT = Layout(2, 2)
DATA = bytes(range(16))
NAME = digest(LAYOUT, [DATA])
ABOUT_JOBS = (m.Need, m.Queued, m.Started, m.Paused, m.Progress, m.Preview, m.Result, m.Failed, m.Cancelled)
GONE = VelaturaError("not_running", "it ended")


class Bench:
    """A tracker with its exchange; every message for the daemon lands in `said`."""

    def __init__(self) -> None:
        self.said: list[m.Message] = []
        self.events: list = []
        self.exchange = Exchange(self.said.append)
        self.tracker = Tracker(self.said.append, self.exchange, self.events)

    def submit(self, **options) -> object:
        job = self.tracker.submit(RECIPE, Blob(LAYOUT, DATA), None, (), options)
        return job

    def sent(self, **options):
        job = self.submit(**options)
        while not job.sent:
            self.tracker.prepare(0)
        return job

    def ends(self, job) -> int:
        return sum(isinstance(e, JobEnded) and e.job is job for e in self.events)

    def open_fetches(self) -> list[str]:
        return [message.transfer for message in self.said if isinstance(message, m.Fetch)]

    def deliver(self, transfer: str) -> None:
        """Answers a fetch in full."""
        self.exchange.receive(m.Offer(transfer, NAME, LAYOUT), None)
        self.exchange.receive(m.Chunk(transfer, 0, 16), memoryview(DATA))


STEPS = st.one_of(
    st.sampled_from(
        [
            "cancel",
            "cancel at once",
            "stop",
            "renew",
            "forgotten",
            "lost",
            "deliver",
            "refuse",
            "prepare",
            "submit",
        ]
    ),
    st.one_of(*[instances(kind) for kind in ABOUT_JOBS]),
    st.sampled_from([m.Error("busy", "no"), m.Result("", NAME, LAYOUT), m.Preview("", 1, NAME, LAYOUT)]),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 2), STEPS), max_size=40), st.booleans())
def test_every_job_ends_exactly_once(steps, detached):
    bench = Bench()
    jobs = [bench.sent(detached=detached), bench.submit(supersede="k"), bench.submit(supersede="k")]
    for which, step in steps:
        job = jobs[which]
        if step == "cancel":
            bench.tracker.cancel(job, at_once=False)
        elif step == "cancel at once":
            bench.tracker.cancel(job, at_once=True)
        elif step == "stop":
            bench.tracker.stop(job)
        elif step == "renew":
            bench.tracker.renew()
            bench.exchange.restart()
        elif step == "forgotten":
            bench.tracker.fail(job.id, VelaturaError("unknown_job", "it ended"))
        elif step == "lost":
            bench.tracker.lost(GONE, everything=False)
        elif step == "deliver":
            for transfer in bench.open_fetches():
                bench.deliver(transfer)
        elif step == "refuse":
            for transfer in bench.open_fetches():
                bench.exchange.receive(m.Error("unknown_blob", "gone", transfer=transfer), None)
        elif step == "prepare":
            bench.tracker.prepare(0)
        elif step == "submit":
            jobs.append(bench.submit())
        elif isinstance(step, m.Error):
            bench.tracker.fail(job.id, GONE)
        else:
            fields = {**vars(step), "job": job.id}
            bench.tracker.receive(type(step)(**fields))
        for known in jobs:
            assert bench.ends(known) == known.over
            assert (known.state is State.DONE) == (known.picture is not None)
            assert (known.state is State.FAILED) == (known.error is not None)
    bench.tracker.lost(GONE, everything=True)
    assert [bench.ends(job) for job in jobs] == [1] * len(jobs)


def run_until_running(bench: Bench, job) -> None:
    bench.tracker.receive(m.Queued(job.id))
    bench.tracker.receive(m.Started(job.id))


def test_of_many_previews_only_the_newest_is_fetched_next():
    bench = Bench()
    job = bench.sent()
    run_until_running(bench, job)
    for step in range(1, 6):
        bench.tracker.receive(m.Preview(job.id, step, NAME, LAYOUT))
    assert len(bench.open_fetches()) == 1
    bench.deliver(bench.open_fetches()[0])
    assert len(bench.open_fetches()) == 2
    bench.deliver(bench.open_fetches()[1])
    assert [e.step for e in bench.events if isinstance(e, JobPreview)] == [1, 5]
    assert len(bench.open_fetches()) == 2


def test_a_result_drops_the_preview_that_is_still_on_its_way():
    bench = Bench()
    job = bench.sent()
    run_until_running(bench, job)
    bench.tracker.receive(m.Preview(job.id, 1, NAME, LAYOUT))
    bench.tracker.receive(m.Result(job.id, NAME, LAYOUT, RECIPE))
    preview, result = bench.open_fetches()
    assert m.Drop(preview) in bench.said
    bench.deliver(preview)
    assert not job.over
    bench.deliver(result)
    assert job.state is State.DONE and bench.said[-1] == m.Release(job.id)
    assert not [e for e in bench.events if isinstance(e, JobPreview)]


def test_changes_are_told_once_per_look():
    bench = Bench()
    job = bench.sent()
    run_until_running(bench, job)
    for step in range(20):
        bench.tracker.receive(m.Progress(job.id, step, 20))
    assert sum(isinstance(e, JobChanged) for e in bench.events) == 1
    assert job.progress.step == 19
    bench.events.clear()
    bench.tracker.delivered()
    bench.tracker.receive(m.Progress(job.id, 20, 20))
    assert sum(isinstance(e, JobChanged) for e in bench.events) == 1


def test_an_upload_that_nobody_needs_any_more_is_dropped():
    bench = Bench()
    first, second = bench.sent(), bench.sent()
    for job in (first, second):
        bench.tracker.receive(m.Need(job.id, (NAME,)))
    (offer,) = [message for message in bench.said if isinstance(message, m.Offer)]
    bench.tracker.cancel(first, at_once=True)
    assert m.Drop(offer.transfer) not in bench.said, "the other job needs it"
    bench.tracker.cancel(second, at_once=True)
    assert m.Drop(offer.transfer) in bench.said
    bench.exchange.receive(m.Credit(offer.transfer, 4), None)
    assert bench.exchange.next_chunk() is None


def test_a_small_preview_is_not_kept_waiting_by_a_big_picture():
    bench = Bench()
    big = Layout(1024, 4096)
    slow = bench.tracker.submit(RECIPE, Blob(big, bytes(big.nbytes)), None, (), {})
    quick = bench.submit()
    bench.tracker.prepare(0)
    bench.tracker.prepare(0)
    assert quick.sent and not slow.sent


def test_at_most_two_uploads_are_open():
    bench = Bench()
    blobs = [Blob(LAYOUT, bytes([i] * 16)) for i in range(5)]
    done: list[object] = []
    for blob in blobs:
        blob.hash_whole()
        bench.exchange.give(blob, done.append)
    for expected in (2, 3, 4, 5, 5):
        offers = [message for message in bench.said if isinstance(message, m.Offer)]
        assert len(offers) == expected
        bench.exchange.receive(m.Have(offers[len(done)].transfer, offers[len(done)].digest), None)
    assert done == [None] * 5
