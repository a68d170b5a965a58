#!/usr/bin/env python3
"""Velatura for GIMP 3: neural style transfer under Filters > Velatura. GIMP starts this program."""

import sys
from pathlib import Path

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")

FOLDER = Path(__file__).resolve().parent
# This file's own folder would hide the package of the same name; its vendored libraries come first.
sys.path[0] = str(FOLDER / "vendor")
sys.path.append(str(FOLDER.parent))

from gi.repository import Gimp  # noqa: E402

from velatura_gimp.plugin import Velatura  # noqa: E402

Gimp.main(Velatura.__gtype__, sys.argv)
