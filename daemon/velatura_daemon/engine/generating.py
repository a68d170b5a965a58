"""A texture by a texture network: noise in, 8-bit RGB out, in one pass (Ulyanov et al. 2016).

Finds the network that was trained for the style, and writes each finished tile into the result's memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from velatura.errors import FieldError
from velatura.pixels import Layout
from velatura.recipe import Texture
from velatura_models.maths.tiling import Box, round_up
from velatura_models.networks.texture_net import (
    SIDE,
    TextureNet,
    find_texture,
    synthesise,
)
from velatura_models.optimise.pyramid import resize
from velatura_models.store.errors import WeightsError
from velatura_models.store.nets import describe_net, load_into

from .canvas import write_texture
from .compose import Picture, as_array, encode_picture
from .tasks import (
    Event,
    Finished,
    Progressed,
    Task,
)

if TYPE_CHECKING:
    from .engine import TorchEngine


def generate(task: Task, engine: TorchEngine) -> Iterator[Event]:
    """Runs a `Texture` recipe whose method is `network`; see `tasks.Engine.run`. The noise is the same
    whatever the device, dtype and tile; `preview_side` bounds the result."""
    started = time.perf_counter()
    recipe = task.recipe
    if not isinstance(recipe, Texture):
        raise FieldError("recipe.kind", "is not texture")
    net, digest = _network(recipe, engine)
    yield None
    size = (recipe.height, recipe.width)
    factor = min(1.0, task.preview_side / max(size)) if task.preview_side else 1.0
    shown = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
    made = (round_up(size[0], net.grid), round_up(size[1], net.grid)) if recipe.tileable else size
    side = engine.settings.tile or SIDE * (1 if engine.device.type == "cpu" else 4)
    count = -(-made[0] // side) * -(-made[1] // side)
    straight = made == shown
    layout = Layout(shown[1], shown[0], "RGB")
    out = task.output(layout) if straight else memoryview(b"")
    whole = torch.empty(0) if straight else torch.empty(1, 3, *made)
    done = 0
    for part in synthesise(net, made, recipe.seed, side):
        if part is None:
            yield None
            continue
        if straight:
            _place(out, layout, *part)
        else:
            rows, columns = part[0].slices()
            whole[:, :, rows, columns] = part[1]
        done += 1
        yield Progressed(min(done, count), count)
    if not straight:  # a preview, or a seamless texture whose sides are not on the network's grid
        layout, out = yield from write_texture(resize(whole, shown, recipe.tileable), task.output)
    record = engine.record(engine.dtype)
    record.update(
        network=digest, tile=side if count > 1 else 0, seconds=round(time.perf_counter() - started, 4)
    )
    yield Finished(layout, out, recipe, record)


def _network(recipe: Texture, engine: TorchEngine) -> tuple[TextureNet, str]:
    """The network that makes a recipe's texture, resident, and the digest of its weights."""
    if len(recipe.styles) != 1 or not recipe.styles[0].name:
        raise FieldError(
            "recipe.styles",
            "must be one name: a texture network knows the texture it was trained for, and no blends or "
            "other pictures; the method optimise takes those",
        )
    try:
        about = find_texture(recipe.styles[0].name, engine.paths.weights)
    except WeightsError as error:
        raise FieldError("recipe.styles[0].name", str(error)) from error
    return _resident(about.path, about.digest, engine.device, engine.dtype), about.digest


@lru_cache(maxsize=4)
def _resident(path: Path, digest: str, device: torch.device, dtype: torch.dtype) -> TextureNet:
    """A loaded network; `digest` keeps a file that was replaced from being taken for the old one."""
    del digest
    net: TextureNet = load_into(TextureNet, describe_net(path))
    net = net.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs
    return net


def _place(out: memoryview, layout: Layout, box: Box, made: Tensor) -> None:
    """Writes a tile into the result."""
    part = Layout(box.width, box.height, layout.channels)
    pixels = as_array(part, memoryview(encode_picture(Picture(made.clamp(0, 1), None), part)))
    rows, columns = box.slices()
    np.copyto(as_array(layout, out)[rows, columns], pixels)
