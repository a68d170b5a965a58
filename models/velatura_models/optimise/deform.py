"""Deformable style transfer: shapes move towards those of the style while the marks are found.

After Kim, Kolkin, Salavon & Shakhnarovich, "Deformable Style Transfer" (ECCV 2020). Beside the picture X the
displacements theta of its keypoints are moved, over any objective:

    L = alpha L_content(X) + L_style(X) + L_style(W(X, theta)) + beta L_warp + gamma R_TV

with L_warp the mean distance of p + theta from its goal, R_TV the total variation of the field over its size,
and W(X, theta) as the result. Goals are the style's keypoints after the similarity that brings them nearest
to the content's. One number, the reach r, stands for beta and gamma: the goals lie r of the way, beta is r,
gamma `STIFFNESS` (1 - r), each term is 1 for all of the way at once, and both are multiplied by the style
term that a level begins with, so that the number means the same for every objective and style.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..networks.encoder import Encoder
from ..note import Note
from .buddies import aligned
from .losses import Evaluation, Loss
from .objective import Objective
from .problem import Problem
from .scene import Level, Scene
from .variable import Laplacian, Variable
from .warp import Warp, free_points

LEAST = 3
"""Pairs that a deformation takes."""

MODES = ("joint", "after", "only")
"""Marks and shapes together; marks, and the result is bent; the content is bent, without marks."""

STIFFNESS = 0.2
"""Gamma where the reach is 0."""

STRIDE = 0.15
"""How far, in shares of the longer side, steps of full size would lead a point in one level."""

Styled = Callable[[Tensor], Generator[float, None, Loss]]
"""The loss of the style alone, for the bent picture that a level begins with."""


@dataclass(frozen=True)
class Joint:
    """The losses of a level: of the picture before it is bent, and what makes that of the bent one."""

    whole: Loss
    styled: Styled


@dataclass(frozen=True)
class Deform:
    """An objective whose shapes move.

    Args:
        inner: what the picture shall become.
        pairs: x and y in the content, x and y in the first style, as shares 0..1 of widths and heights.
        mode: one of `MODES`.
        reach: how far shapes may go, 0..1.
    """

    inner: Objective
    pairs: Sequence[tuple[float, float, float, float]]
    mode: str = "joint"
    reach: float = 0.7

    needs_pictures = True

    @property
    def layers(self) -> Collection[str]:
        return self.inner.layers

    def check(self, problem: Problem) -> None:
        self.inner.check(problem)
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if problem.content is None:
            raise ValueError("shapes move from a content's to a style's, but there is no content")

    def notes(self, problem: Problem, scale: float) -> list[str]:
        found = self.inner.notes(problem, scale)
        points, _ = self.points(problem)
        if len(points) < LEAST:
            found.append(
                Note(
                    "shapes stay: it takes {least} pairs of places that lie where the picture may change,"
                    " not {n}",
                    least=LEAST,
                    n=len(points),
                )
            )
        return found

    def levels(self, size: tuple[int, int], levels: int, evaluations: int, wrap: bool) -> list[Level]:
        return self.inner.levels(size, levels, evaluations, wrap)

    def subject(self, problem: Problem, color: str) -> Tensor | None:
        return problem.content if self.mode == "only" else self.inner.subject(problem, color)

    def variable(self, scene: Scene) -> Variable:
        points, goals = self.points(scene.problem)
        inner = self.inner.variable(scene)
        if len(points) < LEAST:
            return inner
        if self.mode == "only" or not isinstance(inner, Laplacian):
            inner = scene.pyramid()  # which has no bounds, as displacements have none, and holds all there is
        return Shaped(scene, inner, points, goals - points, self.mode, self.reach)

    def targets(self, encoder: Encoder, scene: Scene, start: Tensor) -> Generator[float, None, Any]:
        """A `Joint`, which a `Shaped` evaluates; with too few points the loss itself."""
        whole = yield from self.inner.targets(encoder, scene, start)
        if len(self.points(scene.problem)[0]) < LEAST:
            return whole
        style = self.inner.of_style()
        return Joint(whole, lambda bent: style.targets(encoder, scene, bent))

    def of_style(self) -> Objective:
        return self.inner.of_style()

    def points(self, problem: Problem) -> tuple[Tensor, Tensor]:
        """The places that may move and their goals, `(k, 2)` each, x and y in shares of the longer side."""
        height, width = problem.size
        picture = problem.styles[0].picture
        assert picture is not None
        scale = torch.tensor([width, height, picture.shape[-1], picture.shape[-2]], dtype=torch.float64)
        pairs = torch.tensor(self.pairs, dtype=torch.float64).view(-1, 4) * scale
        pairs = pairs[free_points(pairs.tolist(), problem.mask, problem.size)]
        goals = aligned(pairs) if len(pairs) >= LEAST else pairs[:, :2]
        return pairs[:, :2] / max(problem.size), goals / max(problem.size)


class Shaped:
    """A picture's Laplacian pyramid and the displacements of its points, in one vector; implements
    `variable.Variable`.

    Args:
        inner: the pyramid.
        points, ways: `(k, 2)`, where the points are and how far their goals, in shares of the whole picture's
            longer side.
        mode, reach: see `Deform`.
    """

    bounds = Laplacian.bounds

    def __init__(
        self, scene: Scene, inner: Laplacian, points: Tensor, ways: Tensor, mode: str, reach: float
    ) -> None:
        self.inner, self.mode, self.reach = inner, mode, reach
        box, side = scene.level.box, max(scene.level.size)
        origin = torch.tensor([box.left, box.top], dtype=torch.float64)
        self.mask = scene.mask()
        self.content = None if self.mask is None else scene.content()
        self.unpainted = scene.content() if mode == "only" else None
        self.warp = Warp(scene.size, points * side - origin, self.mask)
        self.ways, self.ratio = ways * reach, side / max(scene.size)
        evaluations = max(1, scene.level.evaluations)
        self.unit = min(0.008, max(0.0004, STRIDE / evaluations)) / scene.options.learning_rate
        """What a parameter of 1 moves a point by, such that an optimiser's step is a step of the point."""
        self.device = scene.device
        self._style: Loss | None = None
        self._scale = 0.0
        self._length = float(ways.norm(dim=1).mean().clamp_min(1e-9))
        self._bending = float(self.warp.variation(ways * self.ratio).clamp_min(1e-9))

    def begin(self, picture: Tensor, shape: Tensor | None) -> Tensor:
        """The parameters of a picture `(1, 3, H, W)` before it is bent, and of displacements `(k, 2)` in
        shares of the whole picture's longer side; None is where a level of the first size begins."""
        if self.unpainted is not None:
            picture = self.unpainted.to(picture)  # as fine as it is, not as the level before left it
        if shape is None:
            shape = self._unfolded(self.ways) if self.mode == "after" else torch.zeros_like(self.ways)
        theta = (shape / self.unit).flatten().to(picture)
        return torch.cat([self.inner.parameters(picture), theta])

    def base(self, parameters: Tensor) -> Tensor:
        return self.inner.picture(parameters[: -self.ways.numel()])

    def shape(self, parameters: Tensor) -> Tensor:
        return parameters[-self.ways.numel() :].view(-1, 2).double().cpu() * self.unit

    def picture(self, parameters: Tensor) -> Tensor:
        return self._bent(self.base(parameters), self.shape(parameters)).clamp(0, 1)

    def kept(self, before: Tensor, after: Tensor) -> Tensor:
        """After a step, with the points' part halved until nothing folds."""
        start, end = self.shape(before), self.shape(after)
        kept = self._unfolded(end, start)
        if kept is end:
            return after
        return torch.cat([after[: -self.ways.numel()], (kept / self.unit).flatten().to(after)])

    def evaluate(self, loss: Joint, parameters: Tensor) -> Generator[float, None, Evaluation]:
        base, shape = self.base(parameters), self.shape(parameters)
        by_base, by_shape = torch.zeros_like(base), torch.zeros_like(shape)
        losses: dict[str, float] = {}
        if self.mode != "only":
            evaluation = yield from loss.whole.evaluate(base)
            losses = {name: value for name, value in evaluation.losses.items() if name != "total"}
            by_base = evaluation.gradient.to(base)
        if self.mode != "after":
            own, slope, by_shape = yield from self._bent_part(loss, base, shape)
            losses |= own
            if self.mode == "joint":
                by_base = by_base + slope
        losses["total"] = sum(losses.values())
        slopes = self.inner.gradient(parameters[: -self.ways.numel()], by_base)
        theta = (by_shape * self.unit).flatten().to(parameters)
        return Evaluation(losses, torch.cat([slopes, theta]))

    def _bent_part(
        self, loss: Joint, base: Tensor, shape: Tensor
    ) -> Generator[float, None, tuple[dict[str, float], Tensor, Tensor]]:
        """The terms of the bent picture and of the field, and their slopes by picture and displacements."""
        base, shape = base.detach().requires_grad_(), shape.detach().requires_grad_()
        with torch.enable_grad():
            bent = self._bent(base, shape)
        if self._style is None:
            self._style = yield from loss.styled(bent.detach().clamp(0, 1))
        evaluation = yield from self._style.evaluate(bent.detach().clamp(0, 1))
        seen = evaluation.losses["total"]
        self._scale = self._scale or abs(seen)
        with torch.enable_grad():
            apart = (shape - self.ways).norm(dim=1).mean() / self._length
            bending = self.warp.variation(shape * self.ratio) / self._bending
            points = self._scale * self.reach * apart
            field = self._scale * STIFFNESS * (1 - self.reach) * bending
            terms = points + field
        slopes = torch.autograd.grad(
            [bent, terms], [base, shape], [evaluation.gradient.to(bent), torch.ones_like(terms)]
        )
        own = {"bent": seen, "points": float(points.detach()), "bending": float(field.detach())}
        return own, slopes[0], slopes[1]

    def _bent(self, base: Tensor, shape: Tensor) -> Tensor:
        made = self.warp.bent(base, shape * self.ratio)
        if self.mask is None or self.content is None:
            return made
        return torch.where(self.mask.to(made.device) > 0, made, self.content.to(made))

    def _unfolded(self, shape: Tensor, start: Tensor | None = None) -> Tensor:
        if not self.warp.folds(shape * self.ratio):
            return shape
        start = torch.zeros_like(shape) if start is None else start
        return self.warp.unfolded(shape * self.ratio, start * self.ratio) / self.ratio
