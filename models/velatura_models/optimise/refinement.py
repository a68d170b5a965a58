"""Refinement: optimise a picture, coarse to fine, one evaluation at a time.

`Refinement` drives an objective over what it moves, with a descent, from level to level; it knows none of
the three. `run` is a generator that yields after every evaluation and many times within, so that whoever
drives it can show, stop, checkpoint or let something else compute. `picture()` is at any moment the best
displayable picture so far. Texture synthesis (`texture`) is the same walk without content.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..maths.color import color_stats, keep_luminance
from ..networks.encoder import Encoder
from ..networks.playback import retold
from ..note import Note
from .descent import make_descent
from .objective import RefineOptions, check_problem
from .problem import Problem, padded
from .pyramid import GRID, finest, receptive_margin, resize, resize_mask
from .scene import Level, Scene, recoloured
from .variable import Variable

PATIENCE = 5
"""Losses that are not finite, in a row, before a refinement gives up."""


@dataclass(frozen=True)
class Step:
    """Where a refinement stands.

    Args:
        step, of: evaluations done and in all.
        losses: by term, weighted, with `total`, of the last evaluation.
        fraction: of the whole cost that is done, 0..1.
        whole: True after an evaluation, False within one.
    """

    step: int
    of: int
    losses: Mapping[str, float]
    fraction: float
    whole: bool


class Refinement:
    """One optimisation, from the first evaluation to the last.

    Args:
        encoder: as `encoder.prepared` gives it.
        problem, options: what, and how towards what.
        checkpoint: what `checkpoint()` returned, to go on from there.

    Raises:
        ValueError: unknown layers, optimiser or init; sizes that differ; an empty mask; a problem that the
            objective cannot work on; a checkpoint of another problem.
    """

    def __init__(
        self,
        encoder: Encoder,
        problem: Problem,
        options: RefineOptions,
        checkpoint: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.encoder, self.options, self.objective = encoder, options, options.objective
        self.problem, self.shown_size = padded(problem), problem.size
        self.device = next(encoder.parameters()).device
        check_problem(problem, options)
        self.notes = self.objective.notes(problem, options.scale)
        self.subject = self.objective.subject(self.problem, options.color)
        self.levels = self._plan()
        self.evaluations = sum(level.evaluations for level in self.levels)
        self.step = 0
        self._level = next(k for k, level in enumerate(self.levels) if level.evaluations)
        self._in_level = 0
        self._losses: Mapping[str, float] = {}
        if checkpoint is None:
            self._begin(self._first_picture())
        else:
            self._restore(checkpoint)

    def run(self) -> Generator[Step, None, None]:
        """Optimises; yields a `Step` after every evaluation, and within one as `Loss.evaluate` does.

        A loss that is not finite halves the step and goes back to the best picture; after `PATIENCE`
        in a row the refinement ends there, and `notes` says so.
        """
        while self._level < len(self.levels):
            if not (yield from self._descend()):
                return
            if self._level + 1 == len(self.levels):
                self._level, self._in_level = len(self.levels), 0
                return
            whole, shape = self._whole(self._variable.base(self._best)), self._variable.shape(self._best)
            self._level, self._in_level = self._level + 1, 0
            self._begin(self._within(self._grown(whole)), shape)

    def picture(self, size: tuple[int, int] | None = None) -> Tensor:
        """The best displayable picture so far, `(1, 3, H, W)` float32 in 0..1 on the CPU.

        Args:
            size: height and width of a preview; None is the result's own.
        """
        picture = self._whole(self._variable.picture(self._best)).cpu()
        size = size or self.shown_size
        if self.problem.size == self.shown_size or self.problem.wrap:
            return self._finished(resize(picture, size, self.problem.wrap))
        picture = self._finished(resize(picture, self.problem.size))
        return resize(picture[:, :, : self.shown_size[0], : self.shown_size[1]], size)

    def checkpoint(self) -> dict[str, Tensor]:
        """The picture so far, the one that its level began with, and where it stands: small tensors on the
        CPU, for `checkpoint=`. A walk that goes on from the beginning of a level is the same to the last bit;
        within one the descent begins anew."""
        level, shape = min(self._level, len(self.levels) - 1), self._variable.shape(self._best)
        return {
            "start": self._start.cpu(),
            "picture": self._variable.base(self._best).half().cpu(),
            "place": torch.tensor([level, self._in_level, self.step]),
            **({} if shape is None else {"shape": shape}),
        }

    @property
    def begins_in_style(self) -> bool:
        """Whether it begins with the stylized picture, or with the content in its style's colours."""
        return self.options.init == "stylized" or self.subject is not self.problem.content

    @property
    def fraction(self) -> float:
        """Share of the whole cost that is done, 0..1."""
        return self._share(0.0)

    def _begin(self, picture: Tensor, shape: Tensor | None = None) -> None:
        """Begins a level with a picture of its box, rounded as a checkpoint rounds it, and a shape."""
        self._start = picture.half()
        self._variable: Variable = self.objective.variable(self._scene)
        self._best = self._variable.begin(self._start.float(), shape)
        self._best_loss = math.inf

    def _descend(self) -> Generator[Step, None, bool]:
        """One level; False when it had to be given up."""
        level, variable = self.levels[self._level], self._variable
        targets = self.objective.targets(self.encoder, self._scene, self._start.float())
        loss = yield from retold(targets, lambda _: self._report(False))
        descent = make_descent(self.options.optimizer, self.options.learning_rate, variable.bounds)
        x, failures = self._best, 0
        while self._in_level < level.evaluations:
            evaluation = yield from retold(variable.evaluate(loss, x), lambda part: self._report(False, part))
            value, gradient = evaluation.losses["total"], evaluation.gradient
            self._in_level += 1
            self.step += 1
            if math.isfinite(value) and bool(torch.isfinite(gradient).all()):
                failures = 0
                self._losses = evaluation.losses
                if value <= self._best_loss:
                    self._best, self._best_loss = x.clone(), value
                last = self._in_level >= level.evaluations
                if not last:
                    x = variable.kept(x, descent.step(x, value, gradient, self._rate(level)))
            else:
                failures += 1
                if failures >= PATIENCE:
                    self.notes.append(
                        Note(
                            "stopped at step {step}: the loss was not finite {n} times in a row; kept the"
                            " last good picture (a smaller style_weight or learning_rate may help)",
                            step=self.step,
                            n=PATIENCE,
                        )
                    )
                    return False
                descent.retreat()
                x = self._best.clone()
            yield self._report(True)
        return True

    def _share(self, part: float) -> float:
        """`fraction` with a further part of one evaluation."""
        done = sum(level.cost for level in self.levels[: self._level])
        if self._level < len(self.levels):
            level = self.levels[self._level]
            done += level.cost * (self._in_level + part) / max(1, level.evaluations)
        return done / sum(level.cost for level in self.levels)

    def _report(self, whole: bool, part: float = 0.0) -> Step:
        return Step(self.step, self.evaluations, self._losses, self._share(part), whole)

    def _rate(self, level: Level) -> float:
        """The step's schedule: constant, then, where a level settles, over its last third down to a tenth, so
        that what is shown at the end does not tremble."""
        done = self._in_level / level.evaluations
        return 1.0 if done < 2 / 3 or not level.settles else 1.0 - 0.9 * (done - 2 / 3) * 3

    def _plan(self) -> list[Level]:
        """All levels, coarse to fine, with their boxes."""
        problem, options = self.problem, self.options
        levels = self.objective.levels(problem.size, options.levels, options.iterations, problem.wrap)
        layers = list(self.objective.layers)
        margin = receptive_margin(layers) if layers else GRID
        return [level.confined(problem.mask, margin) for level in levels]

    @property
    def _scene(self) -> Scene:
        """The problem at the level where the walk is."""
        level = self.levels[min(self._level, len(self.levels) - 1)]
        return Scene(self.problem, self.options, level, self.subject, self.device)

    def _first_picture(self) -> Tensor:
        """Where the walk begins, within the first level's box."""
        scene = self._scene
        if self.options.init == "noise":
            generator = torch.Generator().manual_seed(self.options.seed)
            channels = 1 if scene.gray else 3
            whole = torch.rand(1, channels, *scene.level.size, generator=generator).expand(1, 3, -1, -1)
        elif self.options.init == "stylized":
            assert self.problem.start is not None
            whole = resize(self.problem.start, scene.level.size, self.problem.wrap)
        else:
            whole = scene.whole()
            assert whole is not None
        return self._within(whole)

    def _grown(self, whole: Tensor) -> Tensor:
        """What the level before has made, as the level begins with it."""
        scene = self._scene
        grown, content = resize(whole, scene.level.size, self.problem.wrap), scene.whole()
        if not scene.level.details or content is None:
            return grown
        return (grown + finest(content).to(grown)).clamp(0, 1)

    def _within(self, whole: Tensor) -> Tensor:
        """The level's box of a picture, on the device; outside the mask it is the content."""
        scene = self._scene
        rows, columns = scene.level.box.slices()
        part = whole[:, :, rows, columns].to(self.device, torch.float32).contiguous().clone()
        mask, content = scene.mask(), scene.content()
        if mask is None or content is None:
            return part
        return torch.where(mask.to(self.device) > 0, part, content.to(part))

    def _whole(self, part: Tensor) -> Tensor:
        """A picture of the level's box, whole, at its level's size (grey where lightness is optimised)."""
        scene = self._scene
        if tuple(part.shape[-2:]) == scene.level.size:
            return part
        content = scene.whole()
        assert content is not None  # only a mask makes a box, and a mask needs a content
        whole = content.to(part, copy=True)
        rows, columns = scene.level.box.slices()
        whole[:, :, rows, columns] = part
        return whole

    def _restore(self, checkpoint: Mapping[str, Tensor]) -> None:
        level, in_level, step = (int(v) for v in checkpoint["place"])
        start, picture = (checkpoint[name].to(self.device, torch.float32) for name in ("start", "picture"))
        box = self.levels[level].box if 0 <= level < len(self.levels) else None
        if box is None or any(tuple(p.shape) != (1, 3, box.height, box.width) for p in (start, picture)):
            raise ValueError(f"the checkpoint {tuple(picture.shape)} does not belong to this refinement")
        self._level, self._in_level, self.step = level, in_level, step
        shape = checkpoint.get("shape")
        self._begin(start, shape)
        if in_level:
            self._best = self._variable.begin(picture, shape)

    def _finished(self, picture: Tensor) -> Tensor:
        """A picture of any size in its final colours, and outside of the mask the content."""
        problem, size = self.problem, (picture.shape[-2], picture.shape[-1])
        if problem.content is None:
            return picture
        content = resize(problem.content, size)
        mask = None if problem.mask is None else resize_mask(problem.mask, size)
        if self._scene.gray:
            picture = keep_luminance(content, picture).clamp(0, 1)
        elif self.options.color == "statistics" and any(s.picture is None for s in problem.styles):
            picture = recoloured(picture, color_stats(problem.content, problem.mask), mask)
        return picture if mask is None else torch.where(mask > 0, picture, content)
