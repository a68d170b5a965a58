"""The plug-in's modules without Krita and Qt: what touches neither is imported from the sources."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "krita_plugin"))
