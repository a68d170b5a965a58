"""`velatura stylize`: a picture painted in a style, or folders of them."""

from __future__ import annotations

import typer
from velatura.recipe import Stylize

from .files import check_readable, plan
from .options import (
    Chosen,
    DeviceOption,
    ForceOption,
    InputsArgument,
    JsonOption,
    MaskOption,
    OutOption,
    RecipeOption,
    RegionOption,
    SkipOption,
    StyleOption,
    runs,
)
from .recipes import SourcedStyles, parse_styles, whole_recipe
from .work import run, styled


def mount(app: typer.Typer) -> None:
    app.command()(stylize)


@runs(Stylize)
def stylize(
    chosen: Chosen,
    inputs: InputsArgument,
    out: OutOption,
    style: StyleOption = None,
    mask: MaskOption = None,
    region: RegionOption = None,
    recipe: RecipeOption = None,
    device: DeviceOption = "",
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Paint pictures in a style, in one pass."""
    check_readable(recipe, mask, *(region or []))
    sourced = SourcedStyles(parse_styles(style or []), region or [])
    whole = whole_recipe(Stylize, recipe, chosen, sourced)
    pairs = plan(inputs, out, force, skip=skip_existing)
    run(whole, pairs, styled(whole, sourced), json, mask, device=device)
