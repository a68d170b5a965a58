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
    """The logger of a process (`daemon` or `worker`), writing to its rotating file."""
    logger = logging.getLogger(f"velatura.{name}")
    logger.setLevel(level.upper())
    logger.propagate = False
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    form = logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s")
    paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = paths.logs / f"{name}.log"
    handlers: list[logging.Handler] = [
        RotatingFileHandler(file, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8")
    ]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(form)
        logger.addHandler(handler)
    return logger


def tail(file: Path, lines: int = 20) -> str:
    """The last lines of a text file, or an empty text when there is none."""
    try:
        with file.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - 2000 * lines))
            text = stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
