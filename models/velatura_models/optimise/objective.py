"""What a refinement is driven by: an objective says, level by level, what a picture shall become, and a
variable says what is moved to get there.

`refinement` drives any objective over any variable with any descent. `gram` (Gatys et al. 2016) is an
objective; docs/refine.md shows how to add one.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from ..networks.encoder import Encoder

if TYPE_CHECKING:
    from .problem import Problem
    from .scene import Level, Scene
    from .variable import Variable


@dataclass(frozen=True)
class Evaluation:
    """Losses by term, weighted, with their `total`; and the gradient, float32, of the picture's shape."""

    losses: dict[str, float]
    gradient: Tensor


class Loss(Protocol):
    """What is minimised at one level."""

    def evaluate(self, picture: Tensor) -> Generator[float, None, Evaluation]:
        """The loss of a picture `(1, 3, H, W)` float32 in 0..1, and its gradient.

        A generator: it yields the share of the work that is done after every convolution forward and
        after every backward pass, so that something more urgent may run, and returns the `Evaluation`.
        """
        ...


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
        """Raises `ValueError`, in words, for a problem that it cannot work on."""
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
