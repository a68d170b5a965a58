"""Image transformation networks have the papers' shapes and numbers; our faster convolutions are exact."""

import pytest
import torch
from torch.nn import functional as F
from velatura_models.networks.folded import Folded, foldable
from velatura_models.networks.playback import run_through
from velatura_models.networks.precision import eight_bits_pay
from velatura_models.networks.transform_net import (
    TransformNet,
    column_conv,
    interpolated_conv,
    plan,
    upsampled_conv,
)

TABLE_1 = [  # Dumoulin et al. 2017, table 1: kernel, stride, channels
    (9, 1, 32),
    (3, 2, 64),
    (3, 2, 128),
    *[(3, 1, 128)] * 10,
    (3, 1, 64),
    (3, 1, 32),
    (9, 1, 3),
]


def small(styles=1, **kwargs):
    torch.manual_seed(0)
    net = TransformNet(styles, widths=(4, 6, 8), blocks=2, **kwargs).eval()
    for rows in (net.gamma, net.beta):
        rows.data += 0.3 * torch.randn_like(rows)
    return net


def test_the_layers_are_those_of_the_paper():
    assert [(layer.kernel, layer.stride, layer.cout) for layer in plan()] == TABLE_1


def test_a_style_costs_two_numbers_a_channel_and_convolutions_are_shared():
    one, two = (sum(p.numel() for p in TransformNet(n).parameters()) for n in (1, 2))
    assert two - one == 2 * sum(channels for _, _, channels in TABLE_1) == 3206
    widths = [3, *(channels for _, _, channels in TABLE_1)]
    convolutions = sum(
        cout * (cin * kernel**2 + 1)
        for cin, cout, (kernel, _, _) in zip(widths, widths[1:], TABLE_1, strict=False)
    )
    assert one - 3206 == convolutions


@pytest.mark.parametrize("shape", [(1, 5, 4, 4), (2, 5, 6, 9)])
def test_upsampled_convolution_equals_upsampling_then_convolving(shape):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(shape), torch.randn(7, 5, 3, 3), torch.randn(7)
    plain = F.conv2d(F.pad(F.interpolate(x, scale_factor=2), (1, 1, 1, 1), mode="reflect"), weight, bias)
    torch.testing.assert_close(upsampled_conv(x, weight, bias), plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 5, 4, 4), (2, 5, 6, 9), (1, 5, 1, 1)])
def test_interpolated_convolution_equals_interpolating_then_convolving(shape):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(shape), torch.randn(7, 5, 3, 3), torch.randn(7)
    large = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    plain = F.conv2d(F.pad(large, (1, 1, 1, 1), mode="replicate"), weight, bias)
    torch.testing.assert_close(interpolated_conv(x, weight, bias), plain, rtol=1e-4, atol=1e-4)


def test_convolving_by_columns_equals_convolving():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 5, 14, 17), torch.randn(3, 5, 9, 9), torch.randn(3)
    torch.testing.assert_close(column_conv(x, weight, bias), F.conv2d(x, weight, bias), rtol=1e-4, atol=1e-4)


def test_conditional_instance_norm_is_the_papers_equation_5():
    net = small(3)
    x, shares = torch.randn(2, 6, 5, 7), torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    gamma, beta = (rows[:, 4:10] for rows in net.rows(shares))
    wide = x.double()
    mean, std = wide.mean((2, 3), keepdim=True), wide.std((2, 3), correction=0, keepdim=True)
    wanted = gamma[..., None, None] * (wide - mean) / std + beta[..., None, None]
    torch.testing.assert_close(net.normalised(1, x, gamma, beta).double(), wanted, rtol=1e-3, atol=1e-3)


def test_a_batch_of_styles_in_one_pass_is_each_style_alone():
    net, photo = small(3), torch.rand(1, 3, 24, 32)
    together = net(photo.expand(3, -1, -1, -1), torch.eye(3))
    for index in range(3):
        alone = net(photo, torch.eye(3)[index : index + 1])
        torch.testing.assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("upsampling", ["nearest", "bilinear", "transposed"])
@pytest.mark.parametrize("output", ["sigmoid", "tanh"])
def test_every_form_gives_a_picture_of_the_same_size(norm, upsampling, output):
    net = small(norm=norm, upsampling=upsampling, output=output)
    made = net(torch.rand(2, 3, 20, 28))
    assert made.shape == (2, 3, 20, 28)
    assert made.min() > -0.11 and made.max() < 1.11


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="several styles need instance norm"):
        TransformNet(2, norm="batch")
    with pytest.raises(ValueError, match="'layer' is none of"):
        TransformNet(norm="layer")
    for net, size in ((small(), (20, 22)), (small(), (4, 4)), (small(valid=True), (64, 40))):
        with pytest.raises(ValueError, match=f"{size[1]} x {size[0]} are not multiples of 4, or smaller"):
            net(torch.rand(1, 3, *size))


FORM = {"upsampling": "bilinear", "widths": (8, 16, 32), "blocks": 2}
"""A small network as painters are."""


def painter(styles=2):
    torch.manual_seed(0)
    net = TransformNet(styles, **FORM).eval().requires_grad_(False)
    for rows in (net.gamma, net.beta):
        rows += 0.3 * torch.randn_like(rows)
    return net


def painted(folded, photo, rows, normalise=None):
    return run_through(folded.steps(photo, *rows, normalise))


@pytest.mark.parametrize("size", [(8, 8), (20, 36), (64, 48)])
def test_a_folded_painter_paints_the_same_picture(size):
    net, photo = painter(), torch.rand(1, 3, *size)
    shares = torch.tensor([[0.3, 0.7]])
    wanted = net(photo, shares)
    got = painted(Folded(net, torch.float32), photo, net.rows(shares))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_folded_painter_shows_its_maps_as_the_plain_one_does():
    net, photo, shares = painter(), torch.rand(1, 3, 24, 32), torch.tensor([[1.0, 0.0]])
    seen = {}

    def note(kind):
        def normalise(index, maps, scale, shift):
            seen[kind, index] = maps.clone()
            return net.normalised(index, maps, scale, shift)

        return normalise

    wanted = net(photo, shares, note("plain"))
    got = painted(Folded(net, torch.float32), photo, net.rows(shares), note("folded"))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    for index in range(len(net.layers)):
        torch.testing.assert_close(seen["folded", index], seen["plain", index], rtol=1e-3, atol=1e-4)


def test_fewer_bits_paint_the_same_picture_and_bytes_only_where_they_are_exact():
    net, shares = painter(), torch.tensor([[0.0, 1.0]])
    photo = F.interpolate(torch.rand(1, 3, 8, 8), (96, 96), mode="bicubic").clamp(0, 1)
    wanted = net(photo, shares)
    bytewise = eight_bits_pay(torch.device("cpu"))  # elsewhere products of bytes overflow, or crawl
    for dtype, off in ((torch.bfloat16, 2 / 255), *([(torch.uint8, 4 / 255)] if bytewise else [])):
        got = painted(Folded(net, dtype), photo, net.rows(shares))
        assert (got - wanted).square().mean().sqrt() < off
    assert not eight_bits_pay(torch.device("meta"))


def test_only_what_folding_computes_is_folded():
    assert foldable(FORM)
    for other in ({"norm": "batch"}, {"upsampling": "nearest"}, {"output": "tanh"}, {"valid": True}):
        assert not foldable({**FORM, **other})
    assert not foldable({"widths": (8, 16, 32)})  # upsampling is nearest where nothing is said
