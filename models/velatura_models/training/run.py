"""One training run in one folder: its steps, checkpoint, metrics, loss plot, sheets. Resumable at any time.

<out>/checkpoint.pt     networks, optimiser, step; replaced atomically
<out>/metrics.jsonl     one line a report: step, seconds, losses
<out>/loss.png          the same as a plot
<out>/sheet-STEP.jpg    samples

A trainer says what is to become small; the run does the rest of every step.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

Report = Callable[[int, int, Mapping[str, float]], None]
"""Called with step, steps in all and the losses since the last report."""
Losses = Callable[[], Mapping[str, Tensor]]
"""Computes a step's terms, whose weighted sum is to become small. What is told of a term that some steps lack
is its mean over those that have it."""
Rate = Callable[[int, int], float]
"""Factor of the learning rate at a step of so many."""
Sheet = Callable[[], Sequence[Sequence[Tensor]]]
"""Makes rows of pictures `(3, H, W)` in 0..1, all of one size."""


def quiet(step: int, of: int, losses: Mapping[str, float]) -> None:
    """A report that says nothing."""


def constant(step: int, of: int) -> float:
    """A learning rate that stays."""
    return 1.0


def cosine(warmup: int = 100, least: float = 0.03) -> Rate:
    """Linear warm-up, then half a cosine to `least`."""

    def rate(step: int, of: int) -> float:
        along = min(step / max(of, 1), 1.0)
        return min(1.0, (step + 1) / warmup) * (least + (1 - least) * 0.5 * (1 + math.cos(math.pi * along)))

    return rate


class Run:
    """A training run on disk.

    Args:
        out: folder of the run; an earlier run's checkpoint there is continued.
        parts: networks to keep, by name.
        optimizer: kept with them; its groups' rates are the highest.
        steps: at which the run ends.
        report: called every `every` steps; a checkpoint is written every ten reports and at the end.
        averaged: one of the parts, whose running mean over the steps is kept beside it.
        seed: of the whole run; one that is continued draws other numbers than it began with.
        plots: whether to draw `loss.png`, with matplotlib.

    Attributes:
        step: steps taken. seconds: that they took. seed: for what this stretch of the run draws.
        mean: the running mean of the part `averaged`, kept as the part `mean`.
    """

    def __init__(
        self,
        out: Path,
        parts: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        steps: int,
        report: Report = quiet,
        *,
        every: int = 50,
        averaged: str = "",
        seed: int = 0,
        plots: bool = True,
    ) -> None:
        self.out, self.optimizer = Path(out), optimizer
        self.parts = dict(parts)
        if averaged:
            self.mean = self.parts["mean"] = copy.deepcopy(parts[averaged]).requires_grad_(False)
        self.averaged = averaged
        self.steps, self.report, self.every, self.plots = steps, report, every, plots
        self.step, self.seconds = 0, 0.0
        self._seen: dict[str, list[float]] = {}
        self._began = time.perf_counter()
        self._peaks = [group["lr"] for group in optimizer.param_groups]
        if plots:
            figure_class()
        self.out.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self._load()
        self.seed = seed + self.step

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    def train(self, losses: Losses, weights: Mapping[str, float], rate: Rate = constant, **how: Any) -> None:
        """Takes all steps that are left; arguments as for `training`."""
        for _ in self.training(losses, weights, rate, **how):
            pass

    def training(
        self,
        losses: Losses,
        weights: Mapping[str, float],
        rate: Rate = constant,
        *,
        clip: float = 5.0,
        sheet: Sheet | None = None,
        sheet_every: int = 0,
    ) -> Generator[int, None, None]:
        """Takes the steps that are left, one each time it is asked, and gives how many have been taken.
        Closed before its end it writes a checkpoint.

        Args:
            losses: computes a step.
            weights: what each term counts; one that is not named counts 1.
            rate: the learning rate over the steps.
            clip: norm that gradients are clipped to.
            sheet: called every `sheet_every` steps and at the end.

        Raises:
            FloatingPointError: when a loss is not finite; the last checkpoint stays good.
        """
        torch.manual_seed(self.seed)
        parameters = [tensor for group in self.optimizer.param_groups for tensor in group["params"]]
        while self.step < self.steps:
            factor = rate(self.step, self.steps)
            for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
                group["lr"] = peak * factor
            terms = losses()
            self._tell(terms)
            total = torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            nn.utils.clip_grad_norm_(parameters, clip)
            self.optimizer.step()
            if self.averaged:
                average(self.mean, self.parts[self.averaged], self.step)
            self.step += 1
            last = self.step == self.steps
            if self.step % self.every == 0 or last:
                self._report()
            if self.step % (10 * self.every) == 0 or last:
                self.save()
            if sheet is not None and (last or (sheet_every and self.step % sheet_every == 0)):
                with torch.no_grad():
                    save_sheet(sheet(), self.out / f"sheet-{self.step:06d}.jpg")
            try:
                yield self.step
            except GeneratorExit:
                self.save()
                raise

    def told(self, batch: int, side: int, loss_network: str, **more: Any) -> dict[str, Any]:
        """What a network's file says of its training.

        Args:
            batch: pictures a step, `side` pixels wide.
            loss_network: what the loss saw with.
            more: what else is to be said.
        """
        return {
            "steps": self.step,
            "pictures": self.step * batch,
            "side": side,
            "seconds": round(self.seconds),
            "loss network": loss_network,
            **more,
        }

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
        if self.plots and (self.out / "metrics.jsonl").is_file():
            plot(self.out)

    def _tell(self, terms: Mapping[str, Tensor]) -> None:
        for name, value in terms.items():
            number = float(value.detach())
            if not math.isfinite(number):
                raise FloatingPointError(
                    f"{name} is {number} at step {self.step + 1}; resume with a lower rate"
                )
            self._seen.setdefault(name, []).append(number)

    def _report(self) -> None:
        means = {name: sum(numbers) / len(numbers) for name, numbers in self._seen.items()}
        self._seen = {}
        now = time.perf_counter()
        self.seconds += now - self._began
        self._began = now
        line = json.dumps({"step": self.step, "seconds": round(self.seconds, 1), **means})
        with (self.out / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self.report(self.step, self.steps, means)

    def _load(self) -> None:
        state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[f"part.{name}"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])


@torch.no_grad()
def average(mean: nn.Module, net: nn.Module, step: int, most: float = 0.998) -> None:
    """Moves a running mean of the weights on by one step: a short memory at first, `most` in the end."""
    keep = min(most, step / (step + 10))
    for kept, new in zip(mean.parameters(), net.parameters(), strict=True):
        kept.lerp_(new, 1 - keep)


def read_metrics(out: Path) -> list[dict[str, float]]:
    """The lines of `metrics.jsonl`."""
    path = Path(out) / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def figure_class() -> Any:
    """Matplotlib's `Figure`.

    Raises:
        ValueError: naming the extra, where it is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "matplotlib draws the figures of a training and is not installed: pip install 'velatura[train]'"
        ) from error
    return Figure


def plot(out: Path) -> Path:
    """Draws the losses of a run over its steps."""
    lines = read_metrics(out)
    figure = figure_class()(figsize=(7, 4))
    axes = figure.subplots()
    for name in sorted({name for line in lines for name in line} - {"step", "seconds"}):
        told = [line for line in lines if name in line]
        axes.plot([m["step"] for m in told], [m[name] for m in told], label=name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.legend()
    path = Path(out) / "loss.png"
    figure.savefig(path, dpi=110, bbox_inches="tight")
    return path


def save_sheet(rows: Sequence[Sequence[Tensor]], path: Path) -> None:
    """Writes rows of pictures `(3, H, W)` in 0..1, all of one size, as one JPEG."""
    sheet = torch.cat([torch.cat([p.float().clamp(0, 1).cpu() for p in row], 2) for row in rows], 1)
    pixels = (sheet.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=92)
