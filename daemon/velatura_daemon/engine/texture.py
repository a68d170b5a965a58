"""A texture: from noise, 8-bit RGB out; optimised, or by a network in one pass (Ulyanov et al. 2016)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from velatura.errors import FieldError
from velatura.pixels import Layout
from velatura.recipe import Texture
from velatura_models.maths.sizes import preview_size
from velatura_models.maths.tiling import Box, round_up
from velatura_models.methods.loading import Loader
from velatura_models.networks.texture_net import SIDE, TextureNet, synthesise
from velatura_models.optimise.problem import Problem
from velatura_models.optimise.pyramid import resize
from velatura_models.optimise.refinement import Refinement
from velatura_models.store.files import WeightsError
from velatura_models.store.nets import find_texture

from .compose import Raster, Written, as_array, encode_picture, write_texture
from .optimising import Walk, gram, options_of, prepare
from .resources import Resources
from .result import finished
from .tasks import EngineTask, Event, Progressed


def texture(task: EngineTask[Texture], resources: Resources) -> Iterator[Event]:
    """Runs a `Texture` recipe; see `tasks.Engine.run`."""
    return WAYS[task.recipe.method](task, resources)


def optimised(task: EngineTask[Texture], resources: Resources) -> Iterator[Event]:
    """A texture whose Gram matrices are the styles' (Gatys et al., NIPS 2015), step by step: a refinement of
    noise without content; a tileable one is optimised as a torus. `preview_side` bounds the previews, or
    without `preview_every` the result."""
    recipe = task.recipe
    size = (recipe.height, recipe.width)
    job = prepare(task, resources, options_of(recipe, gram(recipe)), size)
    problem = Problem(size, job.styles, wrap=recipe.tileable)
    yield None

    def begin(checkpoint: Mapping[str, Tensor] | None) -> Refinement:
        return Refinement(job.encoder, problem, job.options, checkpoint)

    def show(walk: Refinement, preview: bool) -> Written:
        side = task.preview_side if preview or not task.preview_every else 0
        return write_texture(walk.picture(_bounded(size, side)), task.output)

    yield from Walk(task, resources, job, begin, show).run()


@torch.inference_mode()
def generated(task: EngineTask[Texture], resources: Resources) -> Iterator[Event]:
    """A texture by the network that was trained for its style. The noise is the same whatever the device,
    dtype and tile; `preview_side` bounds the result."""
    started = time.perf_counter()
    recipe = task.recipe
    loader = resources.loader
    net = _network(recipe, loader)
    yield None
    size = (recipe.height, recipe.width)
    shown = _bounded(size, task.preview_side)
    made = (round_up(size[0], net.grid), round_up(size[1], net.grid)) if recipe.tileable else size
    side = resources.settings.tile or SIDE * (1 if resources.device.type == "cpu" else 4)
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
    seconds = time.perf_counter() - started
    yield finished(layout, out, recipe, loader, seconds, tile=side if count > 1 else 0)


def _network(recipe: Texture, loader: Loader) -> TextureNet:
    """The network that makes a recipe's texture, resident."""
    if len(recipe.styles) != 1 or not recipe.styles[0].name:
        raise FieldError(
            "recipe.styles",
            "must be one name: a texture network knows the texture it was trained for, and no blends or "
            "other pictures; the method optimise takes those",
        )
    try:
        about = find_texture(recipe.styles[0].name, loader.folder)
    except WeightsError as error:
        raise FieldError("recipe.styles[0].name", str(error)) from error
    return loader.net(TextureNet, about)


def _bounded(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Height and width with the longest side at most `side`; 0 leaves them."""
    width, height = preview_size(size[1], size[0], side)
    return height, width


def _place(out: memoryview, layout: Layout, box: Box, made: Tensor) -> None:
    """Writes a tile into the result."""
    part = Layout(box.width, box.height, layout.channels)
    pixels = as_array(part, memoryview(encode_picture(Raster(made.clamp(0, 1), None), part)))
    rows, columns = box.slices()
    np.copyto(as_array(layout, out)[rows, columns], pixels)


WAYS: dict[str, Callable[[EngineTask[Texture], Resources], Iterator[Event]]] = {
    "optimise": optimised,
    "network": generated,
}
