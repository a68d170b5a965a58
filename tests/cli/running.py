"""Runs the command line as a person would, in this process or as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from velatura_daemon.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def velatura(*arguments: object) -> Outcome:
    """Runs `velatura ARGUMENTS` in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Outcome(code, out.getvalue(), err.getvalue())


def command(*arguments: object) -> list[str]:
    """The command line of a process that runs `velatura ARGUMENTS`."""
    call = "import sys; from velatura_daemon.cli import main; main(sys.argv[1:])"
    return [sys.executable, "-c", call, *(str(argument) for argument in arguments)]


def spawned(*arguments: object, **environment: str) -> Outcome:
    """Runs `velatura ARGUMENTS` as a process of its own."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
