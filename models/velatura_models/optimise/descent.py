"""Three ways to walk downhill within bounds, asked for the next point after every evaluation.

All keep every point they propose within the bounds: of pixels, that is what can be displayed, so that
the loss is that of the picture the user sees. What is walked on is one contiguous tensor; no closures,
so that whoever drives can yield, stop or checkpoint between any two evaluations.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

HISTORY_BYTES = 256 << 20
"""Memory for L-BFGS's pairs; large pictures keep fewer of them."""

PIXELS = (0.0, 1.0)
"""Bounds of what can be displayed."""

NOISE = 1e-3
"""Relative error of a loss computed in bfloat16: L-BFGS takes a step that is worse by no more."""


class Descent(Protocol):
    """An optimiser by ask and tell."""

    def step(self, x: Tensor, loss: float, gradient: Tensor, rate: float = 1.0) -> Tensor:
        """The next point to evaluate.

        Args:
            x: where `loss` and `gradient` were taken.
            rate: factor on the step from outside, 0..1 (a schedule).
        """
        ...

    def retreat(self) -> None:
        """Halves the step and forgets the past, after a loss that was not finite."""
        ...


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) with projection onto the bounds after every step.

    Args:
        learning_rate: in units of the pixel range.
        bounds: least and largest value of every parameter.
    """

    def __init__(
        self,
        learning_rate: float,
        bounds: tuple[float, float] = PIXELS,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        self.learning_rate, self.bounds, self.betas = learning_rate, bounds, betas
        self.first: Tensor | None = None
        self.second: Tensor | None = None
        self.count = 0

    def step(self, x: Tensor, loss: float, gradient: Tensor, rate: float = 1.0) -> Tensor:
        del loss  # Adam looks at gradients only
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(x), torch.zeros_like(x)
        beta1, beta2 = self.betas
        self.count += 1
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        size = self.learning_rate * rate / (1 - beta1**self.count)
        scale = (self.second / (1 - beta2**self.count)).sqrt_().add_(1e-12)
        return torch.addcdiv(x, self.first, scale, value=-size).clamp_(*self.bounds)

    def retreat(self) -> None:
        self.learning_rate /= 2
        self.first = self.second = None
        self.count = 0


class RMSprop:
    """RMSprop (Hinton 2012, lecture 6e) with projection onto the bounds after every step.

    Args:
        learning_rate: in units of the pixel range.
        bounds: least and largest value of every parameter.
        keep: how much of the mean square is kept at a step.
    """

    def __init__(
        self, learning_rate: float, bounds: tuple[float, float] = PIXELS, keep: float = 0.99
    ) -> None:
        self.learning_rate, self.bounds, self.keep = learning_rate, bounds, keep
        self.square: Tensor | None = None

    def step(self, x: Tensor, loss: float, gradient: Tensor, rate: float = 1.0) -> Tensor:
        del loss
        if self.square is None:
            self.square = torch.zeros_like(x)
        self.square.mul_(self.keep).addcmul_(gradient, gradient, value=1 - self.keep)
        scale = self.square.sqrt().add_(1e-8)
        return torch.addcdiv(x, gradient, scale, value=-self.learning_rate * rate).clamp_(*self.bounds)

    def retreat(self) -> None:
        self.learning_rate /= 2
        self.square = None


class LBFGS:
    """Projected limited-memory BFGS (Nocedal 1980; projection as Bertsekas 1982).

    Parameters that lie on a bound and are pushed outward are held; the two-loop recursion works on the
    others; the step is projected onto the bounds. A step that does not decrease the loss enough (Armijo) is
    halved and tried again, one evaluation each.

    Args:
        learning_rate: root mean square of the very first step, in units of the pixel range.
        bounds: least and largest value of every parameter.
        history: pairs kept, at most; fewer on large pictures (`HISTORY_BYTES`).
    """

    def __init__(self, learning_rate: float, bounds: tuple[float, float] = PIXELS, history: int = 10) -> None:
        self.learning_rate, self.bounds, self.history = learning_rate, bounds, history
        self.pairs: list[tuple[Tensor, Tensor, float]] = []
        self.base: tuple[Tensor, float, Tensor] | None = None
        self.direction: Tensor | None = None
        self.size = 1.0

    def step(self, x: Tensor, loss: float, gradient: Tensor, rate: float = 1.0) -> Tensor:
        if self.base is not None and self.direction is not None:
            start, before, slope = self.base
            promised = float(((x - start) * slope).sum())
            if loss > before + 1e-4 * promised + NOISE * abs(before):
                return self._shorter()
            self._remember(x - start, gradient - slope, x)
        low, high = self.bounds
        held = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        free = gradient.masked_fill(held, 0)
        direction = self._two_loop(free).masked_fill_(held, 0)
        if not self.pairs or float((direction * free).sum()) >= 0:
            self.pairs.clear()
            spread = float(free.square().mean().sqrt())
            direction = free * (-self.learning_rate / max(spread, 1e-30))
        self.base = (x.clone(), loss, gradient.clone())
        self.direction, self.size = direction, rate if self.pairs else 1.0
        return self._point()

    def retreat(self) -> None:
        self.learning_rate /= 2
        self.pairs.clear()
        self.base = self.direction = None

    def _shorter(self) -> Tensor:
        """The last step halved; after five in vain, a steepest descent step a tenth as long."""
        assert self.base is not None and self.direction is not None
        self.size /= 2
        if self.size < 1 / 32:
            self.pairs.clear()
            gradient = self.base[2]
            spread = float(gradient.square().mean().sqrt())
            self.learning_rate /= 10
            self.direction, self.size = gradient * (-self.learning_rate / max(spread, 1e-30)), 1.0
        return self._point()

    def _point(self) -> Tensor:
        assert self.base is not None and self.direction is not None
        return torch.add(self.base[0], self.direction, alpha=self.size).clamp_(*self.bounds)

    def _remember(self, step: Tensor, change: Tensor, x: Tensor) -> None:
        curvature = float((step * change).sum())
        if curvature > 1e-10 * float(step.square().sum()) ** 0.5 * float(change.square().sum()) ** 0.5:
            self.pairs.append((step, change, curvature))
        room = max(3, min(self.history, HISTORY_BYTES // (2 * x.numel() * x.element_size())))
        del self.pairs[: max(0, len(self.pairs) - room)]

    def _two_loop(self, gradient: Tensor) -> Tensor:
        """-H gradient (Nocedal & Wright 2006, algorithm 7.4)."""
        q = -gradient
        factors = []
        for step, change, curvature in reversed(self.pairs):
            factor = float((step * q).sum()) / curvature
            q.add_(change, alpha=-factor)
            factors.append(factor)
        if self.pairs:
            _, change, curvature = self.pairs[-1]
            q.mul_(curvature / float(change.square().sum()))
        for (step, change, curvature), factor in zip(self.pairs, reversed(factors), strict=True):
            q.add_(step, alpha=factor - float((change * q).sum()) / curvature)
        return q


DESCENTS = {"adam": Adam, "lbfgs": LBFGS, "rmsprop": RMSprop}


def make_descent(name: str, learning_rate: float, bounds: tuple[float, float] = PIXELS) -> Descent:
    """One of `DESCENTS`; raises `ValueError` for another name."""
    if name not in DESCENTS:
        raise ValueError(f"optimizer must be one of {', '.join(DESCENTS)}, not {name!r}")
    return DESCENTS[name](learning_rate, bounds)
