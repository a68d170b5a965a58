"""A style of the library becomes one more row of the painter: `Learn`, a training of about a minute.

The run lies in the cache folder, under the digests of painter, picture and loss network: a job that was
cancelled, or whose worker died, is gone on with, and one that has ended is bettered by the next. The painter
knows the style when its row's file has moved into place, at the end and not before; and only where it paints
the style better than the same recipe did when the job began, by the loss that is learned with.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F
from velatura.errors import FieldError
from velatura.finding import LOOK_SIDE
from velatura.pixels import Layout
from velatura.pixels import digest as digest_of
from velatura.recipe import Learn, Stylize
from velatura_models.maths.tiling import round_up
from velatura_models.methods.method import Steps
from velatura_models.methods.painter import PAINTER
from velatura_models.networks.transform_net import STRIDE
from velatura_models.note import Note
from velatura_models.store.nets import find_net
from velatura_models.store.weights import find_backbone, load_backbone

from .compose import read_picture, shrink, write_texture
from .optimising import best_backbone
from .resources import Resources
from .result import finished
from .sources import Sources
from .stylize import stylized
from .tasks import Checkpointed, EngineTask, Event, Previewed, Progressed, Slot

if TYPE_CHECKING:
    from velatura_models.training.run import Run
    from velatura_models.training.style_n_plus_one import Judge

MOST = 2
"""How many times a small picture is enlarged, at most, to be seen at the painter's size."""

CROP, BATCH = 256, 2
"""Photos a step, and their side in pixels."""

TRIED = ("astronaut", "tea-gardens", "chelsea")
"""Photos that a style is painted on before and after, to see whether it has become better."""

SAVE_EVERY = 10.0
"""Seconds of computing between checkpoints."""

FIRST_LOOK = 0.5
"""Seconds of computing before the first preview, where they are asked for."""


def learn(task: EngineTask[Learn], resources: Resources) -> Iterator[Event]:
    """Runs a `Learn` recipe; see `tasks.Engine.run`."""
    from velatura_models.networks.residency import placed
    from velatura_models.training import style_n_plus_one as training  # it brings the trainers along
    from velatura_models.training.crops import batches

    recipe, style = task.recipe, task.recipe.styles[0]
    about = find_net(PAINTER, "transform", resources.paths.weights)
    if style.name in about.styles:
        raise FieldError("recipe.styles[0].name", f"is {style.name!r}, which the painter knows already")
    sources = Sources(task, resources)
    picture, notes = sources.picture(style), sources.notes
    backbone = best_backbone(recipe.backbone, True, resources)
    digest = find_backbone(backbone, resources.paths.weights).digest
    yield None
    net = training.load_painter(about, resources.device)
    vgg = placed(load_backbone(backbone, resources.paths.weights), resources.device, resources.dtype)
    side = min(round(training.STYLE_SIDE * recipe.scale), MOST * min(picture.shape[2:]))
    judge = training.Judge(vgg, picture, side, style_weight=recipe.style_weight)
    entry = resources.library.get(style.name)
    folder = _folder(resources, about.digest, entry.digest, digest, recipe.scale)
    content = task.content or _photo(training.SAMPLE, LOOK_SIDE)
    look = min(LOOK_SIDE, task.preview_side or LOOK_SIDE)
    sample = shrink(read_picture(content), look).rgb
    tried = [_photo(training.PHOTOS / f"{name}.jpg", CROP) for name in TRIED]
    yield None
    as_known = partial(stylized, task, Stylize(recipe.styles), resources=resources)
    before = yield from _off(judge, tried, as_known)
    losses: dict[str, float] = {}

    def by_row(run: Run, rgb: Tensor) -> Tensor:
        with torch.no_grad():
            return _painted(partial(training.painted, net, training.row_of(run)), rgb)

    def learned(photo: Slot) -> Steps[Tensor]:
        yield
        assert run is not None
        return by_row(run, read_picture(photo).rgb)

    spent, began, looked, saved = 0.0, None, FIRST_LOOK - task.preview_every, 0.0
    run = None
    with (
        closing(batches(training.PHOTOS, CROP, BATCH, recipe.seed)) as photos,
        closing(
            training.learn(
                net,
                about.styles,
                photos,
                judge,
                folder,
                steps=recipe.steps,
                seed=recipe.seed,
                report=lambda step, of, means: losses.update(means),
            )
        ) as steps,
    ):
        while True:
            since = time.perf_counter()
            run = next(steps, None) or run
            spent += time.perf_counter() - since
            assert run is not None  # rows are tried before the first step
            if began is None:
                began = run.step
                if began:
                    notes.append(Note("went on from step {step}", step=began - 1))
                if task.checkpoint is not None:
                    run.steps = int(task.checkpoint)
            if run.step >= run.steps or task.stopping():
                break
            done = run.step - began
            left = spent / done * (run.steps - run.step) if done > 1 else 0.0
            yield Progressed(run.step, run.steps, dict(losses), round(left, 1))
            if task.preview_every and spent - looked >= task.preview_every:
                looked = spent
                yield Previewed(run.step, *(yield from write_texture(by_row(run, sample), task.output)))
            if run.step and spent - saved >= SAVE_EVERY:
                saved = spent
                run.save()
                yield Checkpointed(run.step, str(run.steps).encode())
    if run.step < run.steps:
        notes.append(Note("stopped on request at step {step} of {of}", step=run.step, of=run.steps))
    after = yield from _off(judge, tried, learned)
    better = after < before
    resources.library.get(style.name)  # it may have been removed meanwhile
    if better:
        made = by_row(run, sample)
        trained = run.told(BATCH, CROP, backbone)
        training.save_row(training.row_of(run), resources.paths.weights / "nets", style.name, about, trained)
    else:
        made = yield from as_known(content, side=look)
        notes.append(
            Note(
                "it does not paint {title!r} better yet than before (off by {after}, before by {before}), so"
                " that stays as it was; learning it again goes on",
                title=entry.title,
                after=f"{after:.3g}",
                before=f"{before:.3g}",
            )
        )
    layout, data = yield from write_texture(made, task.output)
    loader = replace(resources.loader, backbone=backbone)
    loader.used.update({about.title: about.digest, f"{backbone}/encoder": digest})
    ran, off = replace(recipe, backbone=backbone), [round(before, 4), round(after, 4)]
    yield finished(layout, data, ran, loader, spent, notes, steps=run.step, better=better, off=off)


def _off(judge: Judge, photos: Sequence[Slot], paint: Callable[[Slot], Steps[Tensor]]) -> Steps[float]:
    """How far pictures are from a style and from the photos that they show, by the loss that is learned with.

    Args:
        paint: makes a picture `(1, 3, H, W)` of a photo.
    """
    total = 0.0
    for photo in photos:
        made = yield from paint(photo)
        total += judge.off(made, read_picture(photo).rgb) / len(photos)
        yield
    return total


def _folder(resources: Resources, *what: object) -> Path:
    """Where the run of this very style lies."""
    name = hashlib.blake2b(" ".join(map(str, what)).encode(), digest_size=16).hexdigest()
    return resources.paths.cache / "learning" / name


def _photo(path: Path, side: int) -> Slot:
    """A photo to try a style on, at most so many pixels long."""
    from velatura_models.store.pictures import read_rgb

    image = read_rgb(path)
    image.thumbnail((side, side))
    layout, data = Layout(*image.size, "RGB"), image.tobytes()
    return Slot(layout, memoryview(data), digest_of(layout, [data]))


def _painted(paint: Callable[[Tensor], Tensor], rgb: Tensor) -> Tensor:
    """A picture of any size painted by what takes sides that are multiples of the network's stride."""
    height, width = rgb.shape[2:]
    down, right = (max(round_up(side, STRIDE), 2 * STRIDE) - side for side in (height, width))
    return paint(F.pad(rgb, (0, right, 0, down), mode="replicate"))[:, :, :height, :width].cpu()
