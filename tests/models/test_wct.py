"""WCT: whitening and colouring by independent formulas; tiles, strength, blends, regions and masks."""

import numpy as np
import pytest
import torch
from models.driving import stylized
from velatura_models.maths.stats import Moments
from velatura_models.maths.whitening import affine, power
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import Source, StyleShare
from velatura_models.methods.wct import WCT
from velatura_models.networks.encoder import Encoder, reach
from velatura_models.networks.level_decoder import (
    LEVELS,
    LevelDecoder,
    LevelDecoders,
    mirrored,
)
from velatura_models.store.cards import CARD_LAYERS, compute_card
from velatura_models.store.files import WeightsError, weights_digest
from velatura_models.store.nets import save_net
from velatura_models.store.weights import load_backbone

WIDTHS = (6, 8, 10, 10, 10)


def networks(levels=LEVELS):
    torch.manual_seed(0)
    encoder, decoders = Encoder(WIDTHS, preprocess=False), LevelDecoders(WIDTHS, levels)
    for parameter in (*encoder.parameters(), *decoders.parameters()):
        if parameter.dim() == 4:
            torch.nn.init.kaiming_normal_(parameter)
        parameter.requires_grad_(False)
    for decoder in decoders.values():
        decoder.convs[-1].bias.fill_(0.5)  # ordinary pictures, so that every level gets features that live
    return encoder, decoders


def method(levels=None):
    encoder, decoders = networks()
    return WCT(Loader(), (encoder, decoders), levels)


def picture(height=64, width=96, seed=0):
    small = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (height, width), mode="bilinear").clamp(0, 1)


def style_of(net, seed=7, scale=1.0):
    card = compute_card(net.encoder, picture(120, 152, seed))
    return net.style(Source("s", scale, lambda: card, lambda: pytest.fail("a card is enough")))


def gaussian(maps):
    """Mean and covariance in numpy, float64."""
    flat = maps[0].flatten(1).double().numpy()
    return flat.mean(1), np.cov(flat, bias=True)


def published(net, rgb, colors, alpha):
    """WCT of Li et al. 2017, eq. 2-5, level by level, written down again with numpy's SVD in float64."""
    x = rgb
    for level in net.levels:
        maps = net.encoder(x, (level,))[level]
        shape, flat = maps.shape, maps[0].flatten(1).double().numpy()
        mean, covariance = gaussian(maps)
        u, d, _ = np.linalg.svd(covariance)
        kept = d > d[0] * 1e-5
        white = u[:, kept] @ np.diag(d[kept] ** -0.5) @ u[:, kept].T @ (flat - mean[:, None])
        style_mean, coloring = (t.numpy() for t in colors[level])
        mixed = alpha * (coloring @ white + style_mean[:, None]) + (1 - alpha) * flat
        x = net.decoders[level](torch.from_numpy(mixed).float().view(shape))
    return x


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
    matrix, bias = affine(
        moments_of(content), torch.from_numpy(wanted_mean), power(torch.from_numpy(wanted), 0.5)
    )
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
    for level, maps in net.encoder(style, LEVELS).items():
        mean, covariance = gaussian(maps)
        got_mean, coloring = (t.numpy() for t in style_of(net)[level])
        np.testing.assert_allclose(got_mean, mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(coloring @ coloring, covariance, rtol=1e-3, atol=1e-4)


def test_another_style_scale_has_the_deviations_there_and_the_correlations_of_scale_1():
    net = method()
    card = compute_card(net.encoder, picture(120, 152, 7))
    for level, (mean, coloring) in style_of(net, scale=2.0).items():
        covariance, one = coloring @ coloring, style_of(net)[level][1]
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


@pytest.mark.parametrize("levels", [LEVELS, ("relu3_1", "relu1_1"), ("relu4_1",)])
@pytest.mark.parametrize("alpha", [1.0, 0.6])
def test_without_the_residual_it_is_the_published_method(levels, alpha):
    net, rgb = method(levels), picture()
    colors = style_of(net)
    got, _ = stylized(net, rgb, [StyleShare(colors)], alpha, residual=False)
    torch.testing.assert_close(got, published(net, rgb, colors, alpha), rtol=1e-3, atol=5e-3)


def test_strength_0_is_the_photo_and_a_map_of_one_value_is_that_strength():
    net, rgb = method(), picture()
    styles = [StyleShare(style_of(net))]
    photo, _ = stylized(net, rgb, styles, 0.0)
    torch.testing.assert_close(photo, rgb, rtol=0, atol=1e-5)
    number, _ = stylized(net, rgb, styles, 0.5)
    mapped, _ = stylized(net, rgb, styles, torch.full((1, 1, 64, 96), 0.5))
    torch.testing.assert_close(mapped, number, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("levels", "side", "strength", "masked"),
    [
        (LEVELS, 144, 1.0, False),
        (("relu4_1", "relu1_1"), 64, 1.0, True),
        (("relu4_1", "relu1_1"), 64, 0.5, False),
        (("relu3_1", "relu2_1"), 48, 0.5, True),
    ],
)
def test_tiles_equal_the_whole(levels, side, strength, masked):
    """On a canvas that is a multiple of 8 but not of 16."""
    height, width = (392, 568) if levels == LEVELS else (200, 328)
    rgb = picture(height, width)
    net = method(levels)
    assert len(net.footprint.cut(*map(net.footprint.padded, (height, width)), side)) >= 12
    styles = [StyleShare(style_of(net))]
    weight = picture(height, width, 3)[:, :1] if masked else None
    alpha = strength if weight is None else strength * weight
    a, _ = stylized(net, rgb, styles, alpha, weight)
    b, _ = stylized(net, rgb, styles, alpha, weight, tile=side)
    assert float((a - b).abs().max()) < 1e-3 * float(a.abs().max())


def test_a_blend_colours_with_the_weighted_sum():
    net, rgb = method(("relu2_1",)), picture()
    one, two = style_of(net, 1), style_of(net, 2)
    got, _ = stylized(net, rgb, [StyleShare(one, 1.0), StyleShare(two, 3.0)])
    maps = net.encoder(rgb, ("relu2_1",))["relu2_1"]
    white = power(moments_of(maps)[1], -0.5)
    flat = maps[0].flatten(1).double()
    mixed = sum(
        share
        * (colors["relu2_1"][1] @ white @ (flat - flat.mean(1, keepdim=True)) + colors["relu2_1"][0][:, None])
        for share, colors in ((0.25, one), (0.75, two))
    )
    expected = net.decoders["relu2_1"](mixed.float().view(maps.shape))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)


def test_regions_each_get_their_style_and_the_rest_stays():
    net, rgb = method(("relu2_1",)), picture(64, 320)
    left, right = torch.zeros(1, 1, 64, 320), torch.zeros(1, 1, 64, 320)
    left[..., :64], right[..., 256:] = 1, 1
    one, two = style_of(net, 1), style_of(net, 2)
    got, _ = stylized(net, rgb, [StyleShare(one, 1.0, left), StyleShare(two, 1.0, right)])
    torch.testing.assert_close(got[..., 152:168], rgb[..., 152:168], rtol=0, atol=1e-4)
    alone, _ = stylized(net, rgb, [StyleShare(one, 1.0, left)])
    torch.testing.assert_close(got[..., :32], alone[..., :32], rtol=1e-3, atol=1e-3)
    assert float((got[..., -8:] - rgb[..., -8:]).abs().max()) > 0.01


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


def test_what_is_kept_gives_the_same_picture_and_costs_no_deep_encoding(monkeypatch):
    net, rgb = method(), picture()
    styles = [StyleShare(style_of(net))]
    _, known = stylized(net, rgb, styles, 1.0)
    for _ in net.ahead(known):
        pass
    assert known.rebuilt is not None and known.nbytes >= known.features.nbytes
    fresh, _ = stylized(net, rgb, styles, 0.4)
    encode = net.encode
    monkeypatch.setattr(
        net, "encode", lambda x, level: encode(x, level) if level != "relu5_1" else pytest.fail()
    )
    again, _ = stylized(net, rgb, styles, 0.4, known=known)
    torch.testing.assert_close(again, fresh, rtol=0, atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_the_halo_is_no_less_than_what_a_level_can_see(level):
    encoder, decoders = networks()
    for parameter in (*encoder.parameters(), *decoders.parameters()):
        parameter.abs_()
    side = 2 * reach(level, grid=16) + 64
    rgb = picture(side, side).requires_grad_(True)
    decoders[level](encoder(rgb, (level,))[level])[..., side // 2, side // 2].sum().backward()
    assert int((torch.nonzero(rgb.grad.abs().sum(1)[0]) - side // 2).abs().max()) <= reach(level, grid=16)


def test_decoders_mirror_the_encoder():
    """Shapes of the five decoders that Li et al. published for VGG-19, counted from the other end."""
    widths = (64, 128, 256, 512, 512)
    encoder = [(64, 3), (64, 64), (128, 64), (128, 128), (256, 128), *[(256, 256)] * 3, (512, 256)]
    encoder += [*[(512, 512)] * 3, (512, 512)]
    for level, count in zip(LEVELS, (13, 9, 5, 3, 1), strict=True):
        assert [(cin, cout) for cin, cout, _ in mirrored(widths, level)] == encoder[count - 1 :: -1]
        assert sum(up for *_, up in mirrored(widths, level)) == int(level[4]) - 1
    decoder = LevelDecoder(WIDTHS, "relu4_1")
    assert decoder(torch.rand(1, 10, 4, 5)).shape == (1, 3, 32, 40)


def test_levels_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="deepest first"):
        method(("relu1_1", "relu2_1"))
    encoder, decoders = networks(("relu1_1",))
    with pytest.raises(ValueError, match="no decoder for relu2_1"):
        WCT(Loader(), (encoder, decoders), ("relu2_1", "relu1_1"))
    with pytest.raises(ValueError, match="known: relu5_1"):
        LevelDecoder(WIDTHS, "relu3_2")


def test_files_of_other_networks_are_refused(tmp_path):
    slim = load_backbone("slim")
    loader = Loader("slim", "wct", tmp_path)
    _, decoders = networks()
    path = tmp_path / "nets/slim.wct.safetensors"
    save_net(path, "wct", decoders, decoders.architecture, needs="0" * 32)
    with pytest.raises(WeightsError, match=r"trained for encoder weights 000000000000.*velatura train wct"):
        loader.levels()
    digest = weights_digest(slim.state_dict())
    save_net(path, "wct", decoders, {"widths": list(slim.widths)}, needs=digest)
    with pytest.raises(WeightsError, match="is no wct network") as caught:
        loader.levels()
    assert caught.value.code == "architecture"


def test_what_ships_is_for_the_backbone_that_ships():
    _, decoders = Loader("slim", "wct").levels()
    assert tuple(decoders) == LEVELS and set(LEVELS) == set(CARD_LAYERS)
