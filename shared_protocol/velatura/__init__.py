"""Velatura: what every client imports. The wire, recipes, layouts, and a blocking client.

    import velatura
    with velatura.connect() as v:
        out = v.stylize("photo.jpg", style="starry-night", strength=0.8)

Importing the package loads nothing heavy: names are resolved when first used, and numpy and pillow only
where pictures are handed over, so that plug-ins can use the core with pyzmq and msgpack alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .client import Client, connect
    from .errors import FieldError, JobCancelled, JobFailed, VelaturaError
    from .pictures.files import recipe_of
    from .recipe import Keypoints, Refine, Style, Stylize, Texture, Upscale
    from .waiting import JobEvent, JobFuture

_HOMES = {
    "client": ("Client", "connect"),
    "errors": ("FieldError", "JobCancelled", "JobFailed", "VelaturaError"),
    "pictures.files": ("recipe_of",),
    "recipe": ("Keypoints", "Refine", "Style", "Stylize", "Texture", "Upscale"),
    "waiting": ("JobEvent", "JobFuture"),
}

__all__ = [
    "Client",
    "FieldError",
    "JobCancelled",
    "JobEvent",
    "JobFailed",
    "JobFuture",
    "Keypoints",
    "Refine",
    "Style",
    "Stylize",
    "Texture",
    "Upscale",
    "VelaturaError",
    "connect",
    "recipe_of",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
