"""An enlargement: content bytes in, the same layout 4 or 8 times as wide and high out.

The content is cut into tiles with the network's halo; each is enlarged, put into the result's own layout,
depth and alpha, and written into its memory, so that the result is never held twice. Alpha, and what a float
picture holds outside of 0..1, are enlarged bicubically.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from velatura.errors import VelaturaError
from velatura.pixels import Layout
from velatura.recipe import Upscale
from velatura_models.maths.sizes import preview_size
from velatura_models.maths.tiling import Box, Footprint, Tile, crop, tiles
from velatura_models.methods.loading import Loader
from velatura_models.networks.superres import LEAST, SuperResNet, bicubic
from velatura_models.store.files import WeightsError
from velatura_models.store.nets import find_superres

from .compose import Raster, as_array, encode_picture, read_picture, shrink
from .resources import Resources
from .result import finished
from .tasks import EngineTask, Event, Progressed, Slot

TILE = 640
"""Side of a tile's core in the result, in pixels, on a CPU: about half a second of work on two cores."""


@torch.inference_mode()
def upscale(task: EngineTask[Upscale], resources: Resources) -> Iterator[Event]:
    """Runs an `Upscale` recipe; see `tasks.Engine.run`. `preview_side` bounds the result."""
    started = time.perf_counter()
    recipe, slot = task.recipe, task.content
    assert slot is not None  # the engine has asked the recipe's facts
    loader = resources.loader
    net = _network(recipe.factor, loader)
    longest = max(1, task.preview_side // recipe.factor) if task.preview_side else 0
    width, height = preview_size(slot.layout.width, slot.layout.height, longest)
    picture = shrink(read_picture(slot), longest)
    large = recipe.result_layout(replace(slot.layout, width=width, height=height))
    beyond = _beyond(slot, picture) if (width, height) == (slot.layout.width, slot.layout.height) else None
    yield None
    out = task.output(large)
    cut = _cut(net, height, width, resources)
    for done, tile in enumerate(cut, 1):
        core, outer = tile.core, tile.outer
        part = crop(picture.rgb, outer)
        made = yield from _enlarged(net, part, recipe.strength, resources)
        inner, place = core.within(outer).times(net.factor), core.times(net.factor)
        alpha = None if picture.alpha is None else bicubic(crop(picture.alpha, outer), net.factor)
        extra = None if beyond is None else bicubic(crop(beyond, outer), net.factor)
        cropped = [None if maps is None else crop(maps, inner) for maps in (alpha, extra)]
        _write(large, out, place, crop(made, inner), *cropped)
        yield Progressed(done, len(cut)) if len(cut) > 1 else None
    tile, seconds = cut[0].core.width if len(cut) > 1 else 0, time.perf_counter() - started
    yield finished(large, out, recipe, loader, seconds, tile=tile, tiles=len(cut))


def _network(factor: int, loader: Loader) -> SuperResNet:
    try:
        return loader.net(SuperResNet, find_superres(factor, loader.folder))
    except WeightsError as error:
        raise VelaturaError("unknown_model", str(error), "recipe.factor") from error


def _cut(net: SuperResNet, height: int, width: int, resources: Resources) -> list[Tile]:
    """The tiles of a content: what memory has room for, at about four maps of the result's size at a time,
    and at most what keeps other jobs waiting for half a second."""
    per_pixel = 4 * net.width * net.factor**2 * torch.finfo(resources.dtype).bits / 8
    fits = Footprint(net.halo, per_pixel, grid=1).side(resources.tile_bytes)
    side = min(fits, (TILE if resources.device.type == "cpu" else 4 * TILE) // net.factor)
    if resources.settings.tile:
        side = max(resources.settings.tile // net.factor, LEAST)
    return tiles(height, width, side, net.halo, grid=1)


def _enlarged(
    net: SuperResNet, part: Tensor, strength: float, resources: Resources
) -> Generator[None, None, Tensor]:
    """A part of the content enlarged, `(1, 3, factor h, factor w)` on the CPU, not clamped."""
    height, width = part.shape[-2:]
    plain = bicubic(part, net.factor) if strength < 1 else None
    if strength == 0:
        return plain  # type: ignore[return-value]  # strength is below 1
    below, right = max(LEAST - height, 0), max(LEAST - width, 0)
    x = F.pad(part, (0, right, 0, below), mode="replicate") if below or right else part
    made = yield from net.steps(x.to(resources.device).contiguous(memory_format=torch.channels_last))
    made = made[:, :, : height * net.factor, : width * net.factor].cpu()
    return made if plain is None else plain + strength * (made - plain)


def _beyond(slot: Slot, picture: Raster) -> Tensor | None:
    """What a float picture holds outside of 0..1, in its own layout, `(1, C, h, w)`; None where nothing."""
    if slot.layout.depth not in ("f16", "f32"):
        return None
    plain = as_array(slot.layout, memoryview(encode_picture(picture, slot.layout)))
    beyond = as_array(slot.layout, slot.data).astype(np.float32) - plain.astype(np.float32)
    beyond[np.abs(beyond) < 1e-3] = 0  # rounding
    if slot.layout.has_alpha:
        beyond[as_array(slot.layout, slot.data)[..., -1] <= 0] = 0  # colours that nobody sees stay unseen
    return torch.from_numpy(beyond).permute(2, 0, 1)[None] if beyond.any() else None


def _write(
    layout: Layout, out: memoryview, place: Box, rgb: Tensor, alpha: Tensor | None, extra: Tensor | None
) -> None:
    """Puts an enlarged core into its place in the result."""
    part = replace(layout, width=rgb.shape[3], height=rgb.shape[2])
    picture = Raster(rgb.clamp(0, 1), None if alpha is None else alpha.clamp(0, 1))
    values = as_array(part, memoryview(encode_picture(picture, part)))
    if extra is not None:
        values = (values + extra[0].permute(1, 2, 0).numpy()).astype(values.dtype)
    as_array(layout, out)[place.slices()] = values
