"""Both optimisers walk downhill inside 0..1 and survive a loss that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from velatura_models.optimise.descent import LBFGS, Adam, Descent, RMSprop, make_descent


class Bowl:
    """1/2 (x - c)^T A (x - c): ill-conditioned, and with its lowest point partly outside of the box."""

    def __init__(self, size: int = 30) -> None:
        generator = torch.Generator().manual_seed(3)
        turn, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
        self.a = turn @ torch.diag(torch.logspace(0, 2.5, size, dtype=torch.float64)) @ turn.T
        self.center = torch.rand(size, generator=generator, dtype=torch.float64) * 1.6 - 0.3

    def __call__(self, x: torch.Tensor) -> tuple[float, torch.Tensor]:
        slope = self.a @ (x - self.center)
        return 0.5 * float((x - self.center) @ slope), slope

    def lowest(self) -> float:
        """Inside the box, by many small projected gradient steps."""
        x = torch.full_like(self.center, 0.5)
        for _ in range(20000):
            x = (x - 0.003 * self(x)[1]).clamp(0, 1)
        return self(x)[0]


def walk(descent: Descent, bowl: Bowl, steps: int) -> list[float]:
    x = torch.full_like(bowl.center, 0.5)
    losses = []
    for _ in range(steps):
        loss, slope = bowl(x)
        losses.append(loss)
        x = descent.step(x, loss, slope)
        assert float(x.min()) >= 0
        assert float(x.max()) <= 1
    return losses


def test_lbfgs_finds_the_lowest_point_inside_the_box() -> None:
    bowl = Bowl()
    assert min(walk(LBFGS(0.03), bowl, 120)) == pytest.approx(bowl.lowest(), rel=2e-3)


def test_adam_comes_near_it() -> None:
    bowl = Bowl()
    assert min(walk(Adam(0.02), bowl, 400)) == pytest.approx(bowl.lowest(), rel=0.05)


def test_adam_takes_the_published_first_step() -> None:
    x = torch.tensor([0.5, 0.5, 0.001])
    after = Adam(0.03).step(x, 1.0, torch.tensor([1e-3, -40.0, 2.0]))
    np.testing.assert_allclose(after, [0.47, 0.53, 0.0], atol=1e-6)


def test_lbfgs_halves_a_step_that_makes_things_worse() -> None:
    descent = LBFGS(0.1)
    x, slope = torch.full((4,), 0.5), torch.ones(4)
    far = descent.step(x, 1.0, slope)
    near = descent.step(far, 5.0, slope)
    np.testing.assert_allclose(near - x, (far - x) / 2, rtol=1e-5)


def test_lbfgs_keeps_fewer_pairs_of_large_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("velatura_models.optimise.descent.HISTORY_BYTES", 4 * 2 * 30 * 8)
    descent = LBFGS(0.03)
    walk(descent, Bowl(), 30)
    assert len(descent.pairs) == 4


@pytest.mark.parametrize(
    ("own", "theirs"),
    [(RMSprop, torch.optim.RMSprop), (Adam, partial(torch.optim.Adam, betas=(0.9, 0.99), eps=1e-12))],
)
def test_rmsprop_and_adam_walk_as_torch_s_do(own: Callable[..., Descent], theirs: Callable[..., Any]) -> None:
    x = torch.tensor([0.3, 0.5, 0.7])
    point = x.clone().requires_grad_()
    ours, reference = own(0.002), theirs([point], 0.002)
    for k in range(5):
        point.grad = torch.tensor([1e-3, -40.0, 2.0]) * (1 + k)
        reference.step()
        x = ours.step(x, 1.0, point.grad)
        assert torch.allclose(x, point.detach())


@pytest.mark.parametrize("name", ["adam", "lbfgs", "rmsprop"])
def test_a_retreat_halves_the_step(name: str) -> None:
    x, slope = torch.full((4,), 0.5), torch.ones(4)
    descent = make_descent(name, 0.04)
    first = x - descent.step(x, 1.0, slope)
    descent.retreat()
    np.testing.assert_allclose(x - descent.step(x, 1.0, slope), first / 2, rtol=1e-5)


def test_an_unknown_optimiser_is_named() -> None:
    with pytest.raises(ValueError, match="adam, lbfgs, rmsprop, not 'sgd'"):
        make_descent("sgd", 0.1)
