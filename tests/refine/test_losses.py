"""The losses are the published formulas: against NumPy in float64, written from the papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from velatura_models.maths.gram_matrix import gram, guidance, layer_mask
from velatura_models.optimise.losses import content_loss, style_layer_loss, total_variation

from .conftest import box_mask, random_picture


def test_content_loss_is_equation_1() -> None:
    a, b = random_picture(6, 7, 1, 5), random_picture(6, 7, 2, 5)
    expected = 0.5 * sum(
        (x - y) ** 2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    )
    assert float(content_loss(a, b)) == pytest.approx(expected, rel=1e-12)


def test_gram_is_equation_3_over_the_positions() -> None:
    maps = random_picture(4, 5, 3, 6)
    rows = maps[0].numpy().reshape(6, 20)
    expected = np.array([[np.dot(rows[i], rows[j]) for j in range(6)] for i in range(6)]) / 20
    np.testing.assert_allclose(gram(maps).numpy(), expected, rtol=1e-12)


def test_style_loss_is_equation_4_for_pictures_of_one_size() -> None:
    f, s = (random_picture(4, 5, seed, 6)[0].numpy().reshape(6, 20) for seed in (1, 2))
    n, m = f.shape
    published = ((f @ f.T - s @ s.T) ** 2).sum() / (4 * n**2 * m**2)
    ours = style_layer_loss(gram(random_picture(4, 5, 1, 6)), gram(random_picture(4, 5, 2, 6)))
    assert float(ours) == pytest.approx(published, rel=1e-12)


def test_gram_of_the_same_texture_does_not_depend_on_its_size() -> None:
    maps = random_picture(4, 5, 3, 6)
    np.testing.assert_allclose(gram(maps.repeat(1, 1, 3, 2)), gram(maps), rtol=1e-12)


def test_guided_gram_is_that_of_controlling_perceptual_factors() -> None:
    maps = random_picture(4, 6, 3, 5)
    mask = random_picture(4, 6, 4, 1)
    guide = guidance(mask, 1)
    t = mask.numpy().ravel() / np.sqrt((mask.numpy() ** 2).sum())
    guided = maps[0].numpy().reshape(5, 24) * t
    np.testing.assert_allclose(gram(maps, guide).numpy(), guided @ guided.T, rtol=1e-12)
    assert float(guide.square().sum()) == pytest.approx(1, rel=1e-12)


def test_guiding_by_everything_is_not_guiding() -> None:
    maps = random_picture(4, 6, 3, 5)
    everywhere = guidance(torch.ones(1, 1, 4, 6, dtype=torch.float64), 1)
    np.testing.assert_allclose(gram(maps, everywhere), gram(maps), rtol=1e-12)


def test_guiding_by_a_box_is_cropping_to_it() -> None:
    maps = random_picture(8, 8, 3, 5)
    guide = guidance(box_mask(8, 8, 2, 3, 6, 8), 1)
    np.testing.assert_allclose(gram(maps, guide), gram(maps[:, :, 2:6, 3:8]), rtol=1e-12)


@pytest.mark.parametrize("guided", [False, True])
def test_gram_gradient_by_finite_differences(guided: bool) -> None:
    maps = random_picture(3, 4, 3, 5).requires_grad_()
    guide = guidance(random_picture(3, 4, 9, 1), 1) if guided else None
    assert torch.autograd.gradcheck(lambda f: gram(f, guide), (maps,))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_in_bfloat16_is_close_whatever_the_memory_format(layout: torch.memory_format) -> None:
    maps = random_picture(64, 64, 3, 8)
    half = gram(maps.bfloat16().contiguous(memory_format=layout))
    assert half.dtype == torch.float32
    np.testing.assert_allclose(half.double(), gram(maps), rtol=0.02)


def test_a_mask_loses_no_pixel_on_its_way_to_a_layer() -> None:
    for row in range(37):
        mask = box_mask(37, 53, row, 52 - row, row + 1, 53 - row)
        small = layer_mask(mask, 16)
        assert small.shape == (1, 1, 2, 3)
        assert float(small.max()) > 0


def test_an_empty_mask_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        guidance(torch.zeros(1, 1, 32, 32), 16)


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_total_variation_and_its_gradient(wrap: bool, masked: bool) -> None:
    picture = random_picture(5, 6, 1)
    support = box_mask(5, 6, 1, 1, 3, 5) if masked else None
    x, free = picture[0].numpy(), None if support is None else support[0, 0].numpy()

    def reference(x: np.ndarray) -> float:
        total = 0.0
        for r in range(5):
            for c in range(6):
                for r2, c2 in ((r + 1, c), (r, c + 1)):
                    if not wrap and (r2 == 5 or c2 == 6):
                        continue
                    r2, c2 = r2 % 5, c2 % 6
                    if free is None or free[r, c] or free[r2, c2]:
                        total += float(((x[:, r2, c2] - x[:, r, c]) ** 2).sum())
        return total / (30 if free is None else free.sum())

    value, gradient = total_variation(picture, support, wrap)
    assert float(value) == pytest.approx(reference(x), rel=1e-12)
    for place in ((0, 0, 0), (1, 2, 3), (2, 4, 5)):
        up, down = x.copy(), x.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        slope = (reference(up) - reference(down)) / 2e-5
        assert float(gradient[0][place]) == pytest.approx(slope, rel=1e-6, abs=1e-9)
