"""Which runner runs which kind of recipe: the one table. A runner is a generator, see `tasks.Engine.run`.

A `Stylize` recipe is one pass of a network or, at quality `fine` and `finest`, an optimisation that is
steered as one: what that gives is still a `Stylize` result, whose recipe says the quality that was chosen;
strength lays it over the content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from velatura.effort import PATIENCE
from velatura.recipe import Keypoints, Learn, Recipe, Refine, Stylize, Texture, Upscale

from .keypoints import keypoints
from .learn import learn
from .refine import refine
from .resources import Resources
from .sources import Sources
from .stylize import stylize
from .tasks import Event, Finished, Task
from .texture import texture
from .upscale import upscale

Runner = Callable[[Task[Any], Resources], Iterator[Event]]


def paint(task: Task[Stylize], resources: Resources) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`."""
    recipe = task.recipe
    quality = recipe.quality
    if recipe.strength == 0:  # there is nothing to take pains over, whatever was asked for
        quality = "fast"
    elif quality == "auto":
        quality = chosen(task, resources)
    if quality == "fast":
        for event in stylize(task, resources):
            if isinstance(event, Finished):
                event = replace(event, recipe=replace(cast(Stylize, event.recipe), quality=quality))
            yield event
        return
    refined = cast("Task[Refine]", replace(task, recipe=refinement(recipe, quality)))
    for event in refine(refined, resources, recipe.strength):
        if isinstance(event, Finished):
            ran = cast(Refine, event.recipe)
            painted = replace(recipe, quality=quality, backbone=ran.backbone, networks=ran.networks)
            event = replace(event, recipe=painted)
        yield event


def chosen(task: Task[Stylize], resources: Resources) -> str:
    """What `auto` is: fine where all styles have pixels and it takes at most `PATIENCE`, by the time that the
    last one took here."""
    sources = Sources(task, resources)
    if task.recipe.method != "auto" or not all(map(sources.has_pixels, task.recipe.styles)):
        return "fast"
    assert task.content is not None  # the engine has asked the recipe's facts
    layout = task.content.layout
    effort = task.recipe.effort
    assert effort is not None  # its method is auto, and its strength above 0
    return "fine" if effort.seconds(layout.width * layout.height, resources.pace) <= PATIENCE else "fast"


def refinement(recipe: Stylize, quality: str) -> Refine:
    """The refinement that a quality stands for: `fine` sees with the embedded network, which is the quicker,
    `finest` with the best at hand."""
    effort = replace(recipe, quality=quality).effort
    assert effort is not None  # a quality above fast
    return Refine(
        recipe.styles,
        objective=effort.objective,
        iterations=effort.evaluations,
        scale=recipe.scale,
        color=recipe.color,
        backbone=effort.backbone,
        networks=recipe.networks,
    )


RUNNERS: Mapping[type[Recipe], Runner] = {
    Stylize: paint,
    Refine: refine,
    Texture: texture,
    Upscale: upscale,
    Learn: learn,
    Keypoints: keypoints,
}
