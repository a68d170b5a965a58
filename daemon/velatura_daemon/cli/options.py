"""The options of the commands that run a recipe: its fields, from the table, and what all of them share.

A command states its own parameters, several of them as the fields of a dataclass where commands share them;
`runs` adds an option for every field of the recipe, with default, range and help as the recipe states them,
and hands over those that were given. typer reads the signature that this makes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from velatura.errors import FieldError
from velatura.fields import Field, fields_of, lowered
from velatura.recipe import RecipeClass

from . import completion
from .pipes import piped
from .recipes import parse_layers

StyleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--style",
        "-s",
        help="Style: a NAME of the library, or the FILE of a picture or of a style (NAME.velatura), with"
        " :WEIGHT for a blend. Repeat for more.",
        autocompletion=completion.styles,
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", "-f", help="Overwrite outputs that exist.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON: output, seconds, recipe, record.")]
RecipeOption = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        help="Run this recipe: a JSON file, or a PNG that Velatura wrote. Other options change it.",
    ),
]

KEEP = typer.Option("--keep-color", help="Keep the colours: change lightness only.", rich_help_panel="Recipe")
LAYERS = "LAYER=WEIGHT, such as relu1_1=0.5; repeat. Layers not named are then not used"
PANELS = {"basic": "Recipe", "more": "Recipe: more", "expert": "Recipe: for experts"}

Chosen = dict[str, Any]
"""The recipe's fields that were given on the command line, unlike those at their defaults."""


def runs(kind: RecipeClass) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the command, which takes `chosen` first, as typer is to see it."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        parameters = _parameters(command)
        parameters.pop("chosen")

        @functools.wraps(command)
        def run(context: typer.Context, **given: Any) -> None:
            with piped({name: given[name] for name in parameters}) as own:
                command(_chosen(context, kind), **_gathered(command, own))

        every = [
            inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context),
            *parameters.values(),
            *(_parameter(f) for group in PANELS for f in fields_of(kind) if f.shown.group == group),
        ]
        if any(field.name == "color" for field in fields_of(kind)):
            every.append(_keyword("keep_color", Annotated[bool, KEEP], False))
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {p.name: p.annotation for p in every}
        return run

    return decorated


def _parameters(command: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """A command's own, those in dataclasses among them, as keywords."""
    hints, found = get_type_hints(command, include_extras=True), {}
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            found |= _parameters(hints[name])
        else:
            found[name] = parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY)
    return found


def _gathered(command: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as a command's parameters take it."""
    hints = get_type_hints(command, include_extras=True)
    return {
        name: hints[name](**{field.name: given[field.name] for field in fields(hints[name])})
        if is_dataclass(hints[name])
        else given[name]
        for name in inspect.signature(command).parameters
        if name != "chosen"
    }


def option(field: Field) -> Any:
    """The typer option of a field."""
    name, panel = field.name.replace("_", "-"), PANELS[field.shown.group]
    words = f"{field.label}: {lowered(field.help)}"
    if field.sort == "weights":
        return typer.Option("--" + name.removesuffix("s"), help=f"{words}. {LAYERS}.", rich_help_panel=panel)
    if field.range:
        words += f"; {field.range}"
    if field.options:
        words += f": {', '.join(map(str, field.options))}"
    words += "".join(f"; by default {value} with {name}" for name, value in field.instead.items())
    if field.shown.suits:
        words += "; by default what suits a picture's size, and 1 in videos"
    if field.shown.off:
        name += f"/--{field.shown.off}"
    offered = completion.choice_of(field.options) if field.options else None
    return typer.Option("--" + name, help=words + ".", rich_help_panel=panel, autocompletion=offered)


def _parameter(field: Field) -> inspect.Parameter:
    if field.sort == "weights":
        return _keyword(field.name, Annotated[list[str] | None, option(field)], None)
    if field.shown.suits:
        return _keyword(field.name, Annotated[type(field.default) | None, option(field)], None)
    return _keyword(field.name, Annotated[type(field.default), option(field)], field.default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _chosen(context: typer.Context, kind: RecipeClass) -> Chosen:
    """What was given.

    Raises:
        FieldError: for a layer's weight that is none, or a colour beside `--keep-color`.
    """
    given: Chosen = {}
    for field in fields_of(kind):
        source = context.get_parameter_source(field.name)
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[field.name]
        given[field.name] = parse_layers(value, field.name) if field.sort == "weights" else value
    if context.params.get("keep_color"):
        if given.get("color", "luminance") != "luminance":
            raise FieldError(
                "color", f"is {given['color']!r}, and --keep-color means luminance; give one of the two"
            )
        given["color"] = "luminance"
    return given
