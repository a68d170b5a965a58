"""`velatura upscale`: pictures 4 or 8 times as large."""

from __future__ import annotations

import typer
from velatura.recipe import Upscale

from .files import check_readable, plan
from .options import (
    Chosen,
    DeviceOption,
    ForceOption,
    InputsArgument,
    JsonOption,
    OutOption,
    RecipeOption,
    SkipOption,
    runs,
)
from .recipes import SourcedStyles, whole_recipe
from .work import run


def mount(app: typer.Typer) -> None:
    app.command()(upscale)


@runs(Upscale)
def upscale(
    chosen: Chosen,
    inputs: InputsArgument,
    out: OutOption,
    recipe: RecipeOption = None,
    device: DeviceOption = "",
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Enlarge pictures 4 or 8 times, with more detail than interpolation gives."""
    check_readable(recipe)
    whole = whole_recipe(Upscale, recipe, chosen, SourcedStyles({}, []))
    pairs = plan(inputs, out, force, skip=skip_existing)
    run(whole, pairs, lambda source: (whole, source, ()), json, device=device)
