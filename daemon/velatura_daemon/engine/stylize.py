"""A feed-forward job: content bytes in, stylized bytes out, through one resident network.

`prepare` gathers all that the pass needs as one value; the method then sees the part of the picture that the
mask can change, unless it is known from an earlier job, and each tile that it paints goes straight into the
result's memory.

A stroke size beyond a method's own is laid out first: the picture is painted as many times smaller, enlarged,
and painted over, coarse to fine as in Gatys et al. 2017, section 6. The method paints in full then, and its
picture is laid over the original, so that the strength's slider costs no pass. Where the picture is a part,
its reference is painted instead, and the part's place cut out: it then begins as it does in the whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves
from velatura.errors import VelaturaError
from velatura.kind import Within
from velatura.pixels import Layout
from velatura.recipe import Stylize
from velatura_models.maths.color import ColorStats, apply_matching, color_stats, keep_luminance, matching
from velatura_models.maths.tiling import Box, crop
from velatura_models.methods.loading import Loader, load_method, method_painting
from velatura_models.methods.method import (
    Content,
    FoundStyle,
    Method,
    Steps,
    StyleShare,
    Work,
    framed,
    painted,
    work,
)
from velatura_models.networks.encoder import reach
from velatura_models.note import Note
from velatura_models.store.cards import SCALES
from velatura_models.store.weights import methods_of

from .compose import Canvas, Raster, read_canvas, read_picture, shrink
from .resources import LAID_OUT, SEEN, STATISTICS, Key, Resources
from .result import finished
from .sources import Sources
from .tasks import EngineTask, Event, Finished, Progressed, Slot, memory

LARGE = 2048 * 2048
"""Pixels of a picture whose reading is felt."""
CONTEXT = reach("relu4_1")
"""Pixels around what can change that the network sees as well: as far as relu4_1 and back."""
COARSER = 4.0
"""How many times smaller a picture is painted at once, at most, before it is painted over."""
SAME = 1.05
"""From so many times a method's own size on strokes are laid out in a smaller picture."""
SMALLEST = 48
"""Longest side of one, in pixels, at least."""
ROWS = 256
"""Of a part that are cut out at once: where they lie takes memory, too."""
ENOUGH = 0.75
"""As large as so much of one a reference serves in its place."""


@dataclass(frozen=True)
class Changing:
    """The part of a picture that can change, and all that painting it needs.

    Args:
        box: where it lies, with what the network sees around it.
        side: of the tiles' cores, in pixels, where it is cut.
        work: its content on the method's grid, the styles and the strength over it.
        over: where larger strokes are laid out in the content, the same at the recipe's strength, with which
            the picture is laid over the original; `work` is at full strength then. None otherwise.
        key: under which what is seen of it is kept between jobs.
        colors: for `color="statistics"` the map of colours `(3, 3)`, `(3,)` that keeps the content's.
    """

    box: Box
    side: int
    work: Work
    over: Work | None
    key: Key
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
    """A job with all at hand: the recipe as it runs, `auto` resolved; networks and picture; what can change,
    None for nothing; and what is to be said."""

    recipe: Stylize
    loader: Loader
    method: Method
    canvas: Canvas
    part: Changing | None
    notes: tuple[str, ...]


@torch.inference_mode()
def stylize(task: EngineTask[Stylize], resources: Resources, loader: Loader | None = None) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`. `loader` is of the job that this is a part of."""
    started = time.perf_counter()
    slot = task.content
    if slot is not None and slot.layout.width * slot.layout.height > LARGE:
        yield Progressed(0, 1)  # reading takes a while, too
    job = yield from prepare(task, resources, loader)
    canvas, method, part, about = job.canvas, job.method, job.part, {}
    out = task.output(canvas.layout)
    out[:] = canvas.original
    if part is not None:
        content = part.work.content
        tiles, done, told = len(content.tiles), 0, -1
        about = {
            "cached": part.work.seen is not None,
            "strength_in": method.strength_in if part.over is None else "picture",
            "tile": part.side if tiles > 1 else 0,
            "tiles": tiles,
        }
        for tile in painted(method, part.work):
            if tile is not None:
                done += 1
                core, made = tile
                place = core.moved(part.box.top, part.box.left)
                before = crop(canvas.picture.rgb, place)
                if job.recipe.color != "style":
                    made = _in_own_colors(part, core, before, made)
                if part.over is not None:
                    made = before + part.over.fade(core) * (made.clamp(0, 1) - before)
                canvas.put(out, place, made)
            now = content.passes.done + done
            yield Progressed(now, content.passes.of + tiles) if tiles > 1 and now != told else None
            told = now
    seconds = time.perf_counter() - started
    result = finished(canvas.layout, out, job.recipe, job.loader, seconds, job.notes, **about)
    if part is not None:
        resources.store[part.key] = part.work.seen
        resources.ahead = method.ahead(part.work) if part.over is None else None
    yield result


def stylized(
    task: EngineTask,
    recipe: Stylize,
    content: Slot,
    resources: Resources,
    loader: Loader | None = None,
    side: int = 0,
    mask: Slot | None = None,
) -> Steps[Tensor]:
    """A pass that is a part of another job: the picture that it makes, as networks see it.

    Args:
        task: whose pictures the recipe may name.
        mask: where it paints; None is everywhere.
        loader: of the job that this is a part of.
        side: longest side of the result, in pixels; 0 is the content's.
    """
    part = EngineTask(task.job, recipe, content, mask, task.pictures, output=memory, preview_side=side)
    for event in stylize(part, resources, loader):
        if isinstance(event, Finished):
            return read_picture(Slot(event.layout, event.data)).rgb
        yield None
    raise VelaturaError("internal", "the feed-forward pass ended without a picture")


def prepare(task: EngineTask[Stylize], resources: Resources, loader: Loader | None) -> Steps[Prepared]:
    """Gathers all that a job needs: the networks, the picture, then for the part of it that the mask can
    change the styles and what is to be painted there.

    Raises:
        VelaturaError, WeightsError: for a style that is not known, to the library or to the method.
    """
    recipe, notes = resolved(task.recipe, resources)
    loader = replace(loader or resources.loader, backbone=recipe.backbone, method=recipe.method)
    method = load_method(loader)
    own = min(recipe.scale, SCALES[-1])
    if method.strength_in == "picture":  # such a network's strokes have the size that it was trained for
        recipe, own = replace(recipe, scale=max(recipe.scale, 1.0)), 1.0
    canvas = yield from read_canvas(task, resources.store, task.preview_side, resources.pixels)
    room, kept = canvas.leaves(resources.job_bytes, resources.store)
    yield
    whole = canvas.picture.box
    changed = whole if canvas.mask is None else Box.around(canvas.mask)
    sources = Sources(task, resources)
    regions = [sources.region(s, i, canvas) if s.mask else None for i, s in enumerate(recipe.styles)]
    why = canvas.unpaintable(regions)
    if recipe.strength == 0 or changed is None or why is not None:
        return Prepared(recipe, loader, method, canvas, None, (*notes, *(why or ())))
    box = changed.grown(CONTEXT, whole).aligned(whole)
    total, styles = sum(s.weight for s in recipe.styles), []
    for style, where in zip(recipe.styles, regions, strict=True):
        card = partial(sources.card, style, own, recipe.backbone)
        source = FoundStyle(style.name or style.digest, own, card, partial(sources.picture, style))
        region = None if where is None else crop(where, box)
        styles.append(StyleShare(method.style(source), style.weight / total, region))
    notes = (*notes, *sources.notes)
    counts = None if canvas.counts is None else crop(canvas.counts, box)
    rgb, laid, over = canvas.picture.rgb, None, None
    times = _times_smaller(recipe, own, canvas) if recipe.scale > own else 0.0
    if times:
        laid = yield from _laid_out(task, resources, loader, recipe, canvas, times)
        rgb, room = laid, max(room - laid.nbytes, room // 4)
    side = method.footprint.fitting(box, room, kept, resources.settings.tile)
    content = framed(crop(rgb, box), counts, method.footprint, side, kept)
    strength = recipe.strength if canvas.mask is None else crop(canvas.mask, box) * recipe.strength
    todo = work(content, styles, strength, recipe.residual, recipe.exact, recipe.color == "style")
    if laid is not None:
        todo, over = replace(todo, strength=1.0), todo
    mask = task.mask.digest if task.mask is not None else ""
    place = (canvas.slot.digest, mask, canvas.size, recipe.reference)
    painted_in = None if laid is None else _origin(recipe, resources, loader)
    key = (SEEN, *place, recipe.backbone, recipe.method, method.dtype, painted_in)
    todo.seen = resources.store.get(key)
    colors = None
    if recipe.color == "statistics":
        original = content
        if laid is not None:
            original = framed(crop(canvas.picture.rgb, box), counts, method.footprint, side)
        colors = _own_colors(task, resources, recipe, original)
    if recipe.reference:
        todo.statistics = yield from _of_reference(
            task, resources, loader, recipe, canvas, times, method, styles, side, todo.strength
        )
    yield
    return Prepared(recipe, loader, method, canvas, Changing(box, side, todo, over, key, colors), notes)


def resolved(recipe: Stylize, resources: Resources) -> tuple[Stylize, tuple[str, ...]]:
    """The recipe with `auto` replaced by the embedded backbone, and by a network that was trained for all the
    styles where it may be (at its own stroke size) or must be (nothing else is known of them), else by the
    best method that the backbone has; and what is to be said of styles that are painted otherwise than one
    may think."""
    backbone = "slim" if recipe.backbone == "auto" else recipe.backbone
    method, weights, notes = recipe.method, resources.paths.weights, []
    if method == "auto":
        entries = [resources.library.get(style.name) for style in recipe.styles if style.name]
        alone = any(entry.picture is None and not entry.cards for entry in entries)
        method = ""
        if (backbone == "slim" and recipe.scale >= 1) or alone:
            method = method_painting([style.name for style in recipe.styles], weights)
        outdated = [] if method else [entry for entry in entries if entry.learned == "outdated"]
        notes = [
            Note(
                "{title!r} was learned for another painter, and is painted like any picture; learn it"
                " again (`velatura styles learn {name}`)",
                title=entry.title,
                name=entry.name,
            )
            for entry in outdated
        ]
        method = method or methods_of(backbone, weights)[0]
    return replace(recipe, backbone=backbone, method=method), tuple(notes)


def _full(recipe: Stylize) -> Stylize:
    """A recipe at full strength, without the networks that it may have run with."""
    return replace(recipe, strength=1.0, networks=())


def _origin(recipe: Stylize, resources: Resources, loader: Loader) -> Key:
    """What a recipe's picture at full strength, or what is measured for it, is named by: the recipe, what its
    names stand for now, and the networks."""
    entries = [resources.library.get(style.name).digest for style in recipe.styles if style.name]
    return (_full(recipe), *entries, *sorted(loader.used.items()))


def _times_smaller(recipe: Stylize, own: float, canvas: Canvas) -> float:
    """How many times smaller a picture is painted before it is painted over, for strokes larger than a
    method's own; 0 where there are none. Those more than `COARSER` times as large begin likewise there."""
    layout = canvas.slot.layout
    larger = recipe.scale / own * max(canvas.size) / max(layout.width, layout.height)
    if larger < SAME or max(_whole_size(recipe.place, canvas.layout)) <= SMALLEST:
        return 0.0
    return min(larger, COARSER)


def _laid_out(
    task: EngineTask[Stylize],
    resources: Resources,
    loader: Loader,
    recipe: Stylize,
    canvas: Canvas,
    times: float,
) -> Steps[Tensor]:
    """A content with larger strokes laid out in it, of its size and type; of a part those of the whole, where
    its reference is large enough."""
    rgb = canvas.picture.rgb
    if recipe.place and not any(style.mask for style in recipe.styles):  # a region is of the part alone
        slot = Sources(task, resources).reference()
        side = max(_whole_size(recipe.place, canvas.layout)) / times
        if max(slot.layout.width, slot.layout.height) >= ENOUGH * side:
            whole = _of_whole(recipe, canvas.slot.layout, slot.layout)
            small = yield from _smaller(task, resources, loader, whole, slot, None, side)
            return (yield from _enlarged(small, rgb, recipe.place))
    small = yield from _smaller(
        task, resources, loader, recipe, canvas.slot, task.mask, max(canvas.size) / times
    )
    return (yield from _enlarged(small, rgb))


def _smaller(
    task: EngineTask[Stylize],
    resources: Resources,
    loader: Loader,
    recipe: Stylize,
    slot: Slot,
    mask: Slot | None,
    side: float,
) -> Steps[Tensor]:
    """A picture painted in full with its longest side so long, kept for the next strength."""
    longest = max(round(side), SMALLEST)
    whose = (slot.digest, mask.digest if mask else "", longest)
    key = (LAID_OUT, *whose, loader.dtype, _origin(recipe, resources, loader))
    small: Tensor | None = resources.store.get(key)
    if small is None:
        small = yield from stylized(task, _full(recipe), slot, resources, loader, longest, mask)
        resources.store[key] = small
    return small


def _enlarged(small: Tensor, rgb: Tensor, place: Within | None = None) -> Steps[Tensor]:
    """A picture, or what is at a place of it, at the size and of the type of another."""
    laid, size = torch.empty_like(rgb), rgb.shape[-2:]
    if place:
        yield from _cut(small.to(rgb.device), place, laid)
        return laid
    for channel in range(3):  # one at a time: a canvas of 8192 pixels a side takes 268 MB for each
        one = small[:, channel : channel + 1].to(rgb.device)
        laid[:, channel : channel + 1] = F.interpolate(one, size, mode="bicubic").clamp(0, 1)
        yield
    return laid


def _cut(whole: Tensor, place: Within, out: Tensor) -> Steps[None]:
    """What is at a place of a picture, into `out` `(1, 3, H, W)`: all were enlarged, and that cut out."""
    rows = out.shape[2]
    for top in range(0, rows, ROWS):
        strip = out[:, :, top : top + ROWS]
        down = place.height * strip.shape[2] / rows
        x, y = place.x, place.y + place.height * top / rows
        # the whole's sides are at -1 and 1
        turn = out.new_tensor([[[place.width, 0, 2 * x + place.width - 1], [0, down, 2 * y + down - 1]]])
        grid = F.affine_grid(turn, [1, 1, *strip.shape[2:]], align_corners=False)
        strip[:] = F.grid_sample(whole, grid, "bicubic", "border", align_corners=False).clamp(0, 1)
        yield


def _whole_size(place: Within | None, part: Layout) -> tuple[float, float]:
    """Width and height of the whole that a part is of; its own without a place."""
    return (part.width / place.width, part.height / place.height) if place else (part.width, part.height)


def _of_whole(recipe: Stylize, part: Layout, reference: Layout) -> Stylize:
    """A recipe for its reference, everywhere in all styles. The whole of a part is smaller there, and strokes
    with it."""
    recipe = replace(recipe, styles=tuple(replace(style, mask="") for style in recipe.styles))
    if recipe.place is None:
        return recipe
    shrunk = reference.width / _whole_size(recipe.place, part)[0]
    return replace(recipe, reference="", place=None, scale=round(recipe.scale * shrunk, 4))


def _of_reference(
    task: EngineTask[Stylize],
    resources: Resources,
    loader: Loader,
    recipe: Stylize,
    canvas: Canvas,
    times: float,
    method: Method,
    styles: list[StyleShare],
    side: int,
    strength: float | Tensor,
) -> Steps[Any]:
    """The statistics of a recipe's reference, kept for the next frame: one for each blend, and the
    reference's whole where a style has a region."""
    most = float(strength.max()) if isinstance(strength, Tensor) else strength
    named = tuple(replace(style, mask="whole" if style.mask else "") for style in recipe.styles)
    slot = Sources(task, resources).reference()
    its = _of_whole(recipe, canvas.slot.layout, slot.layout)
    name = _origin(replace(its, styles=named, reference=recipe.reference), resources, loader)
    place = (recipe.reference, side, _reference_side(task, slot))
    key = (STATISTICS, most, *place, method.dtype, name)
    kept: Statistics | None = resources.store.get(key)
    if kept is None:
        picture = _reference(task, resources)
        rgb = picture.rgb
        if times:
            longest = max(_whole_size(recipe.place, canvas.layout) if recipe.place else rgb.shape[-2:])
            small = yield from _smaller(task, resources, loader, its, slot, None, longest / times)
            rgb = yield from _enlarged(small, rgb)
        content = framed(rgb, picture.alpha, method.footprint, side)
        whole = torch.ones(1, 1, *picture.rgb.shape[-2:])
        shares = [s if s.region is None else replace(s, region=whole) for s in styles]
        todo = work(content, shares, most, recipe.residual, recipe.exact, recipe.color == "style")
        origin = _origin(its, resources, loader) if times else None
        whose = (SEEN, *place, recipe.backbone, recipe.method, method.dtype, origin)
        todo.seen = resources.store.get(whose) or (yield from method.see(content))
        kept = Statistics((yield from method.measure(todo)))
        resources.store[key], resources.store[whose] = kept, todo.seen
    return kept.value


def _reference(task: EngineTask[Stylize], resources: Resources) -> Raster:
    """The reference, at the size that it has for this job."""
    slot = Sources(task, resources).reference()
    return shrink(read_picture(slot, "reference"), _reference_side(task, slot))


def _reference_side(task: EngineTask[Stylize], slot: Slot) -> int:
    """Its longest side, at most: it is reduced as many times as the content is, or to the size of the whole
    that the content is a part of; 0 leaves it."""
    assert task.content is not None  # the engine has asked the recipe's facts
    own, place = task.content.layout, task.recipe.place
    whole = _whole_size(place, own if place else slot.layout)
    return round(task.preview_side / max(own.width, own.height) * max(whole))


def _in_own_colors(part: Changing, core: Box, before: Tensor, made: Tensor) -> Tensor:
    """A finished tile in the content's colours.

    Args:
        core: where it lies in the part.
        before: the content there.
    """
    if part.colors is None:
        return keep_luminance(before, made)
    return made + part.work.fade(core) * (apply_matching(made, *part.colors) - made)


def _own_colors(
    task: EngineTask[Stylize], resources: Resources, recipe: Stylize, content: Content
) -> tuple[Tensor, Tensor]:
    """The map from a blend's colours, the mean of the styles', to the content's or its reference's."""
    own = color_stats(content.rgb, content.weight)
    if recipe.reference:
        reference = _reference(task, resources)
        own = color_stats(reference.rgb, reference.alpha)
    sources, total = Sources(task, resources), sum(style.weight for style in recipe.styles)
    mean, cov = torch.zeros_like(own.mean), torch.zeros_like(own.cov)
    for style in recipe.styles:
        color = sources.card(style, 1.0, recipe.backbone).color
        mean, cov = mean + style.weight / total * color.mean, cov + style.weight / total * color.cov
    return matching(ColorStats(mean, cov), own)
