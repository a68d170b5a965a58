"""`velatura upscale`: pictures 4 or 8 times as large."""

from __future__ import annotations

from pathlib import Path

import typer
import velatura
from velatura.recipe import Upscale

from .files import check_readable, plan
from .options import (
    Chosen,
    ForceOption,
    InputsArgument,
    JsonOption,
    OutOption,
    RecipeOption,
    SkipOption,
    runs,
)
from .progress import JobBar
from .recipes import SourcedStyles, whole_recipe
from .work import (
    Done,
    refuse_failures,
    report,
    run_batch,
)


def mount(app: typer.Typer) -> None:
    app.command()(upscale)


@runs(Upscale)
def upscale(
    chosen: Chosen,
    inputs: InputsArgument,
    out: OutOption,
    recipe: RecipeOption = None,
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Enlarge pictures 4 or 8 times, with more detail than interpolation gives."""
    check_readable(recipe)
    whole = whole_recipe(Upscale, recipe, chosen, SourcedStyles({}, []))
    pairs = plan(inputs, out, force, skip=skip_existing)
    with velatura.connect(client="velatura upscale") as client, JobBar(len(pairs)) as bar:

        def submit(source: Path | None, target: Path, priority: str) -> velatura.JobFuture:
            return client.submit(whole, source, priority=priority, out=target)

        results: list[Done] = []
        try:
            run_batch(pairs, submit, bar, results)
        finally:
            report(results, json)
    refuse_failures(results)
