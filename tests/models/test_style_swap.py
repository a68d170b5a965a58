"""Style swap: patches by brute force, own features come back; tiles, strength, blends."""

import numpy as np
import pytest
import torch
from models.driving import noise as picture
from models.driving import small_pair, stylized
from velatura_models.maths.stats import normalise
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import FoundStyle, StyleShare, framed, painted, work
from velatura_models.methods.style_swap import StyleSwap, style_patches, swapped
from velatura_models.methods.views import CHANGED
from velatura_models.networks.playback import run_through
from velatura_models.store.cards import compute_card

DEEPEST = "relu4_1"


def method():
    return StyleSwap(Loader(), small_pair(("relu2_1",)))


def source_of(net, rgb, scale=1.0):
    return FoundStyle("s", scale, lambda: compute_card(net.encoder, rgb), lambda: rgb)


def style_of(net, seed=7, scale=1.0, size=(72, 96)):
    return net.style(source_of(net, picture(*size, seed), scale))


def targets(net, rgb, style):
    """Features of a picture as a style changes them, in the content's colours: swapped at the deepest level,
    re-normalised at the others."""
    made = {}
    for level, own in net.encoder(rgb, net.levels).items():
        mean, std = (t.view(1, -1, 1, 1) for t in style.levels[level])
        made[level] = normalise(own) * std + mean
    return {**made, DEEPEST: swap(made[DEEPEST], style.features)}


def swap(content, style):
    return run_through(swapped(content, style))


def maps(height, width, seed, channels=5):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def brute_force(content, style):
    """Section 3.1 of Chen & Schmidt 2016 in numpy: the most alike patch by normalised cross-correlation,
    overlaps averaged."""
    c, s = content[0].double().numpy(), style[0].double().numpy()
    cuts = [s[:, y : y + 3, x : x + 3] for y in range(s.shape[1] - 2) for x in range(s.shape[2] - 2)]
    total, count = np.zeros_like(c), np.zeros_like(c)
    for y in range(c.shape[1] - 2):
        for x in range(c.shape[2] - 2):
            here = c[:, y : y + 3, x : x + 3]
            scores = [(here * p).sum() / np.linalg.norm(here) / np.linalg.norm(p) for p in cuts]
            total[:, y : y + 3, x : x + 3] += cuts[int(np.argmax(scores))]
            count[:, y : y + 3, x : x + 3] += 1
    return torch.from_numpy(total / count)[None]


def test_it_is_the_brute_force_search():
    content, style = maps(9, 11, 1), maps(8, 7, 2)
    torch.testing.assert_close(
        swap(content, style).double(), brute_force(content, style), rtol=1e-5, atol=1e-6
    )


def test_it_is_the_published_convolution():
    """Normalised patches as filters, argmax one-hot, transposed convolution, divided by overlaps (3.2)."""
    content, style = maps(12, 10, 3), maps(9, 9, 4)
    filters = style_patches(style, 10**6).view(-1, 5, 3, 3)
    scores = torch.nn.functional.conv2d(
        content, torch.nn.functional.normalize(filters.flatten(1)).view_as(filters)
    )
    chosen = torch.nn.functional.one_hot(scores.argmax(1), len(filters)).permute(0, 3, 1, 2).float()
    total = torch.nn.functional.conv_transpose2d(chosen, filters)
    count = torch.nn.functional.conv_transpose2d(chosen, torch.ones_like(filters))
    torch.testing.assert_close(swap(content, style), total / count)


def test_the_content_as_its_own_style_gives_its_own_features():
    content = maps(12, 15, 5)
    torch.testing.assert_close(swap(content, content), content)


def test_few_patches_at_a_time_find_the_same(monkeypatch):
    content, style = maps(12, 15, 6), maps(14, 13, 7)
    expected = swap(content, style)
    monkeypatch.setattr("velatura_models.methods.style_swap.SCORES", 130 * 10)
    groups = len(list(swapped(content, style)))
    assert groups == -(-12 * 11 // 10)
    torch.testing.assert_close(swap(content, style), expected)


@pytest.mark.parametrize(("most", "count"), [(10**6, 18 * 28), (200, 9 * 14), (60, 6 * 10), (1, 1)])
def test_a_large_style_gives_every_second_or_third_patch(most, count):
    assert len(style_patches(maps(20, 30, 8), most)) == count


def test_strength_0_is_the_photo_and_between_it_is_blended_in_features():
    net, rgb = method(), picture()
    style = style_of(net)
    photo, _ = stylized(net, rgb, [StyleShare(style)], 0.0)
    torch.testing.assert_close(photo, rgb, rtol=0, atol=1e-5)
    own, made = net.encoder(rgb, net.levels), targets(net, rgb, style)
    expected = net.decoder({level: 0.3 * made[level] + 0.7 * own[level] for level in own})
    for strength in (0.3, torch.full((1, 1, 64, 96), 0.3)):
        got, _ = stylized(net, rgb, [StyleShare(style)], strength, residual=False, recolour=False)
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_a_blend_is_the_weighted_sum_of_swapped_features():
    net, rgb = method(), picture()
    one, two = style_of(net, 1), style_of(net, 2)
    got, _ = stylized(net, rgb, [StyleShare(one, 1.0), StyleShare(two, 3.0)], recolour=False)
    a, b = targets(net, rgb, one), targets(net, rgb, two)
    expected = net.decoder({level: 0.25 * a[level] + 0.75 * b[level] for level in a})
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (3, 40)])
def test_flat_and_tiny_pictures_styles_and_masks_give_no_nan(size):
    net, mask = method(), torch.zeros(1, 1, *size)
    mask[..., 0, 0] = 1
    for rgb in (torch.zeros(1, 3, *size), picture(*size)):
        for style in (style_of(net), style_of(net, size=(4, 9))):
            content = framed(rgb, mask, net.footprint, 4096)
            parts = [part for part in painted(net, work(content, [StyleShare(style)], mask)) if part]
            assert [core for core, _ in parts] == [content.shown]
            assert bool(torch.isfinite(parts[0][1]).all())


def test_a_kept_content_is_swapped_once_a_style(monkeypatch):
    net, rgb = method(), picture()
    style = style_of(net)
    fresh, _ = stylized(net, rgb, [StyleShare(style)], 0.4)
    _, known = stylized(net, rgb, [StyleShare(style)])
    before = sum(view.features.nbytes for view in known.views.values()) + known.rebuilt.nbytes
    assert known.nbytes > before
    monkeypatch.setattr(
        "velatura_models.methods.style_swap.swapped", lambda *args: pytest.fail("swapped again")
    )
    again, _ = stylized(net, rgb, [StyleShare(style_of(net))], 0.4, known=known)
    torch.testing.assert_close(again, fresh, rtol=0, atol=1e-6)


def test_what_is_kept_of_styles_in_the_contents_colours_is_bounded():
    net, rgb = method(), picture()
    known = None
    for seed in range(CHANGED + 2):
        _, known = stylized(net, rgb, [StyleShare(style_of(net, seed))], known=known, recolour=False)
    assert known is not None and [len(view.changed) for view in known.views.values()] == [CHANGED]


def test_the_style_scale_is_the_size_at_which_the_picture_is_seen():
    net = method()
    sizes = [style_of(net, scale=scale, size=(96, 160)).features.shape[2:] for scale in (0.5, 1.0, 2.0)]
    assert [tuple(size) for size in sizes] == [(6, 10), (12, 20), (24, 40)]


def test_a_style_without_its_picture_is_told_by_what_the_source_raises():
    net = method()

    def picture():
        raise LookupError("ships as a card")

    with pytest.raises(LookupError, match="ships as a card"):
        net.style(FoundStyle("s", 1.0, lambda: pytest.fail(), picture))
