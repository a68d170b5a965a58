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


def rates(device: str = "", clock: str = "perf_counter") -> dict[str, float]:
    """`bench_floors.rates` in a worker's environment.

    Args:
        device: empty is the processor.
        clock: of the module `time`.
    """
    return child("bench_floors", "rates", worker_environment_here(), device=device or "cpu", clock=clock)


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
        before = child("bench_refine", "plain_adain_seconds", None, side=SIDE)
        with _running(home, device) as (client, start):
            figures["start"] = start
            for name, (backbone, method) in NETWORKS.items():
                tell(f"{name}: {ROUNDS} round trips on fresh content")
                figures[name] = _round_trips(client, backbone, method)
            tell("status while the worker computes")
            figures["status_ms"] = _status_latency(client)
            figures["dtype"] = client.status()["engine"]["dtype"]
        after = child("bench_refine", "plain_adain_seconds", None, side=SIDE)
        baseline = figures["baseline_seconds"] = statistics.mean([before, after])
        tell("one plain evaluation of Gatys' loss")
        gatys = figures["gatys_evaluation_seconds"] = child(
            "bench_refine", "plain_gatys_seconds", None, side=SIDE
        )
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
    alone."""
    from velatura_models.networks.decoder import Decoder
    from velatura_models.networks.encoder import VGG19_WIDTHS, Encoder
    from velatura_models.store.weights import load_backbone, load_decoder

    from .bench_floors import cost, painter_cost

    if method == "multi":
        return painter_cost(SIDE).operations / 1e9
    encoder = load_backbone(backbone) if backbone == "slim" else Encoder(VGG19_WIDTHS)
    decoder = load_decoder(backbone, method) if backbone == "slim" else Decoder(VGG19_WIDTHS)
    counted = (decoder,) if decoding_alone else (encoder, decoder)
    encoder.to("meta")
    both = cost(lambda x: decoder(encoder(x, decoder.levels)), (SIDE, SIDE), *counted)
    return both.operations / 1e9


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
            try:
                start = {"connected": time.perf_counter() - began}
                client.stylize(noise(SIDE, 1), noise(SIDE, 0)[..., :3])
                start["first_result"] = time.perf_counter() - began
                yield client, start
            finally:  # whoever interrupts it leaves no daemon behind
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


def child(module: str, function: str, environment: dict[str, str] | None, **given: Any) -> Any:
    """What a function of a module of this folder gives in a fresh interpreter, as JSON.

    Args:
        environment: of that interpreter; None for a default one.
        given: the function's arguments, plain values.
    """
    code = f"import json, sys; from {__package__}.{module} import {function} as run"
    code += "; print(json.dumps(run(**json.loads(sys.argv[1]))))"
    command = [sys.executable, "-c", code, json.dumps(given, default=str)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def worker_environment_here() -> dict[str, str]:
    from ..service.workers import worker_environment
    from ..settings import load_settings

    return worker_environment(load_settings())
