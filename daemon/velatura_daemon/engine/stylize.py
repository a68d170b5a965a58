"""A feed-forward job: content bytes in, stylized bytes out, through one resident network.

`prepare` gathers all that the pass needs as one value; the method then sees the part of the picture that the
mask can change, unless it is known from an earlier job, and each tile that it paints goes straight into the
result's memory.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from velatura.recipe import Stylize
from velatura_models.maths.color import (
    ColorStats,
    apply_matching,
    color_stats,
    keep_luminance,
    matching,
)
from velatura_models.maths.tiling import Box
from velatura_models.methods.loading import OWN_STYLES, Loader, load_method, method_painting
from velatura_models.methods.method import Content, Method, Passes, Steps, StyleShare, crop, framed, work
from velatura_models.networks.encoder import reach
from velatura_models.store.cards import Card
from velatura_models.store.weights import methods_of

from .canvas import Canvas, read_canvas
from .compose import Raster, read_picture, shrink
from .device import without_gradients
from .resources import SEEN, STATISTICS, Key, Resources
from .result import finished
from .sources import Sources
from .tasks import Event, Progressed, Task

LARGE = 2048 * 2048
"""Pixels of a picture whose reading is felt."""
CONTEXT = reach("relu4_1")
"""Pixels around what can change that the network sees as well: as far as relu4_1 and back."""


@dataclass(frozen=True)
class Part:
    """The part of a picture that can change, and all that painting it needs.

    Args:
        box: where it lies, with what the network sees around it.
        side: of the tiles' cores, in pixels, where it is cut.
        content: the part on the method's grid.
        key: under which what is seen of it is kept between jobs.
        styles, strength: of the blend; regions and a strength map over the part.
        colors: for `color="statistics"` the map of colours `(3, 3)`, `(3,)` that keeps the content's.
    """

    box: Box
    side: int
    content: Content
    key: Key
    styles: list[StyleShare]
    strength: float | Tensor
    colors: tuple[Tensor, Tensor] | None


@dataclass(frozen=True)
class Statistics:
    """What a method measured in a reference: whatever it is, all tensors in it count."""

    value: Any

    @property
    def nbytes(self) -> int:
        return sum(leaf.nbytes for leaf in tree_leaves(self.value) if isinstance(leaf, Tensor))


@dataclass(frozen=True)
class Prepared:
    """A job with all at hand: the recipe as it runs, `auto` resolved; networks and picture; what of the
    picture can change, None for nothing; and what is to be said."""

    recipe: Stylize
    loader: Loader
    method: Method
    canvas: Canvas
    part: Part | None
    notes: tuple[str, ...]


@without_gradients
def stylize(task: Task[Stylize], resources: Resources, loader: Loader | None = None) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`. `loader` is of the job that this is a part of."""
    started = time.perf_counter()
    slot = task.content
    if slot is not None and slot.layout.width * slot.layout.height > LARGE:
        yield Progressed(0, 1)  # reading takes a while, too
    job = yield from prepare(task, resources, loader)
    out, about = job.canvas.begin(task.output), {}
    if job.part is not None:
        part, tiles = job.part, len(job.part.content.tiles)
        seen = resources.store.get(part.key)
        about = {
            "cached": seen is not None,
            "strength_in": job.method.strength_in,
            "tile": part.side if tiles > 1 else 0,
            "tiles": tiles,
        }
        passes = part.content.passes
        if seen is None:
            seen = yield from _told(job.method.see(part.content), passes, tiles)
        todo = work(part.content, seen, part.styles, part.strength, *_ways(job.recipe))
        if job.recipe.reference:
            todo = replace(todo, statistics=(yield from _of_reference(task, resources, job, part)))
        done = 0
        told = -1
        for tile in job.method.paint(todo):
            if tile is not None:
                done += 1
                _put(job, part, out, *tile)
            now = passes.done + done
            yield Progressed(now, passes.of + tiles) if tiles > 1 and now != told else None
            told = now
        resources.remember(part.key, seen, job.method.ahead(seen))
    seconds = time.perf_counter() - started
    yield finished(job.canvas.layout, out, job.recipe, job.loader, seconds, job.notes, **about)


def _told(steps: Steps[Any], passes: Passes, tiles: int) -> Generator[Event, None, Any]:
    """What a method sees of a large picture, with how far it is."""
    told = -1
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        yield Progressed(passes.done, passes.of + tiles) if tiles > 1 and passes.done != told else None
        told = passes.done


def prepare(task: Task[Stylize], resources: Resources, loader: Loader | None) -> Steps[Prepared]:
    """Gathers all that a job needs: the networks, the picture, then the part of it that can change.

    Raises:
        VelaturaError, WeightsError: for a style that is not known, to the library or to the method.
    """
    recipe = resolved(task.recipe, resources)
    notes = _notes(task.recipe, recipe.method, resources)
    loader = replace(loader or resources.loader(), backbone=recipe.backbone, method=recipe.method)
    method = load_method(loader)
    if method.strength_in == "picture":
        recipe = replace(recipe, scale=1.0)  # such a network's strokes have the size that it was trained for
    canvas = yield from read_canvas(task, resources.store, task.preview_side)
    yield
    changed = changed_box(canvas) if recipe.strength > 0 else None
    if changed is None:
        return Prepared(recipe, loader, method, canvas, None, notes)
    part = part_of(replace(task, recipe=recipe), resources, method, canvas, changed)
    yield
    return Prepared(recipe, loader, method, canvas, part, notes)


def resolved(recipe: Stylize, resources: Resources) -> Stylize:
    """The recipe with `auto` replaced by the embedded backbone, and by a network that was trained for all the
    styles where it may be (at its own stroke size) or must be (nothing else is known of them), else by the
    best method that the backbone has."""
    backbone = "slim" if recipe.backbone == "auto" else recipe.backbone
    method, weights = recipe.method, resources.paths.weights
    if method == "auto":
        entries = [resources.library.get(style.name) for style in recipe.styles if style.name]
        alone = any(entry.picture is None and not entry.cards for entry in entries)
        method = ""
        if (backbone == "slim" and recipe.scale == 1) or alone:
            method = method_painting([style.name for style in recipe.styles], weights)
        method = method or methods_of(backbone, weights)[0]
    return replace(recipe, backbone=backbone, method=method)


def _notes(recipe: Stylize, method: str, resources: Resources) -> tuple[str, ...]:
    """What is to be said of styles that are painted otherwise than one may think."""
    if recipe.method != "auto" or method in OWN_STYLES:
        return ()
    entries = [resources.library.get(style.name) for style in recipe.styles if style.name]
    return tuple(
        f"{entry.title!r} was learned for another painter, and is painted like any picture; learn it again:"
        f" velatura styles learn {entry.name}"
        for entry in entries
        if entry.learned == "outdated"
    )


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


def part_of(task: Task[Stylize], resources: Resources, method: Method, canvas: Canvas, changed: Box) -> Part:
    """What painting the part around a box needs; the recipe's method and backbone are resolved."""
    recipe, sources = task.recipe, Sources(task, resources)
    box = changed.grown(CONTEXT, canvas.picture.box).aligned(canvas.picture.box)
    counts = None if canvas.counts is None else crop(canvas.counts, box)
    side = method.footprint.side(resources.tile_bytes, resources.settings.tile)
    content = framed(crop(canvas.picture.rgb, box), counts, method.footprint, side)
    found = [sources.source(style, recipe.scale, recipe.backbone) for style in recipe.styles]
    shares = [style.weight / sum(s.weight for s in recipe.styles) for style in recipe.styles]
    styles = []
    for index, (style, source) in enumerate(zip(recipe.styles, found, strict=True)):
        region = sources.region(style, index, canvas)
        over = None if region is None else crop(region, box)
        styles.append(StyleShare(method.style(source), shares[index], over))
    colors = None
    if recipe.color == "statistics":
        own = color_stats(content.rgb, content.weight)
        if recipe.reference:
            reference = _reference(task, resources)
            own = color_stats(reference.rgb, reference.alpha)
        colors = matching(_blend_colors([source.card() for source in found], shares), own)
    strength: float | Tensor = recipe.strength
    if canvas.mask is not None:
        strength = crop(canvas.mask, box) * recipe.strength
    mask = task.mask.digest if task.mask is not None else ""
    place = (canvas.slot.digest, mask, canvas.size, recipe.reference)
    name = (*place, recipe.backbone, recipe.method, method.dtype)
    return Part(box, side, content, Key(SEEN, name), styles, strength, colors)


def _of_reference(task: Task[Stylize], resources: Resources, job: Prepared, part: Part) -> Steps[Any]:
    """The statistics of a recipe's reference, kept for the next frame: one for each blend, and the
    reference's whole where a style has a region."""
    recipe, method = job.recipe, job.method
    most = float(part.strength.max()) if isinstance(part.strength, Tensor) else part.strength
    styles = tuple(replace(style, mask="whole" if style.mask else "") for style in recipe.styles)
    name = replace(recipe, styles=styles, strength=most, networks=())
    key = Key(STATISTICS, (name, part.side, task.preview_side, method.dtype))
    kept: Statistics | None = resources.store.get(key)
    if kept is None:
        picture = _reference(task, resources)
        content = framed(picture.rgb, picture.alpha, method.footprint, part.side)
        whole = torch.ones(1, 1, *picture.rgb.shape[-2:])
        shares = [s if s.region is None else replace(s, region=whole) for s in part.styles]
        seen = yield from method.see(content)
        todo = work(content, seen, shares, most, *_ways(recipe))
        kept = Statistics((yield from method.measure(todo)))
        resources.store.put(key, kept)
    return kept.value


def _ways(recipe: Stylize) -> tuple[bool, bool, bool]:
    """What `work` is told besides: residual, exact, and whether colours may move."""
    return recipe.residual, recipe.exact, recipe.color == "style"


def _reference(task: Task[Stylize], resources: Resources) -> Raster:
    slot = Sources(task, resources).reference()
    return shrink(read_picture(slot, "reference"), task.preview_side)


def _put(job: Prepared, part: Part, out: memoryview, core: Box, made: Tensor) -> None:
    """Takes a finished tile, in the coordinates of the part, into the result."""
    core = core.grown(0, part.content.shown)
    made = made[:, :, : core.height, : core.width]
    top, left = part.box.top, part.box.left
    place = Box(core.top + top, core.left + left, core.bottom + top, core.right + left)
    if job.recipe.color == "luminance":
        made = keep_luminance(crop(job.canvas.picture.rgb, place), made)
    elif part.colors is not None:
        fade = crop(part.strength, core) if isinstance(part.strength, Tensor) else part.strength
        made = made + fade * (apply_matching(made, *part.colors) - made)
    job.canvas.put(out, place, made)


def _blend_colors(cards: list[Card], weights: list[float]) -> ColorStats:
    """Colour statistics of a blend: the weighted mean of the styles'."""
    mean = torch.stack([w * c.color.mean for c, w in zip(cards, weights, strict=True)]).sum(0)
    cov = torch.stack([w * c.color.cov for c, w in zip(cards, weights, strict=True)]).sum(0)
    return ColorStats(mean, cov)
