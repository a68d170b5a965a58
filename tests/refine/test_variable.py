"""What is moved: a picture's parameters stand for it, and gradients come back to them exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from velatura_models.maths.color import luma
from velatura_models.optimise.variable import FreePixels, Laplacian, Variable

from .conftest import box_mask, random_picture

SIZE = (37, 50)
PICTURE = random_picture(*SIZE, 3)


@pytest.mark.parametrize("variable", [FreePixels(), Laplacian(SIZE), Laplacian(SIZE, strides=(4.0, 2.0))])
def test_parameters_stand_for_their_picture(variable: Variable) -> None:
    parameters = variable.parameters(PICTURE)
    np.testing.assert_allclose(variable.picture(parameters), PICTURE, atol=1e-12)


@pytest.mark.parametrize("variable", [FreePixels(gray=True), Laplacian(SIZE, gray=True)])
def test_gray_ones_have_one_channel(variable: Variable) -> None:
    luma = torch.einsum("c,nchw->nhw", torch.tensor([0.299, 0.587, 0.114]).double(), PICTURE)
    made = variable.picture(variable.parameters(PICTURE))
    for channel in range(3):
        np.testing.assert_allclose(made[:, channel], luma, atol=1e-7)


def test_plain_levels_keep_lightness_and_all_colour_but_the_finest() -> None:
    variable = Laplacian(SIZE, plain=1)
    parameters = variable.parameters(PICTURE)
    assert parameters.numel() == Laplacian(SIZE).parameters(PICTURE).numel() - 2 * SIZE[0] * SIZE[1]
    coarse = F.interpolate(random_picture(9, 12, 5), SIZE, mode="bilinear") / 2 + 0.25  # nothing is clamped
    gray = 0.1 * (luma(PICTURE) - 0.5)
    made = variable.picture(variable.parameters(coarse + gray))
    np.testing.assert_allclose(luma(made), luma(coarse + gray), atol=1e-9)
    np.testing.assert_allclose(made, coarse + gray, atol=0.05)


KINDS = [
    FreePixels,
    lambda gray: Laplacian(SIZE, gray),
    lambda gray: Laplacian(SIZE, gray, plain=2),
    lambda gray: Laplacian(SIZE, gray, strides=(4.0, 2.0)),
]


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind, gray: bool) -> None:
    variable = kind(gray)
    parameters = variable.parameters(PICTURE)
    direction = random_picture(*SIZE, 4)
    slope = variable.gradient(parameters, direction).flatten()
    for place in (0, 700, slope.numel() - 1):
        moved = parameters.clone()
        moved.view(-1)[place] += 1e-3
        change = ((variable.picture(moved) - variable.picture(parameters)) * direction).sum() / 1e-3
        assert float(slope[place]) == pytest.approx(float(change), rel=1e-8)


def test_a_pyramid_spreads_a_step_over_large_areas() -> None:
    """One step of equal size in every parameter moves all pixels more than a step in the pixels does."""
    variable = Laplacian(SIZE)
    parameters = variable.parameters(0.5 * torch.ones_like(PICTURE))
    moved = variable.picture(parameters + 0.01) - variable.picture(parameters)
    np.testing.assert_allclose(moved, 0.01 * len(variable.sizes), atol=1e-12)


def test_a_step_goes_further_in_levels_with_a_longer_stride() -> None:
    variable = Laplacian(SIZE, strides=(4.0, 2.0))
    parameters = variable.parameters(0.5 * torch.ones_like(PICTURE))
    moved = variable.picture(parameters + 0.01) - variable.picture(parameters)
    np.testing.assert_allclose(moved, 0.01 * (4 + 2 + len(variable.sizes) - 2), atol=1e-12)


def test_the_picture_of_a_pyramid_is_clamped_and_what_is_outside_of_the_mask_stays() -> None:
    free = box_mask(*SIZE, 10, 10, 20, 30)
    variable = Laplacian(SIZE, fixed=PICTURE, free=free)
    made = variable.picture(variable.parameters(PICTURE) + 3)
    assert torch.equal(made * (1 - free), PICTURE * (1 - free))
    assert bool((made * free == free).all())


def test_pixels_at_a_bound_that_are_pushed_outward_do_not_count() -> None:
    white = torch.ones(1, 3, *SIZE, dtype=torch.float64)
    variable = Laplacian(SIZE)
    parameters = variable.parameters(white)
    assert not bool(variable.gradient(parameters, -white).any())
    assert bool(variable.gradient(parameters, white).any())
