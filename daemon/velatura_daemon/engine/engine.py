"""What a worker process hosts: runs tasks on the networks that it keeps, and recovers where memory ends.

`TorchEngine.run` hands a task to the runner of its kind of recipe, from the table `RUNNERS`; what all share
is in `resources`. A `Stylize` recipe is one pass of a network or, at quality `fine` and `finest`, an
optimisation that is steered as one: what that gives is still a `Stylize` result, whose recipe says the
quality that was chosen; strength lays it over the content.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from velatura.effort import PATIENCE
from velatura.errors import FieldError, VelaturaError
from velatura.fields import field_of
from velatura.recipe import Keypoints, Learn, Recipe, Refine, Stylize, Texture, Upscale
from velatura_models.methods.loading import NETWORK, load_method
from velatura_models.methods.method import FoundStyle, StyleShare, framed, painted, work
from velatura_models.networks.precision import eight_bits_pay, faster_dtype, seconds
from velatura_models.store.cards import Card, compute_card
from velatura_models.store.files import WeightsError
from velatura_models.store.weights import methods_of

from ..settings import Settings
from .device import is_out_of_memory
from .resources import PICTURE, Resources
from .result import plain
from .slider import sliding
from .sources import Sources
from .stylize import stylize
from .tasks import Checkpointed, EngineTask, Event, Finished

TRIAL = 128
"""Side, in pixels, of the picture that is painted at warm-up."""


class TorchEngine:
    """The engine on torch; see `tasks.Engine`."""

    def __init__(self, settings: Settings) -> None:
        self.resources = Resources(settings)
        self.others: dict[str, Resources] = {}
        """By device, what jobs asked for that were to run elsewhere than by default."""
        if self.resources.device.type == "cpu":
            torch.set_num_threads(settings.worker_threads())

    def warm(self) -> None:
        """Chooses the fastest precision, loads the default network and runs it once; on a card the painter as
        well, as kernels of both may have to be compiled, for which no picture shall wait."""
        resources = self.resources
        if resources.settings.dtype != "auto":
            resources.dtype = getattr(torch, resources.settings.dtype)
            resources.dtype_reason = "set by the user"
        elif resources.device.type == "cuda":
            resources.dtype = faster_dtype(resources.device)
            resources.dtype_reason = "what this card multiplies fastest"
        else:
            took = seconds(resources.device)
            resources.dtype = min(took, key=lambda dtype: took[dtype])
            resources.eight_bits = eight_bits_pay(resources.device)
            resources.dtype_reason = "faster at warm-up: " + ", ".join(
                f"{plain(dtype)} {each * 1000:.1f} ms" for dtype, each in took.items()
            )
        self._rehearse(methods_of("slim")[0])
        if resources.device.type == "cuda":
            self._rehearse("multi")

    def on(self, device: str) -> Resources:
        """What is held for a device: the engine's own, or another that a job asked for, in float32.

        Raises:
            VelaturaError: `bad_field` for a device that torch cannot use.
        """
        own = self.resources
        if device in ("", "auto", str(own.device)):
            return own
        if device not in self.others:
            made = Resources(replace(own.settings, device=device))
            if made.device.type == "cpu":
                torch.set_num_threads(own.settings.worker_threads())
            self.others[device] = made
        return self.others[device]

    def run(self, task: EngineTask) -> Iterator[Event]:
        """Runs a task. Out of memory, it frees what is kept, then halves the tiles twice, then says so; a
        task that leaves checkpoints goes on from its last."""
        _check_parts(task)
        resources = self.on(task.device)
        runner = RUNNERS[type(task.recipe)]
        for attempt in range(4):
            try:
                for event in runner(task, resources):
                    if isinstance(event, Checkpointed):
                        task = replace(task, checkpoint=event.state)
                    yield event
                return
            except WeightsError as error:
                raise VelaturaError("unknown_model", str(error), "recipe") from error
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if attempt == 3:
                    raise VelaturaError(
                        "out_of_memory",
                        "the job does not fit in memory even with tiles of "
                        f"{resources.tile_bytes >> 20} MB; close other programs or lower memory_mb",
                    ) from error
            finally:
                resources.store.measure()
            resources.trim(networks=attempt > 0)
            if attempt:
                resources.job_bytes //= 2

    def idle(self) -> bool:
        """Does a step, about one convolution, of what moves of a strength slider will need: rebuilds the
        newest content from its features, then, where an editor shows such a slider, paints all over it."""
        resources = self.resources
        with torch.inference_mode():
            if resources.ahead is not None:
                if next(resources.ahead, self) is self:
                    resources.ahead = None
                    resources.store.measure()
            elif resources.sliding is not None and next(resources.sliding[1], self) is self:
                resources.sliding = None
                resources.store.measure()
        return resources.ahead is not None or resources.sliding is not None

    def trim(self) -> None:
        """Frees what can be made again from the pixels of a job."""
        for resources in (self.resources, *self.others.values()):
            resources.trim()

    def rest(self) -> None:
        """Lets go of pictures as networks see them, which are large and soon converted again; and of networks
        in float32 where jobs run in another precision: they see new styles alone, and are the largest, with
        the kernels that were made for them."""
        for resources in (self.resources, *self.others.values()):
            resources.store.drop(lambda key: key[0] == PICTURE)
            if resources.dtype != torch.float32:
                resources.store.drop(lambda key: key[0] == NETWORK and torch.float32 in key)
            resources.give_back()

    def status(self) -> dict[str, Any]:
        """See `tasks.Engine.status`."""
        return self.resources.status()

    def _rehearse(self, name: str) -> None:
        """A small stylization by a method, so that the first job finds all loaded."""
        loader = replace(self.resources.loader, method=name)
        method = load_method(loader)
        picture = torch.rand(1, 3, TRIAL, TRIAL, device=self.resources.pixels)
        content = framed(picture, None, method.footprint, TRIAL)

        def card() -> Card:
            return compute_card(
                replace(loader, dtype=torch.float32).encoder(), torch.rand(1, 3, 64, 64), [1.0]
            )

        known = next(iter(method.known), "any")
        style = StyleShare(method.style(FoundStyle(known, 1.0, card, lambda: picture)))
        with torch.inference_mode():
            for _ in painted(method, work(content, [style])):
                pass


def _check_parts(task: EngineTask) -> None:
    """Raises `FieldError` where a part is missing that the recipe's kind needs, or one is there too many."""
    facts, kind = task.recipe.FACTS, task.recipe.KIND
    if facts.content and task.content is None:
        raise FieldError("content", f"is missing: {kind} works on a picture")
    if task.mask is not None and not facts.mask:
        raise FieldError("mask", f"is given, but {kind} is of the whole picture")


def paint(task: EngineTask[Stylize], resources: Resources) -> Iterator[Event]:
    """Runs a `Stylize` recipe; see `tasks.Engine.run`."""
    recipe = task.recipe
    quality = recipe.quality
    if recipe.strength == 0:  # there is nothing to take pains over, whatever was asked for
        quality = "fast"
    elif quality == "auto":
        quality = chosen(task, resources)
    if quality == "fast":
        on_slider = task.slider != "exact" and recipe.residual  # without it strength 0 is not the content
        for event in (sliding if on_slider else stylize)(task, resources):
            if isinstance(event, Finished):
                event = replace(event, recipe=replace(cast(Stylize, event.recipe), quality=quality))
            yield event
        return
    from .refine import refine  # see `later`

    refined = cast("EngineTask[Refine]", replace(task, recipe=refinement(recipe, quality)))
    for event in refine(refined, resources, recipe.strength):
        if isinstance(event, Finished):
            ran = cast(Refine, event.recipe)
            own = {"scale": ran.scale, "backbone": ran.backbone, "networks": ran.networks}
            event = replace(event, recipe=replace(recipe, quality=quality, **own))
        yield event


def chosen(task: EngineTask[Stylize], resources: Resources) -> str:
    """What `auto` is: fine where all styles have pixels and it takes at most `PATIENCE`, by the time that the
    last one took here."""
    sources = Sources(task, resources)
    if task.recipe.method != "auto" or not all(map(sources.has_pixels, task.recipe.styles)):
        return "fast"
    assert task.content is not None  # the engine has asked the recipe's facts
    layout = task.content.layout
    effort = task.recipe.effort
    assert effort is not None  # its method is auto, and its strength above 0
    return "fine" if effort.seconds(layout.width * layout.height, resources.pace) <= PATIENCE else "fast"


def refinement(recipe: Stylize, quality: str) -> Refine:
    """The refinement that a quality stands for: `fine` sees with the embedded network, which is the quicker,
    `finest` with the best at hand."""
    effort = replace(recipe, quality=quality).effort
    assert effort is not None  # a quality above fast
    return Refine(
        recipe.styles,
        objective=effort.objective,
        iterations=effort.evaluations,
        scale=min(recipe.scale, field_of(Refine, "scale").high),
        color=recipe.color,
        backbone=effort.backbone,
        networks=recipe.networks,
    )


Runner = Callable[[EngineTask[Any], Resources], Iterator[Event]]


def later(kind: str) -> Runner:
    """The runner of a kind, from the module of its name, loaded when a task first needs it: the first picture
    shall not wait for it."""

    def run(task: EngineTask[Any], resources: Resources) -> Iterator[Event]:
        return getattr(importlib.import_module(f".{kind}", __package__), kind)(task, resources)

    return run


RUNNERS: Mapping[type[Recipe], Runner] = {
    Stylize: paint,
    **{recipe: later(recipe.KIND) for recipe in (Refine, Texture, Upscale, Learn, Keypoints)},
}
"""Which runner runs which kind of recipe; a runner is a generator, see `tasks.Engine.run`."""
