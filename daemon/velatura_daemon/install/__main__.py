"""`python -m velatura_daemon.install`: a plug-in's zip, and wheels for the package to bring."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from . import system
from .vendor import PLATFORMS, machine, pack

PLATFORM = "[linux|windows|macos x86_64|arm64]"
USAGE = f"""usage: python -m velatura_daemon.install zip gimp|krita OUT {PLATFORM}
       python -m velatura_daemon.install wheels {PLATFORM}"""


def main(words: list[str]) -> int:
    """Runs the command; the exit status."""
    if words[:1] == ["wheels"] and len(words) in (1, 3):
        for platform in [(words[1], machine(words[2]))] if words[1:] else PLATFORMS:
            print(pack(*platform))
        return 0
    if len(words) not in (3, 5) or words[0] != "zip" or words[1] not in ("gimp", "krita"):
        print(USAGE, file=sys.stderr)
        return 2
    editor = importlib.import_module(f"{__package__}.{words[1]}")
    platform = tuple(words[3:]) or (system(), machine())
    print(editor.build_zip(Path(words[2]), *platform))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
