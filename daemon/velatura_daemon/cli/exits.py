"""Exit codes: one per kind of error, so that scripts can tell them apart. docs/commands.md lists them."""

from __future__ import annotations

from velatura.errors import CODES, VelaturaError
from velatura.extras import MissingExtra
from velatura.launch import ALREADY_RUNNING
from velatura_models.store.files import WeightsError

OK = 0
INTERNAL = 1
USAGE = 2
"""The command line itself was not understood; typer's own."""
FILES = 20
"""A file or folder could not be read or written."""
EXISTS = 21
"""An output exists already and --force was not given."""
PROBLEMS = 22
"""`doctor` or `models verify` found something wrong, or an extra is not installed."""
SOME_FAILED = 23
"""Some pictures of a batch failed and others were done."""
DOWNLOAD = 24
"""Weights or pictures could not be fetched or are not the pinned ones."""
INTERRUPTED = 130
"""Ctrl-C."""
ENOUGH = 141
"""The reader of standard output ended, as a shell tells it of programs that a closed pipe ended."""

BY_CODE = {
    "internal": INTERNAL,
    "bad_field": 3,
    "bad_image": 4,
    "too_large": 5,
    "unknown_style": 6,
    "unknown_model": 7,
    "unknown_job": 8,
    "duplicate_job": 8,
    "unknown_blob": 8,
    "not_running": 9,
    "busy": 10,
    "timeout": 11,
    "out_of_memory": 12,
    "worker_died": 13,
    "cancelled": 14,
    "insecure": 15,
    "protocol": 16,
    "bad_frame": 16,
    "unknown_type": 16,
    "hello_required": 16,
    "digest_mismatch": 17,
}
"""Exit code for every code of `velatura.errors`."""

MEANINGS = {
    OK: "done",
    USAGE: "the command line was not understood",
    **{number: CODES[code] for code, number in BY_CODE.items()},
    7: "no backbone or method of that name, or its weights are missing or damaged",
    8: "no such job or picture, or a job of that name exists already",
    16: "client and daemon do not understand each other: update the older one",
    ALREADY_RUNNING: "another daemon runs already",
    FILES: "a file or folder cannot be read or written",
    EXISTS: "an output exists already and --force was not given",
    PROBLEMS: "doctor, or models verify, found a problem, or an extra is not installed",
    SOME_FAILED: "some pictures of a batch failed, the others are done",
    DOWNLOAD: "a download failed, or is not the pinned file",
    INTERRUPTED: "stopped with Ctrl-C, nothing kept",
    ENOUGH: "the reader of standard output, such as `head`, had enough",
}
"""Every exit code in words."""


class CommandError(Exception):
    """An error of the command line's own: `exit_code` and a message for the person reading."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_code(error: BaseException) -> int | None:
    """The exit code of an error that is reported in one line; None for one that is a defect."""
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, VelaturaError):
        return BY_CODE[error.code]
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, MissingExtra):
        return PROBLEMS
    if isinstance(error, OSError):
        return FILES
    if isinstance(error, WeightsError):
        return DOWNLOAD if error.code == "download" else BY_CODE["unknown_model"]
    return None


def about(place: str, words: str) -> str:
    """What was wrong with one picture of several, which is named once."""
    return words if words.startswith(place) else f"{place}: {words}"


def in_words(error: BaseException) -> str:
    """One line about an error."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
