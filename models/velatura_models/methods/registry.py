"""The feed-forward methods by name. Adding one is its module and its line here; see docs/methods.md."""

from __future__ import annotations

from importlib import import_module

from ..store.errors import WeightsError
from .method import Method, Resources

METHODS = {
    "adain-skip": "adain",
    "adain": "adain",
    "wct": "wct",
    "style-swap": "style_swap",
    "fast": "painter",
    "multi": "painter",
    "multimodal": "multimodal",
}
"""Name to module; a module has `load(resources) -> Method`."""


def load_method(resources: Resources) -> Method:
    """A method, resident on its device.

    Raises:
        WeightsError: `unknown` name, or what loading its networks raises.
    """
    if resources.method not in METHODS:
        raise WeightsError(
            "unknown", f"no method is called {resources.method!r}; known: {', '.join(METHODS)}"
        )
    return import_module(f".{METHODS[resources.method]}", __package__).load(resources)
