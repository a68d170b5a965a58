"""Krita's documents and layers: the one package that touches libkis.

Everything that may take longer than a moment is a piece of work for the pump (`pump.Work`): a generator
that yields between strips. Objects of libkis are looked up again at every step, because the artist may
close the picture, delete the layer or undo meanwhile; what is gone raises `Gone` and nothing is written.
"""

from ..colors import DISPLAY, wire_space
from .active import (
    Gone,
    Layer,
    Refused,
    Source,
    active_document,
    active_view,
    active_window,
    alive,
    fingerprint,
    history_step,
    is_open,
    node_of,
    only,
    recipes,
    remember,
    select,
    source,
)  # fmt: skip
from .reading import (
    display,
    read,
    read_mask,
    read_reduced,
)
from .writing import (
    add_layer,
    add_mask,
    finish_layer,
    settle,
    withdraw,
    write_frame,
)

__all__ = [
    "DISPLAY", "Gone", "Layer", "Refused", "Source", "active_document", "active_view", "active_window",
    "add_layer", "add_mask", "alive", "display", "fingerprint", "finish_layer", "history_step", "is_open",
    "node_of", "only", "read", "read_mask", "read_reduced", "recipes", "remember", "select", "settle",
    "source", "wire_space", "withdraw", "write_frame",
]  # fmt: skip
