"""A CUDA card gives what a processor gives: layers, recorded passes and losses, pixels, whole jobs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from engines import CONTENT, LAYOUTS, STYLE, engine_at, pixels, random_slot, run, scene, slot
from torch import Tensor
from torch.nn import functional as F
from velatura.pixels import Layout
from velatura.recipe import Refine, Style, Stylize
from velatura_daemon.engine.compose import Canvas, as_array, read_mask, read_picture
from velatura_daemon.engine.device import CPU
from velatura_daemon.engine.engine import TorchEngine
from velatura_models.methods.adain import AdaIN
from velatura_models.methods.loading import Loader, load_method
from velatura_models.methods.method import FoundStyle
from velatura_models.methods.painter import Painter
from velatura_models.networks import cuda, fused
from velatura_models.networks.convolution import Conv3x3, reflected
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import Encoder, prepared
from velatura_models.networks.folded import Folded
from velatura_models.networks.playback import RecordedPass, playback, run_through
from velatura_models.networks.residency import last_layers, resident
from velatura_models.networks.transform_net import TransformNet
from velatura_models.optimise.gram import Gram, GramTarget, gram_loss

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")

CARD = torch.device("cuda")


def kinds(owner: Any) -> list[str]:
    return [type(each).__name__ for each in playback(owner)._kept.values()]


def test_a_convolution_and_its_relu_are_one_with_the_librarys_gradient() -> None:
    conv = Conv3x3(8, 16).to(CARD).requires_grad_(False)
    x = torch.randn(1, 8, 20, 24, device=CARD, requires_grad=True)
    grad = torch.randn(1, 16, 20, 24, device=CARD)
    found = cuda.rectified(conv, reflected(x))
    wanted = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias))
    torch.testing.assert_close(found, wanted, atol=1e-2, rtol=1e-2)
    ours, theirs = (torch.autograd.grad(y, x, grad)[0].flatten() for y in (found, wanted))
    assert torch.cosine_similarity(ours, theirs, 0) > 0.999


def off(found: Tensor, wanted: Tensor) -> float:
    return float((found.cpu().float() - wanted).norm() / wanted.norm())


def test_networks_by_kernels_give_what_the_librarys_layers_give() -> None:
    """Encoder and both decoders in bfloat16, sides odd and even, beside float32 on a processor."""
    if torch.cuda.get_device_capability() != fused.TRIED:
        pytest.skip(reason="kernels are for other cards")
    assert fused.usable(CARD)
    torch.manual_seed(0)
    plain = Encoder((32, 64, 64, 128, 128)).eval().requires_grad_(False)
    layers = [f"relu{b}_1" for b in range(1, 6)]
    for sides in ((64, 96), (77, 51)):
        x = torch.rand(1, 3, *sides)
        there, here = prepared(plain.to(CARD), torch.bfloat16), plain.cpu()
        given, wanted = (p.clone().requires_grad_() for p in (x.to(CARD), x))
        found, maps = there(given, layers), here(wanted, layers)
        assert type(found["relu1_1"].grad_fn).__name__ == "EncodedBackward"
        for layer in layers:
            assert off(found[layer].detach(), maps[layer].detach()) < 0.02, layer
        weights = {layer: torch.randn_like(maps[layer]) for layer in layers}
        for made in (found, maps):
            sum((made[layer] * weights[layer].to(made[layer])).float().sum() for layer in layers).backward()  # type: ignore[union-attr]  # a tensor
        assert given.grad is not None and wanted.grad is not None
        assert torch.cosine_similarity(given.grad.cpu().flatten(), wanted.grad.flatten(), 0) > 0.99
        with torch.inference_mode():
            features = {layer: here(x[:, :, :48, :48], layers)[layer] for layer in layers}
            for skips, upsampling in (((), "nearest"), (("relu3_1", "relu2_1"), "bilinear")):
                decoder = Decoder(plain.widths, skips, upsampling).eval()
                picture = decoder(features)
                fast = resident(lambda d=decoder: d, CARD, torch.bfloat16, lambda net: last_layers([net]))
                assert (
                    off(
                        fast(
                            {
                                k: v.to(CARD, torch.bfloat16).contiguous(memory_format=torch.channels_last)
                                for k, v in features.items()
                            }
                        ),
                        picture,
                    )
                    < 0.02
                )


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 5e-3), (torch.bfloat16, 3e-2)])
def test_a_folded_painter_paints_what_the_network_paints(dtype: torch.dtype, most: float) -> None:
    torch.manual_seed(0)
    net = TransformNet(2, upsampling="bilinear", widths=(16, 32, 48)).eval()
    x, shares = torch.rand(1, 3, 64, 96), torch.tensor([[0.3, 0.7]])
    with torch.inference_mode():
        wanted = net(x, shares)
        net.to(CARD)
        made = run_through(Folded(net, dtype).steps(x.to(CARD), *net.rows(shares.to(CARD))))
    assert (made.cpu() - wanted).abs().mean() < most


def test_recordings_give_what_steps_give() -> None:
    method, painter = (
        load_method(Loader(method=name, device="cuda", dtype=torch.bfloat16))
        for name in ("adain-skip", "multi")
    )
    assert isinstance(method, AdaIN) and isinstance(painter, Painter)
    name = next(iter(painter.known))
    painting = painter.style(FoundStyle(name, 1.0, lambda: pytest.fail(), lambda: pytest.fail()))
    row = painting.data
    with torch.inference_mode():
        for picture in torch.rand(4, 1, 3, 96, 64, device=CARD).unbind():
            decoded = run_through(method.decode(run_through(method.encode(picture))))
            maps = run_through(method._encoded(picture.to(torch.bfloat16)))
            (plain,) = run_through(method._decoded(*maps))
            assert torch.allclose(decoded, plain, atol=0.02)
            painted = run_through(painter.tile(picture, painting, None))
            steps = run_through(row.net.steps(picture, row.gamma, row.beta))
            assert torch.allclose(painted, steps, atol=0.02)
    assert [kinds(network) for network in (method.encoder, method.decoder, row.net)] == 3 * [["RecordedPass"]]


def test_a_recorded_loss_and_its_gradient_are_those_of_steps() -> None:
    encoder = Loader(device="cuda", dtype=torch.bfloat16).optimising_encoder()
    grams = {f"relu{b}_1": torch.eye(c) for b, c in enumerate(encoder.widths, 1)}
    content = torch.rand(1, 3, 64, 80, device=CARD)
    loss = gram_loss(encoder, (64, 80), Gram(tv_weight=0.1), content, [GramTarget(grams)])
    for picture in torch.rand(4, 1, 3, 64, 80, device=CARD).unbind():
        found = run_through(loss.evaluate(picture))
        values, gradient = run_through(loss._evaluated(picture))
        assert found.losses["total"] == pytest.approx(float(values.sum()), rel=1e-2)
        assert torch.cosine_similarity(found.gradient.flatten(), gradient.flatten(), 0) > 0.999
    assert kinds(loss) == [RecordedPass.__name__]


def test_pixels_of_every_layout_are_what_they_are_on_a_processor() -> None:
    for layout in LAYOUTS:
        given, mask = random_slot(layout), random_slot(Layout(layout.width, layout.height, "GRAY"), 1)
        results = []
        for device in (CPU, CARD):
            picture = read_picture(given, device=device)
            canvas = Canvas(given, picture, read_mask(mask, layout, device=device))
            out = bytearray(given.data)
            canvas.put(memoryview(out), picture.box, picture.rgb.flip(3))
            results.append(as_array(layout, memoryview(out)).astype(np.float64))
        most = 1 if layout.depth in ("u8", "u16") else 1e-3
        assert np.abs(results[0] - results[1]).max() <= most, layout


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory):
    """An engine on a card and one on a processor, in float32."""
    home = tmp_path_factory.mktemp("home")
    with engine_at(home, device="cuda") as on_card, engine_at(home) as on_processor:
        yield on_card, on_processor


@pytest.mark.parametrize(
    "recipe",
    [
        Stylize((STYLE,), method="adain-skip", strength=0.6),
        Stylize((STYLE,), method="adain"),
        Stylize((STYLE,), method="adain-skip", color="luminance"),
        Stylize((STYLE,), method="adain-skip", color="statistics"),
        Stylize((Style("mosaic"),), method="multi", strength=0.7),
        Stylize((STYLE,), method="wct"),
        Stylize((STYLE,), method="style-swap"),
    ],
    ids=lambda recipe: f"{recipe.method} {recipe.color}",
)
def test_jobs_give_nearly_the_same_pixels(both: tuple[TorchEngine, TorchEngine], recipe: Stylize) -> None:
    mask = np.full((72, 104), 255, np.uint8)
    mask[:20] = 0
    for where in (None, slot(mask, "GRAY")):
        ours, theirs = (pixels(run(engine, recipe, CONTENT, where)).astype(int) for engine in both)
        assert np.abs(ours - theirs).mean() < 2, where
        again = pixels(run(both[0], recipe, CONTENT, where)).astype(int)
        assert np.abs(ours - again).mean() < 0.5
        if where is not None:
            assert (ours[:20] == pixels(CONTENT)[:20]).all()


def test_tiles_give_nearly_the_same_pixels(both: tuple[TorchEngine, TorchEngine]) -> None:
    large = slot(scene(200, 264), "RGBA")
    for engine in both:
        engine.resources.settings = engine.resources.settings.__class__(dtype="float32", threads=1, tile=64)
    for recipe in (Stylize((STYLE,), method="adain-skip"), Stylize((Style("mosaic"),), method="multi")):
        ours, theirs = (pixels(run(engine, recipe, large)).astype(int) for engine in both)
        assert np.abs(ours - theirs).mean() < 3


@pytest.mark.parametrize("objective", ["gram", "neighbours", "strotss"])
def test_a_refinement_comes_to_nearly_the_same_loss(
    both: tuple[TorchEngine, TorchEngine], objective: str
) -> None:
    recipe = Refine((STYLE,), objective=objective, iterations=6, levels=1, init="content")
    ours, theirs = (pixels(run(engine, recipe)).astype(int) for engine in both)
    assert np.abs(ours - theirs).mean() < 12
    assert np.abs(ours - pixels(CONTENT).astype(int)).mean() > 0.5
