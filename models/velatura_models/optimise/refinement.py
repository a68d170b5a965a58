"""Refinement: optimise the pixels of a picture, coarse to fine, one evaluation at a time.

`Refinement` holds a problem (content, styles, mask) and options; `run` is a generator that yields after
every evaluation and many times within, so that whoever drives it can show, stop, checkpoint or let
something else compute. `picture()` is at any moment the best displayable picture so far. Texture
synthesis (`texture`) is the same walk without content.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..maths.color import (
    LUMA,
    ColorStats,
    apply_matching,
    color_stats,
    keep_luminance,
    matching,
)
from ..maths.tiling import Box
from ..networks.encoder import LAYERS, Encoder
from ..store.cards import BASE, resize_short
from .descent import Descent, make_descent
from .objective import (
    Evaluation,
    Objective,
    StyleTarget,
    picture_grams,
)
from .problem import (
    Options,
    Problem,
    check_problem,
    padded,
)
from .pyramid import (
    GRID,
    LEAST,
    level_sizes,
    receptive_field,
    receptive_margin,
    region_of_interest,
    resize,
    resize_mask,
    share_evaluations,
)

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


@dataclass
class _Level:
    """One level of the pyramid: the whole picture's size and the box that is computed."""

    size: tuple[int, int]
    box: Box
    evaluations: int
    mask: Tensor | None

    @property
    def cost(self) -> int:
        return self.box.height * self.box.width * self.evaluations


class Refinement:
    """One optimisation, from the first evaluation to the last.

    Args:
        encoder: as `objective.prepared` gives it.
        problem, options: what and how.
        checkpoint: what `checkpoint()` returned, to go on from there.

    Raises:
        ValueError: unknown layers, optimiser or init; sizes that differ; an empty mask; a style picture
            too small for the layers; a checkpoint of another problem.
    """

    def __init__(
        self,
        encoder: Encoder,
        problem: Problem,
        options: Options,
        checkpoint: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.encoder, self.options = encoder, options
        self.problem, self.shown_size = padded(problem), problem.size
        self.device = next(encoder.parameters()).device
        self.notes: list[str] = []
        self.step = 0
        check_problem(problem, options)
        self._note_small_styles()
        self.levels = self._plan()
        self.evaluations = sum(level.evaluations for level in self.levels)
        self._level = next(k for k, level in enumerate(self.levels) if level.evaluations)
        self._in_level = 0
        self._best_loss = math.inf
        self._losses: Mapping[str, float] = {}
        if checkpoint is None:
            self._best = self._first_picture()
        else:
            self._best = self._restore(checkpoint)

    def run(self) -> Generator[Step, None, None]:
        """Optimises; yields a `Step` after every evaluation, and within one as `Objective.evaluate` does.

        A loss that is not finite halves the step and goes back to the best picture; after `PATIENCE`
        in a row the refinement ends there, and `notes` says so.
        """
        while self._level < len(self.levels):
            if not (yield from self._descend()):
                return
            self._level += 1
            self._in_level = 0
            if self._level < len(self.levels):
                self._best = self._enlarged(self._level)
                self._best_loss = math.inf

    def picture(self, size: tuple[int, int] | None = None) -> Tensor:
        """The best displayable picture so far, `(1, 3, H, W)` float32 in 0..1 on the CPU.

        Args:
            size: height and width of a preview; None is the result's own.
        """
        level = self.levels[min(self._level, len(self.levels) - 1)]
        picture = self._pasted(level).cpu()
        size = size or self.shown_size
        if self.problem.size == self.shown_size or self.problem.wrap:
            return self._finished(resize(picture, size, self.problem.wrap))
        picture = self._finished(resize(picture, self.problem.size))
        return resize(picture[:, :, : self.shown_size[0], : self.shown_size[1]], size)

    def checkpoint(self) -> dict[str, Tensor]:
        """The picture so far and where it stands: small tensors on the CPU, for `checkpoint=`."""
        level = min(self._level, len(self.levels) - 1)
        return {
            "picture": self._best.half().cpu(),
            "place": torch.tensor([level, self._in_level, self.step]),
        }

    def _descend(self) -> Generator[Step, None, bool]:
        """One pyramid level; False when it had to be given up."""
        level, options = self.levels[self._level], self.options
        objective = yield from self._objective(level)
        descent: Descent = make_descent(options.optimizer, options.learning_rate)
        x, failures = self._best, 0
        while self._in_level < level.evaluations:
            evaluation = yield from self._evaluate(objective, x)
            gradient = evaluation.gradient
            if self._gray:
                gradient = gradient.sum(1, keepdim=True)
            loss = evaluation.losses["total"]
            self._in_level += 1
            self.step += 1
            if math.isfinite(loss) and bool(torch.isfinite(gradient).all()):
                failures = 0
                self._losses = evaluation.losses
                if loss <= self._best_loss:
                    self._best, self._best_loss = x.clone(), loss
                last = self._in_level >= level.evaluations
                x = x if last else descent.step(x, loss, gradient, self._rate(level))
            else:
                failures += 1
                if failures >= PATIENCE:
                    self.notes.append(
                        f"stopped at step {self.step}: the loss was not finite {PATIENCE} times in a row; "
                        "kept the last good picture (a smaller style_weight or learning_rate may help)"
                    )
                    return False
                descent.retreat()
                x = self._best.clone()
            yield self._report(True)
        return True

    def _evaluate(self, objective: Objective, x: Tensor) -> Generator[Step, None, Evaluation]:
        running = objective.evaluate(x.expand(1, 3, *x.shape[-2:]))
        while True:
            try:
                done = next(running)
            except StopIteration as end:
                return end.value
            yield self._report(False, done)

    @property
    def fraction(self) -> float:
        """Share of the whole cost that is done, 0..1."""
        return self._share(0.0)

    def _share(self, part: float) -> float:
        """`fraction` with a further part of one evaluation."""
        done = sum(level.cost for level in self.levels[: self._level])
        if self._level < len(self.levels):
            level = self.levels[self._level]
            done += level.cost * (self._in_level + part) / max(1, level.evaluations)
        return done / sum(level.cost for level in self.levels)

    def _report(self, whole: bool, part: float = 0.0) -> Step:
        return Step(self.step, self.evaluations, self._losses, self._share(part), whole)

    def _rate(self, level: _Level) -> float:
        """The step's schedule: constant, then over the last third of a level down to a tenth, so that
        what is shown at the end does not tremble."""
        done = self._in_level / level.evaluations
        return 1.0 if done < 2 / 3 else 1.0 - 0.9 * (done - 2 / 3) * 3

    def _note_small_styles(self) -> None:
        """Says which styles are smaller than what the deepest layer sees."""
        layers = [name for name, weight in self.options.terms.style_layers.items() if weight > 0]
        if not layers or self.options.terms.style_weight == 0:
            return
        field = receptive_field(layers)
        for source in self.problem.styles:
            if source.picture is not None and self._style_side(source.picture) < field:
                height, width = source.picture.shape[-2:]
                self.notes.append(
                    f"a style of {width} x {height} pixels at scale {self.options.scale:g} is less than the "
                    f"{field} that {max(layers, key=LAYERS.index)} sees at once: its large forms are lost"
                )

    def _style_side(self, picture: Tensor) -> float:
        """Short side, in pixels, at which a style is seen by the finest level."""
        return min(BASE, *picture.shape[-2:]) * self.options.scale

    @property
    def _gray(self) -> bool:
        return self.options.color == "luminance" and self.problem.content is not None

    def _plan(self) -> list[_Level]:
        """Sizes, boxes and evaluations of all levels."""
        problem, options = self.problem, self.options
        sizes = level_sizes(*problem.size, options.levels, problem.wrap)
        layers = [*options.terms.style_layers, *options.terms.content_layers]
        margin = receptive_margin(layers) if layers else GRID
        levels = []
        for size, evaluations in zip(sizes, share_evaluations(options.iterations, len(sizes)), strict=True):
            mask = None if problem.mask is None else resize_mask(problem.mask, size)
            box = Box(0, 0, *size) if mask is None else region_of_interest(mask, margin)
            levels.append(_Level(size, box, evaluations, mask))
        return levels

    def _content(self, level: _Level) -> Tensor | None:
        """The content at a level, whole; grey where only luminance is optimised."""
        if self.problem.content is None:
            return None
        content = resize(self.problem.content, level.size)
        return _luma(content) if self._gray else content

    def _first_picture(self) -> Tensor:
        """Where the walk begins, within the first level's box."""
        level = self.levels[self._level]
        channels = 1 if self._gray else 3
        if self.options.init == "noise":
            generator = torch.Generator().manual_seed(self.options.seed)
            whole = torch.rand(1, channels, *level.size, generator=generator)
        elif self.options.init == "stylized":
            assert self.problem.start is not None
            start = resize(self.problem.start, level.size, self.problem.wrap)
            whole = _luma(start) if self._gray else start
        else:
            content = self._content(level)
            assert content is not None
            whole = content
        return self._within(whole, level)

    def _within(self, whole: Tensor, level: _Level) -> Tensor:
        """A level's box of a picture, on the device; outside the mask it is the content."""
        rows, columns = level.box.slices()
        part = whole[:, :, rows, columns].to(self.device, torch.float32).contiguous().clone()
        content = self._content(level)
        if level.mask is not None and content is not None:
            fixed = level.mask[:, :, rows, columns].to(self.device) <= 0
            part = torch.where(fixed, content[:, :, rows, columns].to(part), part)
        return part

    def _pasted(self, level: _Level) -> Tensor:
        """The best picture, whole, at its level's size (grey where luminance is optimised)."""
        if tuple(self._best.shape[-2:]) == level.size:
            return self._best
        content = self._content(level)
        assert content is not None  # only a mask makes a box, and a mask needs a content
        whole = content.to(self._best, copy=True)
        rows, columns = level.box.slices()
        whole[:, :, rows, columns] = self._best
        return whole

    def _enlarged(self, index: int) -> Tensor:
        """The best picture of the level before, as the start of level `index`."""
        level = self.levels[index]
        whole = resize(self._pasted(self.levels[index - 1]), level.size, self.problem.wrap)
        return self._within(whole, level)

    def _restore(self, checkpoint: Mapping[str, Tensor]) -> Tensor:
        level, in_level, step = (int(v) for v in checkpoint["place"])
        picture = checkpoint["picture"].to(self.device, torch.float32)
        box = self.levels[level].box if 0 <= level < len(self.levels) else None
        if box is None or tuple(picture.shape) != (1, 1 if self._gray else 3, box.height, box.width):
            raise ValueError(f"the checkpoint {tuple(picture.shape)} does not belong to this refinement")
        self._level, self._in_level, self.step = level, in_level, step
        return picture

    def _objective(self, level: _Level) -> Generator[Step, None, Objective]:
        """The loss at a level, with the styles' Gram matrices at its scale."""
        rows, columns = level.box.slices()
        targets = []
        for source in self.problem.styles:
            grams = source.grams
            if source.picture is not None:
                grams = yield from self._style_grams(source.picture, source.mask, level)
            assert grams is not None
            mask = None
            if source.mask is not None:
                mask = resize_mask(source.mask, level.size)[:, :, rows, columns]
            targets.append(StyleTarget(grams, source.weight, mask))
        content = self._content(level)
        if content is not None:
            content = content.expand(1, 3, *level.size)[:, :, rows, columns].to(self.device)
        mask = None if level.mask is None else level.mask[:, :, rows, columns]
        size = (level.box.height, level.box.width)
        return Objective(
            self.encoder, size, self.options.terms, content, targets, mask, self.options.side,
            self.problem.wrap,
        )  # fmt: skip

    def _style_grams(
        self, picture: Tensor, region: Tensor | None, level: _Level
    ) -> Generator[Step, None, dict[str, Tensor]]:
        """A style's Gram matrices at a level's scale; where colours are to be kept, in those of what it is
        to cover."""
        layers = [name for name, weight in self.options.terms.style_layers.items() if weight > 0]
        if not layers or self.options.terms.style_weight == 0:
            return {}
        ratio = min(level.size) / min(self.levels[-1].size)
        sized = resize_short(picture.float(), round(self._style_side(picture) * ratio), LEAST)
        content = self.problem.content
        if content is not None and self.options.color == "statistics":
            sized = _recoloured(sized, color_stats(content, _product(self.problem.mask, region)))
        elif content is not None and self._gray:
            sized = _like_luma(_luma(sized), _luma(content)).expand(1, 3, *sized.shape[-2:])
        running = picture_grams(self.encoder, sized.to(self.device), layers, self.options.side)
        while True:
            try:
                next(running)
            except StopIteration as end:
                return end.value
            yield self._report(False)

    def _finished(self, picture: Tensor) -> Tensor:
        """A picture of any size in its final colours, and outside of the mask the content."""
        problem, size = self.problem, (picture.shape[-2], picture.shape[-1])
        if problem.content is None:
            return picture
        content = resize(problem.content, size)
        mask = None if problem.mask is None else resize_mask(problem.mask, size)
        if self._gray:
            picture = keep_luminance(content, picture.expand_as(content)).clamp(0, 1)
        elif self.options.color == "statistics" and any(s.picture is None for s in problem.styles):
            picture = _recoloured(picture, color_stats(problem.content, problem.mask), mask)
        return picture if mask is None else torch.where(mask > 0, picture, content)


def _product(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Two masks at once; None is everywhere."""
    return one if other is None else other if one is None else one * other


def _luma(picture: Tensor) -> Tensor:
    weights = torch.tensor(LUMA, dtype=picture.dtype, device=picture.device).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)


def _like_luma(style: Tensor, content: Tensor) -> Tensor:
    """A style's luma with the content's mean and deviation ("Preserving Color ...", 2016, equation 10)."""
    ratio = content.std() / style.std().clamp_min(1 / 255)
    return ((style - style.mean()) * ratio + content.mean()).clamp(0, 1)


def _recoloured(picture: Tensor, target: ColorStats, weight: Tensor | None = None) -> Tensor:
    return apply_matching(picture, *matching(color_stats(picture, weight), target)).clamp(0, 1)
