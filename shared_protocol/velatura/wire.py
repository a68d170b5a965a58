"""Messages as ZeroMQ frames: the only place that knows how many frames there are and how long they may be.

Frame 1 is the header (`messages.encode`); frame 2 exists only with `Chunk` and is the piece of a blob
itself. Both sides use this module: `pack` and `unpack` are pure, `limit` sets what every Velatura socket
must have set, `error_for` turns an exception into the message that reports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack
import zmq

from . import messages
from .errors import CODES, VelaturaError
from .messages import CHUNK_BYTES, MAX_HEADER, Chunk, Error, Message

Buffer = bytes | bytearray | memoryview
"""Anything that holds the bytes of a frame."""

MAX_FRAME = max(MAX_HEADER, CHUNK_BYTES)
"""ZMQ_MAXMSGSIZE of every socket; libzmq applies it to each frame."""


def pack(message: Message, body: Buffer | None = None) -> list[Buffer]:
    """The frames of a message.

    Args:
        message: any message.
        body: the bytes of a `Chunk`, exactly `message.length` of them; None with every other message.

    Raises:
        VelaturaError: `too_large` for a header over `MAX_HEADER` or a body over `CHUNK_BYTES`,
            `bad_frame` for a body where none belongs, or of another length than announced.
    """
    header = messages.encode(message)
    if not isinstance(message, Chunk):
        if body is not None:
            raise VelaturaError("bad_frame", f"message {message.TYPE!r} carries no bytes")
        return [header]
    if body is None:
        raise VelaturaError("bad_frame", "a chunk needs its bytes")
    _check_body(message, _length(body))
    return [header, body]


def unpack(frames: Sequence[Any]) -> tuple[Message, memoryview | None]:
    """The message in received frames, checked, and the bytes of a `Chunk`.

    Args:
        frames: what `recv_multipart` gave, without routing id: `bytes`, or `zmq.Frame` (copy=False).

    Returns:
        The message and, with a `Chunk`, a view of frame 2 without a copy; else None.

    Raises:
        VelaturaError: `bad_frame` (wrong count or length, not msgpack), `unknown_type`, `bad_field`; its
            `about` says which job, transfer or request the message named, for `error_for`.
    """
    try:
        return _unpack(frames)
    except VelaturaError as error:
        error.about = _subject(frames)
        raise


def _unpack(frames: Sequence[Any]) -> tuple[Message, memoryview | None]:
    if not 1 <= len(frames) <= 2:
        raise VelaturaError("bad_frame", f"{len(frames)} frames; a message has one, a chunk two")
    message = messages.decode(memoryview(frames[0]))
    if not isinstance(message, Chunk):
        if len(frames) != 1:
            raise VelaturaError("bad_frame", f"message {message.TYPE!r} has a second frame; only chunks do")
        return message, None
    if len(frames) != 2:
        raise VelaturaError("bad_frame", "a chunk without its second frame")
    body = memoryview(frames[1])
    _check_body(message, body.nbytes)
    return message, body


def limit(socket: zmq.Socket) -> None:
    """Sets what every Velatura socket needs: nothing lingers, no frame longer than the protocol's longest."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)


def error_for(error: BaseException, job: str = "", transfer: str = "", request: str = "") -> Error:
    """The message that reports an exception; anything but a `VelaturaError` counts as `internal`.

    What it is about is as given, or as `unpack` found.
    """
    if not isinstance(error, VelaturaError):
        error = VelaturaError("internal", f"{type(error).__name__}: {error}")
    about = {"job": job[:64], "transfer": transfer[:64], "request": request[:64]}
    about = {key: name or error.about.get(key, "") for key, name in about.items()}
    return Error(error.code, error.message[:2000], error.field[:400], **about)


def _subject(frames: Sequence[Any]) -> dict[str, str]:
    """What a message that cannot be read was about, so that the other side can stop waiting for it."""
    try:
        raw = msgpack.unpackb(memoryview(frames[0])[:MAX_HEADER], raw=False, strict_map_key=True)
    except (IndexError, ValueError, msgpack.UnpackException):
        return {}
    found = {key: raw.get(key) for key in ("job", "transfer", "request")} if isinstance(raw, dict) else {}
    return {key: name for key, name in found.items() if isinstance(name, str) and len(name) <= messages.NAME}


def as_exception(message: Error | messages.Failed) -> VelaturaError:
    """The exception that an `Error` or `Failed` message stands for; unknown codes become `internal`."""
    known = message.code in CODES
    words = message.message if known else f"{message.message} (error code {message.code!r})"
    return VelaturaError(message.code if known else "internal", words, message.where)


def mismatch(client: tuple[int, int], daemon: tuple[int, int]) -> VelaturaError | None:
    """The error in words when two protocol versions do not fit, else None. Only majors matter."""
    if client[0] == daemon[0]:
        return None
    ours, theirs = f"{client[0]}.{client[1]}", f"{daemon[0]}.{daemon[1]}"
    old, how = (
        ("client", "update the plug-in or the velatura package it uses")
        if client[0] < daemon[0]
        else ("daemon", "update it with `pip install -U 'velatura[daemon]'` and restart it")
    )
    return VelaturaError(
        "protocol",
        f"the client speaks protocol {ours}, the daemon {theirs}; the {old} is the older side: {how}",
    )


def _length(body: Buffer) -> int:
    return body.nbytes if isinstance(body, memoryview) else len(body)


def _check_body(chunk: Chunk, length: int) -> None:
    if length > CHUNK_BYTES:
        raise VelaturaError("too_large", f"a chunk of {length} bytes; at most {CHUNK_BYTES}")
    if length != chunk.length:
        raise VelaturaError("bad_frame", f"a chunk announced {chunk.length} bytes and brought {length}")
