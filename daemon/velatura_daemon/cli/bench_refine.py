"""How soon refinement comes to each objective's quality, against plain implementations in the same run.

`velatura bench refine` runs this as a process with a worker's environment. For every objective two
contestants start from the content: the product's own, and the method as one would write it down from its
paper, in eager float32 on contiguous maps with autograd throughout. What counts is processor time on one
thread, without judging. The judge is the plain implementation's own loss of the picture shown at that
moment, at full size, in float32: for Gram matrices that of Gatys et al., for neighbours the mean cosine
distance of hypercolumns from the nearest of the style's, for STROTSS its loss at places that stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from velatura.choices import UNSET
from velatura_models.maths.stats import mean_std
from velatura_models.networks.convolution import direct
from velatura_models.networks.decoder import Decoder
from velatura_models.networks.encoder import FIRST_LAYERS, VGG19_WIDTHS, Encoder, encoder_from_state, prepared
from velatura_models.networks.precision import faster_dtype
from velatura_models.optimise.emd import decorrelated
from velatura_models.optimise.gram import Gram
from velatura_models.optimise.matching import COLUMN as NEIGHBOURS
from velatura_models.optimise.neighbours import Neighbours
from velatura_models.optimise.objective import Objective, RefineOptions
from velatura_models.optimise.problem import Problem, StyleSource
from velatura_models.optimise.refinement import Refinement
from velatura_models.optimise.strotss import COLUMN, SAMPLES, Strotss
from velatura_models.store.pictures import read_rgb, tensor_of
from velatura_models.store.weights import load_backbone

from ..paths import default_paths
from ..styles.library import Library
from .benchmarks import noise

POINTS = 12
"""Pictures that are judged, of each contestant."""
Curve = list[tuple[float, float]]
"""Processor seconds and what the picture is judged then."""


class PlainGatys:
    """Gatys, Ecker & Bethge (CVPR 2016), by torch's own L-BFGS on the pixels."""

    def __init__(self, encoder: Encoder, content: Tensor, style: Tensor, style_weight: float = 5.0) -> None:
        self.encoder, self.start, self.style_weight = encoder, content, style_weight
        with torch.no_grad():
            self.content = encoder(content, ["relu4_2"])["relu4_2"]
            self.grams = {k: self.gram(v) for k, v in encoder(style, FIRST_LAYERS).items()}

    @staticmethod
    def gram(maps: Tensor) -> Tensor:
        rows = maps[0].flatten(1)
        return rows @ rows.t() / rows.shape[1]

    def loss(self, picture: Tensor) -> Tensor:
        seen = self.encoder(picture, [*FIRST_LAYERS, "relu4_2"])
        style = sum(
            0.2 * (self.gram(seen[layer]) - target).square().sum() / (4 * target.shape[0] ** 2)
            for layer, target in self.grams.items()
        )
        return 0.5 * (seen["relu4_2"] - self.content).square().mean() + self.style_weight * style

    def evaluate(self, picture: Tensor) -> Tensor:
        leaf = picture.clone().requires_grad_()
        return torch.autograd.grad(self.loss(leaf), leaf)[0]

    def walk(self, evaluations: int, points: int = POINTS) -> Iterator[Tensor]:
        """The picture, clamped, after every few evaluations."""
        x = self.start.clone().requires_grad_()
        few = max(evaluations // points, 1)
        optimiser = torch.optim.LBFGS([x], max_iter=few, max_eval=few, history_size=10)

        def closure() -> Tensor:
            optimiser.zero_grad()
            loss = self.loss(x)
            loss.backward()
            return loss

        for _ in range(evaluations // few):
            optimiser.step(closure)  # type: ignore[arg-type]  # typed as giving a float
            yield x.detach().clamp(0, 1)


def laplacian(picture: Tensor) -> list[Tensor]:
    """The levels of a Laplacian pyramid, as parameters."""
    levels, rest = [], picture
    while len(levels) < 4 and min(rest.shape[-2:]) > 8:
        small = F.interpolate(rest, scale_factor=0.5, mode="bilinear")
        levels.append(rest - F.interpolate(small, rest.shape[-2:], mode="bilinear"))
        rest = small
    return [level.detach().requires_grad_() for level in (*levels, rest)]


def composed(levels: Sequence[Tensor]) -> Tensor:
    picture = levels[-1]
    for level in reversed(levels[:-1]):
        picture = level + F.interpolate(picture, level.shape[-2:], mode="bilinear")
    return picture


class PlainNeighbours:
    """Kolkin et al., "Neural Neighbor Style Transfer" (2022), by optimisation: at every size all hypercolumns
    are compared with all of the style's, in one matrix, and the picture moves to the nearest by Adam."""

    def __init__(self, encoder: Encoder, content: Tensor, style: Tensor) -> None:
        self.encoder, self.content, self.style = encoder, content, style
        with torch.no_grad():
            self.goals = self.columns(style)

    def columns(self, picture: Tensor) -> Tensor:
        size = (picture.shape[-2] // 4, picture.shape[-1] // 4)
        maps = self.encoder(picture, NEIGHBOURS)
        parts = [F.interpolate(maps[name], size, mode="bilinear") for name in NEIGHBOURS]
        return torch.cat([part / part.shape[1] for part in parts], 1)[0].flatten(1).T

    def loss(self, picture: Tensor) -> Tensor:
        seen = F.normalize(self.columns(picture)) @ F.normalize(self.goals).T
        return (1 - seen.amax(1)).mean()

    def walk(self, evaluations: int) -> Iterator[Tensor]:
        """The picture after every few steps, at whatever size it is by then."""
        made = self.content
        few = max(evaluations // POINTS, 1)
        for scale in (8, 4, 2, 1):
            content, style = (
                F.interpolate(p, scale_factor=1 / scale, mode="bilinear", antialias=True)
                for p in (self.content, self.style)
            )
            made = F.interpolate(made, content.shape[-2:], mode="bilinear")
            with torch.no_grad():
                goals = self.columns(style)
                seen = self.columns(content if scale == 8 else 0.25 * content + 0.75 * made)
                centred = [F.normalize(rows - rows.mean(0)) for rows in (seen, goals)]
                nearest = F.normalize(goals[(centred[0] @ centred[1].T).argmax(1)])
            levels = laplacian(made)
            descent = torch.optim.Adam(levels, lr=2e-3)
            for step in range(evaluations // 4):
                descent.zero_grad()
                picture = composed(levels)
                (1 - (F.normalize(self.columns(picture)) * nearest).sum(1)).mean().backward()
                descent.step()
                if (step + 1) % few == 0:
                    yield composed(levels).detach().clamp(0, 1)
            made = composed(levels).detach().clamp(0, 1)


class PlainStrotss:
    """STROTSS (Kolkin, Salavon & Shakhnarovich, CVPR 2019) as ports write it down: what never changes (the
    content's maps, the style's hypercolumns) is seen once at every size."""

    def __init__(self, encoder: Encoder, content: Tensor, style: Tensor) -> None:
        self.encoder, self.picture, self.painting = encoder, content, style
        self.judged = torch.rand(1, 1, SAMPLES, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.at_size(content, style, content)

    def at_size(self, content: Tensor, style: Tensor, start: Tensor) -> None:
        """Begins at a size with a picture."""
        with torch.no_grad():
            self.content = [content, *self.encoder(content, COLUMN).values()]
            self.style = self.columns([style, *self.encoder(style, COLUMN).values()], 5 * SAMPLES)
        self.levels = laplacian(start)
        self.descent = torch.optim.RMSprop(self.levels, lr=2e-3)

    @staticmethod
    def columns(maps: Sequence[Tensor], places: int | Tensor) -> Tensor:
        """Of pixels and all layers at places `(1, 1, n, 2)` as `grid_sample` takes them, or n drawn ones."""
        at = torch.rand(1, 1, places, 2) * 2 - 1 if isinstance(places, int) else places
        return torch.cat([F.grid_sample(each, at, align_corners=False)[0, :, 0].T for each in maps], 1)

    def loss(self, picture: Tensor, at: Tensor | None = None) -> Tensor:
        """At some places; at those that stay by default, for pictures of the full size."""
        places = self.judged if at is None else at
        seen = self.columns([picture, *self.encoder(picture, COLUMN).values()], places)
        content = self.columns(self.content, places)
        style = self.style[:SAMPLES] if at is None else self.style[torch.randperm(len(self.style))[:SAMPLES]]
        loss = self.similarity_apart(seen, content) + self.relaxed(1 - self.cosines(seen, style))
        loss = loss + self.relaxed(torch.cdist(decorrelated(seen[:, :3]), decorrelated(style[:, :3])))
        loss = loss + (seen.mean(0) - style.mean(0)).abs().mean()
        return loss + (torch.cov(seen.T) - torch.cov(style.T)).abs().mean()

    def iterate(self) -> None:
        self.descent.zero_grad()
        self.loss(composed(self.levels), torch.rand(1, 1, SAMPLES, 2) * 2 - 1).backward()
        self.descent.step()

    def walk(self, evaluations: int) -> Iterator[Tensor]:
        """The picture after every few steps, at whatever size it is by then."""
        made, few = self.picture, max(evaluations // POINTS, 1)
        for scale in (4, 2, 1):
            content, style = (
                F.interpolate(p, scale_factor=1 / scale, mode="bilinear", antialias=True)
                for p in (self.picture, self.painting)
            )
            self.at_size(content, style, F.interpolate(made, content.shape[-2:], mode="bilinear"))
            for step in range(evaluations // 3):
                self.iterate()
                if (step + 1) % few == 0:
                    yield composed(self.levels).detach().clamp(0, 1)
            made = composed(self.levels).detach().clamp(0, 1)

    @staticmethod
    def cosines(x: Tensor, y: Tensor) -> Tensor:
        return F.normalize(x) @ F.normalize(y).T

    @staticmethod
    def relaxed(costs: Tensor) -> Tensor:
        return torch.maximum(costs.min(0).values.mean(), costs.min(1).values.mean())

    def similarity_apart(self, x: Tensor, y: Tensor) -> Tensor:
        one, other = 1 - self.cosines(x, x), 1 - self.cosines(y, y)
        return (one / one.sum(0) - other / other.sum(0)).abs().sum() / len(x)


@dataclass(frozen=True)
class Contest:
    """An objective with its plain implementation.

    Args:
        objective: with the plain one's terms alone.
        evaluations: of the plain one; ours has as many as `options` or the recipe's default.
    """

    objective: Objective
    plain: Callable[[Encoder, Tensor, Tensor], Any]
    evaluations: int
    options: Mapping[str, Any] = field(default_factory=dict)


CONTESTS = {
    "gram": Contest(Gram(), PlainGatys, 144, {"init": "content"}),
    "neighbours": Contest(Neighbours(0.0, 0.0, 0.0), PlainNeighbours, 240, {"iterations": 104}),
    "strotss": Contest(Strotss(1.0), PlainStrotss, 96, {"iterations": 96}),
}


def plain_adain_seconds(side: int) -> float:
    """Of AdaIN of the published size, two encodings and a decoding; the median of three."""
    torch.manual_seed(0)
    encoder, decoder = Encoder().eval(), Decoder(VGG19_WIDTHS).eval()

    def paint(content: Tensor, style: Tensor) -> None:
        f, g = (encoder(x, ["relu4_1"])["relu4_1"] for x in (content, style))
        (m, s), (n, t) = mean_std(f), mean_std(g)
        decoder({"relu4_1": (f - m) / s * t + n})

    with torch.inference_mode():
        return _median(paint, side)


def plain_gatys_seconds(side: int) -> float:
    """Of one evaluation of Gatys' loss with a network of VGG-19's size; the median of three."""
    torch.manual_seed(0)
    encoder, photo = Encoder().eval().requires_grad_(False), torch.rand(1, 3, side, side)
    plain = PlainGatys(encoder, photo, photo)
    return _median(lambda picture, _: plain.evaluate(picture), side)


def _median(run: Callable[[Tensor, Tensor], object], side: int) -> float:
    times = []
    with direct():
        for _ in range(4):
            pictures = torch.rand(2, 1, 3, side, side)
            began = time.perf_counter()
            run(*pictures)
            times.append(time.perf_counter() - began)
    return sorted(times[1:])[1]


def curve(walk: Iterator[Tensor], judge: Callable[[Tensor], Tensor], size: tuple[int, int]) -> Curve:
    """Runs a contestant to its end, judging what it shows."""
    spent, told = 0.0, []
    while True:
        before = time.process_time()
        picture = next(walk, None)
        spent += time.process_time() - before
        if picture is None:
            return told
        with torch.no_grad(), direct():
            shown = F.interpolate(picture.float(), size, mode="bilinear")
            told.append((spent, float(judge(shown))))


def ours(walk: Refinement) -> Iterator[Tensor]:
    """Some pictures of a refinement, the last among them."""
    few = max(walk.evaluations // POINTS, 1)
    for step in walk.run():
        if step.whole and (step.step % few == 0 or step.step == step.of):
            yield walk.picture()


def race(name: str, encoder: Encoder, content: Tensor, style: Tensor) -> dict[str, Any]:
    """Both curves, and the share of the plain one's time that ours takes to where both come."""
    contest, size = CONTESTS[name], (content.shape[-2], content.shape[-1])
    judge = contest.plain(encoder, content, style)
    with direct():
        plain = curve(contest.plain(encoder, content, style).walk(contest.evaluations), judge.loss, size)
    fine = UNSET[name]
    walk = {key: fine[key] for key in ("iterations", "optimizer", "learning_rate", "init", "levels")}
    options = RefineOptions(contest.objective, **{**walk, **contest.options})
    twin = prepared(encoder, faster_dtype(torch.device("cpu")))
    before = time.process_time()
    refinement = Refinement(twin, Problem(size, [StyleSource(style)], content), options)
    began = time.process_time() - before
    made = [(began + seconds, loss) for seconds, loss in curve(ours(refinement), judge.loss, size)]
    goal = max(plain[-1][1], made[-1][1])
    reached = [next(seconds for seconds, loss in each if loss <= goal) for each in (made, plain)]
    return {"plain": plain, "ours": made, "both_come_to": goal, "time_share": reached[0] / reached[1]}


def drawn(found: Mapping[str, Mapping[str, Any]], path: str) -> None:
    """Quality against time, an objective a panel."""
    from matplotlib import pyplot, ticker

    figure, panels = pyplot.subplots(1, len(found), figsize=(4 * len(found), 3.6), squeeze=False)
    for axes, (name, each) in zip(panels[0], found.items(), strict=True):
        for who, style in (("plain", "o--"), ("ours", "o-")):
            seconds, losses = zip(*each[who], strict=True)
            axes.plot(seconds, losses, style, label=who, markersize=3)
        axes.set(title=name, xlabel="processor seconds", ylabel="judged loss", xscale="log", yscale="log")
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.grid(True, which="both", alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def pictures(side: int, content: str | None) -> tuple[Tensor, Tensor]:
    """A photo, or smooth noise where none is given, and a built-in style, both square."""
    paths = default_paths()
    library = Library(paths.styles, paths.cache)
    photo = read_rgb(Path(content)) if content else Image.fromarray(noise(side, 0))
    squares = (
        ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS, centering=(0, 0))
        for image in (photo, library.read(library.get("impasto")))
    )
    found, style = map(tensor_of, squares)
    return found, style


def run(
    side: int, objectives: list[str], content: str | None, vgg: str | None, plot: str | None
) -> dict[str, Any]:
    """What `race` gives for every objective.

    Args:
        side: of square pictures, in pixels.
        content: a photo; None for smooth noise.
        vgg: weights of VGG-19; None for the embedded network.
        plot: file to draw quality against time in, or None.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoder = load_backbone("slim") if vgg is None else encoder_from_state(load_file(vgg))
    photo, style = pictures(side, content)
    found = {name: race(name, encoder, photo, style) for name in objectives}
    if plot is not None:
        drawn(found, plot)
    return found
