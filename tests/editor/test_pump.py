"""Long work in short turns, and the signals that tell of it."""

from __future__ import annotations

from velatura.editor.observable import Observable
from velatura.editor.pump import Pump, Timings

from editor.fakes import FakeLoop


def test_work_goes_on_in_turns_and_can_be_cancelled() -> None:
    loop, log, now = FakeLoop(), [], [0.0]

    def clock() -> float:
        now[0] += 0.005
        return now[0]

    def work(name: str, steps: int):
        try:
            for i in range(steps):
                log.append(f"{name}{i}")
                yield
        finally:
            log.append(f"{name} ended")
        return name

    pump = Pump(loop, clock)
    done: list[str] = []
    pump.start(work("a", 4), done.append)
    second = pump.start(work("b", 9), done.append)
    assert loop.waiting == 1, "the first piece of work asks for a turn, the second does not"
    assert pump.turn() is not None and len(log) <= 4, "one turn does not run to the end"
    while "b0" not in log:
        pump.turn()
    second.cancel()
    while pump.turn() is not None:
        pass
    assert done == ["a"] and "b ended" in log and not pump.busy


def test_work_that_waits_does_not_keep_the_rest() -> None:
    now, log = [0.0], []

    def waiting():
        yield 5.0
        log.append("waited")

    def quick():
        for _ in range(3):
            log.append("quick")
            yield

    pump = Pump(FakeLoop(), lambda: now[0])
    pump.start(waiting())
    pump.start(quick())
    assert pump.turn() == 5.0 and log == ["quick"] * 3
    now[0] = 5.0
    assert pump.turn() is None and log[-1] == "waited"


def test_what_goes_wrong_in_work_is_told_once() -> None:
    def work():
        yield
        raise ValueError("no")

    def wrong(value: object) -> None:
        raise KeyError("in the end")

    def fine():
        yield

    told: list[Exception] = []
    pump = Pump(FakeLoop())
    pump.start(work(), failed=told.append)
    pump.start(fine(), wrong, told.append)
    while pump.turn() is not None:
        pass
    assert [type(error) for error in told] == [ValueError, KeyError]


def test_percentiles_of_slots() -> None:
    timings = Timings()
    for i in range(100):
        timings.note("x", i / 1000)
    timings.note("y", 9.0)
    assert timings.percentile(0.95, "x") == 0.095 and timings.percentile(1.0) == 9.0


def test_a_change_is_told_once_and_only_if_it_is_one() -> None:
    class Thing(Observable):
        def __init__(self) -> None:
            super().__init__()
            self.size = 1

    thing, told = Thing(), []
    end = thing.changed.connect(told.append)
    thing.size = 1
    thing.size = 2
    end()
    thing.size = 3
    assert told == ["size"]


def test_work_is_cancelled_from_an_event_in_the_midst_of_its_step() -> None:
    """An editor's call may handle events, such as a press on Cancel, before it returns."""
    loop, log = FakeLoop(), []

    def work(last: bool):
        try:
            if not last:
                yield
            ticket.cancel()
            if not last:
                yield
        finally:
            log.append("ended")

    for last in (False, True):
        pump = Pump(loop, lambda: 0.0)
        ticket = pump.start(work(last), lambda nothing: log.append("done"), log.append)
        while pump.turn() is not None:
            pass
        assert ticket.over and log == ["ended"]
        log.clear()
