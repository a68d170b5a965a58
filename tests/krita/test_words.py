"""Colour spaces, states in words, and work in turns."""

from __future__ import annotations

import pytest
from velatura.editor import words
from velatura.editor.gallery import entry_of, free_name
from velatura.editor.observable import Observable
from velatura.editor.pump import Pump, Timings
from velatura.jobstate import State
from velatura.pixels import Layout
from velatura_krita.colors import (
    LINEAR,
    SRGB,
    Space,
    cost,
    wire_space,
)


@pytest.mark.parametrize(
    ("space", "layout"),
    [
        (Space("RGBA", "U8", SRGB), Layout(3, 2, "BGRA", "u8")),
        (Space("RGBA", "U16", SRGB), Layout(3, 2, "BGRA", "u16")),
        (Space("RGBA", "F32", LINEAR), Layout(3, 2, "RGBA", "f32", transfer="linear")),
        (Space("GRAYA", "F16", "Gray-D50-elle-V2-g10.icc"), Layout(3, 2, "GRAYA", "f16", transfer="linear")),
        (Space("RGBA", "U8", "ClayRGB-elle-V2-g22.icc"), None),
        (Space("CMYKA", "U8", "Chemical proof"), None),
    ],
)
def test_what_the_daemon_reads_as_it_is(space: Space, layout: Layout | None) -> None:
    assert space.layout(3, 2) == layout
    assert (wire_space(space) == space) == (layout is not None)
    assert wire_space(space).layout(1, 1) is not None
    assert (cost(space, wire_space(space)) == 0) == (layout is not None)


def test_depth_is_not_lost_on_the_way() -> None:
    assert wire_space(Space("LABA", "F32", "x")).depth == "F32"
    assert wire_space(Space("CMYKA", "U8", "x")).depth == "U16"


def test_times_are_as_coarse_as_estimates_deserve() -> None:
    assert [words.time_left(s) for s in (0, 1, 7.4, 33, 100, 4000)] == [
        "", "1 s left", "7 s left", "35 s left", "2 min left", "1 h 7 min left",
    ]  # fmt: skip


def test_every_state_of_the_daemon_has_words() -> None:
    states = ("asleep", "starting", "ready", "silent", "stopped", "missing", "refused")
    said = {words.daemon(state, "a card", "", "because") for state in states}
    assert len(said) == len(states) and "" not in said
    assert words.daemon("ready", "a card") == "Ready on a card"
    assert words.daemon("ready", "a card", words.others(["GIMP 3, velatura 1", ""])) == (
        "Busy with work for GIMP 3, another program"
    )


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_a_job_has_words(state: State) -> None:
    assert words.job(state, 2, "a preview goes first", 30, 5, 100)


def test_work_goes_on_in_turns_and_can_be_cancelled() -> None:
    woken, log, now = [], [], [0.0]

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

    pump = Pump(lambda: woken.append(1), clock)
    done: list[str] = []
    pump.start(work("a", 4), done.append)
    second = pump.start(work("b", 9), done.append)
    assert woken == [1]
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

    pump = Pump(lambda: None, lambda: now[0])
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
    pump = Pump(lambda: None)
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


def test_styles_that_cannot_be_used_say_what_to_do() -> None:
    entry = entry_of({"name": "wave", "has_picture": False, "cards": []})
    assert entry.title == "wave" and "styles pull wave" in entry.error
    assert entry_of({"name": "wave", "has_picture": False, "cards": ["slim"]}).error == ""


def test_a_style_of_ones_own_gets_a_free_name() -> None:
    assert free_name("Mein Cœur (2)", set()) == "mein-cur-2"
    assert free_name("Sky", {"sky", "sky-2"}) == "sky-3"
    assert free_name("日本", set()) == "my-style"
