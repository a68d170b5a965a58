"""Measurements of the machine: speed of whole round trips as ratios.

Speed figures are ratios of things timed in one run on one machine, with the floor beside them: the
networks' operations over the best rate that a plain 3x3 convolution reaches here. The baseline is a plain
eager float32 AdaIN of the published size, two VGG-19 encodings and a decoding, in a process of its own
with a default environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Tell = Callable[[str], None]

SIDE = 512
ROUNDS = 7
PAUSE = 0.4
"""Seconds between a first and a second strength: a quick hand on a slider."""

NETWORKS = {"slim": ("slim", "auto"), "vgg19_sized": ("vgg19", "auto"), "painter": ("slim", "multi")}
"""What is timed: backbone and method."""

BASELINE = """
import json, time, torch
from velatura_models.networks.convolution import direct
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import VGG19_WIDTHS, Encoder
from velatura_models.maths.stats import mean_std
torch.manual_seed(0)
encoder, decoder = Encoder().eval(), Decoder(VGG19_WIDTHS).eval()
times = []
with torch.inference_mode(), direct():
    for _ in range(4):
        content, style = torch.rand(1, 3, {side}, {side}), torch.rand(1, 3, {side}, {side})
        began = time.perf_counter()
        f, g = (encoder(x, ["relu4_1"])["relu4_1"] for x in (content, style))
        (m, s), (n, t) = mean_std(f), mean_std(g)
        decoder({{"relu4_1": (f - m) / s * t + n}})
        times.append(time.perf_counter() - began)
print(json.dumps(sorted(times[1:])[1]))
"""

GATYS = """
import json, time, torch
from velatura_models.networks.convolution import direct
from velatura_models.networks.encoder import Encoder
torch.manual_seed(0)
vgg = Encoder().eval().requires_grad_(False)
content, times = torch.rand(1, 3, {side}, {side}), []
layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]
def grams(maps):
    rows = maps.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]
with torch.no_grad():
    wanted = vgg(content, layers)
for _ in range(4):
    picture = torch.rand(1, 3, {side}, {side}, requires_grad=True)
    began = time.perf_counter()
    with direct():
        seen = vgg(picture, layers)
    loss = (seen["relu4_2"] - wanted["relu4_2"]).square().sum()
    for layer in layers:
        if layer != "relu4_2":
            loss = loss + (grams(seen[layer]) - grams(wanted[layer])).square().sum()
    loss.backward()
    times.append(time.perf_counter() - began)
print(json.dumps(sorted(times[1:])[1]))
"""

RATE = """
import json, time, torch
from torch.nn import functional as F
device = torch.device("{device}")
def least(run):
    times = []
    with torch.inference_mode():
        for _ in range(8):
            began = time.{clock}()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times.append(time.{clock}() - began)
    return min(times)
best = {{}}
for dtype in (torch.float32, torch.bfloat16):
    x = torch.randn(1, 256, 128, 128).to(device, dtype, memory_format=torch.channels_last)
    w = torch.randn(256, 256, 3, 3).to(device, dtype, memory_format=torch.channels_last)
    best[str(dtype)[6:]] = 2 * 9 * 256 * 256 * 128 * 128 / least(lambda: F.conv2d(x, w, padding=1)) / 1e9
a = torch.zeros(1 << 26, device=device)
b = torch.empty_like(a)
best["gigabytes"] = 2 * a.nbytes / least(lambda: b.copy_(a)) / 1e9
print(json.dumps(best))
"""
"""GFLOP/s of a plain convolution on a device, by precision, and gigabytes it moves in a second."""


def rates(device: str = "", clock: str = "perf_counter") -> dict[str, float]:
    """What `RATE` prints, in a worker's environment.

    Args:
        device: empty is the processor.
        clock: of the module `time`.
    """
    return child(RATE.format(device=device or "cpu", clock=clock), worker_environment_here())


def speed(tell: Tell = lambda text: None, device: str = "") -> dict[str, Any]:
    """Round trips through a daemon of its own, against the plain baseline (on the processor) and the floor.

    Args:
        device: where the daemon computes; empty is as it is set.

    Returns:
        Nested figures: `baseline_seconds`, `gatys_evaluation_seconds`, `gflops` (measured rates), per network
        `first`, `second`, `second_at_once` (seconds), their ratios, `floor_ratio`, `overhead_ms`;
        `status_ms`, `start`.
    """
    with tempfile.TemporaryDirectory(prefix="velatura-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        _write_published_size(home / "data" / "weights")
        figures: dict[str, Any] = {"side": SIDE, "rounds": ROUNDS}
        tell("measuring the convolution rate and the plain baseline")
        figures["gflops"] = rates(device)
        before = child(BASELINE.format(side=SIDE), None)
        with _running(home, device) as (client, start):
            figures["start"] = start
            for name, (backbone, method) in NETWORKS.items():
                tell(f"{name}: {ROUNDS} round trips on fresh content")
                figures[name] = _round_trips(client, backbone, method)
            tell("status while the worker computes")
            figures["status_ms"] = _status_latency(client)
            figures["dtype"] = client.status()["engine"]["dtype"]
        after = child(BASELINE.format(side=SIDE), None)
        baseline = figures["baseline_seconds"] = statistics.mean([before, after])
        tell("one plain evaluation of Gatys' loss")
        gatys = figures["gatys_evaluation_seconds"] = child(GATYS.format(side=SIDE), None)
        for name in NETWORKS:
            part = figures[name]
            floor = part["gflop"] / figures["gflops"][figures["dtype"]]
            part["of_baseline"] = part["first"] / baseline
            part["second_of_first"] = part["second"] / part["first"]
            part["second_at_once_of_first"] = part["second_at_once"] / part["first"]
            part["floor_ratio"] = part["network"] / floor
            part["faster_than_500_gatys_evaluations"] = 500 * gatys / part["first"]
        return figures


def operations(backbone: str, method: str, decoding_alone: bool = False) -> float:
    """GFLOP of one pass at 512 px, of one encoding and one decoding where there are such, or of the latter
    alone: two for each multiply-add of each convolution as published."""
    import torch
    from velatura_models.networks.transform_net import plan
    from velatura_models.store.nets import find_net

    if method == "multi":
        side, total = SIDE, 0.0
        shape = find_net("painter", "transform", None).architecture
        for layer in plan(shape["widths"], shape["blocks"]):
            side = side * 2 if layer.upsample else side // layer.stride
            total += 2.0 * layer.cin * layer.cout * layer.kernel**2 * side**2
        return total / 1e9
    from velatura_models.networks.encoder import VGG19_WIDTHS, Encoder
    from velatura_models.store.weights import load_backbone, load_decoder

    encoder = load_backbone(backbone) if backbone == "slim" else Encoder(VGG19_WIDTHS)
    decoder = load_decoder("slim", method) if backbone == "slim" else None
    if decoder is None:
        from velatura_models.networks.decoder import Decoder

        decoder = Decoder(VGG19_WIDTHS)
    total = 0.0

    def count(module: torch.nn.Conv2d, _: Any, out: torch.Tensor) -> None:
        nonlocal total
        total += 2.0 * out.numel() * module.in_channels * module.kernel_size[0] * module.kernel_size[1]

    for network in (decoder,) if decoding_alone else (encoder, decoder):
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_hook(count)  # type: ignore[arg-type]  # of Conv2d alone
    with torch.device("meta"):
        picture = torch.empty(1, 3, SIDE, SIDE)
    decoder.to("meta")(encoder.to("meta")(picture, decoder.levels))
    return total / 1e9


def _round_trips(client: Any, backbone: str, method: str) -> dict[str, float]:
    """Medians over fresh contents: a first job, a second strength after a pause, one at once."""
    style: dict[str, str] = {"digest": client.upload(noise(SIDE, 999)[..., :3])}
    if method == "multi":
        style = {"name": "mosaic"}
    recipe = {"kind": "stylize", "styles": [style], "backbone": backbone, "method": method, "strength": 1.0}
    firsts, seconds, at_once, networks = [], [], [], []
    for i in range(ROUNDS + 2):
        image = noise(SIDE, i)
        first, record, method = _timed(client, recipe, image)
        soon, _, _ = _timed(client, {**recipe, "strength": 0.7}, image)
        image = noise(SIDE, 100 + i)
        _timed(client, recipe, image)
        time.sleep(PAUSE if backbone == "slim" else 3 * PAUSE)
        second, _, _ = _timed(client, {**recipe, "strength": 0.7}, image)
        if i >= 2:  # the first two warm up
            firsts.append(first)
            networks.append(record["seconds"])
            at_once.append(soon)
            seconds.append(second)
    first, network = statistics.median(firsts), statistics.median(networks)
    return {
        "first": first,
        "network": network,
        "overhead_ms": statistics.median(a - b for a, b in zip(firsts, networks, strict=True)) * 1000,
        "second": statistics.median(seconds),
        "second_at_once": statistics.median(at_once),
        "gflop": operations(backbone, method),
    }


def _timed(client: Any, recipe: dict[str, Any], image: np.ndarray) -> tuple[float, dict[str, Any], str]:
    began = time.perf_counter()
    job = client.submit(recipe, image)
    job.result()
    took = time.perf_counter() - began
    return took, job.record, job.recipe.method


def _status_latency(client: Any) -> dict[str, float]:
    """Milliseconds that `status` takes while a job of about a second runs."""
    import velatura

    job = client.submit(
        {"kind": "stylize", "styles": [{"digest": client.upload(noise(SIDE, 999)[..., :3])}]},
        noise(2 * SIDE, 5),
    )
    times = []
    with velatura.connect(start=False) as other:
        for _ in range(30):
            began = time.perf_counter()
            other.status()
            times.append((time.perf_counter() - began) * 1000)
    job.result()
    return {"median": statistics.median(times), "worst": max(times)}


@contextlib.contextmanager
def _running(home: Path, device: str = "") -> Iterator[tuple[Any, dict[str, float]]]:
    """A daemon of its own with a client, and the seconds until it took connections and gave a result."""
    import velatura

    own = {"VELATURA_HOME": str(home), **({"VELATURA_DEVICE": device} if device else {})}
    was = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        began = time.perf_counter()
        with velatura.connect() as client:
            start = {"connected": time.perf_counter() - began}
            client.stylize(noise(SIDE, 1), noise(SIDE, 0)[..., :3])
            start["first_result"] = time.perf_counter() - began
            yield client, start
            client.shutdown()
    finally:
        for name, value in was.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def bench_daemon(device: str = "") -> Iterator[tuple[Any, dict[str, float]]]:
    """`_running` in a folder of its own."""
    folder = tempfile.TemporaryDirectory(prefix="velatura-bench-", ignore_cleanup_errors=True)
    with folder as home, _running(Path(home), device) as running:
        yield running


def _write_published_size(folder: Path) -> None:
    """Random weights of VGG-19's and its decoder's size, installed as `vgg19` would be."""
    import torch
    from velatura_models.networks.decoder import Decoder
    from velatura_models.networks.encoder import VGG19_WIDTHS, Encoder
    from velatura_models.store.weights import save_decoder, save_encoder

    torch.manual_seed(0)
    about = {"source": "random, for timing only"}
    digest = save_encoder(folder / "vgg19.safetensors", "vgg19", Encoder().state_dict(), about)
    save_decoder(folder / "vgg19.adain.safetensors", Decoder(VGG19_WIDTHS), "adain", digest, about)


def noise(side: int, seed: int) -> np.ndarray:
    """A picture `(side, side, 4)` uint8 of smooth noise, another for every seed."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (side // 16, side // 16, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image.convert("RGBA"))


def child(code: str, environment: dict[str, str] | None) -> Any:
    """What a fresh interpreter prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def worker_environment_here() -> dict[str, str]:
    from ..service.workers import worker_environment
    from ..settings import load_settings

    return worker_environment(load_settings())
