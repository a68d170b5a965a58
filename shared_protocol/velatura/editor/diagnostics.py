"""What a helper needs to know where something is wrong, as text to copy; no pictures, no names of files."""

from __future__ import annotations

import platform
import sys

import velatura

from .pump import timings
from .studio import Studio


def diagnostics(studio: Studio) -> str:
    """How everything is, a line each."""
    link = studio.link
    usual, longest = (1000 * timings.percentile(share) for share in (0.95, 1.0))
    lines = {
        "Velatura": velatura.__version__,
        "Editor": studio.editor,
        "Python": sys.version.split()[0],
        "System": platform.platform(),
        "Daemon": f"{link.state}. {link.trouble}".strip(),
        "Status": ", ".join(f"{k}={v}" for k, v in sorted(link.status.items())),
        "Styles": str(len(link.styles)),
        "Our slots": f"{usual:.0f} ms (p95), {longest:.0f} ms (longest)",
        "Presets": studio.memory.complaint or "ok",
        "Tasks": "; ".join(f"{t.state}: {t.words}" for t in studio.tasks) or "none",
    }
    return "\n".join(f"{name}: {value}" for name, value in lines.items())
