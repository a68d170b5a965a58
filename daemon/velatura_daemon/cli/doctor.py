"""`velatura doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from ..paths import default_paths
from . import checks, show
from .exits import PROBLEMS

MARKS = {checks.OK: "ok", checks.NOTE: "--", checks.PROBLEM: "!!"}


def doctor(
    json: show.Json = False,
    start: Annotated[bool, typer.Option(help="Start a daemon where none runs.")] = True,
) -> None:
    """Check the installation and say what to do for each problem."""
    findings = []
    for finding in examine(start):
        findings.append(finding)
        if not json:
            remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
            show.line(f"[{MARKS[finding.level]}] {finding.name}: {finding.detail}{remedy}")
    problems = sum(finding.level == checks.PROBLEM for finding in findings)
    if json:
        show.as_json({"problems": problems, "findings": [vars(finding) for finding in findings]})
    else:
        show.line("no problems" if not problems else f"{problems} problem{'s' if problems > 1 else ''}")
    if problems:
        raise typer.Exit(PROBLEMS)


def examine(start: bool) -> Iterator[checks.Finding]:
    """All findings, as they are made."""
    paths = default_paths()
    for name, check in (
        ("python", checks.python),
        ("packages", checks.packages),
        ("settings", lambda: checks.settings(paths)),
        ("folders", lambda: checks.folders(paths)),
        ("device setting", lambda: checks.device(paths)),
        ("daemon", lambda: checks.daemon(start)),
        ("weights", lambda: checks.weights(paths)),
        ("editors", checks.editors),
    ):
        yield from checks.guarded(check, name)
