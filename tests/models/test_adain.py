"""AdaIN equals the published formulas; tiles equal the whole; strength, blends, regions and masks behave."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models.driving import noise as picture
from models.driving import small_pair, stylized
from velatura_models.maths.color import ColorStats, apply_matching, color_stats, transport
from velatura_models.maths.stats import mean_std
from velatura_models.maths.tiling import STRIDE, Box, Footprint, tiles
from velatura_models.methods.adain import KEPT, AdaIN, StyleLook, colored
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import StyleShare
from velatura_models.methods.views import OWN
from velatura_models.networks.encoder import reach

LEVELS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")


def network(skips=("relu3_1", "relu2_1")):
    return AdaIN(Loader(), small_pair(skips, (4, 6, 8, 8, 8)))


def style_of(net, seed=7):
    features = net.encoder(picture(72, 56, seed), net.levels)
    return StyleLook({level: tuple(t.flatten() for t in mean_std(maps)) for level, maps in features.items()})


def published(net, rgb, stats, alpha):
    """T(c, s, alpha) of Huang & Belongie 2017, eq. 14, written down again with numpy in float64."""
    features = net.encoder(rgb, net.levels)
    mixed = {}
    for level, maps in features.items():
        f = maps.double().numpy()
        mean, var = f.mean((2, 3), keepdims=True), f.var((2, 3), keepdims=True)
        style_mean, style_std = (t.double().numpy().reshape(1, -1, 1, 1) for t in stats.levels[level])
        t = style_std * (f - mean) / np.sqrt(var + 1e-5) + style_mean
        mixed[level] = torch.from_numpy((1 - alpha) * f + alpha * t).float()
    return net.decoder(mixed)


@pytest.mark.parametrize("skips", [(), ("relu3_1",), ("relu3_1", "relu2_1", "relu1_1")])
@pytest.mark.parametrize("alpha", [1.0, 0.6, 0.0])
def test_without_the_residual_it_is_the_published_formula(skips, alpha):
    net, rgb = network(skips), picture()
    stats = style_of(net)
    got, _ = stylized(net, rgb, [StyleShare(stats)], alpha, residual=False)
    torch.testing.assert_close(got, published(net, rgb, stats, alpha), rtol=1e-4, atol=1e-5)


def test_the_residual_is_what_the_design_says_and_strength_0_is_the_photo():
    net, rgb = network(), picture()
    stats = style_of(net)
    rebuilt = net.decoder(net.encoder(rgb, net.levels))
    got, _ = stylized(net, rgb, [StyleShare(stats)], 0.3)
    torch.testing.assert_close(
        got, published(net, rgb, stats, 0.3) + 0.7 * (rgb - rebuilt), rtol=1e-4, atol=1e-5
    )
    photo, _ = stylized(net, rgb, [StyleShare(stats)], 0.0)
    torch.testing.assert_close(photo, rgb, rtol=0, atol=1e-5)


def test_a_blend_decodes_the_weighted_sum_of_the_targets():
    net, rgb = network(), picture()
    one, two = style_of(net, 1), style_of(net, 2)
    got, _ = stylized(net, rgb, [StyleShare(one, 1.0), StyleShare(two, 3.0)])
    features = net.encoder(rgb, net.levels)
    mixed = {}
    for level, maps in features.items():
        mean, std = mean_std(maps)
        n = (maps - mean) / std
        parts = [
            n * s.levels[level][1].view(1, -1, 1, 1) + s.levels[level][0].view(1, -1, 1, 1)
            for s in (one, two)
        ]
        mixed[level] = 0.25 * parts[0] + 0.75 * parts[1]
    torch.testing.assert_close(got, net.decoder(mixed), rtol=1e-4, atol=1e-5)


def test_a_picture_stays_whole_where_it_fits_with_nothing_kept_of_its_tiles():
    footprint, picture = Footprint(halo=16, per_pixel=100), Box(0, 0, 198, 200)
    needed = 100 * 200 * 200

    def cut(room, kept):
        return len(footprint.cut(200, 200, footprint.fitting(picture, room, kept)))

    assert cut(needed, 0) == cut(needed // 2, needed // 2) == 1
    assert (
        cut(needed // 2, needed // 2 - 8000) == len(footprint.cut(200, 200, footprint.side(needed // 2))) > 1
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(8, 200), st.integers(0, 12))
def test_tiles_cover_the_canvas_once_on_the_grid(rows, columns, side, margin):
    height, width, margin = rows * STRIDE, columns * STRIDE, margin * STRIDE
    covered = np.zeros((height, width), int)
    for tile in tiles(height, width, side, margin):
        covered[tile.core.slices()] += 1
        assert tile.core.height <= max(side, STRIDE) and tile.core.width <= max(side, STRIDE)
        assert all(
            edge % STRIDE == 0 for edge in (tile.core.top, tile.core.left, tile.outer.top, tile.outer.left)
        )
        assert tile.outer == tile.core.grown(margin, Box(0, 0, height, width))
    assert (covered == 1).all()


def test_the_halo_is_no_less_than_what_the_networks_can_see():
    """Gradients tell how far an output pixel reaches back."""
    net = network(("relu3_1", "relu2_1", "relu1_1"))
    side = 2 * reach("relu4_1") + 3 * STRIDE
    rgb = picture(side, side).requires_grad_(True)
    middle = side // 2
    for parameter in (*net.encoder.parameters(), *net.decoder.parameters()):
        parameter.data.abs_()
    net.decoder(net.encoder(rgb, LEVELS))[..., middle, middle].sum().backward()
    reached = torch.nonzero(rgb.grad.abs().sum(1)[0])
    assert int((reached - middle).abs().max()) <= reach("relu4_1")


def palette_first(mean, seed=7):
    """A network that moves colours, and a style whose colours lie about `mean`."""
    net = network()
    net.palette_first = True
    spread = torch.diag(torch.tensor([0.02, 0.01, 0.03], dtype=torch.float64))
    return net, StyleLook(
        style_of(net, seed).levels, ColorStats(torch.tensor(mean, dtype=torch.float64), spread)
    )


@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_colours_are_moved_in_full_before_the_encoder_and_strength_fades_features(alpha):
    net, look = palette_first((0.7, 0.5, 0.3))
    rgb = picture() * 0.6
    got, seen = stylized(net, rgb, [StyleShare(look)], alpha, residual=False)
    assert look.color is not None
    moved = apply_matching(rgb, *transport(color_stats(rgb), look.color)).clamp(0, 1)
    own, other = net.encoder(rgb, net.levels), net.encoder(moved, net.levels)
    mixed = {}
    for level, maps in own.items():
        mean, std = mean_std(other[level])
        style_mean, style_std = (t.view(1, -1, 1, 1) for t in look.levels[level])
        mixed[level] = (1 - alpha) * maps + alpha * (style_std * (other[level] - mean) / std + style_mean)
    torch.testing.assert_close(got, net.decoder(mixed), rtol=1e-4, atol=1e-4)
    assert len(seen.views) == (1 if alpha == 1 else 2)  # what does not fade needs no more


@pytest.mark.parametrize("side", [4096, 64])
def test_a_slider_costs_only_the_decoder_and_strength_0_is_the_photo(monkeypatch, side):
    net, look = palette_first((0.7, 0.5, 0.3))
    rgb = picture(136, 200)
    cut = tiles(136, 200, side, net.footprint.halo)
    first, known = stylized(net, rgb, [StyleShare(look)], 0.9, cut=cut)
    monkeypatch.setattr(net, "encode", lambda rgb: pytest.fail("encoded again"))
    again, _ = stylized(net, rgb, [StyleShare(look)], 0.9, known=known, cut=cut)
    torch.testing.assert_close(again, first, rtol=0, atol=1e-4)
    decode, decoded = net.decode, []
    monkeypatch.setattr(net, "decode", lambda maps: decoded.append(maps) or decode(maps))
    stylized(net, rgb, [StyleShare(look)], 0.4, known=known, cut=cut)
    assert len(decoded) == len(cut)  # the content as it is rebuilt is kept as well
    photo, _ = stylized(net, rgb, [StyleShare(look)], 0.0, known=known, cut=cut)
    torch.testing.assert_close(photo, rgb, rtol=0, atol=1e-4)


def test_a_content_without_room_is_encoded_again():
    net, look = palette_first((0.7, 0.5, 0.3))
    rgb = picture(136, 200)
    cut = tiles(136, 200, 64, net.footprint.halo)
    wanted, _ = stylized(net, rgb, [StyleShare(look)], 0.4, cut=cut)
    got, known = stylized(net, rgb, [StyleShare(look)], 0.4, cut=cut, room=1000)
    assert known.nbytes == 0
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-4)


def test_where_colours_are_kept_none_are_moved():
    net, look = palette_first((0.7, 0.5, 0.3))
    rgb = picture()
    kept, _ = stylized(net, rgb, [StyleShare(look)], recolour=False)
    net.palette_first = False
    plain, _ = stylized(net, rgb, [StyleShare(StyleLook(look.levels))])
    torch.testing.assert_close(kept, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_tiles_equal_the_whole_in_a_palette_with_regions(strength):
    net, look = palette_first((0.7, 0.5, 0.3))
    _, other = palette_first((0.2, 0.6, 0.5), 8)
    rgb = picture(136, 200)
    region = torch.zeros(1, 1, 136, 200)
    region[..., :90] = 1
    styles = [StyleShare(look, 1.0, region), StyleShare(other, 2.0)]
    a, _ = stylized(net, rgb, styles, strength)
    b, _ = stylized(net, rgb, styles, strength, tile=64)
    assert float((a - b).abs().max()) < 1e-4


def test_what_is_kept_of_a_content_is_bounded():
    net, _ = palette_first((0.7, 0.5, 0.3))
    known = None
    for step in range(KEPT + 3):
        _, other = palette_first((0.1 * step, 0.5, 0.3))
        _, known = stylized(net, picture(), [StyleShare(other)], 0.5, known=known)
    assert known is not None and len(known.views) == KEPT + 1 and OWN in known.views


@pytest.mark.parametrize("recolour", [True, False])
def test_a_flat_ground_is_painted_and_a_photo_gets_no_grain(recolour):
    net, look = palette_first((0.7, 0.5, 0.3))
    rgb = picture(136, 200)
    rgb[..., 60:] = 0.8
    whole, seen = stylized(net, rgb, [StyleShare(look)], recolour=recolour)
    tiles, _ = stylized(net, rgb, [StyleShare(look)], recolour=recolour, tile=64)
    assert float((whole - tiles).abs().max()) < 1e-4
    view = seen.views[look.palette if recolour else OWN]
    moved = colored(rgb, view, Box(0, 0, 136, 200))
    assert (float(moved[..., 80:].std((2, 3)).mean()) > 0.01) is recolour
    plain = rgb if view.colors is None else apply_matching(rgb, *view.colors).clamp(0, 1)
    assert torch.equal(moved[..., :40], plain[..., :40])
