"""States, times and troubles in words."""

from __future__ import annotations

import pytest
from velatura.editor import words
from velatura.errors import VelaturaError
from velatura.jobstate import State


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


def test_artists_are_not_sent_to_a_terminal() -> None:
    told = words.trouble(
        VelaturaError(
            "unknown_model", "it lacks a picture; fetch that (`velatura styles pull x`), or use slim"
        )
    )
    assert told == "it lacks a picture; fetch that, or use slim"
    told = words.trouble(
        VelaturaError("unknown_model", "none does; add one (`velatura train a`, `velatura b c`)")
    )
    assert told == "none does; add one"
