"""Whoever follows one stylize job through engine and models opens few files, and few of them twice."""

from __future__ import annotations

import pytest
from benchmarks.walk import walk


@pytest.mark.parametrize("method", ["adain-skip", "multi"])
def test_the_way_of_a_job_stays_short(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setenv("VELATURA_HOME", "")  # the walk sets it
    stays = walk(method)
    assert len(stays) <= 18, stays
    assert len(stays) - len({module for module, _ in stays}) <= 7, stays
