"""Three ways to walk downhill within bounds, asked for the next point after every evaluation.

All keep every point they propose within the bounds: of pixels, that is what can be displayed, so that
the loss is that of the picture the user sees. What is walked on is one contiguous tensor; no closures,
so that whoever drives can yield, stop or checkpoint between any two evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

HISTORY_BYTES = 256 << 20
"""Memory for L-BFGS's pairs; large pictures keep fewer of them."""

PIXELS = (0.0, 1.0)
"""Bounds of what can be displayed."""

NOISE = 1e-3
"""Relative error of a loss computed in bfloat16: L-BFGS takes a step that is worse by no more."""


Rule = Callable[[Tensor, int, Tensor, Tensor], Tensor]


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


class Projected:
    """A rule that looks at gradients only, with projection onto the bounds after every step. (Those of
    `torch.optim` bring torch's compiler with them, which takes a second and 80 MB to load.)

    Args:
        rule: gives the step, for a rate of 1, from the gradient, how many there were, and two vectors that
            are its memory, zero at first.
        learning_rate: in units of the pixel range.
        bounds: least and largest value of every parameter.
    """

    def __init__(self, rule: Rule, learning_rate: float, bounds: tuple[float, float] = PIXELS) -> None:
        self.rule, self.learning_rate, self.bounds = rule, learning_rate, bounds
        self.count = 0
        self._memory: tuple[Tensor, Tensor] | None = None

    def step(self, x: Tensor, loss: float, gradient: Tensor, rate: float = 1.0) -> Tensor:
        del loss
        if self._memory is None:
            self._memory = torch.zeros_like(x), torch.zeros_like(x)
        self.count += 1
        step = self.rule(gradient, self.count, *self._memory)
        return torch.sub(x, step, alpha=self.learning_rate * rate).clamp_(*self.bounds)

    def retreat(self) -> None:
        self.learning_rate /= 2
        self.count, self._memory = 0, None


def _adam(gradient: Tensor, count: int, mean: Tensor, square: Tensor) -> Tensor:
    mean.lerp_(gradient, 0.1)
    square.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
    size = (square / (1 - 0.99**count)).sqrt_().add_(1e-12)
    return (mean / (1 - 0.9**count)).div_(size)


def _rmsprop(gradient: Tensor, count: int, mean: Tensor, square: Tensor) -> Tensor:
    del count, mean
    square.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
    return gradient / square.sqrt().add_(1e-8)


Adam = partial(Projected, _adam)
"""Kingma & Ba 2015, algorithm 1, with decays of 0.9 and 0.99."""
RMSprop = partial(Projected, _rmsprop)
"""Hinton 2012, lecture 6e."""


class LBFGS:
    """Projected limited-memory BFGS (Nocedal 1980; projection as Bertsekas 1982).

    Parameters that lie on a bound and are pushed outward are held; the two-loop recursion works on the
    others; the step is projected onto the bounds. A step that does not decrease the loss enough (Armijo) is
    halved and tried again, one evaluation each.

    All that the recursion asks of its vectors are their products with each other (Chen, Wang & Zhou,
    "Large-scale L-BFGS using MapReduce", NIPS 2014). They lie in the rows of one matrix, so that a step takes
    one product of matrices, whose few numbers are all that is waited for, and one sum of rows.

    Args:
        learning_rate: root mean square of the very first step, in units of the pixel range.
        bounds: least and largest value of every parameter.
        history: pairs kept, at most; fewer on large pictures (`HISTORY_BYTES`).
    """

    def __init__(self, learning_rate: float, bounds: tuple[float, float] = PIXELS, history: int = 10) -> None:
        self.learning_rate, self.bounds, self.history = learning_rate, bounds, history
        self.pairs: list[int] = []
        """Where pairs lie, the oldest first: pair k is rows 2 k (its step) and 2 k + 1 (how the gradient
        changed); the last row is the gradient."""
        self.base: tuple[Tensor, float, Tensor] | None = None
        self.direction: Tensor | None = None
        self.size = 1.0
        self._rows: Tensor | None = None
        self._dots: list[list[float]] = []
        """Of every row with every row."""

    def step(self, x: Tensor, loss: float, gradient: Tensor, rate: float = 1.0) -> Tensor:
        low, high = self.bounds
        held = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        fresh, promised = self._measure(x, gradient, gradient.masked_fill(held, 0))
        if self.base is not None:
            before = self.base[1]
            if loss > before + 1e-4 * promised + NOISE * abs(before):
                return self._shorter()
            self._remember(fresh)
        factors = self._two_loop()
        assert self._rows is not None
        gradients = self._dots[-1]
        if not self.pairs or _dot(factors, gradients) >= 0:
            self.pairs.clear()
            spread = (max(gradients[-1], 0.0) / x.numel()) ** 0.5
            factors = [0.0] * (len(factors) - 1) + [-self.learning_rate / max(spread, 1e-30)]
        direction = (torch.tensor(factors).to(x) @ self._rows).view_as(x).masked_fill_(held, 0)
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

    def _measure(self, x: Tensor, gradient: Tensor, free: Tensor) -> tuple[int, float]:
        """Writes down the gradient by parameters that are free and, after a step, the pair that it gives.

        Returns:
            The place of that pair, and the product of the step with the gradient before it.
        """
        if self._rows is None:
            room = max(3, min(self.history, HISTORY_BYTES // (2 * x.numel() * x.element_size())))
            self._rows = x.new_zeros(2 * room + 3, x.numel())
            self._dots = [[0.0] * len(self._rows) for _ in self._rows]
        rows = self._rows
        fresh = min(set(range(len(rows) // 2)) - set(self.pairs))
        rows[-1] = free.flatten()
        asked = {len(rows) - 1: rows[-1]}
        if self.base is not None:
            start, _, slope = self.base
            for row, change in ((2 * fresh, x - start), (2 * fresh + 1, gradient - slope)):
                rows[row] = change.flatten()
                asked[row] = rows[row]
            asked[-1] = slope.flatten()
        told = (torch.stack(list(asked.values())) @ rows.T).tolist()
        promised = 0.0
        for row, products in zip(asked, told, strict=True):
            if row < 0:
                promised = products[2 * fresh]
                continue
            self._dots[row] = products
            for other, product in zip(self._dots, products, strict=True):
                other[row] = product
        return fresh, promised

    def _remember(self, fresh: int) -> None:
        """Keeps a pair whose curvature is positive."""
        steps, changes = self._dots[2 * fresh], self._dots[2 * fresh + 1]
        least = 1e-10 * (max(steps[2 * fresh], 0.0) * max(changes[2 * fresh + 1], 0.0)) ** 0.5
        if steps[2 * fresh + 1] > least:
            self.pairs.append(fresh)
        del self.pairs[: max(0, len(self.pairs) - len(self._dots) // 2 + 1)]

    def _two_loop(self) -> list[float]:
        """-H gradient (Nocedal & Wright 2006, algorithm 7.4), as factors of the rows."""
        dots = self._dots
        made, taken = [0.0] * (len(dots) - 1) + [-1.0], {}
        for pair in reversed(self.pairs):
            curvature = dots[2 * pair][2 * pair + 1]
            taken[pair] = _dot(made, dots[2 * pair]) / curvature
            made[2 * pair + 1] -= taken[pair]
        if self.pairs:
            last = 2 * self.pairs[-1]
            scale = dots[last][last + 1] / dots[last + 1][last + 1]
            made = [scale * factor for factor in made]
        for pair in self.pairs:
            curvature = dots[2 * pair][2 * pair + 1]
            made[2 * pair] += taken[pair] - _dot(made, dots[2 * pair + 1]) / curvature
        return made


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


DESCENTS: Mapping[str, Callable[..., Descent]] = {"adam": Adam, "lbfgs": LBFGS, "rmsprop": RMSprop}


def make_descent(name: str, learning_rate: float, bounds: tuple[float, float] = PIXELS) -> Descent:
    """One of `DESCENTS`; raises `ValueError` for another name."""
    if name not in DESCENTS:
        raise ValueError(f"optimizer must be one of {', '.join(DESCENTS)}, not {name!r}")
    return DESCENTS[name](learning_rate, bounds)
