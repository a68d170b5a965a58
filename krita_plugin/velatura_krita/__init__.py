"""Velatura for Krita. Loading it only makes the docker; nothing runs before the docker is touched."""

import sys
from pathlib import Path

_VENDOR = Path(__file__).with_name("vendor")
if _VENDOR.is_dir() and str(_VENDOR) not in sys.path:
    sys.path.insert(0, str(_VENDOR))  # pyzmq, msgpack and velatura for this Krita's own Python

if "krita" in sys.modules:  # only Krita has it; tests import the modules beside this one without it
    from .plugin import register

    register()
