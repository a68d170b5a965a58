"""What methods that change features promise alike, on small networks of random weights."""

from itertools import product

import pytest
import torch
from models.driving import small_pair, smooth, stylized
from velatura_models.methods.adain import AdaIN
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import FoundStyle, StyleShare, framed, work
from velatura_models.methods.style_swap import StyleSwap
from velatura_models.methods.wct import WCT
from velatura_models.networks.playback import run_through
from velatura_models.store.cards import compute_card

METHODS = {"adain": (AdaIN, 1e-4), "wct": (WCT, 1e-3), "style-swap": (StyleSwap, 1e-3)}
"""With how far rounding may take them."""


@pytest.fixture(params=METHODS)
def net(request):
    return METHODS[request.param][0](Loader(), small_pair())


@pytest.fixture
def near(net):
    return next(near for kind, near in METHODS.values() if type(net) is kind)


def style_of(net, seed=7):
    rgb = smooth(120, 152, seed)
    return net.style(FoundStyle("s", 1.0, lambda: compute_card(net.encoder, rgb), lambda: rgb))


def test_strength_0_is_the_photo_and_a_map_of_one_value_is_that_strength(net, near):
    rgb, styles = smooth(), [StyleShare(style_of(net))]
    photo, _ = stylized(net, rgb, styles, 0.0)
    torch.testing.assert_close(photo, rgb, rtol=0, atol=1e-5)
    number, _ = stylized(net, rgb, styles, 0.5)
    mapped, _ = stylized(net, rgb, styles, torch.full((1, 1, 64, 96), 0.5))
    torch.testing.assert_close(mapped, number, rtol=near, atol=near / 10)


def test_regions_each_get_their_style_and_the_rest_stays(net, near):
    rgb = smooth(64, 320)
    left, right = torch.zeros(2, 1, 1, 64, 320)
    left[..., :64], right[..., 256:] = 1, 1
    one, two = style_of(net, 1), style_of(net, 2)
    got, _ = stylized(net, rgb, [StyleShare(one, 1.0, left), StyleShare(two, 1.0, right)])
    torch.testing.assert_close(got[..., 156:164], rgb[..., 156:164], rtol=0, atol=near)
    alone, _ = stylized(net, rgb, [StyleShare(one, 1.0, left)])
    torch.testing.assert_close(got[..., :8], alone[..., :8], rtol=1e-3, atol=1e-3)
    assert float((got[..., -8:] - rgb[..., -8:]).abs().max()) > 0.01


@pytest.mark.parametrize(
    ("net", "parts", "strength"),
    [
        *product(["adain"], ["one", "mask"], [1.0, 0.5]),
        *product(["wct"], ["one", "regions", "mask"], [1.0, 0.5]),
        *product(["style-swap"], ["one", "mask"], [1.0]),
    ],
    indirect=["net"],
)
def test_tiles_equal_the_whole(net, near, parts, strength):
    size = (264, 328) if isinstance(net, StyleSwap) else (200, 328)  # it looks around further
    rgb = smooth(*size)
    weight = smooth(*size, 3)[:, :1] if parts == "mask" else None
    styles = [StyleShare(style_of(net))]
    if parts == "regions":
        left = torch.zeros(1, 1, *size)
        left[..., :100] = 1
        styles = [StyleShare(style_of(net), 1.0, left), StyleShare(style_of(net, 2), 1.0, 1 - left)]
    assert len(net.footprint.cut(*size, 64)) >= 12
    alpha = strength if weight is None else strength * weight
    a, _ = stylized(net, rgb, styles, alpha, weight)
    b, seen = stylized(net, rgb, styles, alpha, weight, tile=64)
    if near < 1e-3:
        again, _ = stylized(net, rgb, styles, alpha, weight, tile=64, known=seen)
        assert torch.equal(again, b)
    assert float((a - b).abs().max()) < near * max(float(a.abs().max()), 1.0)


def test_what_is_kept_gives_the_same_picture_and_costs_no_encoding(net, monkeypatch):
    rgb, styles = smooth(), [StyleShare(style_of(net))]
    _, known = stylized(net, rgb, styles, 1.0)
    todo = work(framed(rgb, None, net.footprint, 4096), styles)
    todo.seen = known
    with torch.inference_mode():
        run_through(net.ahead(todo))
    fresh, _ = stylized(net, rgb, styles, 0.4)
    monkeypatch.setattr(net, "encode", lambda rgb: pytest.fail("encoded again"))
    again, _ = stylized(net, rgb, styles, 0.4, known=known)
    torch.testing.assert_close(again, fresh, rtol=0, atol=1e-6)
