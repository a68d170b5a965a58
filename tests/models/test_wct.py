"""WCT: whitening and colouring by independent formulas; tiles, strength, blends, regions and masks."""

import numpy as np
import pytest
import torch
from models.driving import small_pair, stylized
from models.driving import smooth as picture
from velatura_models.maths.stats import Moments
from velatura_models.maths.whitening import affine, power
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import FoundStyle, StyleShare
from velatura_models.methods.wct import WCT
from velatura_models.store.cards import compute_card


def method(skips=("relu3_1", "relu2_1")):
    return WCT(Loader(), small_pair(skips))


def style_of(net, seed=7, scale=1.0):
    card = compute_card(net.encoder, picture(120, 152, seed))
    return net.style(FoundStyle("s", scale, lambda: card, lambda: pytest.fail("a card is enough")))


def gaussian(maps):
    """Mean and covariance in numpy, float64."""
    flat = maps[0].flatten(1).double().numpy()
    return flat.mean(1), np.cov(flat, bias=True)


def published(net, rgb, style, alpha):
    """WCT of Li et al. 2017, eq. 2-4, at every level of the decoder, written down again with numpy's SVD in
    float64."""
    mixed = {}
    for level, maps in net.encoder(rgb, net.levels).items():
        flat = maps[0].flatten(1).double().numpy()
        mean, covariance = gaussian(maps)
        u, d, _ = np.linalg.svd(covariance)
        kept = d > d[0] * 1e-5
        white = u[:, kept] @ np.diag(d[kept] ** -0.5) @ u[:, kept].T @ (flat - mean[:, None])
        style_mean, coloring = (t.numpy() for t in style.levels[level])
        changed = alpha * (coloring @ white + style_mean[:, None]) + (1 - alpha) * flat
        mixed[level] = torch.from_numpy(changed).float().view(maps.shape)
    return net.decoder(mixed)


def moments_of(maps, weight=None):
    moments = Moments(joint=True)
    moments.add(maps, weight)
    return moments.mean_covariance()


def correlated(channels=12, positions=(20, 30), seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(channels, channels))
    flat = mixing @ rng.normal(size=(channels, positions[0] * positions[1])) + rng.normal(size=(channels, 1))
    return torch.from_numpy(flat).view(1, channels, *positions)


def test_whitened_features_have_the_identity_as_covariance():
    maps = correlated()
    seen = moments_of(maps)
    flat = maps[0].flatten(1).numpy()
    white = power(seen[1], -0.5).numpy() @ (flat - seen[0].numpy()[:, None])
    np.testing.assert_allclose(np.cov(white, bias=True), np.eye(12), atol=1e-8)


def test_coloured_features_have_the_styles_mean_and_covariance():
    content, style = correlated(seed=1), correlated(seed=2)
    wanted_mean, wanted = gaussian(style)
    mean, covariance = moments_of(content)
    colors = torch.from_numpy(wanted_mean), power(torch.from_numpy(wanted), 0.5)
    matrix, bias = affine((mean, power(covariance, -0.5)), colors)
    coloured = matrix.numpy() @ content[0].flatten(1).numpy() + bias.numpy()[:, None]
    np.testing.assert_allclose(coloured.mean(1), wanted_mean, atol=1e-8)
    np.testing.assert_allclose(np.cov(coloured, bias=True), wanted, atol=1e-8)


def test_directions_with_next_to_nothing_are_dropped_and_the_others_left_as_they_are():
    """Fewer positions than channels: the covariance has no inverse, and regularising would change it all."""
    maps = correlated(channels=12, positions=(2, 4))
    seen = moments_of(maps)
    white = power(seen[1], -0.5).numpy() @ (maps[0].flatten(1).numpy() - seen[0].numpy()[:, None])
    values = np.linalg.eigvalsh(np.cov(white, bias=True))
    np.testing.assert_allclose(values, [0] * 5 + [1] * 7, atol=1e-6)
    assert bool((power(torch.zeros(3, 3, dtype=torch.float64), -0.5) == 0).all())


def test_weighted_moments_over_pieces_are_those_of_the_positions_counted():
    maps = correlated()
    weight = torch.zeros(1, 1, 20, 30)
    weight[..., 3:9, 5:25] = 1
    moments = Moments(joint=True)
    for rows in (slice(0, 7), slice(7, 20)):
        moments.add(maps[:, :, rows], weight[:, :, rows])
    got, (mean, covariance) = moments.mean_covariance(), gaussian(maps[:, :, 3:9, 5:25])
    np.testing.assert_allclose(got[0].numpy(), mean, atol=1e-10)
    np.testing.assert_allclose(got[1].numpy(), covariance, atol=1e-10)


def test_a_style_is_its_mean_and_covariance_at_every_level():
    net, style = method(), picture(120, 152, 7)
    for level, maps in net.encoder(style, net.levels).items():
        mean, covariance = gaussian(maps)
        got_mean, coloring = (t.numpy() for t in style_of(net).levels[level])
        np.testing.assert_allclose(got_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(coloring @ coloring, covariance, rtol=1e-3, atol=1e-4)


def test_another_style_scale_has_the_deviations_there_and_the_correlations_of_scale_1():
    net = method()
    card = compute_card(net.encoder, picture(120, 152, 7))
    for level, (mean, coloring) in style_of(net, scale=2.0).levels.items():
        covariance, one = coloring @ coloring, style_of(net).levels[level][1]
        one = one @ one
        torch.testing.assert_close(mean, card.stats[2.0][level][0].double())
        alive = one.diagonal() > 1e-4
        deviations = covariance.diagonal()[alive].sqrt()
        torch.testing.assert_close(
            deviations, card.stats[2.0][level][1].double()[alive], rtol=2e-2, atol=1e-3
        )
        scales = (covariance.diagonal() / one.diagonal())[alive].sqrt()
        expected = one[alive][:, alive] * torch.outer(scales, scales)
        torch.testing.assert_close(covariance[alive][:, alive], expected, rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("skips", [(), ("relu3_1", "relu2_1")])
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_in_the_contents_colours_without_the_residual_it_is_the_published_formula(skips, alpha):
    net, rgb = method(skips), picture()
    style = style_of(net)
    got, _ = stylized(net, rgb, [StyleShare(style)], alpha, residual=False, recolour=False)
    torch.testing.assert_close(got, published(net, rgb, style, alpha), rtol=1e-3, atol=5e-3)


def test_a_blend_colours_with_the_weighted_sum():
    net, rgb = method(()), picture()
    one, two = style_of(net, 1), style_of(net, 2)
    got, _ = stylized(net, rgb, [StyleShare(one, 1.0), StyleShare(two, 3.0)], recolour=False)
    maps = net.encoder(rgb, net.levels)["relu4_1"]
    white = power(moments_of(maps)[1], -0.5)
    flat = maps[0].flatten(1).double()
    mixed = torch.zeros_like(flat)
    for share, style in ((0.25, one), (0.75, two)):
        mean, coloring = style.levels["relu4_1"]
        mixed += share * (coloring @ white @ (flat - flat.mean(1, keepdim=True)) + mean[:, None])
    expected = net.decoder({"relu4_1": mixed.float().view(maps.shape)})
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_mask_of_a_few_pixels_gives_no_nan(size):
    net, rgb = method(), picture()
    mask = torch.zeros(1, 1, 64, 96)
    mask[..., 20 : 20 + size, 30 : 30 + size] = 1
    for styles in ([StyleShare(style_of(net))], [StyleShare(style_of(net), 1.0, mask)]):
        got, _ = stylized(net, rgb, styles, mask, mask)
        assert bool(torch.isfinite(got).all()) and float(got.abs().max()) < 100


@pytest.mark.parametrize("size", [(16, 16), (16, 40), (64, 64)])
def test_flat_and_tiny_pictures_give_no_nan(size):
    net = method()
    got, _ = stylized(net, torch.full((1, 3, *size), 0.5), [StyleShare(style_of(net))])
    assert bool(torch.isfinite(got).all())


def test_it_paints_with_the_decoder_of_adain_skip():
    net = WCT(Loader("slim", "wct"))
    assert net.palette_first and net.levels == ("relu4_1", "relu3_1", "relu2_1")
