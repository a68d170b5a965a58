"""Convolutions by minimal filtering equal direct ones, in value and gradient, whatever the size."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from velatura_models.networks import convolution
from velatura_models.networks.convolution import (
    WORTH,
    Conv3x3,
    reflected,
    transformed,
    winograd,
)

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


@pytest.mark.parametrize(("side", "height", "width"), [(1, 2, 2), (1, 7, 4), (4, 5, 9)])
def test_reflection_has_the_gradient_of_the_librarys(side, height, width):
    x = torch.randn(2, 3, height, width, requires_grad=True)
    y, wanted = reflected(x, side), F.pad(x, (side,) * 4, mode="reflect")
    assert torch.equal(y, wanted)
    grad = torch.randn_like(y)
    torch.testing.assert_close(torch.autograd.grad(y, x, grad), torch.autograd.grad(wanted, x, grad))


def wide():
    torch.manual_seed(0)
    return Conv3x3(64, WORTH // 64).requires_grad_(False)


def taken(monkeypatch, run):
    """Whether `run` convolves by minimal filtering."""
    calls = []
    original = convolution.winograd
    monkeypatch.setattr(convolution, "winograd", lambda *given: calls.append(1) or original(*given))
    run()
    monkeypatch.undo()
    return bool(calls)


def test_only_wide_frozen_float32_weights_take_the_faster_way(monkeypatch):
    x = torch.rand(1, 64, 10, 10)
    assert taken(monkeypatch, lambda: wide()(x))
    assert not taken(monkeypatch, lambda: wide().requires_grad_(True)(x))
    assert not taken(monkeypatch, lambda: Conv3x3(64, 8).requires_grad_(False)(x))
    assert not taken(monkeypatch, lambda: wide().double()(x.double()))
    assert not taken(monkeypatch, lambda: wide().bfloat16()(x.bfloat16()))
    with convolution.direct():
        assert not taken(monkeypatch, lambda: wide()(x))
    assert taken(monkeypatch, lambda: wide()(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert not taken(monkeypatch, lambda: wide()(x))


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
