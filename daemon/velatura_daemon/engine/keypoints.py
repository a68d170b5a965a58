"""Pairs of places that correspond, found in a content and a style: by themselves, and for shapes to go by.

By themselves the result is the content with every pair drawn on it, an arrow from where it is to where it
would move; the pairs stand in the record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from velatura.fields import field_of
from velatura.pairs import LEAST, Pair, as_map
from velatura.recipe import Keypoints, Refine
from velatura_models.methods.loading import Loader
from velatura_models.networks.playback import retold
from velatura_models.note import Note
from velatura_models.optimise import buddies
from velatura_models.optimise.deform import Deform
from velatura_models.optimise.objective import Objective
from velatura_models.optimise.strotss import Pairs

from .compose import read_canvas
from .optimising import Optimisation, best_backbone
from .resources import Resources
from .result import finished
from .sources import Sources
from .tasks import EngineTask, Event, Progressed

DARK, BRIGHT = (20, 20, 20), (255, 190, 30)


@torch.inference_mode()
def keypoints(task: EngineTask[Keypoints], resources: Resources) -> Iterator[Event]:
    """Runs a `Keypoints` recipe; see `tasks.Engine.run`. `preview_side` bounds the result."""
    started = time.perf_counter()
    canvas = yield from read_canvas(task, resources.store, task.preview_side)
    yield None
    sources, recipe = Sources(task, resources), task.recipe
    style = sources.picture(recipe.styles[0])
    backbone = best_backbone(recipe.backbone, True, resources)
    yield None
    loader = replace(resources.loader, backbone=backbone)
    found = yield from found_pairs(
        canvas.picture.rgb, style, loader, recipe.most, lambda share: Progressed(round(100 * share), 100)
    )
    (height, width), its = canvas.size, (style.shape[-1], style.shape[-2])
    size = (width, height)
    pairs = as_pairs(found, size, its)
    layout, data = yield from canvas.write(_drawn(canvas.picture.rgb, found), task.output)
    notes, seconds = [] if pairs else [NONE], time.perf_counter() - started
    recipe = replace(recipe, backbone=backbone)
    yield finished(layout, data, recipe, loader, seconds, notes, **as_map(pairs, size, its))


def deforming(recipe: Refine, inner: Objective) -> Deform:
    """An objective whose shapes move as a recipe says."""
    return Deform(inner, shares_of(recipe), recipe.shapes, recipe.reach)


def shares_of(recipe: Refine) -> Pairs:
    """A recipe's pairs as objectives take them."""
    return tuple((pair.x, pair.y, pair.x2, pair.y2) for pair in recipe.pairs)


def with_pairs(job: Optimisation[Refine], content: Tensor) -> Generator[Event, None, Optimisation[Refine]]:
    """A refinement whose shapes move, with the pairs that they go by: the recipe's, else what is found. With
    too few of them shapes stay, which the notes say."""
    recipe, notes, objective = job.recipe, list(job.notes), job.options.objective
    assert isinstance(objective, Deform)
    if not recipe.pairs:
        style = job.styles[0].picture
        assert style is not None  # a deformation needs pictures
        most = field_of(Keypoints, "most").default
        # which is no step of the refinement, the only thing that its progress counts
        found = yield from found_pairs(content, style, job.loader, most, lambda share: None)
        pairs = as_pairs(found, (content.shape[-1], content.shape[-2]), (style.shape[-1], style.shape[-2]))
        recipe = replace(recipe, pairs=pairs)
        notes.append(Note("shapes go by {n} pairs that were found", n=len(pairs)) if pairs else NO_PAIRS)
    elif len(recipe.pairs) < LEAST:
        notes.append(
            Note("shapes stay: it takes {least} pairs of places, not {n}", least=LEAST, n=len(recipe.pairs))
        )
    if len(recipe.pairs) < LEAST:
        recipe, objective = replace(recipe, shapes="keep"), objective.inner
    else:
        objective = deforming(recipe, objective.inner)
    options = replace(job.options, objective=objective)
    return replace(job, recipe=recipe, options=options, notes=tuple(notes))


NONE = Note("no good pairs were found: the two pictures show nothing alike that an encoder could tell")
NO_PAIRS = Note(
    "no good pairs were found: the two pictures show nothing alike that an encoder could tell; shapes stay"
)


def found_pairs(
    content: Tensor, style: Tensor, loader: Loader, most: int, told: Callable[[float], Event]
) -> Generator[Event, None, Tensor]:
    """Pairs `(k, 4)` in pixels, found with a loader's backbone.

    Args:
        told: the event that is yielded of the share that is done.
    """
    encoder = loader.optimising_encoder().variant("max")
    return (yield from retold(buddies.keypoints(encoder, content, style, most), told))


def as_pairs(found: Tensor, content: tuple[int, int], style: tuple[int, int]) -> tuple[Pair, ...]:
    """Pixels `(k, 4)` as shares of the pictures' widths and heights."""
    shares = found / torch.tensor([*content, *style], dtype=found.dtype)
    return tuple(Pair(*row) for row in shares.clamp(0, 1).tolist())


def _drawn(rgb: Tensor, pairs: Tensor) -> Tensor:
    """A picture `(1, 3, H, W)` with an arrow for each pair."""
    pixels = (rgb[0].permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels)
    pen, unit = ImageDraw.Draw(image), max(2, max(image.size) // 200)
    goals = buddies.aligned(pairs) if len(pairs) >= 2 else pairs[:, :2]
    for (x, y), (gx, gy) in zip(pairs[:, :2].tolist(), goals.tolist(), strict=True):
        for color, more in ((DARK, 2), (BRIGHT, 0)):
            pen.line((x, y, gx, gy), color, unit + more)
            pen.ellipse(_around(x, y, unit + more / 2), color)
            pen.ellipse(_around(gx, gy, unit / 2 + more / 2), color)
    made = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None]
    return made.to(rgb) / 255


def _around(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius
