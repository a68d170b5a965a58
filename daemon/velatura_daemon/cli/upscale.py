"""`velatura upscale`: pictures 4 or 8 times as large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura.recipe import Upscale, check_recipe

from .files import (
    READABLE,
    WRITABLE,
    check_readable,
    plan,
)
from .progress import JobBar
from .recipes import default, option, saved_recipe
from .stylize import (
    ForceOption,
    JsonOption,
    OutOption,
    RecipeOption,
    chosen_fields,
)
from .work import (
    Done,
    refuse_failures,
    report,
    run_batch,
)


def mount(app: typer.Typer) -> None:
    app.command()(upscale)


def upscale(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Pictures, folders, globs.")],
    out: OutOption,
    factor: Annotated[int, option(Upscale, "factor")] = default(Upscale, "factor"),
    strength: Annotated[float, option(Upscale, "strength")] = default(Upscale, "strength"),
    recipe: RecipeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Enlarge pictures 4 or 8 times, with more detail than interpolation gives."""
    check_readable(recipe)
    base = saved_recipe(recipe, Upscale) if recipe is not None else Upscale()
    whole = replace(base, **chosen_fields(context, Upscale, keep_color=False))
    check_recipe(whole)
    pairs = plan(inputs, out, force, READABLE, WRITABLE)
    with velatura.connect(client="velatura upscale") as client, JobBar(len(pairs)) as bar:

        def submit(source: Path, target: Path, priority: str) -> velatura.JobFuture:
            return client.submit(whole, source, priority=priority, out=target)

        results: list[Done] = []
        try:
            run_batch(pairs, submit, bar, results)
        finally:
            report(results, json)
    refuse_failures(results)
