"""The life of a job, as one table that both sides run.

`step` gives the next state for an event, or raises for an event that cannot happen there. Exactly one
terminal event ends a job; afterwards every event is refused. PROTOCOL.md draws this table.
"""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    SUBMITTED = "submitted"  # sent; the daemon has not answered
    WAITING = "waiting"  # the daemon lacks inputs that the job names
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"  # yielded to a more urgent job, or waiting for a new worker
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(str, Enum):
    NEED = "need"
    QUEUE = "queue"
    START = "start"
    PAUSE = "pause"
    PROGRESS = "progress"
    PREVIEW = "preview"
    RESULT = "result"
    FAIL = "fail"
    CANCEL = "cancel"


TERMINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})

_S, _E = State, Event

TABLE: dict[State, dict[Event, State]] = {
    _S.SUBMITTED: {_E.NEED: _S.WAITING, _E.QUEUE: _S.QUEUED, _E.FAIL: _S.FAILED, _E.CANCEL: _S.CANCELLED},
    _S.WAITING: {_E.NEED: _S.WAITING, _E.QUEUE: _S.QUEUED, _E.FAIL: _S.FAILED, _E.CANCEL: _S.CANCELLED},
    _S.QUEUED: {_E.START: _S.RUNNING, _E.FAIL: _S.FAILED, _E.CANCEL: _S.CANCELLED},
    _S.RUNNING: {
        _E.PROGRESS: _S.RUNNING,
        _E.PREVIEW: _S.RUNNING,
        _E.PAUSE: _S.PAUSED,
        _E.RESULT: _S.DONE,
        _E.FAIL: _S.FAILED,
        _E.CANCEL: _S.CANCELLED,
    },
    _S.PAUSED: {_E.START: _S.RUNNING, _E.FAIL: _S.FAILED, _E.CANCEL: _S.CANCELLED},
    _S.DONE: {},
    _S.FAILED: {},
    _S.CANCELLED: {},
}


class BadTransition(Exception):
    """An event that the table does not allow in this state."""


def step(state: State, event: Event) -> State:
    """The state after an event; raises `BadTransition` where the table has none."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise BadTransition(f"event {event.value!r} in state {state.value!r}") from None
