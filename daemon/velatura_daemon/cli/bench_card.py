"""What a graphics card makes of the networks, each time beside its floors.

`velatura bench --device cuda` runs this. Two rates are measured first: the operations of a large matrix
product in half precisions, and the bytes of a large copy, read and written. A network's floors are what it
has to do (`bench_floors`) over those; no way to compute it layer by layer is faster than the larger of the
two. Times are medians between events on the card, after a warm-up; what a whole job takes, with the picture's
way there and back, and what a refinement takes, are by the clock.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from velatura.choices import UNSET
from velatura_models.methods.adain import AdaIN
from velatura_models.methods.loading import Loader, load_method
from velatura_models.methods.method import FoundStyle, StyleShare, framed, painted, work
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import FIRST_LAYERS, VGG19_WIDTHS, Encoder, encoder_from_state, prepared
from velatura_models.networks.playback import run_through
from velatura_models.networks.precision import faster_dtype
from velatura_models.networks.residency import last_layers, resident
from velatura_models.optimise.gram import Gram, GramTarget, gram_loss, picture_grams
from velatura_models.optimise.neighbours import Neighbours
from velatura_models.optimise.objective import RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.refinement import Refinement
from velatura_models.store.cards import compute_card
from velatura_models.store.nets import find_net
from velatura_models.store.weights import load_backbone

from ..engine.device import device_name, is_out_of_memory
from .bench_floors import Cost, cost, painter_cost
from .benchmarks import Tell

SIDES = (256, 512, 1024, 2048, 4096)
SIDE = 512
"""Side in pixels of the pictures that are refined."""
EVALUATIONS = 500
ENOUGH = 0.25
"""Seconds that one thing is repeated for."""


class CardBench:
    """One device at work.

    Args:
        device: where to compute.
        dtype: in what; by default as a worker does there.
        enough: seconds that one thing is repeated for.
    """

    def __init__(self, device: str, dtype: torch.dtype | None = None, enough: float = ENOUGH) -> None:
        self.device, self.enough = torch.device(device), enough
        self.dtype = dtype or faster_dtype(self.device)
        self.item = torch.finfo(self.dtype).bits // 8
        self.rates: dict[str, float] = {}

    def measure_rates(self) -> dict[str, float]:
        """Operations a second of a matrix product, by precision, and bytes a second of a copy."""
        side = 8192 if self.device.type == "cuda" else 512
        for dtype in (torch.bfloat16, torch.float16):
            a, b = (torch.randn(side, side, device=self.device).to(dtype) for _ in range(2))
            self.rates[str(dtype)[6:]] = 2 * side**3 / self.seconds(lambda a=a, b=b: a @ b)
        source = torch.randn(1 << (28 if self.device.type == "cuda" else 22), device=self.device)
        target = torch.empty_like(source)
        self.rates["bytes"] = 2 * source.nbytes / self.seconds(lambda: target.copy_(source))
        return self.rates

    def seconds(self, run: Callable[[], Any]) -> float:
        """The median of a few, after a warm-up that also records what can be played back."""
        for _ in range(3):
            run()
        took: list[float] = []
        until = time.perf_counter() + self.enough
        while len(took) < 5 or time.perf_counter() < until:
            if self.device.type == "cuda":
                first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                first.record()
                run()
                last.record()
                last.synchronize()
                took.append(first.elapsed_time(last) / 1000)
            else:
                took.append(self.by_clock(run))
        return statistics.median(took)

    def by_clock(self, run: Callable[[], Any]) -> float:
        """Seconds until the card is done as well."""
        began = time.perf_counter()
        run()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - began

    def figures(self, seconds: float, needed: Cost, **more: Any) -> dict[str, Any]:
        """Milliseconds beside both floors, and how many times the larger it is."""
        product = max(rate for name, rate in self.rates.items() if name != "bytes")
        arithmetic, moving = needed.operations / product, needed.bytes / self.rates["bytes"]
        return {
            "ms": 1000 * seconds,
            "operations_floor_ms": 1000 * arithmetic,
            "bytes_floor_ms": 1000 * moving,
            "ratio": seconds / max(arithmetic, moving),
            "of_operations": seconds / arithmetic,
            **more,
        }

    @torch.inference_mode()
    def painter(self, side: int) -> dict[str, Any]:
        """One pass of the painter of many styles."""
        method = load_method(Loader(method="multi", device=self.device, dtype=self.dtype))
        about = find_net("painter", "transform", None)
        painting = method.style(_source(next(iter(about.styles)), None))
        rgb = torch.rand(1, 3, side, side, device=self.device).contiguous(memory_format=torch.channels_last)
        seconds = self.seconds(lambda: run_through(method.tile(rgb, painting, None)))  # type: ignore[attr-defined]  # a PictureMethod
        return self.figures(
            seconds, painter_cost(side, self.item), job_ms=self.job(method, StyleShare(painting), side)
        )

    @torch.inference_mode()
    def any_style(self, side: int, method: AdaIN, width: int = 0) -> dict[str, Any]:
        """One encoding and one decoding."""
        rgb = torch.rand(1, 3, side, width or side, device=self.device)
        features = run_through(method.encode(rgb))
        encoder = Encoder(method.encoder.widths, preprocess=False)
        decoder = Decoder(encoder.widths, method.decoder.skips, method.decoder.upsampling)
        size = (side, width or side)
        passed = cost(lambda x: decoder(encoder(x, decoder.levels)), size, encoder, decoder, item=self.item)
        encode = self.seconds(lambda: run_through(method.encode(rgb)))
        decode = self.seconds(lambda: run_through(method.decode(features)))
        share = StyleShare(method.style(_source("", self.card(method.encoder))))
        return self.figures(
            encode + decode,
            passed,
            encode_ms=1000 * encode,
            decode_ms=1000 * decode,
            job_ms=self.job(method, share, side, width),
        )

    @torch.inference_mode()
    def job(self, method: Any, style: StyleShare, side: int, width: int = 0) -> float:
        """Milliseconds of a whole picture, from and to the main memory, at full strength; the median of
        three, after two."""
        picture, took = torch.rand(1, 3, side, width or side), []
        for _ in range(5):
            content = framed(picture, None, method.footprint, max(side, width))
            took.append(self.by_clock(lambda content=content: list(painted(method, work(content, [style])))))
        return 1000 * statistics.median(took[2:])

    def card(self, encoder: Encoder) -> Any:
        """The card of a style."""
        return compute_card(encoder, torch.rand(1, 3, 256, 256, device=self.device), [1.0])

    def slim(self) -> AdaIN:
        return AdaIN(Loader(method="adain-skip", device=self.device, dtype=self.dtype))

    def published_size(self, vgg: Encoder) -> AdaIN:
        """AdaIN as published: VGG-19 and its mirror, whose weights are any."""
        loader = Loader(method="adain", device=self.device, dtype=self.dtype)
        decoder = resident(
            lambda: Decoder(VGG19_WIDTHS), self.device, self.dtype, lambda net: last_layers([net])
        )
        return AdaIN(loader, (resident(lambda: vgg, self.device, self.dtype), decoder))

    def gatys(self, encoder: Encoder) -> dict[str, Any]:
        """One evaluation, and a whole refinement of 500, by L-BFGS and by Adam."""
        encoder = prepared(encoder.to(self.device), self.dtype)
        content, style = (torch.rand(1, 3, SIDE, SIDE, device=self.device) for _ in range(2))
        grams = run_through(picture_grams(encoder, style, FIRST_LAYERS))
        loss = gram_loss(encoder, (SIDE, SIDE), Gram(), content, [GramTarget(grams)])
        same = Encoder(encoder.widths, preprocess=False)
        there = cost(lambda x: same(x, ["relu5_1"]), (SIDE, SIDE), same, item=self.item)
        one = self.seconds(lambda: run_through(loss.evaluate(content)))
        problem = Problem((SIDE, SIDE), [StyleSource(style.cpu())], content.cpu())
        options = RefineOptions(Gram(), EVALUATIONS, levels=1)
        found = self.figures(one, there + there)  # there, and back to the pixels
        for optimizer in ("lbfgs", "adam"):
            found[f"{EVALUATIONS}_{optimizer}_s"] = self.walked(
                encoder, problem, replace(options, optimizer=optimizer)
            )
        return found

    def neighbours(self, encoder: Encoder) -> dict[str, Any]:
        """What quality fine takes."""
        encoder = prepared(encoder.to(self.device), self.dtype)
        content, style = (torch.rand(1, 3, SIDE, SIDE) for _ in range(2))
        fine = UNSET["neighbours"]
        walk = {name: fine[name] for name in ("iterations", "optimizer", "learning_rate", "init", "levels")}
        options = RefineOptions(Neighbours(), **walk)
        problem = Problem((SIDE, SIDE), [StyleSource(style)], content)
        return {"fine_s": [self.walked(encoder, problem, options) for _ in range(2)][1]}

    def walked(self, encoder: Encoder, problem: Problem, options: RefineOptions) -> float:
        """Seconds of a refinement."""

        def run() -> Tensor:
            walk = Refinement(encoder, problem, options)
            for _ in walk.run():
                pass
            return walk.picture()

        return self.by_clock(run)


def card(
    device: str, sides: Sequence[int] = SIDES, vgg: Path | None = None, tell: Tell = lambda text: None
) -> dict[str, Any]:
    """Everything, in nested figures; what does not fit into the card's memory is left out and told.

    Args:
        vgg: weights of VGG-19, safetensors; without, the network of its size has random ones.
    """
    bench = CardBench(device)
    found: dict[str, Any] = {"card": device_name(bench.device), "torch": torch.__version__}
    tell("the rates of products and copies")
    found["rates"] = bench.measure_rates()
    found["dtype"] = str(bench.dtype)[6:]
    torch.manual_seed(0)
    published = Encoder() if vgg is None else encoder_from_state(load_file(vgg))
    slim, large = bench.slim(), bench.published_size(published)
    parts: list[tuple[str, str, Callable[[], dict[str, Any]]]] = []
    for side in sides:
        parts.append(("painter", str(side), lambda side=side: bench.painter(side)))
        parts.append(("slim", str(side), lambda side=side: bench.any_style(side, slim)))
        parts.append(("vgg19", str(side), lambda side=side: bench.any_style(side, large)))
    if 4096 in sides:
        parts.append(("vgg19", "3840x2160", lambda: bench.any_style(2160, large, 3840)))
    parts.append(("gatys", str(SIDE), lambda: bench.gatys(published)))
    parts.append(("neighbours", str(SIDE), lambda: bench.neighbours(load_backbone("slim"))))
    for name, size, run in parts:
        try:
            found.setdefault(name, {})[size] = one = run()
            tell(f"{name} {size}: " + ", ".join(f"{what} {value:.4g}" for what, value in one.items()))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            tell(f"{name} {size} does not fit into memory")
    return found


def _source(name: str, card: Any) -> FoundStyle:
    return FoundStyle(name, 1.0, lambda: card, lambda: torch.zeros(1, 3, 8, 8))
