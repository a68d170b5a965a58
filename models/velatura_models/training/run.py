"""One training run in one folder: options, checkpoint, metrics, loss plot. Resumable at any time.

<out>/checkpoint.pt     networks, optimiser, step; replaced atomically
<out>/metrics.jsonl     one line a report: step, seconds, losses
<out>/loss.png          the same as a plot
<out>/sheet-STEP.jpg    samples, written by the trainer
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with step, steps in all and the losses since the last report."""


def quiet(step: int, of: int, losses: Mapping[str, float]) -> None:
    """A report that says nothing."""


class Run:
    """Keeps the networks and the optimiser of a training run on disk.

    Args:
        out: folder of the run; an earlier run's checkpoint there is continued.
        parts: networks to keep, by name.
        optimizer: kept with them.
        steps: at which the run ends.
        report: called every `every` steps.
        every: steps between reports.
    """

    def __init__(
        self,
        out: Path,
        parts: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        steps: int,
        report: Report = quiet,
        every: int = 50,
    ) -> None:
        self.out, self.parts, self.optimizer = Path(out), parts, optimizer
        self.steps, self.report, self.every = steps, report, every
        self.step, self.seconds = 0, 0.0
        self._seen: dict[str, list[float]] = {}
        self._began = time.perf_counter()
        self._peaks = [group["lr"] for group in optimizer.param_groups]
        self.out.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self._load()

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    def cosine(self, warmup: int = 100, least: float = 0.03) -> None:
        """Sets the learning rate of the coming step: linear warm-up, then half a cosine to `least`."""
        along = min(self.step / max(self.steps, 1), 1.0)
        factor = min(1.0, (self.step + 1) / warmup)
        factor *= least + (1 - least) * 0.5 * (1 + math.cos(math.pi * along))
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor

    def done(self, losses: Mapping[str, Tensor]) -> None:
        """Ends a step: counts, reports, and writes a checkpoint every ten reports and at the end.

        Args:
            losses: of this step; one that a step lacks is averaged over those that had it.

        Raises:
            FloatingPointError: when a loss is not finite; the last checkpoint stays good.
        """
        self.step += 1
        for name, value in losses.items():
            number = float(value.detach())
            if not math.isfinite(number):
                raise FloatingPointError(f"{name} is {number} at step {self.step}; resume with a lower rate")
            self._seen.setdefault(name, []).append(number)
        if self.step % self.every and self.step != self.steps:
            return
        means = {name: sum(numbers) / len(numbers) for name, numbers in self._seen.items()}
        self._seen = {}
        now = time.perf_counter()
        self.seconds += now - self._began
        self._began = now
        line = json.dumps({"step": self.step, "seconds": round(self.seconds, 1), **means})
        with (self.out / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.report(self.step, self.steps, means)
        if self.step % (10 * self.every) == 0 or self.step == self.steps:
            self.save()
            plot(self.out)

    def save(self) -> None:
        """Writes the checkpoint beside the old one, then moves it into place."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "optimizer": self.optimizer.state_dict(),
            **{f"part.{name}": part.state_dict() for name, part in self.parts.items()},
        }
        partial = self.checkpoint.with_suffix(f".{os.getpid()}.partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[f"part.{name}"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


def read_metrics(out: Path) -> list[dict[str, float]]:
    """The lines of `metrics.jsonl`."""
    path = Path(out) / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def plot(out: Path) -> Path:
    """Draws the losses of a run over its steps."""
    import matplotlib.pyplot as plt

    lines = read_metrics(out)
    figure, axes = plt.subplots(figsize=(7, 4))
    for name in sorted({name for line in lines for name in line} - {"step", "seconds"}):
        told = [line for line in lines if name in line]
        axes.plot([m["step"] for m in told], [m[name] for m in told], label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend()
    path = Path(out) / "loss.png"
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
    return path


def save_sheet(rows: list[list[Tensor]], path: Path) -> None:
    """Writes rows of pictures `(3, H, W)` in 0..1, all of one size, as one JPEG."""
    sheet = torch.cat([torch.cat([p.float().clamp(0, 1).cpu() for p in row], 2) for row in rows], 1)
    pixels = (sheet.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=92)
