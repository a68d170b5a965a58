"""Rotating log files of the daemon and its worker, and where a person finds their tail."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from .paths import Paths

LARGEST = 1 << 20
"""Bytes at which a log file is rotated."""

KEPT = 4
"""Rotated predecessors that are kept."""


def start_logging(paths: Paths, name: str, level: str = "info", to_stderr: bool = False) -> logging.Logger:
    """The logger of a process (`daemon` or `worker`), writing to its rotating file; to stderr where that
    cannot be written, since a full disk is no reason not to serve."""
    logger = logging.getLogger(f"velatura.{name}")
    logger.setLevel(level.upper())
    logger.propagate = False
    logging.raiseExceptions = False  # a disk that has become full is told by what needs it, not by every line
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    file, trouble = paths.logs / f"{name}.log", None
    handlers: list[logging.Handler] = []
    try:
        paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = RotatingFileHandler(
            file, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", errors="replace"
        )
        handlers.append(kept)
    except OSError as error:
        trouble = error
    if to_stderr or trouble:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(OneLine("%(asctime)s %(process)d %(levelname)s %(message)s"))
        logger.addHandler(handler)
    if trouble:
        logger.error("nothing is written to %s: %s", file, trouble)
    return logger


class OneLine(logging.Formatter):
    """Keeps what clients say (names, reasons) from forging lines or driving a terminal: control characters
    stand as escapes. Only tracebacks take more lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        text = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def tail(file: Path, lines: int = 20) -> str:
    """The last lines of a text file, or an empty text when it cannot be read."""
    try:
        with file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 2000 * lines))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
