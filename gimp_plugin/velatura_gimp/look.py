"""What a procedure's arguments ask for, as the look of `velatura.editor`: GIMP keeps the values."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from velatura.blob import Blob
from velatura.editor.i18n import _
from velatura.editor.look import Look, setting
from velatura.editor.paper import Refused
from velatura.editor.regions import known_as
from velatura.errors import FieldError
from velatura.fields import Field, adjustable
from velatura.recipe import RECIPES, Recipe, Style

from . import arguments, buffers, notes
from .recipes import Commission

UNNAMED = "?"
"""Stands for a style that is not of the library, or not chosen yet."""

Own = tuple[Blob, str]
"""A picture of the person's own, and where it came from; see `notes`."""


class AskedLook(Look):
    """A look that follows arguments.

    Args:
        kind: of recipe.
        values: gives the arguments by name.

    Attributes:
        own: whether the style is a picture or layer of the person's own.
        fields: what can be set, by what a look calls it.
    """

    style_weight: float = 0.0  # type: ignore[assignment]  # has a slider of its own here

    def __init__(self, kind: str, values: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._cls, self._values, self._told = RECIPES[kind], values, ""
        self._mixed: tuple[Style, ...] = ()
        self.fields: dict[str, Field] = {setting(self._cls, f): f for f in adjustable(self._cls)}
        self._from_file = functools.lru_cache(maxsize=4)(lambda uri, file: buffers.style_of_file(file))
        self._from_layer = functools.lru_cache(maxsize=4)(lambda _id, layer: buffers.style_of_drawable(layer))
        self.follow()

    def follow(self) -> None:
        """The values have changed."""
        values = self._values()
        self.own = values.get("style-source", "library") != "library"
        names = UNNAMED if self.own else values.get("style") or UNNAMED, values.get("second-style")
        self.styles = tuple(filter(None, names)) if self._cls.FACTS.styles else ()
        self.as_mask = values.get("output") == "new-layer-masked"
        for name, field in self.fields.items():
            setattr(self, name, arguments.value_of(field, values[field.argument]))
        pairs = values.get("pairs", "")
        if pairs != self._told:
            self._told = pairs
            with contextlib.suppress(FieldError):  # one that says it comes with the recipe
                self.pairs = arguments.pairs_of_text(pairs)

    def tell_pairs(self) -> str:
        """The pairs, which have changed, as the argument is to say them."""
        self._told = arguments.text_of_pairs(self.pairs)
        return self._told

    def recipe(self, kind: str, size: tuple[int, int] = (0, 0)) -> Recipe:
        return self.order(size).recipe

    def order(self, size: tuple[int, int]) -> Commission:
        """What the arguments ask for.

        Args:
            size: width and height of what is worked on, for fields that are taken from it unless given.

        Raises:
            Refused: no style is named, or its file or layer is gone.
            FieldError: a value out of range.
        """
        values, owned = self._values(), None
        if self._cls.FACTS.pairs:
            arguments.pairs_of_text(values["pairs"])
        if self._cls.FACTS.styles:
            self._mixed, owned = self._styles(values)
        self.pictures = (owned[0],) if owned else ()
        origins = {owned[0].digest: owned[1]} if owned else {}
        return Commission(super().recipe(self._cls.KIND, size), self.pictures, origins, self.regions())

    def varied(self, **settings: Any) -> Look:
        changed = {
            f.argument: arguments.told(f, settings[n]) for n, f in self.fields.items() if n in settings
        }
        values = {**self._values(), **changed}
        other = AskedLook(self._cls.KIND, lambda: values)
        other._from_file, other._from_layer = self._from_file, self._from_layer
        return other

    def regions(self) -> tuple[tuple[str, str], ...]:
        """What says where each style is painted, as a `Source` has it."""
        values = self._values()
        given = [values.get(name) for name in arguments.MASKS]
        if not any(given):
            return ()
        try:
            styles, _owned = self._styles(values)
        except Refused:
            return ()
        pairs = zip(styles, given, strict=False)
        return tuple((known_as(style), str(mask.get_id())) for style, mask in pairs if mask is not None)

    def _mix(self) -> tuple[Style, ...]:
        return self._mixed

    def _styles(self, values: Mapping[str, Any]) -> tuple[tuple[Style, ...], Own | None]:
        """The styles that are named, and the picture of the first where it is of the person's own."""
        source = values["style-source"]
        if source == "auto":
            given = (("layer", "style-drawable"), ("picture", "style-picture"))
            source = next((name for name, argument in given if values[argument] is not None), "library")
        owned = None
        if source == "layer":
            if values["style-drawable"] is None:
                raise Refused(_("No layer is chosen to take the style from, or it is gone; choose one."))
            owned = self.layer(values["style-drawable"]), notes.name_of(values["style-drawable"])
        elif source == "picture":
            if values["style-picture"] is None:
                raise Refused(_("No style picture is chosen; choose a file."))
            owned = self.picture(values["style-picture"]), values["style-picture"].get_uri()
        elif not values["style"]:
            raise Refused(_("No style is chosen: name one of the library, or give a picture or layer."))
        first = Style(digest=owned[0].hash_whole()) if owned else Style(name=values["style"])
        if not values["second-style"]:
            return (first,), owned
        mix = round(values["mix"], 4)
        return (replace(first, weight=1 - mix), Style(name=values["second-style"], weight=mix)), owned

    def picture(self, file: Any) -> Blob:
        """A style picture from a file, read once; raises `Refused`."""
        return self._from_file(file.get_uri(), file)

    def layer(self, layer: Any) -> Blob:
        """A style picture from a layer as it was when it was first asked for; raises `Refused`."""
        return self._from_layer(layer.get_id(), layer)
