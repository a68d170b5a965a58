"""A `Stylize` recipe at any quality: one pass of a network, or an optimisation that is steered as one.

`fine` and `finest` refine by the objective `neighbours`; what they give is still a `Stylize` result, whose
recipe says the quality that was chosen, and strength lays it over the content.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from velatura.recipe import Refine, Stylize

from .refine import refine
from .resources import Resources
from .sources import Sources
from .stylize import stylize
from .tasks import Event, Finished, Task

ITERATIONS = {"fine": 52, "finest": 160}
"""Loss evaluations, all scales together."""

PATIENCE = 15.0
"""Seconds that `auto` lets a picture take before it paints it in one pass."""


def paint(task: Task[Stylize], resources: Resources) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`."""
    recipe = task.recipe
    quality = chosen(task, resources) if recipe.quality == "auto" else recipe.quality
    if quality == "fast" or recipe.strength == 0:
        for event in stylize(task, resources):
            if isinstance(event, Finished):
                event = replace(event, recipe=replace(cast(Stylize, event.recipe), quality=quality))
            yield event
        return
    refined = cast("Task[Refine]", replace(task, recipe=refinement(recipe, quality)))
    for event in refine(refined, resources, recipe.strength):
        if isinstance(event, Finished):
            if task.checkpoint is None:
                pixels = event.layout.width * event.layout.height * ITERATIONS[quality]
                resources.seconds_per_pixel = event.record["seconds"] / pixels
            ran = replace(recipe, quality=quality, backbone=cast(Refine, event.recipe).backbone)
            event = replace(event, recipe=ran)
        yield event


def chosen(task: Task[Stylize], resources: Resources) -> str:
    """What `auto` is: fine where all styles have pictures and it takes at most `PATIENCE`, by the time
    that the last one took here."""
    sources = Sources(task, resources)
    if task.recipe.method != "auto" or not all(map(sources.has_picture, task.recipe.styles)):
        return "fast"
    assert task.content is not None  # the engine has asked the recipe's facts
    layout = task.content.layout
    seconds = layout.width * layout.height * ITERATIONS["fine"] * resources.seconds_per_pixel
    return "fine" if seconds <= PATIENCE else "fast"


def refinement(recipe: Stylize, quality: str) -> Refine:
    """The refinement that a quality stands for: `fine` sees with the embedded network, which is the quicker,
    `finest` with the best at hand."""
    backbone = "slim" if quality == "fine" and recipe.backbone == "auto" else recipe.backbone
    return Refine(
        recipe.styles,
        objective="neighbours",
        iterations=ITERATIONS[quality],
        scale=recipe.scale,
        color=recipe.color,
        backbone=backbone,
    )
