"""`-` on a command line: a picture from standard input, a picture to standard output.

Both are files while the command runs, in a folder that goes with it, so that nothing else has to know; what
is shown of them names the pipe.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import show
from .exits import FILES, USAGE, CommandError

PIPE = "-"


@contextlib.contextmanager
def piped(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A command's parameters with files in place of `-`.

    A picture comes in as whatever it is and goes out as a PNG with its recipe. What a command prints of its
    results then goes to standard error.

    Args:
        given: `inputs`, words of which one may be `-`, or `picture`, and `out`; any may be missing.

    Raises:
        CommandError: for a keyboard or a screen in place of a pipe, or `-` twice.
    """
    words = given.get("inputs") or [given.get("picture", "")]
    inputs, out = [str(word) for word in words], str(given.get("out", ""))
    if PIPE not in (*inputs, out):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="velatura-") as name, contextlib.ExitStack() as later:
        folder, files = Path(name), dict(given)
        written = folder / "standard-output.png"
        show.CALLED[str(written)] = "standard output"
        if PIPE in inputs:
            read = folder / "standard-input"
            show.CALLED[str(read)] = "standard input"
            _read_input(read, inputs.count(PIPE))
            if "picture" in given:
                files["picture"] = type(given["picture"])(read)
            else:
                files["inputs"] = [str(read) if word == PIPE else word for word in inputs]
        if out == PIPE:
            stream, files["out"] = _output(), type(given["out"])(written)
            later.enter_context(contextlib.redirect_stdout(sys.stderr))
            yield files
            stream.write(written.read_bytes())
            stream.flush()
        else:
            yield files


def _read_input(target: Path, times: int) -> None:
    if times > 1:
        raise CommandError(USAGE, "- is given twice; there is one picture on standard input")
    if sys.stdin.isatty():
        raise CommandError(USAGE, "- is standard input, which is the keyboard; pipe a picture into it")
    with target.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    if not target.stat().st_size:
        raise CommandError(FILES, "-: nothing came on standard input")


def _output() -> Any:
    if sys.stdout.isatty():
        raise CommandError(USAGE, "-o - is standard output, which is the screen; pipe it into a file")
    return sys.stdout.buffer
