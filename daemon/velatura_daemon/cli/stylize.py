"""`velatura stylize`: one feed-forward pass for a picture, or for folders of them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer
import velatura
from velatura.errors import FieldError
from velatura.recipe import Stylize, check_recipe

from .files import (
    READABLE,
    WRITABLE,
    check_readable,
    plan,
)
from .progress import JobBar
from .recipes import (
    STYLE_HELP,
    SourcedStyles,
    default,
    option,
    parse_styles,
    saved_recipe,
)
from .work import (
    Done,
    refuse_failures,
    report,
    run_batch,
)

StyleOption = Annotated[list[str] | None, typer.Option("--style", "-s", help=STYLE_HELP)]
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
KeepOption = Annotated[bool, typer.Option("--keep-color", help="Keep the colours: change lightness only.")]
ForceOption = Annotated[bool, typer.Option("--force", "-f", help="Overwrite outputs that exist.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON: output, seconds, recipe, record.")]
RecipeOption = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        help="Run this recipe: a JSON file, or a PNG that Velatura wrote. Other options change it.",
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        "--out", "-o", help="A file for one picture, else a folder: outputs keep names and sub-folders."
    ),
]


def mount(app: typer.Typer) -> None:
    app.command()(stylize)


def stylize(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Pictures, folders, globs.")],
    out: OutOption,
    style: StyleOption = None,
    strength: Annotated[float, option(Stylize, "strength")] = default(Stylize, "strength"),
    mask: MaskOption = None,
    region: RegionOption = None,
    keep_color: KeepOption = False,
    color: Annotated[str, option(Stylize, "color")] = default(Stylize, "color"),
    scale: Annotated[float, option(Stylize, "scale")] = default(Stylize, "scale"),
    method: Annotated[str, option(Stylize, "method")] = default(Stylize, "method"),
    backbone: Annotated[str, option(Stylize, "backbone")] = default(Stylize, "backbone"),
    residual: Annotated[
        bool,
        typer.Option(
            "--residual/--published",
            help="Make strength 0 exact, or give the published T(c, s, strength).",
        ),
    ] = default(Stylize, "residual"),
    exact: Annotated[
        bool,
        typer.Option(
            "--exact/--thumbnail",
            help="On pictures in several tiles, for multi, fast and multimodal: statistics of the whole"
            " (slow) or of a thumbnail.",
        ),
    ] = default(Stylize, "exact"),
    recipe: RecipeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Paint pictures in a style, in one pass."""
    check_readable(recipe, mask, *(region or []))
    sourced = SourcedStyles(parse_styles(style or []), region or [])
    chosen = chosen_fields(context, Stylize, keep_color)
    whole = whole_recipe(Stylize, recipe, chosen, sourced)
    pairs = plan(inputs, out, force, READABLE, WRITABLE)
    sourced.load()
    with velatura.connect(client="velatura stylize") as client, JobBar(len(pairs)) as bar:

        def submit(source: Path, target: Path, priority: str) -> velatura.JobFuture:
            from velatura.pictures import images

            pixels = images.read(source)
            styles, pictures = sourced.of(pixels)
            ready = replace(whole, styles=styles) if styles else whole
            return client.submit(ready, pixels, mask, priority=priority, out=target, pictures=pictures)

        results: list[Done] = []
        try:
            run_batch(pairs, submit, bar, results)
        finally:
            report(results, json)
    refuse_failures(results)


def chosen_fields(context: Any, kind: type, keep_color: bool) -> dict[str, Any]:
    """The recipe's fields that were given on the command line, unlike those at their defaults."""
    given = {
        f.name: context.params[f.name]
        for f in fields(kind)
        if f.name in context.params and context.get_parameter_source(f.name).name == "COMMANDLINE"
    }
    if keep_color:
        if given.get("color", "luminance") != "luminance":
            raise FieldError(
                "color", f"is {given['color']!r}, and --keep-color means luminance; give one of the two"
            )
        given["color"] = "luminance"
    return given


def whole_recipe(kind: type, saved: Path | None, chosen: dict[str, Any], sourced: SourcedStyles) -> Any:
    """The recipe to run, checked, with stand-ins for styles that are pictures.

    Raises:
        FieldError: out of range; a saved recipe of another kind; or no style at all.
    """
    base = saved_recipe(saved, kind) if saved is not None else None
    if base is None:
        if not sourced:
            raise FieldError("styles", "is empty; give at least one --style NAME or FILE")
        made = kind(styles=sourced.stand_ins(), **chosen)
    else:
        made = replace(base, **chosen, **({"styles": sourced.stand_ins()} if sourced else {}))
    check_recipe(made)
    return made
