"""The six figures of pictures are their formulas, written again in numpy."""

import numpy as np
import pytest
import torch
from velatura_models.maths import quality
from velatura_models.maths.color import oklab
from velatura_models.networks.encoder import Encoder

SIDES = (40, 56)


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    encoder = Encoder((4, 6, 8, 8, 8), preprocess=False).eval().requires_grad_(False)
    for weight in encoder.parameters():
        weight.data.normal_(0, (2 / weight[0].numel()) ** 0.5) if weight.dim() > 1 else weight.data.zero_()
    return encoder


def noise(seed, sides=SIDES):
    return torch.rand(1, 3, *sides, generator=torch.Generator().manual_seed(seed))


def maps(vgg, picture, layer):
    """`(C, positions)`, float64."""
    return vgg(picture, [layer])[layer][0].flatten(1).double().numpy()


def test_style_gram_and_content_are_their_formulas(vgg):
    result, other = noise(1), noise(2, (48, 32))
    style = gram = 0.0
    for layer in quality.STYLE_LAYERS:
        a, b = maps(vgg, result, layer), maps(vgg, other, layer)
        style += np.square(a.mean(1) - b.mean(1)).mean() + np.square(a.std(1) - b.std(1)).mean()
        g, h = a @ a.T / a.shape[1], b @ b.T / b.shape[1]
        gram += np.square(g - h).sum() / np.square(h).sum() / 4
    seen, wanted = quality.look(vgg, result), quality.look(vgg, other)
    assert quality.style_distance(seen, wanted) == pytest.approx(style, rel=1e-2)
    assert quality.gram_distance(seen, wanted) == pytest.approx(gram, rel=1e-4)
    photo = noise(3)
    a, b = (maps(vgg, picture, "relu4_1") for picture in (result, photo))
    a, b = ((x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) for x in (a, b))
    wanted = np.square(a - b).mean()
    assert quality.content_distance(seen, quality.look(vgg, photo)) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # Ottosson's own figures
        ((1, 1, 1), (1.0, 0.0, 0.0)),
        ((1, 0, 0), (0.627955, 0.224863, 0.125846)),
        ((0, 1, 0), (0.866440, -0.233888, 0.179498)),
        ((0, 0, 1), (0.452014, -0.032457, -0.311528)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_oklab_is_as_published(rgb, lab):
    got = oklab(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1))
    np.testing.assert_allclose(got.flatten().numpy(), lab, atol=2e-4)


def test_a_palette_knows_colours_and_not_places_nor_sizes():
    picture = noise(1)
    order = torch.randperm(SIDES[0] * SIDES[1], generator=torch.Generator().manual_seed(0))
    shuffled = picture.flatten(2)[:, :, order].view_as(picture)
    torch.testing.assert_close(quality.palette(shuffled), quality.palette(picture))
    twice = picture.repeat_interleave(2, 2)
    torch.testing.assert_close(quality.palette(twice), quality.palette(picture), rtol=0, atol=5e-3)


def test_palettes_of_two_colours_are_as_far_apart_as_their_mean_projection(vgg):
    """For points d apart the mean over directions u of |u d| is |d| / 2 in three dimensions."""
    red, blue = (torch.zeros(1, 3, 32, 32) for _ in range(2))
    red[:, 0], blue[:, 2] = 1.0, 1.0
    far = np.linalg.norm(np.subtract((0.628, 0.225, 0.126), (0.452, -0.032, -0.312)))
    seen = [quality.look(vgg, picture) for picture in (red, blue)]
    assert quality.palette_distance(*seen) == pytest.approx(far / 2, rel=0.2)
    assert quality.palette_distance(seen[0], seen[0]) == 0


def plain_grid(luma):
    """The docstring's words with a two-dimensional transform."""
    height, width = luma.shape
    window = np.outer(np.hanning(height + 1)[:-1], np.hanning(width + 1)[:-1])
    power = np.abs(np.fft.fft2(luma * window)) ** 2
    logs = []
    for curve in (power.sum(0), power.sum(1)):
        for period in (2, 4):
            k = len(curve) // period
            around = [curve[k + i] for i in range(-6, 7) if i]
            logs.append(np.log(curve[k] / np.median(around)))
    return np.exp(np.mean(logs))


@pytest.mark.parametrize("sides", [(320, 480), (64, 96), (83, 66)])
def test_grid_is_its_formula_and_about_one_for_noise(sides):
    picture = noise(5, sides)
    cut = picture[0, :, : sides[0] // 4 * 4, : sides[1] // 4 * 4].double().numpy()
    luma = np.tensordot([0.299, 0.587, 0.114], cut, 1)
    assert quality.grid(picture) == pytest.approx(plain_grid(luma), rel=1e-4)
    assert 0.7 < quality.grid(picture) < 1.4


def test_grid_sees_patterns_of_two_and_four_pixels_and_no_others():
    picture = noise(6, (128, 160))
    columns = torch.arange(160.0)
    plain = quality.grid(picture)
    for period, least in ((2, 2 * plain), (4, 2 * plain)):
        seen = quality.grid(picture + 0.2 * torch.cos(2 * torch.pi * columns / period))
        assert seen > least
    other = quality.grid(picture + 0.2 * torch.cos(2 * torch.pi * columns / 5))
    assert other == pytest.approx(plain, rel=0.1)
    assert quality.grid(torch.full((1, 3, 64, 64), 0.3)) == pytest.approx(1)
    with pytest.raises(ValueError, match="30 x 64; sides of at least 32"):
        quality.grid(torch.rand(1, 3, 64, 30))


def test_figures_of_photo_and_style_themselves(vgg):
    styles = {
        name: quality.look(vgg, noise(seed) ** power) for name, seed, power in (("a", 1, 1), ("b", 2, 4))
    }
    photos = [quality.look(vgg, noise(seed) ** 2) for seed in (3, 4)]
    asked = [(photo, name) for photo in photos for name in styles]
    untouched = quality.figures([(photo, photo, name) for photo, name in asked], styles)
    assert (untouched.style, untouched.gram, untouched.palette) == pytest.approx((1, 1, 1))
    assert (untouched.recognised, untouched.content) == (0.5, 0)
    perfect = quality.figures([(styles[name], photo, name) for photo, name in asked], styles)
    assert (perfect.style, perfect.gram, perfect.palette, perfect.recognised) == (0, 0, 0, 1)
    assert perfect.content > 0.1
    with pytest.raises(ValueError, match="no pair"):
        quality.figures([], styles)


def test_shares_are_summed_over_pairs_before_dividing(vgg):
    styles = {"a": quality.look(vgg, noise(1)), "b": quality.look(vgg, noise(2) ** 4)}
    photo, result = quality.look(vgg, noise(3)), quality.look(vgg, noise(4) ** 2)
    got = quality.figures([(result, photo, "a"), (result, photo, "b")], styles)
    after, before = (
        sum(quality.gram_distance(seen, style) for style in styles.values()) for seen in (result, photo)
    )
    assert got.gram == pytest.approx(after / before)
    grams = {name: quality.gram_distance(result, s, quality.STYLE_LAYERS[1:]) for name, s in styles.items()}
    assert quality.nearest(result, styles) == min(grams, key=lambda name: grams[name])
