"""Trains WCT's decoders: each turns one level of an encoder back into the picture (Li et al. 2017, eq. 1),

    L = |I_o - I_i|^2 + lambda |Phi(I_o) - Phi(I_i)|^2,

with Phi the encoder up to the decoder's own level. No style takes part: pictures go in and must come out.
Departures from the paper: the feature error is divided by the mean square of the features, so that one
lambda suits all levels and encoders; half of the pictures are paintings, because what WCT hands to a decoder
has a painting's statistics; every step trains one level, deep ones more often. Before
that, for `warmup` steps, the deepest decoder learns block by block to give the features of the level below,
which costs one encoding for all blocks; every other decoder then begins as the end of it. The last block, all
that relu1_1's decoder has, is one convolution, and least squares give it at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks.encoder import Encoder
from ..networks.level_decoder import LEVELS, LevelDecoder, LevelDecoders
from ..networks.precision import autocast, faster_dtype
from ..networks.residency import placed
from ..store.files import weights_digest
from ..store.nets import save_net
from ..store.weights import load_backbone
from .crops import batches
from .painting import chosen
from .run import Report, Run, cosine, quiet

TURNS = (5, 4, 3, 5, 2, 4, 5, 3, 4, 5, 2)
"""Which level a step trains, by its number; over and over."""

SOLVED = ("relu1_1",)
"""Levels whose decoder is found without training."""

SOLVED_ON = 8
"""Batches that it is found on."""

RIDGE = 1e-5
"""Added to the diagonal of the normal equations, relative to it, against noise in half precision."""


@dataclass(frozen=True)
class Schedule:
    """What a preset decides."""

    steps: int
    warmup: int
    batch: int
    crop: int
    rate: float = 1e-3


PRESETS = {
    "full": Schedule(120000, 10000, 8, 256),
    "quick": Schedule(4000, 1000, 4, 128),
    "tiny": Schedule(12, 4, 2, 32),
}


@dataclass(frozen=True)
class WCTOptions:
    """How to train.

    Args:
        content: folder of photos.
        style: folder of paintings; half of every batch is theirs.
        out: folder of the run; continued where it holds a checkpoint.
        backbone: whose features are to be decoded.
        weights: folder of pulled weights, where the backbone does not ship.
        start: AdaIN decoder, safetensors, whose last layers every decoder begins with where they fit.
        preset: `full` (20,000 steps for the rarest level, 256 px), `quick` for a processor, `tiny` for tests.
        levels: which to train.
        steps: of all levels and the warm-up together; instead of the preset's.
        warmup: how many of them; instead of the preset's.
        batch: pictures a step, instead of the preset's.
        crop: their side in pixels, a multiple of 16, instead of the preset's.
        rate: Adam's step, instead of the preset's.
        feature_weight: lambda.
        sheet_every: steps between sample sheets: the pictures, then as decoded from each level.
    """

    content: Path
    style: Path
    out: Path
    backbone: str = "slim"
    weights: Path | None = None
    start: Path | None = None
    preset: str = "quick"
    levels: tuple[str, ...] = LEVELS
    steps: int | None = None
    warmup: int | None = None
    batch: int | None = None
    crop: int | None = None
    rate: float | None = None
    feature_weight: float = 0.05
    sheet_every: int = 600
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.levels).difference(LEVELS)):
            raise ValueError(f"levels: {unknown[0]!r} is unknown; known: {', '.join(LEVELS)}")
        if not set(self.levels).difference(SOLVED):
            raise ValueError(f"levels: name one at least besides {SOLVED[0]}, which needs no training")


def main(options: WCTOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the file with all decoders written at the end."""
    plan = chosen(PRESETS, options)
    if plan.crop % 16 or plan.crop < 32 or plan.batch < 2:
        raise ValueError(f"crop is {plan.crop}, batch {plan.batch}: a multiple of 16 from 32 on, at least 2")
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    encoder = load_backbone(options.backbone, options.weights)
    needs = weights_digest(encoder.state_dict())
    encoder = placed(encoder, device, faster_dtype(device))
    decoders = LevelDecoders(encoder.widths, options.levels)
    decoders.begin_from({} if options.start is None else load_file(options.start))
    decoders = placed(decoders, device)
    optimizer = torch.optim.Adam(decoders.parameters(), plan.rate, betas=(0.9, 0.99))
    pictures = torch.empty(0)
    run = Run(options.out, {"decoders": decoders}, optimizer, plan.steps, report, every=20, seed=options.seed)
    turns = [level for turn in TURNS if (level := f"relu{turn}_1") in options.levels]
    photos = batches(options.content, plan.crop, plan.batch - plan.batch // 2, run.seed)
    paintings = batches(options.style, plan.crop, plan.batch // 2, run.seed + 1)
    mixed = (torch.cat(pair).to(device) for pair in zip(photos, paintings, strict=False))
    deepest = decoders[max(options.levels)]
    seen: dict[str, Tensor] = {}  # the newest loss of every level

    def losses() -> tuple[Tensor, dict[str, Tensor]]:
        nonlocal pictures, seen
        pictures = next(mixed)
        if run.step < plan.warmup:
            terms = block_losses(encoder, deepest, pictures)
        else:
            if run.step == plan.warmup:
                solve_last(encoder, deepest, itertools.islice(mixed, SOLVED_ON))
                decoders.begin_from(deepest.state_dict())
            level = turns[run.step % len(turns)]
            terms = {level: level_loss(encoder, decoders[level], level, pictures, options.feature_weight)}
        total = torch.stack(list(terms.values())).sum()
        seen = {level: terms.get(level, seen.get(level, total)).detach() for level in set(turns)}
        return total, seen

    run.train(
        losses,
        cosine(),
        clip=1.0,
        sheet=lambda: sheet(encoder, decoders, pictures),
        sheet_every=options.sheet_every,
    )
    trained_steps = [turns[step % len(turns)] for step in range(plan.warmup, run.step)]
    trained = {
        "warm-up": min(plan.warmup, run.step),
        "steps": {level: trained_steps.count(level) for level in decoders if level in turns},
        "batch": plan.batch,
        "crop": plan.crop,
        "loss network": options.backbone,
        "loss": f"pixels + {options.feature_weight:g} x features of the level",
        "pictures": "half photos, half paintings",
    }
    if run.step < PRESETS["full"].steps:
        trained["note"] = f"short: {run.step} steps of {PRESETS['full'].steps}"
    path = options.out / f"{options.backbone}.wct.safetensors"
    return save_net(path, "wct", decoders, decoders.architecture, trained=trained, needs=needs)


def block_losses(encoder: Encoder, decoder: LevelDecoder, pictures: Tensor) -> dict[str, Tensor]:
    """For each block of a decoder but the last, by the level it begins at: the squared error of what it makes
    of the encoder's features against those of the level below, relative to their mean square.
    """
    blocks = list(decoder.blocks())
    with torch.no_grad():
        features = encoder(pictures.to(next(encoder.parameters())), [level for level, *_ in blocks])
    losses = {}
    for (level, start, stop), (below, *_) in itertools.pairwise(blocks):
        made: list[Tensor] = []
        with autocast(pictures.device):
            for _ in decoder.steps(features[level], made, start, stop):
                pass
        wanted = features[below].float()
        losses[level] = F.mse_loss(made[0].float(), wanted) / wanted.square().mean()
    return losses


@torch.no_grad()
def solve_last(encoder: Encoder, decoder: LevelDecoder, batches: Iterable[Tensor]) -> None:
    """Sets a decoder's last convolution to the one that turns relu1_1 into the pictures with the least
    squared error, by the normal equations."""
    last = decoder.convs[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    size = last.in_channels * 9 + 1
    left, right = torch.zeros(size, size).double(), torch.zeros(size, 3).double()
    for pictures in batches:
        maps = encoder(pictures.to(next(encoder.parameters())), ("relu1_1",))["relu1_1"].float().cpu()
        for one, picture in zip(maps, pictures.cpu(), strict=True):
            columns = F.unfold(F.pad(one[None], (1, 1, 1, 1), mode="reflect"), 3)[0]
            columns = torch.cat([columns, torch.ones(1, columns.shape[1])])
            left += (columns @ columns.T).double()
            right += (columns @ picture.flatten(1).T).double()
    left += RIDGE * left.diagonal().mean() * torch.eye(size)
    solved = torch.linalg.solve(left, right).float()
    last.weight.copy_(solved[:-1].T.reshape(last.weight.shape))
    last.bias.copy_(solved[-1])


def level_loss(
    encoder: Encoder, decoder: LevelDecoder, level: str, pictures: Tensor, feature_weight: float
) -> Tensor:
    """Eq. 1: squared error of the pixels, and of the level's features relative to their mean square."""
    weight = next(encoder.parameters())
    with torch.no_grad():
        features = encoder(pictures.to(weight), (level,))[level]
    with autocast(pictures.device):
        made = decoder(features).float()
    again = encoder(made.to(weight).contiguous(memory_format=torch.channels_last), (level,))[level]
    error = F.mse_loss(again.float(), features.float()) / features.float().square().mean()
    return F.mse_loss(made, pictures) + feature_weight * error


def sheet(encoder: Encoder, decoders: LevelDecoders, pictures: Tensor) -> list[list[Tensor]]:
    """A row a level, the pictures themselves first."""
    weight = next(encoder.parameters())
    features = encoder(pictures.to(weight), tuple(decoders))
    rows = [list(pictures.unbind())]
    for level, decoder in decoders.items():
        with autocast(pictures.device):
            rows.append(list(decoder(features[level]).unbind()))
    return rows
