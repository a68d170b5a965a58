"""Which runner runs which kind of recipe: the one table. A runner is a generator, see `tasks.Engine.run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from velatura.recipe import Keypoints, Learn, Recipe, Refine, Stylize, Texture, Upscale

from .keypoints import keypoints
from .learn import learn
from .painting import paint
from .refine import refine
from .resources import Resources
from .tasks import Event, Task
from .texture import texture
from .upscale import upscale

Runner = Callable[[Task[Any], Resources], Iterator[Event]]

RUNNERS: Mapping[type[Recipe], Runner] = {
    Stylize: paint,
    Refine: refine,
    Texture: texture,
    Upscale: upscale,
    Learn: learn,
    Keypoints: keypoints,
}
