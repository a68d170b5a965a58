"""The arguments of the procedures: what GIMP's procedure browser documents, the dialog shows, scripts set.

Ranges and defaults are the recipe's own, read from its dataclasses. GIMP itself replaces a number out of
range by the default and only warns; what it lets through is checked again with the recipe.
"""

from __future__ import annotations

import dataclasses

from gi.repository import Gimp, GObject
from velatura.editor.i18n import _
from velatura.recipe import (
    BACKBONES,
    METHODS,
    Refine,
    Stylize,
    Texture,
)

STYLE_SOURCES = ("auto", "library", "picture", "layer")
READ_WRITE = GObject.ParamFlags.READWRITE


def add_all(procedure: Gimp.Procedure, kind: str) -> None:
    """Declares every argument and return value of a procedure.

    Args:
        procedure: just made.
        kind: `stylize`, `refine`, `texture` or `restyle`.
    """
    add = _Adder(procedure)
    if kind == "restyle":
        add.text("recipe", _("_Recipe"), _("Recipe as JSON; empty takes the one that the layer carries"))
    else:
        _add_style(add)
        {"stylize": _add_stylize, "refine": _add_refine, "texture": _add_texture}[kind](add)
    _add_output(add)
    procedure.add_layer_return_value(
        "layer", _("Layer"), _("The layer that holds the result"), False, READ_WRITE
    )
    procedure.add_string_return_value(
        "result-recipe", _("Recipe"), _("The recipe as it ran, as JSON"), "", READ_WRITE
    )


def _add_style(add: _Adder) -> None:
    add.text("style", _("_Style"), _("Name in Velatura's style library, such as mosaic"))
    add.choice(
        "style-source", _("Style _from"), _("Where the style comes from"),
        {
            "auto": (_("What is given"), _("The layer if one is given, else the picture, else the name")),
            "library": (_("Library"), _("The style named in 'style'")),
            "picture": (_("Picture"), _("The file 'style-picture'")),
            "layer": (_("Layer"), _("The drawable 'style-drawable'")),
        },
        "auto",
    )  # fmt: skip
    add.procedure.add_file_argument(
        "style-picture", _("P_icture"), _("A picture file to take the style from"),
        Gimp.FileChooserAction.OPEN, True, None, READ_WRITE,
    )  # fmt: skip
    add.procedure.add_drawable_argument(
        "style-drawable", _("L_ayer"), _("A layer to take the style from"), True, READ_WRITE
    )
    add.text("second-style", _("Second st_yle"), _("Name of a style to mix in; empty for none"))
    add.double("mix", _("Mi_x"), _("Share of the second style, 0 to 1"), 0.0, 1.0, 0.5)
    add.number("stroke-size", _("Stroke si_ze"), _("How large the style's features appear"), Stylize, "scale")


def _add_color(add: _Adder) -> None:
    add.choice(
        "color", _("_Keep colours"), _("Whose colours the result has"),
        {
            "style": (_("No, take the style's"), _("Colours come from the style")),
            "luminance": (_("Yes, change lightness only"), _("Colours stay; only lightness is restyled")),
            "statistics": (_("Yes, fit the style to them"), _("The style's colours are fitted to yours")),
        },
        "style",
    )  # fmt: skip


def _add_backbone(add: _Adder) -> None:
    words = {
        "auto": (_("Automatic"), _("VGG-19 for refining and textures once it is downloaded, else Slim")),
        "slim": (_("Slim"), _("Small and fast, always there")),
        "vgg19": (_("VGG-19"), _("The published network; its weights are downloaded on request")),
        "vgg19-imagenet": (
            _("VGG-19 (ImageNet)"),
            _("Refine and texture only; its weights are downloaded on request"),
        ),
    }
    options = {b: words.get(b, (b, "")) for b in BACKBONES}
    add.choice("backbone", _("_Backbone"), _("Which encoder sees"), options, "auto")


def _add_stylize(add: _Adder) -> None:
    _add_color(add)
    add.number("strength", _("S_trength"), _("0 gives the original, 1 the full style"), Stylize, "strength")
    words = {
        "auto": (_("Automatic"), _("The best that the backbone has")),
        "adain": ("AdaIN", _("As published")),
        "adain-skip": (_("AdaIN, sharper"), _("Keeps fine detail of the content")),
        "wct": (_("Whitening and colouring"), _("Free and bold, in five passes from coarse to fine")),
        "style-swap": (_("Style patches"), _("Lays the style's own patches; needs its picture")),
        "multi": (_("Many styles, one network"), _("Fastest; knows its own styles only")),
        "fast": (_("One network, one style"), _("Networks trained for one painting, such as yours")),
        "multimodal": (_("Coarse to fine"), _("Three networks trained for one painting")),
    }
    add.choice(
        "method", _("Metho_d"), _("Which network"), {m: words.get(m, (m, "")) for m in METHODS}, "auto"
    )
    _add_backbone(add)


def _add_optimised(add: _Adder, cls: type) -> None:
    add.number("iterations", _("I_terations"), _("Steps; more take longer"), cls, "iterations")
    add.number("smoothness", _("Smooth_ness"), _("Weight of total variation"), cls, "tv_weight", 10.0)
    add.choice(
        "optimizer", _("O_ptimiser"), _("Which optimiser"),
        {"adam": ("Adam", _("Steady, little memory")), "lbfgs": ("L-BFGS", _("Often better, more memory"))},
        "adam",
    )  # fmt: skip
    add.number(
        "levels", _("_Fine levels"), _("Coarse-to-fine levels; more make larger features"), cls, "levels"
    )
    add.number("seed", _("See_d"), _("Of the noise; the same seed gives the same result"), cls, "seed")
    _add_backbone(add)


def _add_refine(add: _Adder) -> None:
    _add_color(add)
    words = _("How much the drawing is kept")
    add.number("content-weight", _("Content _weight"), words, Refine, "content_weight", 100.0)
    words = _("How strongly the style is sought")
    add.number("style-weight", _("Style wei_ght"), words, Refine, "style_weight", 10000.0)
    add.choice(
        "start", _("Start fro_m"), _("Where the optimisation begins"),
        {
            "content": (_("The layer"), _("Keeps the drawing best")),
            "stylized": (_("The stylized layer"), _("Fastest to a strong style")),
            "noise": (_("Noise"), _("Freest")),
        },
        "content",
    )  # fmt: skip
    _add_optimised(add, Refine)


def _add_texture(add: _Adder) -> None:
    size = _("in pixels; 0 takes the selection's or layer's")
    high = _bounds(Texture, "width")[1]
    add.integer("width", _("_Width"), _("Width of the texture") + ", " + size, 0, int(high), 0)
    add.integer("height", _("Hei_ght"), _("Height of the texture") + ", " + size, 0, int(high), 0)
    add.flag("tileable", _("Til_eable"), _("The texture repeats without a seam"), False)
    _add_optimised(add, Texture)


def _add_output(add: _Adder) -> None:
    add.choice(
        "output", _("Outp_ut"), _("Where the result goes; a selection limits it, softly where it is soft"),
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


def _bounds(cls: type, name: str) -> tuple[float, float, float]:
    field = next(f for f in dataclasses.fields(cls) if f.name == name)
    return field.metadata["low"], field.metadata["high"], field.default  # type: ignore[return-value]  # ranged fields have all


class _Adder:
    """Shorthands for one procedure's arguments."""

    def __init__(self, procedure: Gimp.Procedure) -> None:
        self.procedure = procedure

    def text(self, name: str, label: str, blurb: str) -> None:
        self.procedure.add_string_argument(name, label, blurb, "", READ_WRITE)

    def flag(self, name: str, label: str, blurb: str, default: bool) -> None:
        self.procedure.add_boolean_argument(name, label, blurb, default, READ_WRITE)

    def double(self, name: str, label: str, blurb: str, low: float, high: float, default: float) -> None:
        self.procedure.add_double_argument(name, label, blurb, low, high, default, READ_WRITE)

    def integer(self, name: str, label: str, blurb: str, low: int, high: int, default: int) -> None:
        self.procedure.add_int_argument(name, label, blurb, low, high, default, READ_WRITE)

    def number(self, name: str, label: str, blurb: str, cls: type, field: str, most: float = 0) -> None:
        """A number with the recipe's own range and default; `most` lowers the top to what a slider shows."""
        low, high, default = _bounds(cls, field)
        high = min(high, most) if most else high
        blurb = f"{blurb} ({low:g} – {high:g})"
        if isinstance(default, int):
            self.integer(name, label, blurb, int(low), int(high), default)
        else:
            self.double(name, label, blurb, low, high, default)

    def choice(
        self, name: str, label: str, blurb: str, options: dict[str, tuple[str, str]], default: str
    ) -> None:
        choice = Gimp.Choice.new()
        for i, (nick, (words, help_words)) in enumerate(options.items()):
            choice.add(nick, i, words, help_words)
        self.procedure.add_choice_argument(name, label, blurb, choice, default, READ_WRITE)
