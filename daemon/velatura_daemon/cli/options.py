"""The options of the commands that run a recipe: its fields, from the table, and what all of them share.

A command states its own parameters; `runs` adds an option for every field of the recipe, with default,
range and help as the recipe states them, and hands over those that were given. typer reads the signature
that this makes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
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
        help="Style: a NAME of the library or a picture FILE, with :WEIGHT for a blend. Repeat for more.",
        autocompletion=completion.styles,
    ),
]
MaskOption = Annotated[
    Path | None,
    typer.Option(help="Where, and how strongly: a gray picture of the content's size; white is in full."),
]
RegionOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--region", help="Where a style applies: a gray picture, one for each --style, in their order."
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
SkipOption = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out outputs that exist: go on with a batch.")
]
DeviceOption = Annotated[
    str, typer.Option(help="Where to compute, such as cpu or cuda:1; by default where the daemon chose.")
]
InputsArgument = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Pictures, folders, globs; - is standard input.")
]
OutOption = Annotated[
    str,
    typer.Option(
        "--out",
        "-o",
        help="A file for one picture, else a folder, where names and sub-folders stay; - is standard output.",
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
        @functools.wraps(command)
        def run(context: typer.Context, **given: Any) -> None:
            with piped({name: given[name] for name in parameters}) as own:
                command(_chosen(context, kind), **own)

        hints = get_type_hints(command, include_extras=True)
        _, *rest = inspect.signature(command).parameters.values()
        parameters = {p.name: p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY) for p in rest}
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
    if field.shown.off:
        name += f"/--{field.shown.off}"
    offered = completion.choice_of(field.options) if field.options else None
    return typer.Option("--" + name, help=words + ".", rich_help_panel=panel, autocompletion=offered)


def _parameter(field: Field) -> inspect.Parameter:
    if field.sort == "weights":
        return _keyword(field.name, Annotated[list[str] | None, option(field)], None)
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
