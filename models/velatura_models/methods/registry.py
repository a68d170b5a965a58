"""The feed-forward methods by name. Adding one is its module and its line here; see docs/methods.md."""

from __future__ import annotations

from importlib import import_module

from ..store.errors import WeightsError
from .loading import Loader
from .method import Method

MODULES = {
    "adain-skip": "adain",
    "adain": "adain",
    "wct": "wct",
    "style-swap": "style_swap",
    "fast": "painter",
    "multi": "painter",
    "multimodal": "multimodal",
}
"""Name to module; a module has `load(loader) -> Method`."""


def load_method(loader: Loader) -> Method:
    """A method, resident on its device.

    Raises:
        WeightsError: `unknown` name, or what loading its networks raises.
    """
    if loader.method not in MODULES:
        raise WeightsError("unknown", f"no method is called {loader.method!r}; known: {', '.join(MODULES)}")
    return import_module(f".{MODULES[loader.method]}", __package__).load(loader)
