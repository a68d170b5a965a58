"""Krita's documents and layers: the one package that touches libkis, and this plug-in's `editor.paper.Paper`.

Everything that may take longer than a moment is a piece of work for the pump (`pump.Work`): a generator
that yields between strips. Objects of libkis are looked up again at every step, because the artist may
close the picture, delete the layer or undo meanwhile; what is gone raises `Gone` and nothing is written.
"""

from .active import (
    active_view,
    alive,
    application,
    images,
    keep_images,
    only,
    own,
    recipes,
    remember,
    select,
    source,
)
from .animation import add_animation, frames, keep_frame, sources
from .reading import digest, display, encoded, read, read_mask, read_reduced, read_region
from .strength import make_map, maps, use_map
from .writing import add_layer, add_mask, finish_layer, open_picture, settle, withdraw, write_frame

__all__ = [
    "active_view", "add_animation", "add_layer", "add_mask", "alive", "application", "digest", "display",
    "encoded", "finish_layer", "frames", "images", "keep_frame", "keep_images", "make_map", "maps", "only",
    "open_picture", "own", "read", "read_mask", "read_reduced", "read_region", "recipes", "remember",
    "select", "settle", "source", "sources", "use_map", "withdraw", "write_frame",
]  # fmt: skip
