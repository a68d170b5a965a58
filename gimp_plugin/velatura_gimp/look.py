"""What a procedure's arguments ask for, as the look of `velatura.editor`: GIMP keeps the values."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

from velatura.blob import Blob
from velatura.editor.look import Look
from velatura.errors import FieldError
from velatura.recipe import Recipe

from . import arguments, buffers, recipes

UNNAMED = "?"
"""Stands for a style that is not of the library, or not chosen yet."""


class AskedLook(Look):
    """A look that follows a dialog's values.

    Args:
        kind: of recipe.
        values: gives the arguments by name.

    Attributes:
        own: whether the style is a picture or layer of the person's own.
    """

    def __init__(self, kind: str, values: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._kind, self._values, self._told = kind, values, ""
        self._from_file = functools.lru_cache(maxsize=4)(lambda uri, file: buffers.style_of_file(file))
        self._from_layer = functools.lru_cache(maxsize=4)(lambda _id, layer: buffers.style_of_drawable(layer))
        self.follow()

    def follow(self) -> None:
        """The values have changed."""
        values = self._values()
        self.own = values.get("style-source", "library") != "library"
        names = UNNAMED if self.own else values.get("style") or UNNAMED, values.get("second-style")
        self.styles = tuple(filter(None, names))
        self.as_mask = values.get("output") == "new-layer-masked"
        pairs = values.get("pairs", "")
        if pairs != self._told:
            self._told = pairs
            with contextlib.suppress(FieldError):  # one that says it comes with the recipe
                self.pairs = arguments.pairs_of_text(pairs)
        self.shapes = values.get("shapes", "keep")
        self.backbone = values.get("backbone", "auto")

    def tell_pairs(self) -> str:
        """The pairs, which have changed, as the argument is to say them."""
        self._told = arguments.text_of_pairs(self.pairs)
        return self._told

    def recipe(self, kind: str, size: tuple[int, int] = (0, 0)) -> Recipe:
        order = recipes.order(kind, self._values(), size, self.picture, self.layer)
        self.pictures = order.pictures
        return order.recipe

    def picture(self, file: Any) -> Blob:
        """A style picture from a file, read once; raises `Refused`."""
        return self._from_file(file.get_uri(), file)

    def layer(self, layer: Any) -> Blob:
        """A style picture from a layer as it was when it was first asked for; raises `Refused`."""
        return self._from_layer(layer.get_id(), layer)
