"""Every method keeps the same promises, whatever its network."""

import pytest
import torch
from models.driving import stylized
from velatura.recipe import METHODS as RECIPE_METHODS
from velatura_models.methods.loading import MODULES, Loader, load_method
from velatura_models.methods.method import FoundStyle, StyleShare
from velatura_models.store.cards import compute_card
from velatura_models.store.files import WeightsError
from velatura_models.store.nets import installed
from velatura_models.store.weights import load_backbone

ENCODER = load_backbone("slim")
SIZE = (40, 56)
KINDS = {"multi": "transform", "fast": "transform", "multimodal": "multimodal"}


def own_style(method):
    """A style that the method's shipped network knows; any name will do for the others."""
    if method not in KINDS:
        return "noise"
    several = method == "multi"
    return next(n.styles[0] for n in installed(KINDS[method]) if (len(n.styles) > 1) == several)


def picture(seed, height=96, width=96):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def target(method, name, seed, weight=1.0, region=None):
    style = picture(seed)
    source = FoundStyle(own_style(name), 1.0, lambda: compute_card(ENCODER, style, [1.0]), lambda: style)
    return StyleShare(method.style(source), weight, region)


@pytest.fixture(scope="module", params=MODULES)
def method(request):
    return request.param, load_method(Loader(method=request.param))


def test_a_recipe_may_name_every_method_and_no_other():
    assert set(RECIPE_METHODS) - {"auto"} == set(MODULES)
    with pytest.raises(WeightsError, match="no method is called 'sketch'"):
        load_method(Loader(method="sketch"))


def test_full_strength_changes_the_picture_and_strength_0_gives_it_back(method):
    name, network = method
    rgb, styles = picture(1, *SIZE), [target(network, name, 2)]
    assert network.strength_in in ("features", "picture")
    assert (stylized(network, rgb, styles)[0] - rgb).abs().mean() > 0.02
    torch.testing.assert_close(stylized(network, rgb, styles, 0.0)[0], rgb, rtol=0, atol=1e-4)


def test_a_mask_of_one_pixel_is_finite(method):
    name, network = method
    rgb, mask = picture(1, *SIZE), torch.zeros(1, 1, *SIZE)
    mask[..., 20, 30] = 1
    got, _ = stylized(network, rgb, [target(network, name, 2)], mask, mask)
    assert torch.isfinite(got).all()


def test_where_no_region_reaches_the_photo_stays(method):
    name, network = method
    rgb, left = picture(1, 48, 96), torch.zeros(1, 1, 48, 96)
    left[..., :32] = 1
    got, _ = stylized(network, rgb, [target(network, name, 2, region=left)])
    assert (got[..., :24] - rgb[..., :24]).abs().mean() > 0.01
    torch.testing.assert_close(got[..., 80:], rgb[..., 80:], rtol=0, atol=0.05)


def test_a_style_of_no_weight_does_not_count(method):
    name, network = method
    rgb, one, other = picture(1, *SIZE), target(network, name, 2), target(network, name, 3, weight=0.0)
    (both, _), (alone, _) = stylized(network, rgb, [one, other]), stylized(network, rgb, [one])
    torch.testing.assert_close(both, alone, rtol=0, atol=1e-3)


def test_a_flat_picture_is_finite(method):
    name, network = method
    got, _ = stylized(network, torch.full((1, 3, *SIZE), 0.5), [target(network, name, 2)])
    assert torch.isfinite(got).all()
