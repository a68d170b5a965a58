"""The long jobs: refine a picture, or synthesise a texture, evaluation by evaluation.

Turns a task into a `velatura_models` refinement and its steps into events: progress with losses by term
after every evaluation (and, on large pictures, within), previews, checkpoints, and the result.
Every `yield` is a point where the worker may run something more urgent; `task.stopping()` ends the walk
with the best picture so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from velatura.errors import FieldError, VelaturaError
from velatura.pixels import Layout
from velatura.recipe import (
    Recipe,
    Refine,
    Style,
    Stylize,
    Texture,
)
from velatura_models.networks.encoder import LAYERS, prepared
from velatura_models.optimise.descent import HISTORY_BYTES
from velatura_models.optimise.gram import Gram
from velatura_models.optimise.problem import Options, Problem, StyleSource
from velatura_models.optimise.refinement import Refinement, Step
from velatura_models.optimise.texture import synthesis
from velatura_models.store.cards import CARD_LAYERS
from velatura_models.store.weights import encoder_path

from .canvas import Canvas, Written, write_texture
from .compose import read_mask, read_picture, shrink_map
from .tasks import (
    Checkpointed,
    Event,
    Finished,
    Previewed,
    Progressed,
    Slot,
    Task,
)

if TYPE_CHECKING:
    from .engine import TorchEngine

CHECKPOINT_EVERY = 3.0
"""Seconds of computing between checkpoints; more where one takes long to write."""

TICK = 0.5
"""Seconds between progress events within one evaluation of many tiles."""

MAPS = 3.5
"""Maps that an evaluation holds of every layer, on average: padded, rectified, pooled, and a gradient's."""

VECTORS = 12
"""Float32 pictures that a refinement holds besides its tile and L-BFGS's pairs: the content, what is shown,
the optimiser's point, direction and gradients."""

Begin = Callable[[Mapping[str, Tensor] | None], Refinement]


def refine(task: Task, engine: TorchEngine) -> Iterator[Event]:
    """Runs a `Refine` recipe; see `tasks.Engine.run`.

    With `preview_every`, `preview_side` bounds the previews and the result is of full size; without,
    it bounds the result, as for other jobs.
    """
    recipe = task.recipe
    if not isinstance(recipe, Refine) or task.content is None:
        raise FieldError("content", "is missing: a refine job needs a picture to work on")
    options = _options(recipe)
    mask = None if task.mask is None else read_mask(task.mask, task.content.layout)
    if mask is not None and not bool((mask > 0).any()):
        raise FieldError("mask", "is empty: no pixel is above 0; paint or select what to refine")
    canvas = Canvas(task.content, mask, 0 if task.preview_every else task.preview_side)
    counts = canvas.counts
    if counts is not None and not bool((counts > 0).any()):
        where = "content" if mask is None else "mask"
        raise FieldError(where, "covers transparent pixels only: there is nothing to refine")
    yield None
    styles, notes, recipe = _styles(task, engine, recipe, task.content.layout, canvas.size)
    yield None
    start = None
    if recipe.init == "stylized":
        start = yield from _stylized(task, engine, recipe, max(canvas.size))
    problem = Problem(canvas.size, styles, canvas.picture.rgb, counts, start)
    options = replace(options, scale=recipe.scale, side=tile_side(recipe.backbone, engine, canvas.size))
    encoder = prepared(engine.encoder(recipe.backbone)[0], engine.dtype, recipe.pooling)
    small = canvas.smaller(task.preview_side)

    def begin(checkpoint: Mapping[str, Tensor] | None) -> Refinement:
        return Refinement(encoder, problem, options, checkpoint)

    def show(walk: Refinement, preview: bool) -> Written:
        where = small if preview else canvas
        return where.write(walk.picture(where.size), task.output)

    yield from _Walk(task, engine, recipe, options, notes, begin, show).run()


def texture(task: Task, engine: TorchEngine) -> Iterator[Event]:
    """Runs a `Texture` recipe; see `tasks.Engine.run`. The result is 8-bit RGB."""
    recipe = task.recipe
    if not isinstance(recipe, Texture):
        raise FieldError("recipe.kind", "is not texture")
    options = _options(recipe)
    size = (recipe.height, recipe.width)
    styles, notes, recipe = _styles(task, engine, recipe, None, size)
    yield None
    options = replace(options, scale=recipe.scale, side=tile_side(recipe.backbone, engine, size))
    encoder = prepared(engine.encoder(recipe.backbone)[0], engine.dtype, recipe.pooling)

    def begin(checkpoint: Mapping[str, Tensor] | None) -> Refinement:
        return synthesis(encoder, size, styles, options, recipe.tileable, checkpoint)

    def show(walk: Refinement, preview: bool) -> Written:
        side = task.preview_side if preview or not task.preview_every else 0
        factor = min(1.0, side / max(size)) if side else 1.0
        shown = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
        return write_texture(walk.picture(shown), task.output)

    yield from _Walk(task, engine, recipe, options, notes, begin, show).run()


class _Walk:
    """Drives one refinement and reports it."""

    def __init__(
        self,
        task: Task,
        engine: TorchEngine,
        recipe: Recipe,
        options: Options,
        notes: list[str],
        begin: Begin,
        show: Callable[[Refinement, bool], Written],
    ) -> None:
        self.task, self.engine, self.recipe, self.options = task, engine, recipe, options
        self.notes, self.begin, self.show = notes, begin, show
        self.spent = 0.0
        """Seconds of computing, without the time that other jobs took in between."""
        self.since_preview = self.since_progress = 0.0
        self.since_checkpoint = self.checkpoint_pause = CHECKPOINT_EVERY  # the first one at once

    def run(self) -> Iterator[Event]:
        walk, began = self._begin()
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
            self.notes.append(f"stopped on request at step {walk.step} of {walk.evaluations}")
        layout, data = yield from self.show(walk, False)
        record: dict[str, Any] = self.engine.record(self.engine.dtype)
        record.update(
            steps=walk.step,
            tile=self.options.side or 0,
            seconds=round(self.spent, 4),
            notes=[*self.notes, *walk.notes],
        )
        yield Finished(layout, data, self.recipe, record)

    def _begin(self) -> tuple[Refinement, float]:
        """The refinement and the share of it that an earlier worker did."""
        try:
            if self.task.checkpoint is None:
                return self.begin(None), 0.0
            try:
                walk = self.begin(load_tensors(self.task.checkpoint))
            except (SafetensorError, KeyError, ValueError) as error:
                self.notes.append(f"began again: the checkpoint could not be used ({error})")
                return self.begin(None), 0.0
            self.notes.append(f"resumed at step {walk.step}")
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
            done = max(step.fraction - began, 1e-6)
            left = self.spent / done * max(0.0, 1.0 - step.fraction)
            yield Progressed(step.step, step.of, dict(step.losses), round(left, 2))
        else:
            yield None
        if not step.whole:
            return
        if self.task.preview_every and self.since_preview >= self.task.preview_every:
            self.since_preview = 0.0
            layout, data = yield from self.show(walk, True)
            yield Previewed(step.step, layout, data)
        if self.since_checkpoint >= self.checkpoint_pause:
            before = time.perf_counter()
            state = save_tensors(walk.checkpoint())
            self.checkpoint_pause = max(CHECKPOINT_EVERY, 20 * (time.perf_counter() - before))
            self.since_checkpoint = 0.0
            yield Checkpointed(step.step, state)


def _options(recipe: Refine | Texture) -> Options:
    """The recipe as the optimiser takes it, without a tile size.

    Raises:
        FieldError: for layers that do not exist.
    """
    objective = Gram(tv_weight=recipe.tv_weight, style_layers=dict(recipe.style_layers), content_layers={})
    init, color = "noise", "style"
    if isinstance(recipe, Refine):
        objective = replace(
            objective,
            content_weight=recipe.content_weight,
            style_weight=recipe.style_weight,
            content_layers=dict(recipe.content_layers),
        )
        init, color = recipe.init, recipe.color
    for field, layers in (
        ("style_layers", objective.style_layers),
        ("content_layers", objective.content_layers),
    ):
        unknown = [name for name in layers if name not in LAYERS]
        if unknown:
            words = f"has no {', '.join(unknown)}; known: {', '.join(LAYERS)}"
            raise FieldError(f"recipe.{field}", words)
    return Options(
        objective,
        recipe.iterations,
        recipe.optimizer,
        recipe.learning_rate,
        init,
        recipe.levels,
        recipe.scale,
        color,
        recipe.seed,
    )


def tile_side(backbone: str, engine: TorchEngine, size: tuple[int, int]) -> int:
    """Side of the largest tile, in pixels: as set by the user, else such that its forward or its backward
    pass is about half a second's work on two CPU cores (a GPU takes four times the side), within the memory
    of one job. A fixed rule rather than one that measures, so that the same recipe makes the same tiles.

    Args:
        size: height and width of the picture, whose optimiser takes its share of the memory first;
            `engine.tile_bytes`, two fifths of a job's memory, are a tile's whatever that leaves.
    """
    if engine.settings.tile:
        return max(engine.settings.tile // 16 * 16, 256)
    width = engine.encoder(backbone)[0].widths[0]
    side = 512 * (64 / width) ** 0.7 * (1 if engine.device.type == "cpu" else 4)
    # the maps of all layers together have as many values a pixel as 4.5 of the first
    per_pixel = MAPS * 4.5 * width * torch.finfo(engine.dtype).bits / 8
    vector = 12 * size[0] * size[1]
    left = 5 / 2 * engine.tile_bytes - VECTORS * vector - min(20 * vector, HISTORY_BYTES)
    room = max(engine.tile_bytes, 3 / 4 * left)
    return max(int(min(side, (room / per_pixel) ** 0.5)) // 16 * 16, 256)


def _styles(
    task: Task, engine: TorchEngine, recipe: Any, layout: Layout | None, size: tuple[int, int]
) -> tuple[list[StyleSource], list[str], Any]:
    """The styles as pictures where there are any, else as their cards' Gram matrices; what is to be
    said about that; and the recipe as it will run."""
    sources, notes, cards = [], [], []
    if recipe.backbone == "auto":
        recipe = replace(recipe, backbone=_best_backbone(recipe.styles, engine))
    for index, style in enumerate(recipe.styles):
        where = f"recipe.styles[{index}]"
        region = _region(task, style, layout, size, where)
        if _has_picture(style, engine):
            picture = engine.style_picture(style, task.pictures)
            sources.append(StyleSource(picture, None, style.weight, region))
            continue
        missing = [name for name, weight in recipe.style_layers if weight > 0 and name not in CARD_LAYERS]
        if missing:
            raise FieldError(
                "recipe.style_layers",
                f"has {', '.join(missing)}, but {style.name!r} is a card that holds {', '.join(CARD_LAYERS)};"
                f" use those, or run `velatura styles pull {style.name}`",
            )
        grams = engine.card(style, 1.0, recipe.backbone, task.pictures).grams
        sources.append(StyleSource(None, grams, style.weight, region))
        cards.append(style.name)
    if cards and recipe.pooling != "max":
        recipe = replace(recipe, pooling="max")
        notes.append(f"pooling is max, as in the cards of {', '.join(cards)}")
    if cards and recipe.scale != 1.0:
        recipe = replace(recipe, scale=1.0)
        notes.append(f"scale is 1: the cards of {', '.join(cards)} hold Gram matrices at one scale")
    return sources, notes, recipe


def _best_backbone(styles: Sequence[Style], engine: TorchEngine) -> str:
    """VGG-19 where it was pulled; cards without a picture ship for `slim` alone."""
    pulled = encoder_path("vgg19", engine.paths.weights).is_file()
    return "vgg19" if pulled and all(_has_picture(style, engine) for style in styles) else "slim"


def _has_picture(style: Style, engine: TorchEngine) -> bool:
    return bool(style.digest) or engine.library.get(style.name).picture is not None


def _region(
    task: Task, style: Style, layout: Layout | None, size: tuple[int, int], where: str
) -> Tensor | None:
    """A style's region mask at the size of the work."""
    if not style.mask:
        return None
    if layout is None:
        raise FieldError(f"{where}.mask", "is set, but a texture's styles apply everywhere")
    if style.mask not in task.pictures:
        raise VelaturaError("unknown_blob", f"region mask {style.mask} is not at hand", f"{where}.mask")
    region = read_mask(task.pictures[style.mask], layout, f"{where}.mask")
    return shrink_map(region, (size[1], size[0]))


def _stylized(task: Task, engine: TorchEngine, recipe: Refine, side: int) -> Generator[None, None, Tensor]:
    """The content after one feed-forward pass with the same styles, by the embedded network, which is always
    there: where to begin."""
    first = Stylize(recipe.styles, scale=recipe.scale, color=recipe.color)
    before = replace(
        task,
        recipe=first,
        mask=None,
        output=lambda layout: memoryview(bytearray(layout.nbytes)),
        preview_side=side,
        preview_every=0.0,
        checkpoint=None,
    )
    for event in engine.run(before):
        if isinstance(event, Finished):
            return read_picture(Slot(event.layout, event.data)).rgb
        yield None
    raise VelaturaError("internal", "the feed-forward pass ended without a picture")
