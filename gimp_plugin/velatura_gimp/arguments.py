"""The arguments of the procedures: what GIMP's procedure browser documents, the dialog shows, scripts set.

A kind of job has the arguments that the table of fields gives it, with the recipe's ranges and defaults;
where the style comes from and where the result goes are GIMP's own. GIMP itself replaces a number out of
range by the default and only warns; what it lets through is checked again with the recipe.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gi.repository import Gimp, GObject
from velatura.editor.i18n import _
from velatura.errors import FieldError
from velatura.fields import Field, adjustable
from velatura.pairs import Pair, as_map, pairs_of
from velatura.recipe import RECIPES, Recipe, settled

READ_WRITE = GObject.ParamFlags.READWRITE

GROUPS = ("basic", "more", "expert")

FINE = (10_000, 10_000)
"""The size of pictures in which the places of pairs are told to a share of a pixel."""

MASKS = ("style-mask", "second-mask")
"""What says where each of the two styles is painted."""

TAKEN = "chorvk"
"""Letters that the dialog's buttons, and its own boxes, are reached by."""


def add_all(procedure: Gimp.Procedure, kind: str, **starts: str) -> None:
    """Declares every argument and return value of a procedure.

    Args:
        procedure: just made.
        kind: of recipe, or `restyle`.
        starts: choices that it begins with instead of the field's.
    """
    cls = RECIPES.get(kind)
    fields = adjustable(cls) if cls else ()
    add = _Adder(procedure, fields, starts)
    if cls is None:
        add.text("recipe", _("Recipe"), _("Recipe as JSON; empty takes the one that the layer carries"))
    elif cls.FACTS.styles:
        _add_style(add, cls.FACTS.mask)
    for field in fields:
        add.field(field)
    if cls and cls.FACTS.pairs:
        add.text(
            "pairs", _("Pairs"), _("Places that shapes go by, as JSON, as “velatura keypoints” writes them")
        )
    if cls is None or cls.FACTS.placed == "layer":
        _add_output(add)
    procedure.add_layer_return_value(
        "layer", _("Layer"), _("The layer that holds the result"), False, READ_WRITE
    )
    procedure.add_string_return_value(
        "result-recipe", _("Recipe"), _("The recipe as it ran, as JSON"), "", READ_WRITE
    )


def told(field: Field, value: Any) -> Any:
    """A field's argument from its value, the inverse of `value_of`."""
    return str(value) if field.sort == "choice" else value


def value_of(field: Field, value: Any) -> Any:
    """A field's value from its argument, which has choices as texts."""
    return type(field.default)(value) if field.sort == "choice" else value


def values_from(recipe: Recipe) -> dict[str, Any]:
    """The arguments, by name, that stand for a recipe's fields."""
    values, whole = {}, settled(recipe)
    for field in adjustable(type(recipe)):
        value = getattr(whole, field.name)
        values[field.argument] = told(field, value)
    if recipe.FACTS.pairs:
        values["pairs"] = text_of_pairs(recipe.pairs)  # type: ignore[union-attr]  # a kind that heeds any
    return values


def pairs_of_text(text: str) -> tuple[Pair, ...]:
    """The pairs in JSON such as a file holds; none in an empty text. Raises `FieldError`."""
    try:
        return pairs_of(json.loads(text), "pairs") if text else ()
    except ValueError as error:
        raise FieldError("pairs", f"is not JSON: {error}") from error


def text_of_pairs(pairs: Sequence[Pair]) -> str:
    """The inverse, in pixels of pictures that are as large as this needs."""
    return json.dumps(as_map(pairs, FINE, FINE)) if pairs else ""


def _add_style(add: _Adder, masked: bool) -> None:
    add.text("style", _("Style"), _("Name in Velatura's style library, such as mosaic"))
    add.choice(
        "style-source", _("Style from"), _("Where the style comes from"),
        {
            "auto": (_("What is given"), _("The layer if one is given, else the picture, else the name")),
            "library": (_("Library"), _("The style named in 'style'")),
            "picture": (_("Picture"), _("The file 'style-picture'")),
            "layer": (_("Layer"), _("The drawable 'style-drawable'")),
        },
        "auto",
    )  # fmt: skip
    add.procedure.add_file_argument(
        "style-picture", add.reachable(_("Picture")), _("A picture file to take the style from"),
        Gimp.FileChooserAction.OPEN, True, None, READ_WRITE,
    )  # fmt: skip
    add.procedure.add_drawable_argument(
        "style-drawable", add.reachable(_("Layer")), _("A layer to take the style from"), True, READ_WRITE
    )
    add.text("second-style", add.reachable(_("Second style")), _("Name of a style to mix in; empty for none"))
    add.procedure.add_double_argument(
        "mix", add.reachable(_("Mix")), _("Share of the second style, 0 to 1"), 0.0, 1.0, 0.5, READ_WRITE
    )
    labels = (_("Where the first"), _("Where the second"))
    for name, label in zip(MASKS, labels, strict=True) if masked else ():
        blurb = _("A layer or channel that is white where this style is painted; none is everywhere")
        add.procedure.add_drawable_argument(name, add.reachable(label), blurb, True, READ_WRITE)


def _add_output(add: _Adder) -> None:
    add.choice(
        "output", add.reachable(_("Output")),
        _("Where the result goes; a selection limits it, softly where it is soft"),
        {
            "new-layer": (_("New layer"), _("A new layer above, cut to the selection")),
            "new-layer-masked": (
                _("New layer with mask"),
                _("A new layer above whose layer mask is the selection, to be edited later"),
            ),
            "in-place": (_("In place"), _("The layer itself is changed")),
        },
        "new-layer",
    )  # fmt: skip


class _Adder:
    """Shorthands for one procedure's arguments."""

    def __init__(self, procedure: Gimp.Procedure, fields: Sequence[Field], starts: Mapping[str, str]) -> None:
        self.procedure, self._starts = procedure, starts
        self._letters = set(TAKEN)
        often = sorted(fields, key=lambda field: GROUPS.index(field.shown.group))
        self._labels = {field.name: self.reachable(_(field.label)) for field in often}

    def reachable(self, label: str) -> str:
        """A label with an underscore before the letter that reaches it, one that no other label has."""
        for i, letter in enumerate(label.lower()):
            if letter.isalpha() and letter not in self._letters:
                self._letters.add(letter)
                return f"{label[:i]}_{label[i:]}"
        return label

    def field(self, field: Field) -> None:
        """A recipe's field."""
        name, label, blurb = field.argument, self._labels[field.name], _(field.help)
        if field.sort == "choice":
            options = {str(n): (_(o.label), _(o.help) or _(o.label)) for n, o in field.options.items()}
            self.choice(name, label, blurb, options, str(self._starts.get(name, field.start)))
            return
        if field.sort == "flag":
            self.procedure.add_boolean_argument(name, label, blurb, field.start, READ_WRITE)
            return
        blurb = f"{blurb} ({field.range})"
        low, default = field.low, field.start
        if field.shown.fits:
            blurb = _("{what}; 0 takes the selection's or layer's", what=blurb)
            low = 0
        if field.shown.suits:
            blurb = _("{what}; 0 takes what suits the size of the selection or layer", what=blurb)
            low = default = 0
        if field.sort == "whole":
            self.procedure.add_int_argument(
                name, label, blurb, int(low), int(field.high), default, READ_WRITE
            )
        else:
            self.procedure.add_double_argument(name, label, blurb, low, field.high, default, READ_WRITE)

    def text(self, name: str, label: str, blurb: str) -> None:
        self.procedure.add_string_argument(name, label, blurb, "", READ_WRITE)

    def choice(
        self, name: str, label: str, blurb: str, options: dict[str, tuple[str, str]], default: str
    ) -> None:
        choice = Gimp.Choice.new()
        for i, (nick, (words, help_words)) in enumerate(options.items()):
            choice.add(nick, i, words, help_words)
        self.procedure.add_choice_argument(name, label, blurb, choice, default, READ_WRITE)
