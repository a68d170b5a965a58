"""What a refinement is driven by: an objective says, level by level, what a picture shall become, and a
variable says what is moved to get there.

`refinement` drives any objective over any variable with any descent. `gram` (Gatys et al. 2016) is an
objective; docs/refine.md shows how to add one.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..networks.encoder import Encoder
from .descent import make_descent
from .losses import Loss
from .problem import Problem
from .scene import Level, Manner, Scene
from .variable import Variable


class Objective(Protocol):
    """A way to say what the picture shall become: a frozen value, its weights, that holds no tensors."""

    @property
    def layers(self) -> Collection[str]:
        """Layers of the encoder that count: they say how far around a mask must be computed."""
        ...

    @property
    def needs_pictures(self) -> bool:
        """Whether a style must have its picture; else its Gram matrices will do."""
        ...

    def check(self, problem: Problem) -> None:
        """Raises `ValueError`, in words, for a problem that it cannot work on, whose pictures are there."""
        ...

    def notes(self, problem: Problem, scale: float) -> list[str]:
        """What is to be said of a problem that it can work on, but not as one might expect."""
        ...

    def levels(self, size: tuple[int, int], levels: int, evaluations: int, wrap: bool) -> list[Level]:
        """Sizes from coarse to fine, and how many of the evaluations each is given."""
        ...

    def subject(self, problem: Problem, color: str) -> Tensor | None:
        """The content `(1, 3, H, W)` as the walk sees it, from where it begins; None without content."""
        ...

    def variable(self, scene: Scene) -> Variable:
        """What is moved at a level."""
        ...

    def targets(self, encoder: Encoder, scene: Scene, start: Tensor) -> Generator[float, None, Loss]:
        """The loss of a level, from its styles and the picture `(1, 3, H, W)` that it begins with. A
        generator, as `Loss.evaluate`."""
        ...

    def of_style(self) -> Objective:
        """The same of the style alone, without what holds on to the content and without smoothing."""
        ...


@dataclass(frozen=True)
class RefineOptions(Manner):
    """How all of it is optimised, and towards what."""

    objective: Objective
    iterations: int = 200
    optimizer: str = "lbfgs"
    init: str = "content"
    levels: int = 3


def check_problem(problem: Problem, options: RefineOptions) -> None:
    """Raises `ValueError` for what cannot be optimised, in words."""
    if options.iterations < 1:
        raise ValueError(f"iterations is {options.iterations}; at least 1")
    if options.init not in ("content", "noise", "stylized"):
        raise ValueError(f"init must be 'content', 'noise' or 'stylized', not {options.init!r}")
    if options.init == "content" and problem.content is None:
        raise ValueError("init is 'content', but there is none")
    if options.init == "stylized" and problem.start is None:
        raise ValueError("init is 'stylized', but there is no stylized picture")
    if problem.wrap and problem.content is not None:
        raise ValueError("a picture with a content cannot wrap around")
    if problem.mask is not None and problem.content is None:
        raise ValueError("a mask needs a content to keep outside of it")
    make_descent(options.optimizer, options.learning_rate)
    if options.objective.needs_pictures and not problem.styles:
        raise ValueError("the objective needs at least one style")
    if options.objective.needs_pictures and any(source.picture is None for source in problem.styles):
        raise ValueError("the objective needs a style's picture; its Gram matrices are not enough")
    options.objective.check(problem)
