"""Convolutions by minimal filtering equal direct ones, in value and gradient, whatever the size; so do those
of few channels, and bands the whole."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from velatura_models.networks import bands, convolution, decoder, encoder
from velatura_models.networks.convolution import (
    WORTH,
    Conv3x3,
    pooled,
    reflected,
    transformed,
    winograd,
)
from velatura_models.networks.decoder import LEVELS, Decoder, in_own_dtype
from velatura_models.networks.encoder import VGG19_WIDTHS, Encoder, prepared

SIZE = st.integers(1, 14)
ERROR = 3e-5
"""Of the deviation, at most: a direct convolution in float32 errs by a tenth of it."""


def deviation(found, wanted):
    return float((found.double() - wanted).abs().max() / wanted.abs().max().clamp_min(1e-9))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), SIZE, SIZE, st.booleans(), st.integers(4, 400)
)
def test_it_equals_a_direct_convolution_and_its_gradient(batch, cin, cout, height, width, biased, band):
    torch.manual_seed(height * width)
    x = torch.randn(batch, cin, height + 2, width + 2, requires_grad=True)
    weight, bias = torch.randn(cout, cin, 3, 3), torch.randn(cout) if biased else None
    grad = torch.randn(batch, cout, height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "BAND", band)  # bands of one row up to all
        y = winograd(x, transformed(weight), bias)
        (found,) = torch.autograd.grad(y, x, grad)
    exact = F.conv2d(x.double(), weight.double(), None if bias is None else bias.double())
    (wanted,) = torch.autograd.grad(exact, x, grad.double())
    assert y.shape == exact.shape and y.is_contiguous(memory_format=torch.channels_last)
    assert deviation(y.detach(), exact.detach()) < ERROR
    assert deviation(found, wanted) < ERROR


@pytest.mark.parametrize("channels", [1, 3])
def test_few_channels_computed_four_pixels_at_a_time_are_those_of_the_library(channels):
    torch.manual_seed(0)
    x = torch.rand(2, 8, 12, 18).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    conv = Conv3x3(8, channels).requires_grad_(False)
    grad = torch.randn(2, channels, 10, 16)
    (found,) = torch.autograd.grad(conv(x), x, grad)
    with convolution.direct():
        wanted = conv(x)
        (back,) = torch.autograd.grad(wanted, x, grad)
    torch.testing.assert_close(conv(x), wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(found, back, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("cin", "cout"), [(3, 8), (16, 16), (128, 64)])
def test_relu_within_a_convolution_and_pooling_are_the_librarys(dtype, cin, cout):
    torch.manual_seed(0)
    conv = Conv3x3(cin, cout).to(dtype, memory_format=torch.channels_last).requires_grad_(False)
    x = torch.randn(1, cin, 13, 18, dtype=dtype).contiguous(memory_format=torch.channels_last)
    wanted = F.relu(conv(x))
    torch.testing.assert_close(conv.rectified(x), wanted)
    with torch.no_grad():
        found = conv.rectified(x)
        torch.testing.assert_close(found, wanted)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(pooled(x), F.max_pool2d(x, 2))


def test_an_exact_last_layer_gives_in_rows_what_it_gives_at_once(monkeypatch):
    torch.manual_seed(0)
    last = in_own_dtype(Conv3x3(8, 3).requires_grad_(False))
    maps = torch.randn(1, 8, 12, 18, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(decoder, "ROWS", 4)
    with torch.no_grad():
        torch.testing.assert_close(last(maps), last(maps.float()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize(("height", "width"), [(16, 24), (40, 16), (88, 32)])
def test_bands_give_what_the_whole_gives(monkeypatch, upsampling, height, width):
    torch.manual_seed(0)
    encoder, decoder = Encoder((3, 4, 5, 6, 6)), Decoder((3, 4, 5, 6), LEVELS[1:], upsampling)
    photo, levels = torch.rand(1, 3, height, width), ["relu4_1", "relu3_1", "relu2_1"]
    with torch.no_grad():
        shallow = encoder(photo, ["relu1_1"])
        whole = encoder(photo, levels)
        picture = decoder({**whole, **shallow})
        monkeypatch.setattr(bands, "BAND", 6 * width)
        in_bands = encoder(photo, levels)
        assert sum(1 for _ in decoder.steps({**whole, **shallow})) == 4 + -(-height // 6)
        for level in levels:
            torch.testing.assert_close(in_bands[level], whole[level])
        torch.testing.assert_close(decoder({**whole, **shallow}), picture)


@pytest.mark.parametrize(("side", "height", "width"), [(1, 2, 2), (1, 7, 4), (4, 5, 9)])
def test_reflection_has_the_gradient_of_the_librarys(side, height, width):
    x = torch.randn(2, 3, height, width, requires_grad=True)
    y, wanted = reflected(x, side), F.pad(x, (side,) * 4, mode="reflect")
    assert torch.equal(y, wanted)
    grad = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, x, grad), torch.autograd.grad(wanted, x, grad))


def test_in_bfloat16_it_errs_by_two_hundredths_of_the_deviation():
    torch.manual_seed(0)
    x, grad = (torch.randn(1, 64, *size).bfloat16() for size in ((30, 43), (28, 41)))
    weight = torch.randn(64, 64, 3, 3)
    y = winograd(x.requires_grad_(), transformed(weight, torch.bfloat16))
    (slope,) = torch.autograd.grad(y, x, grad)
    exact, back = F.conv2d(x.detach().float(), weight), F.conv_transpose2d(grad.float(), weight)
    assert (y.detach().float() - exact).std() < 0.02 * exact.std()
    assert (slope.float() - back).std() < 0.02 * back.std()


def wide(worth=WORTH[torch.float32]):
    torch.manual_seed(0)
    return Conv3x3(64, worth // 64).requires_grad_(False)


def taken(monkeypatch, run):
    """Whether `run` convolves by minimal filtering."""
    calls = []
    original = convolution.winograd
    monkeypatch.setattr(convolution, "winograd", lambda *given: calls.append(1) or original(*given))
    run()
    monkeypatch.undo()
    return bool(calls)


def test_only_wide_frozen_weights_take_the_faster_way_and_in_bfloat16_only_those_that_may(monkeypatch):
    x = torch.rand(1, 64, 10, 10)
    assert taken(monkeypatch, lambda: wide()(x))
    assert not taken(monkeypatch, lambda: wide().requires_grad_(True)(x))
    assert not taken(monkeypatch, lambda: Conv3x3(64, 8).requires_grad_(False)(x))
    assert not taken(monkeypatch, lambda: wide().double()(x.double()))
    rough = wide(WORTH[torch.bfloat16]).bfloat16()
    assert not taken(monkeypatch, lambda: rough(x.bfloat16()))
    rough.rough = True
    assert taken(monkeypatch, lambda: rough(x.bfloat16()))
    with convolution.direct():
        assert not taken(monkeypatch, lambda: wide()(x))
    assert taken(monkeypatch, lambda: wide()(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert not taken(monkeypatch, lambda: wide()(x))


@pytest.mark.parametrize("pays", [True, False])
def test_encoders_are_rough_where_they_are_for_optimisation_and_that_pays(monkeypatch, pays):
    monkeypatch.setattr(encoder, "filtering_pays", lambda device: pays)
    whole, photo = Encoder(VGG19_WIDTHS), torch.rand(1, 3, 16, 16).bfloat16()
    assert taken(monkeypatch, lambda: prepared(whole, torch.bfloat16)(photo, ["relu3_1"])) == pays
    assert not taken(monkeypatch, lambda: whole.bfloat16().requires_grad_(False)(photo, ["relu3_1"]))


def test_kept_kernels_follow_the_weights():
    conv, x = wide(), torch.rand(1, 64, 10, 10)
    conv(x)
    conv.load_state_dict({name: 2 * value for name, value in conv.state_dict().items()})
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, conv.bias), rtol=1e-4, atol=1e-4)
    conv(x)
    conv.half().float()
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, conv.bias), rtol=1e-4, atol=1e-4)


def test_a_network_first_run_in_inference_mode_gives_gradients_later():
    with torch.inference_mode():
        conv = wide()
        conv(torch.rand(1, 64, 6, 6))
    x = torch.rand(1, 64, 6, 6, requires_grad=True)
    (found,) = torch.autograd.grad(conv(x).sum(), x)
    weight = conv.weight.detach().clone()
    (wanted,) = torch.autograd.grad(F.conv2d(x, weight).sum(), x)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)
