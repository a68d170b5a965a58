"""`velatura ps` and `velatura cancel`: the jobs of all clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
import velatura
from velatura.errors import VelaturaError
from velatura.jobstate import TERMINAL, State

from . import show


def ps(json: show.Json = False) -> None:
    """List the jobs of all clients."""
    with velatura.connect(start=False) as client:
        jobs = client.jobs()
    show.told(
        json,
        jobs,
        ("job", "state", "kind", "step", "left", "age", "client"),
        (
            (
                job["name"],
                job["state"],
                job["kind"],
                f"{job['step']}/{job['of']}" if job["of"] else "-",
                show.duration(job["seconds_left"]) if job["seconds_left"] else "-",
                show.duration(job["age"]),
                job["client"],
            )
            for job in jobs
        ),
    )


def cancel(
    jobs: Annotated[
        list[str], typer.Argument(help="Names of jobs, as velatura ps shows them, or their beginnings.")
    ],
) -> None:
    """Cancel jobs, also other clients'."""
    with velatura.connect(start=False) as client:
        states = {job["name"]: job["state"] for job in client.jobs()}
        for name in [_whole_name(given, list(states)) for given in jobs]:
            if State(states[name]) in TERMINAL:
                show.line(f"{name}: has ended already ({states[name]})")
                continue
            client.cancel(name)
            show.line(f"{name}: cancelled")


def _whole_name(given: str, known: Sequence[str]) -> str:
    """The job that `given` is the beginning of.

    Raises:
        VelaturaError: `unknown_job` when there is none, or more than one.
    """
    meant = [given] if given in known else [name for name in known if name.startswith(given)]
    if len(meant) != 1:
        words = f"could be {' or '.join(meant)}" if meant else "is none of the jobs; see: velatura ps"
        raise VelaturaError("unknown_job", f"{given!r} {words}")
    return meant[0]
