"""`python -m velatura_daemon.install zip gimp|krita OUT [SYSTEM MACHINE]`: builds a plug-in's zip."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from . import system
from .vendor import machine

USAGE = "usage: python -m velatura_daemon.install zip gimp|krita OUT [linux|windows|macos x86_64|arm64]"


def main(words: list[str]) -> int:
    """Runs the command; the exit status."""
    if len(words) not in (3, 5) or words[0] != "zip" or words[1] not in ("gimp", "krita"):
        print(USAGE, file=sys.stderr)
        return 2
    editor = importlib.import_module(f"{__package__}.{words[1]}")
    platform = tuple(words[3:]) or (system(), machine())
    print(editor.build_zip(Path(words[2]), *platform))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
