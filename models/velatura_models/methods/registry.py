"""The feed-forward methods by name. Adding one is its module and its line here; see docs/methods.md."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

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

OWN_STYLES = ("multi", "fast", "multimodal")
"""Methods whose networks paint in the styles that they were trained for, the best first."""


def load_method(loader: Loader) -> Method:
    """A method, resident on its device.

    Raises:
        WeightsError: `unknown` name, or what loading its networks raises.
    """
    if loader.method not in MODULES:
        raise WeightsError("unknown", f"no method is called {loader.method!r}; known: {', '.join(MODULES)}")
    return import_module(f".{MODULES[loader.method]}", __package__).load(loader)


def method_painting(names: Iterable[str], folder: Path | None) -> str:
    """The first method of `OWN_STYLES` whose networks know all of these styles; empty where none does.

    Args:
        folder: of the user's weights.
    """
    for method in OWN_STYLES:
        known = load_method(Loader(method=method, folder=folder)).brush.known()  # type: ignore[attr-defined]
        if all(name in known for name in names):
            return method
    return ""
