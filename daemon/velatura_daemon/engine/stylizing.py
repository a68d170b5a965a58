"""A feed-forward job: content bytes in, stylized bytes out, through one resident network.

Reads the content once and keeps its features; takes cards from the engine; hands the network a
picture cut to what the mask can change; writes each finished tile straight into the result's memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F
from velatura.errors import FieldError, VelaturaError
from velatura.pixels import Layout
from velatura.recipe import Stylize
from velatura_models.maths.color import (
    ColorStats,
    apply_matching,
    color_stats,
    keep_luminance,
    matching,
)
from velatura_models.maths.tiling import (
    STRIDE,
    Box,
    halo,
    round_up,
)
from velatura_models.methods.method import (
    Content,
    Kept,
    Method,
    Source,
    StyleTarget,
)
from velatura_models.store.cards import Card

from .compose import (
    Picture,
    encode_picture,
    preview_size,
    read_mask,
    read_picture,
    shrink,
    shrink_map,
    write_change,
)
from .tasks import (
    Event,
    Finished,
    Progressed,
    Task,
)

if TYPE_CHECKING:
    from .engine import TorchEngine

LEAST = 2 * STRIDE
"""Smallest side a network is given: reflection padding at relu4_1 needs two positions."""


def stylize(task: Task, engine: TorchEngine) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`."""
    started = time.perf_counter()
    recipe = task.recipe
    if not isinstance(recipe, Stylize) or task.content is None:
        raise FieldError("content", "is missing: a stylize job needs a picture to work on")
    recipe = engine.resolve(recipe)
    network = engine.network(recipe.backbone, recipe.method)
    if network.strength_in == "picture":
        recipe = replace(recipe, scale=1.0)  # such a network's strokes have the size that it was trained for
    picture, layout, original = _content(task, engine)
    size = (layout.width, layout.height)
    mask = None
    if task.mask is not None:
        mask = shrink_map(read_mask(task.mask, task.content.layout), size)
        mask = None if bool((mask >= 1).all()) else mask
    yield None
    out = task.output(layout)
    out[:] = original
    box = changed_box(mask, picture.box)
    record = engine.record(network.dtype)
    if box is not None and recipe.strength > 0:
        sources = [
            engine.source(style, recipe.scale, recipe.backbone, task.pictures) for style in recipe.styles
        ]
        work = _Work(task, recipe, network, picture, layout, original, out, mask, box, sources)
        yield None
        key = (task.content.digest, size, box, recipe.backbone, recipe.method, network.dtype)
        known = engine.contents.get(key)
        record["cached"] = known is not None
        yield from work.run(known)
        if work.kept is not None:
            engine.remember(key, work.kept, network)
        record["strength_in"] = network.strength_in
        record["tile"] = network.tile_side() if work.tiles > 1 else 0
        record["tiles"] = work.tiles
    record["seconds"] = round(time.perf_counter() - started, 4)
    yield Finished(layout, out, recipe, record)


def _content(task: Task, engine: TorchEngine) -> tuple[Picture, Layout, memoryview]:
    """The content as the network sees it, the result's layout, and the bytes that it starts from."""
    slot = task.content
    assert slot is not None  # checked by the caller
    width, height = preview_size(slot.layout.width, slot.layout.height, task.preview_side)
    layout = replace(slot.layout, width=width, height=height)
    picture = engine.pictures.get((slot.digest, width, height))
    if picture is None:
        picture = shrink(read_picture(slot), task.preview_side)
        engine.pictures.put((slot.digest, width, height), picture)
    if layout == slot.layout:
        return picture, layout, slot.data
    return picture, layout, memoryview(encode_picture(picture, layout))


def changed_box(mask: Tensor | None, whole: Box) -> Box | None:
    """The smallest box that holds all of a mask above 0; the whole without a mask, None for an empty one."""
    if mask is None:
        return whole
    rows = torch.nonzero(mask[0, 0].amax(1) > 0).flatten()
    columns = torch.nonzero(mask[0, 0].amax(0) > 0).flatten()
    if not len(rows):
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


class _Work:
    """One run of a network over the part of the picture that can change."""

    def __init__(
        self,
        task: Task,
        recipe: Stylize,
        network: Method,
        picture: Picture,
        layout: Layout,
        original: memoryview,
        out: memoryview,
        mask: Tensor | None,
        box: Box,
        sources: list[Source],
    ) -> None:
        self.recipe, self.network, self.picture = recipe, network, picture
        self.layout, self.original, self.out, self.mask = layout, original, out, mask
        self.box = box.grown(halo(), picture.box).aligned(picture.box)
        self.kept: Kept | None = None
        self.done, self.tiles = 0, 1
        weights = [style.weight / sum(s.weight for s in recipe.styles) for style in recipe.styles]
        self.styles = [
            StyleTarget(network.style(source), weight, self._region(task, index))
            for index, (source, weight) in enumerate(zip(sources, weights, strict=True))
        ]
        if recipe.color == "statistics":
            self.colors = _blend_colors([source.card() for source in sources], weights)

    def run(self, known: Kept | None) -> Iterator[Event]:
        weight = self.mask
        if self.picture.alpha is not None:
            weight = self.picture.alpha if weight is None else weight * self.picture.alpha
        content = Content(
            self._padded(self.picture.rgb), None if weight is None else self._padded(weight, zero=True)
        )
        strength: float | Tensor = self.recipe.strength
        if self.mask is not None:
            strength = self._padded(self.mask) * self.recipe.strength
        self.strength = strength
        if self.recipe.color == "statistics":
            kept = color_stats(content.rgb, content.weight)
            self.color_map = matching(self.colors, kept)
        self.tiles = len(self.network.cut(*content.rgb.shape[-2:]))
        passes = self.network.stylize(
            content, self.styles, strength, self._write, self.recipe.residual, known, self.recipe.exact
        )
        reported = 0
        while True:
            try:
                next(passes)
            except StopIteration as stop:
                self.kept = stop.value
                return
            if self.tiles > 1 and self.done > reported:
                reported = self.done
                yield Progressed(reported, self.tiles)
            else:
                yield None

    def _write(self, core: Box, made: Tensor) -> None:
        """Takes a finished tile, in the coordinates of the padded box, into the result."""
        self.done += 1
        limit = Box(0, 0, self.box.height, self.box.width)
        core = core.grown(0, limit)
        made = made[:, :, : core.height, : core.width]
        place = Box(
            core.top + self.box.top,
            core.left + self.box.left,
            core.bottom + self.box.top,
            core.right + self.box.left,
        )
        rows, columns = place.slices()
        if self.recipe.color == "luminance":
            made = keep_luminance(self.picture.rgb[:, :, rows, columns], made)
        elif self.recipe.color == "statistics":
            inner = core.slices()
            fade = (
                self.strength[:, :, inner[0], inner[1]]
                if isinstance(self.strength, Tensor)
                else self.strength
            )
            made = made + fade * (apply_matching(made, *self.color_map) - made)
        mask = None if self.mask is None else self.mask[:, :, rows, columns]
        write_change(self.layout, self.out, self.original, place, self.picture, made, mask)

    def _padded(self, maps: Tensor, zero: bool = False) -> Tensor:
        """The box out of a map of the whole picture, continued to the network's grid and least size."""
        rows, columns = self.box.slices()
        part = maps[:, :, rows, columns]
        below = max(round_up(self.box.height), LEAST) - self.box.height
        right = max(round_up(self.box.width), LEAST) - self.box.width
        if not below and not right:
            return part
        return F.pad(part, (0, right, 0, below), mode="constant" if zero else "replicate")

    def _region(self, task: Task, index: int) -> Tensor | None:
        name = self.recipe.styles[index].mask
        if not name:
            return None
        assert task.content is not None
        where = f"recipe.styles[{index}].mask"
        if name not in task.pictures:
            raise VelaturaError("unknown_blob", f"region mask {name} is not at hand", where)
        region = read_mask(task.pictures[name], task.content.layout, where)
        return self._padded(shrink_map(region, (self.layout.width, self.layout.height)))


def _blend_colors(cards: list[Card], weights: list[float]) -> ColorStats:
    """Colour statistics of a blend: the weighted mean of the styles'."""
    mean = torch.stack([w * c.color.mean for c, w in zip(cards, weights, strict=True)]).sum(0)
    cov = torch.stack([w * c.color.cov for c, w in zip(cards, weights, strict=True)]).sum(0)
    return ColorStats(mean, cov)
