"""`velatura stylize`: one feed-forward pass for a picture, or for folders of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer
import velatura
from velatura.recipe import Stylize

from .files import check_readable, plan
from .options import (
    Chosen,
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
from .progress import JobBar
from .recipes import SourcedStyles, parse_styles, whole_recipe
from .work import (
    Done,
    refuse_failures,
    report,
    run_batch,
)


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
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Paint pictures in a style, in one pass."""
    check_readable(recipe, mask, *(region or []))
    sourced = SourcedStyles(parse_styles(style or []), region or [])
    whole = whole_recipe(Stylize, recipe, chosen, sourced)
    pairs = plan(inputs, out, force, skip=skip_existing)
    sourced.load()
    with velatura.connect(client="velatura stylize") as client, JobBar(len(pairs)) as bar:

        def submit(source: Path | None, target: Path, priority: str) -> velatura.JobFuture:
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
