"""A style as one file that artists pass on, `NAME.velatura`, on its way over the wire.

What is in it is written and checked by the daemon (`velatura_daemon.styles.packing`); a client only carries
it. It travels as pictures do: eight bytes of length, the file's bytes, and zeros up to a whole row.
"""

from __future__ import annotations

import stat
from pathlib import Path

from .blob import Blob, Picture
from .errors import VelaturaError
from .pixels import Layout

SUFFIX = ".velatura"
ROW = 4096
"""Bytes of a row."""
HEAD = 8
LONGEST = 160 * 1024 * 1024
"""Bytes of a file, at most."""


def is_style_file(path: str | Path) -> bool:
    """Whether a path is called as a style's file is."""
    return Path(path).suffix.lower() == SUFFIX


def read(path: Path, most: int = LONGEST, what: str = "a style") -> bytes:
    """The bytes of a style's file, or of another.

    Args:
        most: bytes that it may have.
        what: the file is, as the error says it.

    Raises:
        VelaturaError: `bad_image` where it cannot be read, `too_large` over `most`.
    """
    try:
        about = path.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):  # it may never end
            raise VelaturaError("bad_image", f"{path} is a pipe or a device, not a file")
        if about.st_size > most:
            raise VelaturaError("too_large", f"{path} is too large; {what} has at most {most} bytes")
        return path.read_bytes()
    except OSError as error:
        raise VelaturaError("bad_image", f"{path} cannot be read: {error}") from error


def blob_of(data: bytes) -> Blob:
    """A file's bytes as what can be offered."""
    rows = -(-(HEAD + len(data)) // ROW)
    whole = len(data).to_bytes(HEAD, "little") + data
    return Blob(Layout(ROW, rows, "GRAY"), whole.ljust(rows * ROW, b"\0"))


def bytes_of(picture: Picture) -> bytes:
    """The file's bytes again.

    Raises:
        VelaturaError: `bad_image` for a picture that carries none.
    """
    data = picture.data
    length = int.from_bytes(data[:HEAD], "little") if len(data) >= HEAD else -1
    if picture.layout.width != ROW or not 0 <= length <= len(data) - HEAD:
        raise VelaturaError("bad_image", "what was sent is a picture, and no style's file")
    return bytes(data[HEAD : HEAD + length])
