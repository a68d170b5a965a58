"""A feed-forward job: content bytes in, stylized bytes out, through one resident network.

`prepare` gathers all that the pass needs as one value; the network is then handed the part of the picture
that the mask can change, and each finished tile goes straight into the result's memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F
from velatura.recipe import Stylize
from velatura_models.maths.color import (
    ColorStats,
    apply_matching,
    color_stats,
    keep_luminance,
    matching,
)
from velatura_models.maths.tiling import STRIDE, Box, halo, round_up
from velatura_models.methods.method import Content, Method, StyleShare
from velatura_models.methods.registry import load_method
from velatura_models.store.cards import Card
from velatura_models.store.weights import methods_of

from .canvas import Canvas, read_canvas
from .device import without_gradients
from .resources import SEEN, Key, Resources
from .sources import Sources
from .tasks import Event, Finished, Progressed, Task

LEAST = 2 * STRIDE
"""Smallest side a network is given: reflection padding at relu4_1 needs two positions."""


@dataclass(frozen=True)
class Pass:
    """All that one pass over the part of a picture that can change needs.

    Args:
        recipe: as it runs, `auto` resolved.
        key: under which the content is kept between jobs.
        box: the part, with what the network sees around it.
        content: the part, continued to the network's grid and least size; so are the styles' regions.
        strength: 0..1, a number or a map.
        colors: for `color="statistics"` the map of colours `(3, 3)`, `(3,)` that keeps the content's.
    """

    recipe: Stylize
    method: Method
    canvas: Canvas
    key: Key
    box: Box
    content: Content
    styles: list[StyleShare]
    strength: float | Tensor
    colors: tuple[Tensor, Tensor] | None


@without_gradients
def stylize(task: Task[Stylize], resources: Resources) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`."""
    started = time.perf_counter()
    recipe = resolved(task.recipe, resources)
    method = load_method(resources.loader(recipe.backbone, recipe.method))
    if method.strength_in == "picture":
        recipe = replace(recipe, scale=1.0)  # such a network's strokes have the size that it was trained for
    canvas = read_canvas(task, resources.store, task.preview_side)
    yield None
    out = canvas.begin(task.output)
    record = resources.record(method.dtype)
    box = changed_box(canvas)
    if box is not None and recipe.strength > 0:
        job = prepare(replace(task, recipe=recipe), resources, method, canvas, box)
        yield None
        record.update((yield from _paint(job, out, resources)))
    record["seconds"] = round(time.perf_counter() - started, 4)
    yield Finished(canvas.layout, out, recipe, record)


def resolved(recipe: Stylize, resources: Resources) -> Stylize:
    """The recipe with `auto` replaced by the embedded backbone and the best method installed for it."""
    backbone = "slim" if recipe.backbone == "auto" else recipe.backbone
    method = recipe.method
    if method == "auto":
        method = methods_of(backbone, resources.paths.weights)[0]
    return replace(recipe, backbone=backbone, method=method)


def changed_box(canvas: Canvas) -> Box | None:
    """The smallest box that holds all of a canvas' mask above 0; the whole without a mask, None for an empty
    one."""
    if canvas.mask is None:
        return canvas.picture.box
    rows = torch.nonzero(canvas.mask[0, 0].amax(1) > 0).flatten()
    columns = torch.nonzero(canvas.mask[0, 0].amax(0) > 0).flatten()
    if not len(rows):
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def prepare(task: Task[Stylize], resources: Resources, method: Method, canvas: Canvas, changed: Box) -> Pass:
    """Gathers what a pass needs.

    Args:
        task: with a recipe whose method and backbone are resolved.
        changed: what of the canvas can change.

    Raises:
        VelaturaError, WeightsError: for a style that is not known, to the library or to the method.
    """
    recipe, sources, whole = task.recipe, Sources(task, resources), canvas.picture.box
    box = changed.grown(halo(), whole).aligned(whole)
    counts = canvas.counts
    content = Content(
        _continued(canvas.picture.rgb, box), None if counts is None else _continued(counts, box, zero=True)
    )
    found = [sources.source(style, recipe.scale, recipe.backbone) for style in recipe.styles]
    weights = [style.weight / sum(s.weight for s in recipe.styles) for style in recipe.styles]
    styles = []
    for index, (style, source) in enumerate(zip(recipe.styles, found, strict=True)):
        region = sources.region(style, index, canvas)
        part = None if region is None else _continued(region, box)
        styles.append(StyleShare(method.style(source), weights[index], part))
    colors = None
    if recipe.color == "statistics":
        own = color_stats(content.rgb, content.weight)
        colors = matching(_blend_colors([source.card() for source in found], weights), own)
    strength: float | Tensor = recipe.strength
    if canvas.mask is not None:
        strength = _continued(canvas.mask, box) * recipe.strength
    name = (canvas.slot.digest, canvas.size, changed, recipe.backbone, recipe.method, method.dtype)
    return Pass(recipe, method, canvas, Key(SEEN, name), box, content, styles, strength, colors)


def _paint(job: Pass, out: memoryview, resources: Resources) -> Iterator[Event]:
    """Runs a pass; its value is what the result's record says of it."""
    known, done = resources.store.get(job.key), 0
    tiles = len(job.method.cut(*job.content.rgb.shape[-2:]))

    def write(core: Box, made: Tensor) -> None:
        nonlocal done
        done += 1
        _put(job, out, core, made)

    passes = job.method.stylize(
        job.content, job.styles, job.strength, write, job.recipe.residual, known, job.recipe.exact
    )
    reported = 0
    while True:
        try:
            next(passes)
        except StopIteration as stop:
            kept = stop.value
            break
        if tiles > 1 and done > reported:
            reported = done
            yield Progressed(reported, tiles)
        else:
            yield None
    if kept is not None:
        resources.remember(job.key, kept, job.method.rebuild(kept))
    return {  # type: ignore[return-value]  # of a generator
        "cached": known is not None,
        "strength_in": job.method.strength_in,
        "tile": job.method.tile_side() if tiles > 1 else 0,
        "tiles": tiles,
    }


def _put(job: Pass, out: memoryview, core: Box, made: Tensor) -> None:
    """Takes a finished tile, in the coordinates of the pass, into the result."""
    core = core.grown(0, Box(0, 0, job.box.height, job.box.width))
    made = made[:, :, : core.height, : core.width]
    top, left = job.box.top, job.box.left
    place = Box(core.top + top, core.left + left, core.bottom + top, core.right + left)
    if job.recipe.color == "luminance":
        rows, columns = place.slices()
        made = keep_luminance(job.canvas.picture.rgb[:, :, rows, columns], made)
    elif job.colors is not None:
        fade = job.strength
        if isinstance(fade, Tensor):
            rows, columns = core.slices()
            fade = fade[:, :, rows, columns]
        made = made + fade * (apply_matching(made, *job.colors) - made)
    job.canvas.put(out, place, made)


def _continued(maps: Tensor, box: Box, zero: bool = False) -> Tensor:
    """A box out of a map of the whole picture, continued to the network's grid and least size."""
    rows, columns = box.slices()
    part = maps[:, :, rows, columns]
    below = max(round_up(box.height), LEAST) - box.height
    right = max(round_up(box.width), LEAST) - box.width
    if not below and not right:
        return part
    return F.pad(part, (0, right, 0, below), mode="constant" if zero else "replicate")


def _blend_colors(cards: list[Card], weights: list[float]) -> ColorStats:
    """Colour statistics of a blend: the weighted mean of the styles'."""
    mean = torch.stack([w * c.color.mean for c, w in zip(cards, weights, strict=True)]).sum(0)
    cov = torch.stack([w * c.color.cov for c, w in zip(cards, weights, strict=True)]).sum(0)
    return ColorStats(mean, cov)
