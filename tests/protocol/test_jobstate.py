"""The job table: one terminal event, nothing after it, every state can end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from velatura.jobstate import TABLE, TERMINAL, BadTransition, Event, State, step

ENDS = {Event.RESULT: State.DONE, Event.FAIL: State.FAILED, Event.CANCEL: State.CANCELLED}


@given(st.lists(st.sampled_from(list(Event)), max_size=30))
def test_at_most_one_terminal_event_and_nothing_after_it(events):
    state, ended = State.SUBMITTED, 0
    for event in events:
        try:
            after = step(state, event)
        except BadTransition:
            continue
        assert state not in TERMINAL
        ended += after in TERMINAL
        state = after
    assert ended == (state in TERMINAL)


def test_every_job_that_has_not_ended_can_fail_and_be_cancelled():
    for state in set(State) - TERMINAL:
        assert step(state, Event.FAIL) is State.FAILED
        assert step(state, Event.CANCEL) is State.CANCELLED


def test_terminal_states_take_no_event():
    for state in TERMINAL:
        for event in Event:
            with pytest.raises(BadTransition):
                step(state, event)


def test_only_terminal_events_end_a_job_and_only_a_running_job_gives_a_result():
    for state, row in TABLE.items():
        for event, after in row.items():
            assert (after in TERMINAL) == (event in ENDS)
            assert after is ENDS.get(event, after)
            assert event is not Event.RESULT or state is State.RUNNING


def test_every_state_can_be_reached():
    reached = {State.SUBMITTED}
    while more := {after for state in reached for after in TABLE[state].values()} - reached:
        reached |= more
    assert reached == set(State)
