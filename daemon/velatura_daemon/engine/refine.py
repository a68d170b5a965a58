"""A refinement: the content's pixels optimised towards the styles, inside the mask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from torch import Tensor
from velatura.recipe import Refine, Stylize, settled
from velatura_models.optimise.neighbours import Neighbours
from velatura_models.optimise.objective import Objective
from velatura_models.optimise.problem import Problem
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.strotss import Strotss

from .compose import Written, read_canvas
from .keypoints import deforming, shares_of, with_pairs
from .optimising import Walk, gram, options_of, prepare
from .resources import Resources
from .result import finished
from .stylize import stylized
from .tasks import EngineTask, Event


def refine(task: EngineTask[Refine], resources: Resources, strength: float = 1.0) -> Iterator[Event]:
    """Runs a `Refine` recipe; see `tasks.Engine.run`.

    With `preview_every`, `preview_side` bounds the previews and the result is of full size; without,
    it bounds the result, as for other jobs. `strength` lays what is made over the content.
    """
    began = time.perf_counter()
    canvas = yield from read_canvas(task, resources.store, 0 if task.preview_every else task.preview_side)
    yield None
    recipe = settled(task.recipe)
    if recipe.shapes == "only":
        recipe = replace(recipe, init="content")  # what is bent is the picture itself
    task = replace(task, recipe=recipe)
    objective = OBJECTIVES[recipe.objective](recipe)
    objective = objective if recipe.shapes == "keep" else deforming(recipe, objective)
    options = options_of(recipe, objective, recipe.init, recipe.color)
    job = prepare(task, resources, options, canvas.size, canvas)
    yield None
    if (why := canvas.unpaintable([style.mask for style in job.styles])) is not None:
        same, spent = canvas.unchanged(task.output), time.perf_counter() - began
        yield finished(canvas.layout, same, job.recipe, job.loader, spent, (*job.notes, *why))
        return
    if recipe.shapes != "keep":
        job = yield from with_pairs(job, canvas.picture.rgb)
    start = None
    if job.recipe.init == "stylized":
        assert task.content is not None  # the engine has asked the recipe's facts
        first = Stylize(task.recipe.styles, scale=task.recipe.scale, color=task.recipe.color)
        start = yield from stylized(task, first, task.content, resources, job.loader, max(canvas.size))
    problem = Problem(canvas.size, job.styles, canvas.picture.rgb, canvas.counts, start)
    small = canvas.smaller(task.preview_side)

    def begin(checkpoint: Mapping[str, Tensor] | None) -> Refinement:
        return Refinement(job.encoder, problem, job.options, checkpoint)

    def show(walk: Refinement, preview: bool) -> Written:
        where = small if preview else canvas
        made = walk.picture(where.size)
        if strength < 1:
            made = where.picture.rgb + strength * (made - where.picture.rgb)
        return where.write(made, task.output)

    yield from Walk(task, resources, job, begin, show).run()


OBJECTIVES: Mapping[str, Callable[[Refine], Objective]] = {
    "gram": lambda recipe: gram(
        recipe,
        content_weight=recipe.content_weight,
        style_weight=recipe.style_weight,
        content_layers=dict(recipe.content_layers),
    ),
    "neighbours": lambda recipe: Neighbours(
        statistics_weight=recipe.statistics_weight,
        content_weight=recipe.content_weight,
        tv_weight=recipe.tv_weight,
    ),
    "strotss": lambda recipe: Strotss(
        recipe.content_weight, recipe.tv_weight, shares_of(recipe) if recipe.shapes == "keep" else ()
    ),
}
"""Objectives by the recipe's names for them."""
