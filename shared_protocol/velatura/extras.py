"""What is installed on request only, and the words for whoever lacks it."""

from __future__ import annotations

from importlib.util import find_spec

EXTRAS = {
    "video": {"av": "reads and writes videos", "cv2": "finds what moved where"},
    "cluster": {"distributed": "spreads work over processes and machines", "fsspec": "reads object stores"},
    "web": {"streamlit": "serves the page"},
}
"""The modules that each extra brings, and what they are for."""


class MissingExtra(ImportError):
    """Something was asked for that needs an extra which is not installed."""

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(
            f"{module}, which {EXTRAS[extra][module]}, is not installed: pip install 'velatura[{extra}]'"
        )


def need(extra: str) -> None:
    """Raises `MissingExtra`, with the command that brings it, where a module of an extra is not installed."""
    for module in EXTRAS[extra]:
        if find_spec(module) is None:
            raise MissingExtra(extra, module)
