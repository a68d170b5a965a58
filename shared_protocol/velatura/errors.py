"""What can go wrong, in words for the person reading them.

Every error that crosses the wire has a `code` out of `CODES`, a message, and where it applies the
path of the field that was wrong (`recipe.styles[1].weight`). Both sides raise the same classes.
"""

from __future__ import annotations

CODES = {
    "bad_frame": "not a Velatura message: wrong number of frames, too long, or not msgpack",
    "unknown_type": "a message type this side does not know",
    "bad_field": "a field is missing, of the wrong type or out of range",
    "hello_required": "the session is not known: say hello first",
    "protocol": "the two sides speak different major versions of the protocol",
    "unknown_job": "no such job in this session",
    "duplicate_job": "a job with this name exists already",
    "unknown_blob": "the daemon does not hold the named image",
    "unknown_style": "no style of that name",
    "unknown_model": "no backbone or method of that name, or its weights are not installed",
    "too_large": "a picture or message is over a limit",
    "bad_image": "a picture cannot be used: zero-sized, truncated, or not finite",
    "digest_mismatch": "the bytes that arrived are not the ones announced",
    "busy": "the queue or the session's budget is full: try again later",
    "out_of_memory": "the job does not fit, even with the smallest tiles",
    "worker_died": "the process that computed ended unexpectedly",
    "not_running": "no daemon answers",
    "timeout": "no answer in time",
    "cancelled": "the job was cancelled, superseded, or its session ended",
    "insecure": "a folder, file or socket could be used by others; it is refused",
    "internal": "a defect in Velatura: please report it with the log",
}
"""Error codes and their meaning; PROTOCOL.md lists the same."""


class VelaturaError(Exception):
    """Any error of Velatura.

    Args:
        code: one of `CODES`.
        message: what was wrong, with which value, and what to do; a command that does it stands behind
            that in parentheses, (`velatura …`), which editors leave out.
        field: path of the offending field, or empty.
    """

    def __init__(self, code: str, message: str, field: str = "") -> None:
        if code not in CODES:
            raise ValueError(f"unknown error code {code!r}")
        super().__init__(f"{field}: {message}" if field else message)
        self.code = code
        self.message = message
        self.field = field
        self.about: dict[str, str] = {}
        """`job`, `transfer` or `request` that an unreadable message named; see `wire.unpack`."""


class FieldError(VelaturaError):
    """A value that breaks the range or type that a recipe or message states for it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("bad_field", message, field)


class JobFailed(VelaturaError):
    """The daemon ended a job with an error; `code` says which."""


class JobCancelled(VelaturaError):
    """The job was cancelled, superseded, or its session ended."""

    def __init__(self, message: str = "the job was cancelled") -> None:
        super().__init__("cancelled", message)


class VersionWarning(UserWarning):
    """The daemon that answers is of another version than this program."""


class PictureWarning(UserWarning):
    """What a picture, mask or style is and its owner may not know: only its first frame is used, …"""
