"""What the long jobs share: an optimisation driven evaluation by evaluation, and its steps as events.

Progress with losses by term comes after every evaluation (and, on large pictures, within), then previews,
checkpoints, and the result. Every `yield` is a point where the worker may run something more urgent;
`task.stopping()` ends the walk with the best picture so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from velatura.errors import FieldError
from velatura.recipe import Refine, Style, Texture
from velatura_models.methods.loading import Loader
from velatura_models.networks.encoder import FIRST_LAYERS, LAYERS, Encoder
from velatura_models.note import Note
from velatura_models.optimise.descent import HISTORY_BYTES
from velatura_models.optimise.gram import Gram
from velatura_models.optimise.objective import Objective, RefineOptions
from velatura_models.optimise.problem import StyleSource
from velatura_models.optimise.refinement import Refinement, Step
from velatura_models.store.weights import encoder_path, find_backbone

from .compose import Canvas, Written
from .resources import STYLE, Resources
from .result import finished
from .sources import Sources
from .tasks import Checkpointed, EngineTask, Event, Previewed, Progressed

R = TypeVar("R", Refine, Texture)

CHECKPOINT_EVERY = 3.0
"""Seconds of computing between checkpoints; more where one takes long to write."""

TICK = 0.5
"""Seconds between progress events within one evaluation of many tiles."""

FIRST_PREVIEW = 0.2
"""Seconds of computing before the first preview, where they are asked for."""

MAPS = 3.5
"""Maps that an evaluation holds of every layer, on average: padded, rectified, pooled, and a gradient's."""

VECTORS = 12
"""Float32 pictures that a refinement holds besides its tile and L-BFGS's pairs: the content, what is shown,
the optimiser's point, direction and gradients."""

Begin = Callable[[Mapping[str, Tensor] | None], Refinement]


@dataclass(frozen=True)
class Optimisation(Generic[R]):
    """What an optimisation is about: all of it at hand.

    Args:
        recipe: as it runs, `auto` resolved.
        notes: what is to be said about that.
    """

    recipe: R
    loader: Loader
    encoder: Encoder
    styles: list[StyleSource]
    options: RefineOptions
    notes: tuple[str, ...]


def prepare(
    task: EngineTask[R],
    resources: Resources,
    options: RefineOptions,
    size: tuple[int, int],
    canvas: Canvas | None = None,
) -> Optimisation[R]:
    """Gathers what an optimisation needs.

    Args:
        options: from `options_of`.
        size: height and width of the result.
        canvas: the content, where there is one, which regions are over.

    Raises:
        FieldError: for layers that a style's card lacks.
        VelaturaError: for styles and region masks that are not at hand.
    """
    sources, recipe = Sources(task, resources), task.recipe
    pixels = options.objective.needs_pictures or all(map(sources.has_picture, recipe.styles))
    recipe = replace(recipe, backbone=best_backbone(recipe.backbone, pixels, resources))
    styles, notes, recipe = _styles(recipe, sources, canvas, options.objective.needs_pictures)
    loader = replace(resources.loader, backbone=recipe.backbone)
    encoder = loader.optimising_encoder().variant(recipe.pooling)
    pairs = zip(styles, recipe.styles, strict=True)
    styles = [_remembered(source, style, loader, resources) for source, style in pairs]
    options = replace(options, scale=recipe.scale, side=tile_side(encoder, resources, size))
    return Optimisation(recipe, loader, encoder, styles, options, (*notes, *sources.notes))


class Walk:
    """Drives one optimisation and reports it.

    Args:
        job: what it is about; its notes grow.
        begin: makes the optimisation, from a checkpoint where there is one.
        show: writes its picture: a preview, or the result.
    """

    def __init__(
        self,
        task: EngineTask,
        resources: Resources,
        job: Optimisation,
        begin: Begin,
        show: Callable[[Refinement, bool], Written],
    ) -> None:
        self.task, self.resources, self.job = task, resources, job
        self.notes, self.begin, self.show = list(job.notes), begin, show
        self.spent = 0.0
        """Seconds of computing, without the time that other jobs took in between."""
        self.since_preview = max(0.0, task.preview_every - FIRST_PREVIEW)
        self.since_progress = 0.0
        self.since_checkpoint = self.checkpoint_pause = CHECKPOINT_EVERY  # the first one at once

    def run(self) -> Iterator[Event]:
        walk, began = self._begin()
        if self.task.preview_every and walk.begins_in_style and not began:
            yield from self._preview(walk, 0)
        with closing(walk.run()) as steps:
            while True:
                before = time.perf_counter()
                try:
                    step = next(steps, None)
                except ValueError as error:
                    raise FieldError("recipe", str(error)) from error
                self._count(time.perf_counter() - before)
                if step is None or self.task.stopping():
                    break
                yield from self._tell(walk, step, began)
        if step is not None:
            self.notes.append(
                Note("stopped on request at step {step} of {of}", step=walk.step, of=walk.evaluations)
            )
        layout, data = yield from self.show(walk, False)
        effort = self.job.recipe.effort
        if step is None and not began and effort is not None:
            work = layout.width * layout.height * effort.evaluations
            self.resources.pace[effort.name] = self.spent / work
        notes, tile = [*self.notes, *walk.notes], self.job.options.side or 0
        ran, loader = self.job.recipe, self.job.loader
        yield finished(layout, data, ran, loader, self.spent, notes, steps=walk.step, tile=tile)

    def _begin(self) -> tuple[Refinement, float]:
        """The refinement and the share of it that an earlier worker did."""
        try:
            if self.task.checkpoint is None:
                return self.begin(None), 0.0
            try:
                walk = self.begin(load_tensors(self.task.checkpoint))
            except (SafetensorError, KeyError, ValueError) as error:
                self.notes.append(
                    Note("began again: the checkpoint could not be used ({error})", error=str(error))
                )
                return self.begin(None), 0.0
            self.notes.append(Note("resumed at step {step}", step=walk.step))
            return walk, walk.fraction
        except ValueError as error:
            raise FieldError("recipe", str(error)) from error

    def _count(self, seconds: float) -> None:
        self.spent += seconds
        self.since_preview += seconds
        self.since_checkpoint += seconds
        self.since_progress += seconds

    def _tell(self, walk: Refinement, step: Step, began: float) -> Iterator[Event]:
        """The events of one step; always at least one."""
        if step.whole or self.since_progress >= TICK:
            self.since_progress = 0.0
            done = step.fraction - began
            enough = done > min(0.02, 2 / step.of)  # the first steps tell nothing: they fill caches
            left = self.spent / done * max(0.0, 1.0 - step.fraction) if enough else 0.0
            yield Progressed(step.step, step.of, dict(step.losses), round(left, 2))
        else:
            yield None
        if not step.whole:
            return
        if self.task.preview_every and self.since_preview >= self.task.preview_every:
            self.since_preview = 0.0
            yield from self._preview(walk, step.step)
        if self.since_checkpoint >= self.checkpoint_pause:
            before = time.perf_counter()
            state = save_tensors(walk.checkpoint())
            self.checkpoint_pause = max(CHECKPOINT_EVERY, 20 * (time.perf_counter() - before))
            self.since_checkpoint = 0.0
            yield Checkpointed(step.step, state)

    def _preview(self, walk: Refinement, step: int) -> Iterator[Event]:
        layout, data = yield from self.show(walk, True)
        yield Previewed(step, layout, data)


def gram(recipe: Refine | Texture, **terms: Any) -> Gram:
    """Gram matrices as the objective of a recipe.

    Args:
        terms: besides style layers and total variation; by default there is no content.

    Raises:
        FieldError: for layers that do not exist.
    """
    terms = {"content_layers": {}, **terms}
    objective = Gram(tv_weight=recipe.tv_weight, style_layers=dict(recipe.style_layers), **terms)
    for field in ("style_layers", "content_layers"):
        unknown = [name for name in getattr(objective, field) if name not in LAYERS]
        if unknown:
            words = f"has no {', '.join(unknown)}; known: {', '.join(LAYERS)}"
            raise FieldError(f"recipe.{field}", words)
    return objective


def options_of(
    recipe: Refine | Texture, objective: Objective, init: str = "noise", color: str = "style"
) -> RefineOptions:
    """The fields that these recipes share as the optimiser takes them, without a tile size."""
    return RefineOptions(
        objective=objective,
        iterations=recipe.iterations,
        optimizer=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        init=init,
        levels=recipe.levels,
        scale=recipe.scale,
        color=color,
        seed=recipe.seed,
    )


def tile_side(encoder: Encoder, resources: Resources, size: tuple[int, int]) -> int:
    """Side of the largest tile, in pixels: as set by the user, else such that its forward or its backward
    pass is about half a second's work on two CPU cores (a GPU takes four times the side), within the memory
    of one job. A fixed rule rather than one that measures, so that the same recipe makes the same tiles.

    Args:
        size: height and width of the picture, whose optimiser takes its share of the memory first;
            two fifths of the job's memory are a tile's whatever that leaves.
    """
    if resources.settings.tile:
        return max(resources.settings.tile // 16 * 16, 256)
    width = encoder.widths[0]
    side = 512 * (64 / width) ** 0.7 * (1 if resources.device.type == "cpu" else 4)
    # the maps of all layers together have as many values a pixel as 4.5 of the first
    per_pixel = MAPS * 4.5 * width * torch.finfo(resources.dtype).bits / 8
    vector = 12 * size[0] * size[1]
    left = resources.job_bytes - VECTORS * vector - min(20 * vector, HISTORY_BYTES)
    room = max(2 / 5 * resources.job_bytes, 3 / 4 * left)
    return max(int(min(side, (room / per_pixel) ** 0.5)) // 16 * 16, 256)


def _styles(
    recipe: R, sources: Sources, canvas: Canvas | None, needs_pictures: bool
) -> tuple[list[StyleSource], list[str], R]:
    """The styles as pictures where there are any, or renderings where pixels are needed, else as their cards'
    Gram matrices; what is to be said about that; and the recipe as it will run."""
    found, notes, cards = [], [], []
    for index, style in enumerate(recipe.styles):
        if style.mask and canvas is None:
            where = f"recipe.styles[{index}].mask"
            raise FieldError(where, "is set, but a texture's styles apply everywhere")
        region = sources.region(style, index, canvas) if canvas is not None else None
        how = sources.how_to_fetch(style)
        if needs_pictures or sources.has_picture(style):
            found.append(StyleSource(sources.picture(style), None, style.weight, region))
            if not sources.has_picture(style):
                seen = Note("{name} is seen in Velatura's rendering", name=style.name)
                if how:
                    seen = Note(
                        "{name} is seen in Velatura's rendering; its picture can be fetched{how}",
                        name=style.name,
                        how=how,
                    )
                notes.append(seen)
            continue
        missing = [name for name, weight in recipe.style_layers if weight > 0 and name not in FIRST_LAYERS]
        if missing:
            raise FieldError(
                "recipe.style_layers",
                f"has {', '.join(missing)}, but {style.name!r} is a card that holds {', '.join(FIRST_LAYERS)}"
                f"; use those{f', or fetch its picture{how}' if how else ''}",
            )
        grams = sources.card(style, 1.0, recipe.backbone).grams
        found.append(StyleSource(None, grams, style.weight, region))
        cards.append(style.name)
    if cards and recipe.pooling != "max":
        recipe = replace(recipe, pooling="max")
        notes.append(Note("pooling is max, as in the cards of {names}", names=", ".join(cards)))
    if cards and recipe.scale != 1.0:
        recipe = replace(recipe, scale=1.0)
        notes.append(
            Note("scale is 1: the cards of {names} hold Gram matrices at one scale", names=", ".join(cards))
        )
    return found, notes, recipe


def _remembered(source: StyleSource, style: Style, loader: Loader, resources: Resources) -> StyleSource:
    """A style that keeps what is found out about its picture where the worker keeps everything."""
    entry = resources.library.get(style.name) if style.name else None
    name = (entry.digest or entry.name) if entry else style.digest
    if entry is not None and entry.picture is None:
        name += "/rendering"
    seen = find_backbone(loader.backbone, loader.folder).digest
    return replace(source, kept=resources.store, name=(STYLE, name, seen))


def best_backbone(wanted: str, pixels: bool, resources: Resources) -> str:
    """What was asked for; of `auto` VGG-19 where it was pulled and all styles are seen as pixels, as cards
    ship for `slim` alone."""
    if wanted != "auto":
        return wanted
    pulled = encoder_path("vgg19", resources.paths.weights).is_file()
    return "vgg19" if pulled and pixels else "slim"
