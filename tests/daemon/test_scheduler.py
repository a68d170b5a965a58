"""Promises of the scheduler, held against a simulated worker in any order of events."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from velatura import jobstate
from velatura.errors import VelaturaError
from velatura.jobstate import Event, State
from velatura_daemon.service.scheduler import TURNS, Order, Scheduler, Tell, Ticket, Urgency

LIVE, LONG, BATCH = Urgency


class World:
    """A scheduler, a worker that obeys as the real one does, and job states by the protocol's table."""

    def __init__(self, **limits: int) -> None:
        self.scheduler = Scheduler(worker_up=True, **limits)
        self.states: dict[str, State] = {}
        self.steps_left: dict[str, int] = {}
        self.steps_done: dict[str, int] = {}
        self.ran: list[str] = []
        self.reasons: dict[str, str] = {}
        self.orders: deque[Order] = deque()
        self.held: list[str] = []
        self.active = ""

    def submit(self, name: str, client: str = "a", urgency: Urgency = LIVE, steps: int = 1, **more) -> None:
        ready = more.pop("ready", True)
        ticket = Ticket(name, client, urgency, long=urgency is LONG, **more)
        effects = self.scheduler.submit(ticket, ready)
        self.states[name] = State.SUBMITTED
        self.steps_left[name], self.steps_done[name] = steps, 0
        self.take(effects)

    def take(self, effects) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                self.states[effect.job] = jobstate.step(self.states[effect.job], effect.event)
                self.reasons[effect.job] = effect.reason
            elif effect.kind == "cancel":
                self.cancel_in_worker(effect.job)
            elif effect.kind == "stop":
                self.steps_left[effect.job] = 0
            else:
                self.orders.append(effect)

    def cancel_in_worker(self, job: str) -> None:
        if job in self.held:
            self.held.remove(job)
            self.active = "" if self.active == job else self.active
            self.take(self.scheduler.ended(job, Event.CANCEL))

    def work(self) -> bool:
        """One turn of the worker's loop: one order, then one step. False when there was nothing to do."""
        if not self.orders and not self.active:
            return False
        if self.orders:
            order = self.orders.popleft()
            if order.kind == "run" and order.job in self.scheduler._zombies:
                self.take(self.scheduler.ended(order.job, Event.CANCEL))
            elif order.kind == "run" or order.job in self.held:
                assert order.kind == "resume" or order.job not in self.held
                before, self.active = self.active, order.job
                if order.kind == "run":
                    self.held.append(order.job)
                if before:
                    self.take(self.scheduler.paused(before))
                self.take(self.scheduler.started(order.job))
        if self.active:
            job = self.active
            self.ran.append(job)
            self.steps_done[job] += 1
            if self.steps_done[job] >= self.steps_left[job]:
                self.held.remove(job)
                self.active = ""
                self.take(self.scheduler.ended(job, Event.RESULT))
        return True

    def drain(self) -> None:
        for _ in range(10_000):
            if not self.work():
                return
        raise AssertionError("the worker never comes to rest")


def test_jobs_of_one_client_run_in_order():
    world = World()
    for name in "xyz":
        world.submit(name)
    world.drain()
    assert world.ran == ["x", "y", "z"]
    assert set(world.states.values()) == {State.DONE}


def test_clients_take_turns():
    world = World()
    for i in range(3):
        world.submit(f"a{i}", "a")
    for i in range(2):
        world.submit(f"b{i}", "b")
    world.drain()
    assert world.ran == ["a0", "a1", "b0", "a2", "b1"] or world.ran == ["a0", "b0", "a1", "b1", "a2"]


def test_interactive_runs_before_batch_that_came_first():
    world = World()
    world.submit("first", urgency=BATCH)
    world.work()  # the worker is busy with it only this once
    world.submit("b1", urgency=BATCH)
    world.submit("b2", urgency=BATCH)
    world.submit("live")
    world.drain()
    assert world.ran.index("live") < world.ran.index("b2")


def test_a_live_preview_interrupts_a_long_job_at_its_next_yield_and_the_long_job_resumes():
    world = World()
    world.submit("refine", "a", LONG, steps=5)
    world.work()
    world.submit("preview", "b")
    world.work()
    assert world.ran[:2] == ["refine", "preview"]
    world.drain()
    assert world.states == {"refine": State.DONE, "preview": State.DONE}
    assert world.steps_done["refine"] == 5


def test_an_interactive_refinement_interrupts_a_batch_and_a_preview_interrupts_both():
    world = World()
    world.submit("batch", "a", BATCH, steps=4)
    world.work()
    world.submit("refine", "b", LONG, steps=4)
    world.work()
    world.submit("preview", "c")
    world.work()
    assert world.ran == ["batch", "refine", "preview"]
    assert world.states["batch"] is State.PAUSED and world.states["refine"] is State.PAUSED
    world.drain()
    assert world.ran[3:] == ["refine"] * 3 + ["batch"] * 3


def test_a_stream_of_previews_does_not_starve_a_long_job_or_a_batch():
    world = World()
    world.submit("refine", "a", LONG, steps=50)
    world.submit("batch", "a", BATCH, steps=50)
    for i in range(40 * TURNS):
        world.submit(f"p{i}", "b")
        world.work()
    assert world.steps_done["refine"] >= 20
    assert world.steps_done["batch"] >= 20


def test_a_preview_waits_for_at_most_one_step_of_anything_less_urgent():
    world = World()
    world.submit("refine", "a", LONG, steps=1000)
    world.submit("batch", "a", BATCH, steps=1000)
    for i in range(100):
        world.submit(f"p{i}", "b")
        before = len(world.ran)
        while world.states[f"p{i}"] is not State.DONE:
            assert world.work()
        assert len(world.ran) - before <= 2


def test_of_waiting_jobs_with_one_supersede_key_only_the_newest_stays():
    world = World()
    world.submit("running", supersede="slider", content="c")
    world.take(world.scheduler.started("running"))
    for i in range(5):
        world.submit(f"p{i}", supersede="slider", content="c")
    world.submit("other client", "b", supersede="slider", content="c")
    assert [n for n, s in world.states.items() if s is State.CANCELLED] == ["p0", "p1", "p2", "p3"]
    assert "superseded" in world.reasons["p0"]
    assert world.states["p4"] is State.QUEUED and world.states["other client"] is State.QUEUED


@pytest.mark.parametrize("stale", ["content", "long"])
def test_a_running_job_is_superseded_only_when_it_is_stale(stale):
    for is_stale in (True, False):
        world = World()
        urgency = LONG if stale == "long" and is_stale else LIVE
        world.submit("old", urgency=urgency, steps=3, supersede="k", content="c")
        world.work()
        world.submit("new", supersede="k", content="d" if stale == "content" and is_stale else "c")
        assert (world.states["old"] is State.CANCELLED) == is_stale
        world.drain()
        assert world.states["new"] is State.DONE


def test_a_full_queue_answers_busy_and_changes_nothing():
    world = World(limit=4, limit_per_client=2)
    world.submit("running")
    world.submit("a1")
    world.submit("a2")
    with pytest.raises(VelaturaError, match="of your jobs wait") as caught:
        world.submit("a3")
    assert caught.value.code == "busy"
    world.submit("b1", "b")
    world.submit("b2", "b")
    with pytest.raises(VelaturaError, match="4 jobs wait"):
        world.submit("c1", "c")
    world.drain()
    assert set(world.states) == {"running", "a1", "a2", "b1", "b2"}


def test_superseding_takes_no_extra_room():
    world = World(limit=1, limit_per_client=1)
    world.submit("running")
    for i in range(10):
        world.submit(f"p{i}", supersede="k")
    assert world.states["p9"] is State.QUEUED


def test_a_name_in_use_is_refused():
    world = World()
    world.submit("x", steps=2)
    world.work()
    with pytest.raises(VelaturaError) as caught:
        world.submit("x")
    assert caught.value.code == "duplicate_job"


def test_stop_before_the_beginning_cancels_and_later_is_passed_on():
    world = World()
    world.submit("running", urgency=LONG, steps=3)
    world.submit("queued", urgency=LONG)
    world.take(world.scheduler.stop("queued"))
    assert world.states["queued"] is State.CANCELLED
    world.work()
    assert world.scheduler.stop("running") == [Order("stop", "running")]
    assert world.scheduler.is_stopping("running")


def test_a_lost_worker_fails_what_it_ran_and_keeps_what_it_held():
    world = World()
    world.submit("refine", "a", LONG, steps=5)
    world.work()
    world.submit("crasher", "b", steps=5)
    world.work()
    world.submit("waiting", "b")
    world.take(world.scheduler.worker_lost("the worker died"))
    assert world.states["crasher"] is State.FAILED
    assert world.states["refine"] is State.PAUSED
    assert world.states["waiting"] is State.QUEUED
    world.held, world.active = [], ""
    world.orders.clear()
    world.take(world.scheduler.worker_ready())
    world.drain()
    assert world.states["refine"] is State.DONE and world.states["waiting"] is State.DONE


def test_a_job_with_a_checkpoint_survives_one_loss_but_not_two_without_progress():
    world = World()
    world.submit("refine", "a", LONG, steps=5)
    world.work()
    world.scheduler.checkpointed("refine")
    for expected in (State.PAUSED, State.FAILED):
        world.take(world.scheduler.worker_lost("the worker died"))
        assert world.states["refine"] is expected
        world.held, world.active = [], ""
        world.orders.clear()
        world.take(world.scheduler.worker_ready())
        world.work()


ACTIONS = st.one_of(
    st.tuples(
        st.just("submit"),
        st.sampled_from("abc"),
        st.sampled_from(list(Urgency)),
        st.integers(1, 4),
        st.sampled_from(["", "k"]),
        st.sampled_from("cd"),
        st.booleans(),
    ),
    st.tuples(st.sampled_from(["cancel", "inputs", "stop", "checkpoint"]), st.integers(0, 30)),
    st.tuples(st.just("work")),
    st.tuples(st.just("work")),
    st.tuples(st.just("lost")),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ACTIONS, max_size=60))
def test_whatever_happens_every_job_gets_exactly_one_terminal_event(actions):
    """`World.take` runs the protocol's table, which refuses a second terminal event or a wrong turn."""
    world = World(limit=12, limit_per_client=6)
    for number, action in enumerate(actions):
        name = f"j{action[1] % len(world.states)}" if len(action) == 2 and world.states else ""
        if action[0] == "submit":
            _, client, urgency, steps, key, content, ready = action
            job = f"j{len(world.states)}"
            try:
                world.submit(job, client, urgency, steps, supersede=key, content=content, ready=ready)
            except VelaturaError as error:
                assert error.code == "busy", number
        elif action[0] == "work":
            world.work()
        elif action[0] == "lost":
            world.take(world.scheduler.worker_lost("gone"))
            world.held, world.active = [], ""
            world.orders.clear()
            world.take(world.scheduler.worker_ready())
        elif name and action[0] == "cancel":
            world.take(world.scheduler.cancel(name, "asked"))
        elif name and action[0] == "stop":
            world.take(world.scheduler.stop(name))
        elif name and action[0] == "checkpoint":
            world.scheduler.checkpointed(name)
        elif name and world.states[name] is State.WAITING:
            world.take(world.scheduler.inputs_ready(name))
        check_invariants(world)
    for name, state in list(world.states.items()):
        if state is State.WAITING:
            world.take(world.scheduler.inputs_ready(name))
    world.drain()
    assert all(state in jobstate.TERMINAL for state in world.states.values()), world.states
    assert not world.scheduler.unended and not world.scheduler.wants_worker


def check_invariants(world: World) -> None:
    running = [n for n, s in world.states.items() if s is State.RUNNING]
    assert len(running) <= 1
    waiting_with_key: dict[str, int] = {}
    for name, job in world.scheduler._jobs.items():
        if job.ticket.supersede and not world.scheduler._is_held(name):
            key = job.ticket.client
            waiting_with_key[key] = waiting_with_key.get(key, 0) + (0 if job.begun else 1)
    assert all(count <= 1 for count in waiting_with_key.values()), waiting_with_key
    assert len(world.scheduler._held) <= len(Urgency)
