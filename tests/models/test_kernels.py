"""Kernels for cards, run by Triton's interpreter on a processor: they give what the library's layers give.

In float16, as the interpreter multiplies no bfloat16; `tests/engine/test_on_a_card.py` runs them on a card.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from velatura_models.networks import fused, fused_layers
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import CONVS, Encoder
from velatura_models.networks.playback import run_through
from velatura_models.networks.transform_net import EPS, TransformNet

INTERPRETED = find_spec("triton") is not None and not torch.cuda.is_available()
pytestmark = pytest.mark.skipif(not INTERPRETED, reason="no Triton; or a card: test_on_a_card.py")

SMALL = (32, 16, 16, 4, 2, False)
"""A tile of 2 x 16 positions by 16 channels."""
WIDTHS = (16, 16, 16, 32, 32)


def maps(channels: int, height: int, width: int) -> Tensor:
    return torch.randn(1, channels, height, width).half().contiguous(memory_format=torch.channels_last)


def off(found: Tensor | None, wanted: Tensor) -> float:
    assert found is not None
    assert found.shape == wanted.shape
    return float((found.float() - wanted).norm() / wanted.norm())


def around(x: Tensor, side: int = 1) -> Tensor:
    return F.pad(x.float(), (side,) * 4, mode="reflect")


def test_a_convolution_with_all_that_follows_it() -> None:
    torch.manual_seed(0)
    x, weight, bias = maps(16, 5, 11), torch.randn(24, 16, 3, 3).half(), torch.randn(24).half()
    plain = F.conv2d(around(x), weight.float(), bias.float())
    sums = torch.zeros(fused.SLOTS, 2, 24)
    found, pooled = fused_layers.convolved(
        x, fused_layers.plain(weight), bias, relu=True, pool=True, sums=sums, cut=SMALL
    )
    assert off(found, plain.relu()) < 1e-3
    assert off(pooled, F.max_pool2d(plain.relu(), 2)) < 1e-3
    assert off(sums.sum(0)[1], plain.relu().square().sum((0, 2, 3))) < 1e-3
    found, _ = fused_layers.convolved(x, fused_layers.plain(weight), step=2, cut=SMALL)
    assert off(found, F.conv2d(around(x), weight.float(), stride=2)) < 1e-3


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_an_upsampled_map_is_added_to_a_convolution(upsampling: str) -> None:
    x, weight, more = maps(16, 4, 6), torch.randn(16, 16, 1, 1).half(), maps(16, 2, 3)
    wanted = F.conv2d(x.float(), weight.float())
    wanted += F.interpolate(more.float(), scale_factor=2, mode=upsampling)
    found, _ = fused_layers.convolved(
        x, fused_layers.plain(weight), side=1, before=0, more=more, upsampling=upsampling, cut=SMALL
    )
    assert off(found, wanted) < 1e-3


def test_an_encoder_and_its_gradient() -> None:
    torch.manual_seed(0)
    plain = Encoder(WIDTHS).requires_grad_(False)
    half = Encoder(WIDTHS).requires_grad_(False)
    half.load_state_dict(plain.state_dict())
    convs = [(name, half.half().get_submodule(f"conv{name}")) for name in CONVS[:3]]
    names = ["1_1", "2_1"]
    ours, theirs = (p.clone().requires_grad_() for p in 2 * [torch.rand(1, 3, 6, 9)])
    wanted = plain(theirs, [f"relu{name}" for name in names])
    found = dict(zip(names, fused.EncoderFunction.apply(ours, convs, names, half.conv0), strict=True))
    total: dict[str, Tensor] = {}
    for name, made in found.items():
        given = wanted[f"relu{name}"]
        assert off(made.detach(), given.detach()) < 2e-3
        weights = torch.randn_like(given)
        for key, here in (("ours", made), ("theirs", given)):
            total[key] = total.get(key, torch.zeros(())) + (here.float() * weights).sum()
    for value in total.values():
        value.backward()
    assert ours.grad is not None and theirs.grad is not None
    assert torch.cosine_similarity(ours.grad.flatten(), theirs.grad.flatten(), 0) > 0.999
    alone = fused.encoded(theirs.detach(), convs, names, half.conv0)
    assert all(torch.equal(alone[name], found[name].detach()) for name in names)


@pytest.mark.parametrize(
    ("skips", "upsampling"),
    [((), "nearest"), (("relu2_1",), "nearest"), (("relu3_1", "relu2_1"), "bilinear")],
)
def test_a_decoder(skips: tuple[str, ...], upsampling: str) -> None:
    torch.manual_seed(0)
    plain, half = (Decoder(WIDTHS, skips, upsampling).requires_grad_(False) for _ in range(2))
    half.load_state_dict(plain.state_dict())
    for conv in list(half.convs)[:-1]:
        conv.half()
    half.taps.half()
    features = {
        level: maps(WIDTHS[3 - k], 2 << k, 2 << k)
        for k, level in enumerate(("relu4_1", "relu3_1", "relu2_1", "relu1_1"))
    }
    wanted = plain({level: each.float() for level, each in features.items()})
    assert off(fused.decoded(half, features), wanted) < 2e-3


def test_a_painter() -> None:
    torch.manual_seed(0)
    net = TransformNet(2, upsampling="bilinear", widths=(16, 32, 16), blocks=1).eval().requires_grad_(False)
    x = torch.rand(1, 3, 8, 12)
    gamma, beta = (rows + 0.2 * torch.randn_like(rows) for rows in net.rows(torch.tensor([[0.3, 0.7]])))
    wanted = run_through(net.steps(x, gamma, beta))
    painting = fused.FusedPainter([conv.weight for conv in net.convs], net.blocks, torch.float16)  # type: ignore[misc]  # convs
    found = painting(x, gamma[0].split(net.channels), beta[0].split(net.channels), EPS)
    assert (found - wanted).abs().max() < 0.01


@pytest.mark.parametrize(("capability", "why"), [((8, 6), "(8, 6)"), (fused.TRIED, "off by")])
def test_where_kernels_cannot_be_used_or_are_wrong_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capability: tuple[int, int], why: str
) -> None:
    def wrong(x: Tensor, weight: Tensor) -> tuple[Tensor, None]:
        return 1.1 * F.conv2d(
            F.pad(x, (1, 1, 1, 1), mode="reflect"), weight.view(64, 3, 3, 64).movedim(3, 1)
        ), None

    drawn = torch.randn
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch, "randn", lambda *size, device: drawn(*size))
    monkeypatch.setattr(fused, "convolved", wrong)
    assert not fused.usable.__wrapped__(torch.device("cuda"))
    assert why in caplog.text
