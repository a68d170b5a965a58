"""The life of jobs as a state machine: sessions, pictures and a worker do what they like, in any order, and
every job moves along the table, ends once, and leaves nothing behind."""

from __future__ import annotations

import os
from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from velatura import messages as m
from velatura.errors import VelaturaError
from velatura.jobstate import TERMINAL, Event, State, step
from velatura.pixels import Layout, digest
from velatura.recipe import Refine, Style, Stylize
from velatura_daemon.between import orders
from velatura_daemon.service.blobs import BlobStore
from velatura_daemon.service.jobs import Jobs
from velatura_daemon.service.scheduler import Scheduler

LAYOUT = Layout(2, 2)
PICTURES = {digest(LAYOUT, [bytes([i]) * 16]): bytes([i]) * 16 for i in range(3)}
STYLES = (Style("wave"),)
EVENTS: dict[type, Event] = {
    m.Need: Event.NEED,
    m.Queued: Event.QUEUE,
    m.Started: Event.START,
    m.Paused: Event.PAUSE,
    m.Progress: Event.PROGRESS,
    m.Result: Event.RESULT,
    m.Failed: Event.FAIL,
    m.Cancelled: Event.CANCEL,
}
jobs_of = st.integers(0, 30)


def file_of(data: bytes) -> int:
    fd = os.memfd_create("test")
    os.write(fd, data)
    return fd


class Life(RuleBasedStateMachine):
    """Two sessions and a worker that takes its orders one by one."""

    @initialize()
    def begin(self) -> None:
        self.now, self.count = 0.0, 0
        self.scheduler = Scheduler(12, 8)
        self.store = BlobStore(1 << 20)
        self.jobs = Jobs(self.scheduler, self.store, self.post, self.order, keep_detached=100.0)
        self.orders: deque[orders.ToWorker] = deque()
        self.running, self.open = "", set[str]()
        self.heard: dict[tuple[str, str], State] = {}
        """What each session believes of its jobs."""
        self.names: list[tuple[str, str]] = []
        self.up = False

    # -- what goes out ---------------------------------------------------------------------------------

    def post(self, token: str, message: m.Message) -> None:
        kind = EVENTS.get(type(message))
        if kind is None:
            return
        key = token, message.job  # type: ignore[union-attr]  # events are of jobs
        if key in self.heard:
            self.heard[key] = step(self.heard[key], kind)
        else:
            assert kind is Event.CANCEL, "only who cancels another's job hears of it"

    def order(self, order: orders.ToWorker, fds: object) -> None:
        self.orders.append(order)

    def say(self, report: orders.AboutJob, *fds: int) -> None:
        self.jobs.worker_said(report, list(fds), self.now)

    def pick(self, index: int) -> tuple[str, str]:
        return self.names[index % len(self.names)]

    # -- sessions --------------------------------------------------------------------------------------

    @rule(
        token=st.sampled_from("ab"),
        long=st.booleans(),
        content=st.sampled_from(sorted(PICTURES)),
        key=st.sampled_from(["", "k"]),
        priority=st.sampled_from(["interactive", "batch"]),
        detached=st.booleans(),
    )
    def submit(self, token: str, long: bool, content: str, key: str, priority: str, detached: bool) -> None:
        self.count += 1
        recipe = Refine(styles=STYLES) if long else Stylize(styles=STYLES)
        name = f"{self.count:016x}"
        self.names.append((token, name))
        self.heard[token, name] = State.SUBMITTED
        message = m.Submit(name, recipe, content, priority=priority, supersede=key, detached=detached)
        self.jobs.submit(token, message, self.now)

    @precondition(lambda self: self.names)
    @rule(index=jobs_of, what=st.sampled_from(["cancel", "stop", "release"]), asker=st.sampled_from("ab"))
    def ask(self, index: int, what: str, asker: str) -> None:
        _, name = self.pick(index)
        try:
            if what == "release":
                self.jobs.release(asker, name)
            else:
                getattr(self.jobs, what)(asker, name, self.now)
        except VelaturaError as error:
            assert error.code == "unknown_job"

    @rule(token=st.sampled_from("ab"))
    def session_ends(self, token: str) -> None:
        self.jobs.session_ended(token, self.now)
        for known in [key for key in self.heard if key[0] == token]:
            del self.heard[known]

    @precondition(lambda self: self.names)
    @rule(index=jobs_of, token=st.sampled_from("ab"))
    def attach(self, index: int, token: str) -> None:
        _, name = self.pick(index)
        job = self.jobs.known.get(name)
        if job is None or not (job.submit.detached or job.owner == token):
            return
        if job.owner and job.owner != token:
            self.heard.pop((job.owner, name), None)
        self.heard[token, name] = State.SUBMITTED
        self.jobs.attach(token, name)

    @rule(content=st.sampled_from(sorted(PICTURES)))
    def a_picture_arrives(self, content: str) -> None:
        if content not in self.store:
            self.store.add(content, LAYOUT, file_of(PICTURES[content]))
            self.jobs.arrived(content, self.now)

    @rule(seconds=st.sampled_from([1.0, 200.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.jobs.check_time(self.now)

    # -- the worker ------------------------------------------------------------------------------------

    @precondition(lambda self: not self.up)
    @rule()
    def worker_starts(self) -> None:
        self.up = True
        self.jobs.apply(self.scheduler.worker_ready())

    @precondition(lambda self: self.up)
    @rule()
    def worker_is_lost(self) -> None:
        self.up, self.running = False, ""
        self.orders.clear()
        self.open.clear()
        self.jobs.worker_lost("it was killed", self.now)

    @precondition(lambda self: self.orders)
    @rule()
    def worker_obeys(self) -> None:
        order = self.orders.popleft()
        name = getattr(order, "job", "")
        if isinstance(order, orders.Begin):
            self.open.add(name)
        if name not in self.open:
            return  # it had ended when the order came
        if isinstance(order, orders.Begin | orders.Resume):
            if self.running and self.running != name:
                self.say(orders.Yielded(self.running))
            self.running = name
            self.say(orders.Began(name))
        elif isinstance(order, orders.Close):
            self.leave(name)
            self.say(orders.Closed(name))
        elif isinstance(order, orders.Halt):
            self.deliver(name)

    @precondition(lambda self: self.running)
    @rule(what=st.sampled_from(["advance", "save", "show", "deliver", "break"]))
    def worker_works(self, what: str) -> None:
        name = self.running
        if what == "advance":
            self.say(orders.Advanced(name, 1, 3))
        elif what == "save":
            self.say(orders.Saved(name, 1, 4), file_of(b"save"))
        elif what == "show":
            picture = sorted(PICTURES)[0]
            self.say(orders.Intermediate(name, 1, picture, LAYOUT), file_of(PICTURES[picture]))
        elif what == "deliver":
            self.deliver(name)
        else:
            self.leave(name)
            self.say(orders.Broke(name, "out_of_memory", "it does not fit"))

    def deliver(self, name: str) -> None:
        self.leave(name)
        picture = sorted(PICTURES)[1]
        report = orders.Delivered(name, picture, LAYOUT, Stylize(styles=STYLES), {})
        self.say(report, file_of(PICTURES[picture]))

    def leave(self, name: str) -> None:
        self.open.discard(name)
        self.running = "" if self.running == name else self.running

    # -- what always holds -----------------------------------------------------------------------------

    @invariant()
    def sessions_know_the_state_of_their_jobs(self) -> None:
        for job in self.jobs.known.values() if hasattr(self, "jobs") else ():
            if job.owner:
                assert self.heard[job.owner, job.name] is job.state

    @invariant()
    def who_is_forgotten_has_ended(self) -> None:
        for (_, name), state in getattr(self, "heard", {}).items():
            assert name in self.jobs.known or state in TERMINAL

    def teardown(self) -> None:
        if not hasattr(self, "jobs"):
            return
        for token in "ab":
            self.jobs.session_ended(token, self.now)
        for name, job in list(self.jobs.known.items()):
            if job.state not in TERMINAL:
                self.jobs.cancel("", name, self.now)
        self.now += 1000.0
        self.jobs.check_time(self.now)
        while self.orders:
            self.worker_obeys()
        assert not self.jobs.known, "nothing is kept of jobs that nobody asks for"
        self.store.drop_unpinned()
        assert not len(self.store) and not self.store.reserved, "no picture is held for them"
        self.store.close()


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestLife = Life.TestCase
