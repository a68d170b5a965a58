"""How fast refinement is, as ratios measured in one run; prints a table and writes JSON.

    python tests/benchmarks/refine.py [--side 512] [--repeat 3] [--vgg WEIGHTS] [--dtype auto]
                                      [--parts ...] [-o FILE]

Parts: `strotss` (an iteration with VGG-19 at 384 px against plain eager fp32 and the floor, in processor
time, so that other work beside it hardly counts), `evaluation` (against plain eager fp32 in a process of
its own with a default environment, and against the floor: operations over the measured convolution rate),
`preview` (how soon a
preview starts during a refinement, over a real daemon), `memory` (peak PSS above idle at 1024 px). Without
`--vgg` (safetensors with `convB_I` keys) the VGG-19-sized timings use random weights. How soon the quality of
plain implementations is reached, `velatura bench refine` says.

Ours runs in the precision that convolves faster on this machine, as a worker chooses it, and the floor is of
the same. The table begins with that precision and the convolution rates of both: the bounds against plain
fp32 were set where bfloat16 is twice as fast, so where it is not, read them against the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import skimage.data
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor
from velatura_daemon.cli.bench_floors import convolution_rate, cost
from velatura_daemon.cli.bench_refine import PlainGatys, PlainStrotss
from velatura_daemon.paths import default_paths
from velatura_daemon.styles.library import Library
from velatura_models.networks.convolution import direct
from velatura_models.networks.encoder import FIRST_LAYERS, VGG19_WIDTHS, Encoder, encoder_from_state, prepared
from velatura_models.networks.playback import run_through
from velatura_models.networks.precision import faster_dtype
from velatura_models.optimise.gram import Gram, GramTarget, gram_loss, picture_grams
from velatura_models.optimise.objective import RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.strotss import DRAWS, Strotss
from velatura_models.store.pictures import tensor_of
from velatura_models.store.weights import load_backbone

DTYPES = ("float32", "bfloat16")
PREVIEW_SIDES = (512, 4096)
PARTS = ("strotss", "evaluation", "preview", "memory")
LIMITS = {
    "vgg19 strotss / plain": 1 / 4,
    "vgg19 evaluation / plain": 1 / 2,
    "slim evaluation / plain vgg19": 1 / 6,
    "vgg19 evaluation / floor": 1.4,
    "preview waits beyond one evaluation or tile, 512 px, ms": 50,
    "preview waits beyond one evaluation or tile, 4096 px, ms": 50,
    "memory above idle, GB": 1.5,
}
CPU = torch.device("cpu")


def network(name: str, vgg: str | None) -> Encoder:
    if name == "slim":
        return load_backbone("slim")
    if vgg:
        return encoder_from_state(load_file(vgg))
    torch.manual_seed(0)
    return Encoder(VGG19_WIDTHS).eval().requires_grad_(False)


def photo(side: int, seed: int = 0) -> Tensor:
    """A square of scikit-image's astronaut, or with seed 1 of a painting (a built-in style)."""
    if seed:
        paths = default_paths()
        library = Library(paths.styles, paths.cache)
        image = library.read(library.get("impasto"))
    else:
        image = Image.fromarray(skimage.data.astronaut())
    return tensor_of(ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS))


def best_of(repeat: int, job) -> float:
    job()
    times = []
    for _ in range(repeat):
        before = time.perf_counter()
        job()
        times.append(time.perf_counter() - before)
    return min(times)


def processor_seconds(job) -> float:
    """Of all threads together."""
    before = time.process_time()
    job()
    return time.process_time() - before


def part_rates(given: argparse.Namespace) -> dict[str, float]:
    """Convolution rates, and whether bfloat16 is what a training or a worker would choose."""
    del given
    rates = {f"convolution {name} GFLOP/s": convolution_rate(getattr(torch, name)) for name in DTYPES}
    return {**rates, "bfloat16": float(faster_dtype(CPU) == torch.bfloat16)}


def evaluation_gflop(encoder: Encoder, side: int) -> float:
    """Forward to relu5_1 and backward to the pixels: twice the convolutions' operations."""
    same = Encoder(encoder.widths, preprocess=False)
    return 2 * cost(lambda x: same(x, ["relu5_1"]), (side, side), same).operations / 1e9


@direct()
def part_plain(given: argparse.Namespace) -> dict[str, float]:
    out = {}
    for name in ("vgg19", "slim"):
        plain = PlainGatys(
            network(name, given.vgg), photo(given.side), photo(given.side, 1), given.style_weight
        )
        out[f"{name} plain s"] = best_of(given.repeat, lambda plain=plain: plain.evaluate(photo(given.side)))
    return out


def part_strotss(given: argparse.Namespace) -> dict[str, float]:
    """At 384 px, on one thread, as threads that wait for each other count as busy; by turns. Ours are
    iterations in a row of the finest of two sizes, one of them with the content's places for the next."""
    torch.set_num_threads(1)
    side, dtype = 384, getattr(torch, given.dtype)
    content, style = photo(side), photo(side, 1)
    plain = PlainStrotss(network("vgg19", given.vgg), content, style)
    encoder = prepared(network("vgg19", given.vgg), dtype)
    problem = Problem((side, side), [StyleSource(style)], content)
    own = (given.repeat + 1) * DRAWS  # of each size
    walk = Refinement(
        encoder, problem, RefineOptions(Strotss(), 2 * own, "rmsprop", learning_rate=2e-3, levels=2)
    ).run()

    def steps(count: int) -> None:
        for _ in range(count):
            while not next(walk).whole:
                pass

    steps(own + 2)
    times: list[tuple[float, float, float]] = []
    for _ in range(given.repeat):
        rate = convolution_rate(dtype, time.process_time)
        with direct():
            written = processor_seconds(plain.iterate)
        times.append((written, processor_seconds(lambda: steps(DRAWS)) / DRAWS, rate))
    gflop = evaluation_gflop(encoder, side)
    written, ours, floor = (
        min(column) for column in zip(*((p, o, gflop / r) for p, o, r in times), strict=True)
    )
    return {
        "vgg19 strotss processor s": ours,
        "vgg19 strotss plain processor s": written,
        "vgg19 strotss / plain": ours / written,
        "vgg19 strotss / floor": ours / floor,
        "vgg19 strotss floor / plain": floor / written,
    }


def part_evaluation(given: argparse.Namespace) -> dict[str, float]:
    out = {}
    picture = photo(given.side)
    for name in ("vgg19", "slim"):
        encoder = prepared(network(name, given.vgg), getattr(torch, given.dtype))  # max pooling, as plain
        grams = run_through(picture_grams(encoder, photo(given.side, 1), FIRST_LAYERS))
        loss = gram_loss(
            encoder, (given.side, given.side), Gram(style_weight=given.style_weight), picture,
            [GramTarget(grams)],
        )  # fmt: skip
        seconds = best_of(given.repeat, lambda o=loss: run_through(o.evaluate(picture)))
        rate = convolution_rate(getattr(torch, given.dtype))
        out[f"{name} s"] = seconds
        out[f"{name} evaluation / floor"] = seconds * rate / evaluation_gflop(encoder, given.side)
        out[f"{name} convolution GFLOP/s"] = rate
    return out


def worker_tile(encoder: Encoder, dtype: str, side: int) -> int:
    """Side of the tiles in which a worker with default settings refines a square picture."""
    from velatura_daemon.engine.optimising import tile_side
    from velatura_daemon.settings import Settings

    resources = SimpleNamespace(
        settings=Settings(),
        device=CPU,
        dtype=getattr(torch, dtype),
        job_bytes=Settings().memory_bytes - Settings().cache_bytes,
    )
    return tile_side(encoder, resources, (side, side))  # type: ignore[arg-type]  # what it asks for


def part_tile(given: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of one evaluation, or of one tile where a picture is cut, with `slim`."""
    plain, out = network("slim", None), {}
    encoder = prepared(plain, getattr(torch, given.dtype), "avg")
    for side in PREVIEW_SIDES:
        shown = min(side, worker_tile(plain, given.dtype, side))
        grams = run_through(picture_grams(encoder, photo(shown, 1), FIRST_LAYERS))
        picture = photo(shown)
        loss = gram_loss(encoder, (shown, shown), Gram(), picture, [GramTarget(grams)])
        seconds = best_of(given.repeat, lambda o=loss, p=picture: run_through(o.evaluate(p)))
        out[f"one evaluation or tile, {side} px, ms"] = 1000 * seconds
    return out


def part_memory(given: argparse.Namespace) -> dict[str, float]:
    """Peak PSS of a VGG-19-sized refinement at 1024 px above what the loaded network takes."""
    from velatura.recipe import Refine, Style

    plain = network("vgg19", given.vgg)
    encoder = prepared(plain, getattr(torch, given.dtype), "avg")
    run_through(picture_grams(encoder, photo(64), FIRST_LAYERS))
    process, peak, over = psutil.Process(), [0], threading.Event()
    idle = process.memory_full_info().pss

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], process.memory_full_info().pss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    recipe = Refine((Style(name="x"),), iterations=12)  # fills L-BFGS's history
    problem = Problem((1024, 1024), [StyleSource(photo(1024, 1))], photo(1024))
    side = worker_tile(plain, given.dtype, 1024)
    options = RefineOptions(Gram(), recipe.iterations, optimizer=recipe.optimizer, levels=1, side=side)
    for _ in Refinement(encoder, problem, options).run():
        continue
    over.set()
    watcher.join()
    return {"memory above idle, GB": (peak[0] - idle) / 1e9, "tile": float(options.side or 0)}


def part_preview(given: argparse.Namespace) -> dict[str, float]:
    """Milliseconds from submitting a preview to its start while a refinement runs, over a real daemon."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from harness import REAL, Daemon
    from velatura.blob import Blob
    from velatura.pixels import Layout
    from velatura.recipe import Refine, Style, Stylize

    out = {}
    with Daemon(REAL) as daemon, daemon.connect() as talk:
        for side in PREVIEW_SIDES:
            styles = (Style(name="woodcut"),)
            pixels = (photo(side)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
            large = Blob(Layout(side, side, "RGB"), pixels.tobytes())
            small = Blob(Layout(256, 256, "RGB"), pixels[:256, :256].tobytes())
            talk.run(Stylize(styles), small)
            long = talk.submit(Refine(styles, iterations=5000, levels=1), large, priority="batch")
            talk.until(lambda job=long: job.over or job.progress, "the refinement advances")
            waits = []
            for k in range(given.repeat):
                before = time.perf_counter()
                job = talk.submit(Stylize(styles, strength=0.5 + 0.01 * k), small)
                talk.until(lambda job=job: job.over or job.state.value == "running")
                waits.append(time.perf_counter() - before)
                talk.ended(job)
            talk.connection.cancel(long)
            talk.ended(long)
            out[f"preview starts within, {side} px, ms"] = 1000 * max(waits)
    return out


def child(part: str, given: argparse.Namespace, tuned: bool) -> dict[str, float]:
    """One part in a process of its own: with the worker's environment, or with a default one."""
    from velatura_daemon.service.workers import worker_environment
    from velatura_daemon.settings import Settings

    environment = worker_environment(Settings()) if tuned else dict(os.environ)
    options = {k: v for k, v in vars(given).items() if k not in ("parts", "output", "child")}
    command = [sys.executable, __file__, "--child", part]
    for name, value in options.items():
        if value is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{part} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--vgg", help="weights of the normalised VGG-19, safetensors")
    parser.add_argument("--dtype", choices=("auto", *DTYPES), default="auto")
    parser.add_argument("--style-weight", type=float, default=Gram().style_weight)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(globals()[f"part_{given.child}"](given)))
        return
    found: dict[str, Any] = child("rates", given, True)
    faster = DTYPES[int(found.pop("bfloat16"))]
    given.dtype = faster if given.dtype == "auto" else given.dtype
    found = {"dtype": given.dtype, **found}
    if "strotss" in given.parts:
        found.update(child("strotss", given, True))
    if "evaluation" in given.parts:
        # by turns, and the best of each: a machine that others use too is not the same a minute later
        turns = [(child("plain", given, False), child("evaluation", given, True)) for _ in range(3)]
        best = {name: max if name.endswith("GFLOP/s") else min for name in turns[0][1]}
        plain, ours = (
            {name: best.get(name, min)(turn[k][name] for turn in turns) for name in turns[0][k]}
            for k in (0, 1)
        )
        found.update(plain, **ours)
        found["vgg19 evaluation / plain"] = ours["vgg19 s"] / plain["vgg19 plain s"]
        found["slim evaluation / plain vgg19"] = ours["slim s"] / plain["vgg19 plain s"]
        found["slim evaluation / plain slim"] = ours["slim s"] / plain["slim plain s"]
    if "preview" in given.parts:
        found.update(child("tile", given, True))
        found.update(child("preview", given, False))
        for side in PREVIEW_SIDES:
            beyond = f"preview waits beyond one evaluation or tile, {side} px, ms"
            waited = found[f"preview starts within, {side} px, ms"]
            found[beyond] = max(0.0, waited - found[f"one evaluation or tile, {side} px, ms"])
    if "memory" in given.parts:
        found.update(child("memory", given, True))
    for name, value in found.items():
        limit = LIMITS.get(name)
        verdict = "" if limit is None else f"   at most {limit:.3g}: {'yes' if value <= limit else 'NO'}"
        shown = f"{value:10.3f}" if isinstance(value, float) else f"{value:>10}"
        print(f"{name:58} {shown}{verdict}")
    if given.output:
        given.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
