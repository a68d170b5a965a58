"""Distils a narrow encoder from VGG-19.

The student has VGG-19's shape at other widths. It starts from the teacher's most used channels, with
the teacher's `conv0` folded into its first layer, and learns to predict the teacher's features through
1x1 projections that are thrown away afterwards. The loss at each layer is the squared error over the
teacher's variance, the unexplained share, so that all layers count alike. What is written is the running mean
of the weights, each layer scaled so that its features are as large as they were at the start: projections
take up any size, but objectives weigh layers by it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..networks.encoder import CONVS, SLIM_WIDTHS, Encoder, encoder_from_state
from ..networks.precision import autocast
from ..networks.residency import placed
from ..store.weights import save_encoder
from .crops import batches
from .painting import TrainerOptions
from .run import Report, Run, cosine, quiet

MATCHED = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")


@dataclass(frozen=True, kw_only=True)
class SlimOptions(TrainerOptions):
    """How to distil.

    Args:
        vgg: VGG-19 weights, safetensors with an `Encoder`'s names.
        content, style: folders of photos and paintings; each batch takes half of each.
        start: weights to start from instead of the teacher's channels.
    """

    vgg: Path
    content: Path
    style: Path
    start: Path | None = None
    widths: tuple[int, ...] = SLIM_WIDTHS
    steps: int = 3250
    batch: int = 8
    crop: int = 128
    rate: float = 3e-4
    projection_rate: float = 3e-3


def main(options: SlimOptions, report: Report = quiet) -> Path:
    """Distils, and returns the path of the encoder written at the end."""
    device = options.begin()
    teacher = placed(encoder_from_state(load_file(options.vgg)), device)

    def pictures(seed: int) -> Iterator[Tensor]:
        half = options.batch // 2
        photos = batches(options.content, options.crop, half, seed)
        paintings = batches(options.style, options.crop, options.batch - half, seed + 1)
        return (torch.cat(pair).to(device) for pair in zip(photos, paintings, strict=False))

    if options.start is not None:
        student = encoder_from_state(load_file(options.start))
    else:
        with torch.no_grad():
            student = narrowed(teacher, options.widths, next(pictures(options.seed)))
    student = placed(student.train().requires_grad_(True), device)
    blocks = {layer: int(layer[4]) - 1 for layer in MATCHED}
    projections = nn.ModuleDict(
        {layer: nn.Conv2d(student.widths[b], teacher.widths[b], 1) for layer, b in blocks.items()}
    ).to(device)
    groups = [
        {"params": student.parameters()},
        {"params": projections.parameters(), "lr": options.projection_rate},
    ]
    optimizer = torch.optim.AdamW(groups, options.rate, weight_decay=1e-4)
    first = copy.deepcopy(student)
    parts = {"student": student, "projections": projections}
    run = Run(options.out, parts, optimizer, options.steps, report, averaged="student", seed=options.seed)
    mixed = pictures(run.seed)

    def losses() -> dict[str, Tensor]:
        x = next(mixed)
        with autocast(device):
            with torch.no_grad():
                target = teacher(x, MATCHED)
            seen = student(x, MATCHED)
            return {layer: unexplained(projections[layer](seen[layer]), target[layer]) for layer in MATCHED}

    run.train(losses, {}, cosine(), clip=math.inf)
    path = options.out / "slim.safetensors"
    about = {"source": "distilled from VGG-19", "steps": str(run.step)}
    with torch.no_grad():
        state = sized_as(first, run.mean, next(mixed))
    save_encoder(path, "slim", state, about)
    return path


def sized_as(first: nn.Module, then: nn.Module, sample: Tensor) -> dict[str, Tensor]:
    """The weights of an encoder with its features made as large, at every layer, as another's; otherwise they
    are the same, since what a layer is scaled by goes through a ReLU and a pooling.

    Args:
        first: of the wanted sizes (root mean squares). then: whose weights are scaled.
        sample: `(N, 3, H, W)` pictures on which features are measured.
    """
    layers = [f"relu{name}" for name in CONVS]
    wanted, seen = first(sample, layers), then(sample, layers)
    state, before = dict(then.state_dict()), sample.new_ones(())
    for name in CONVS:
        after = wanted[f"relu{name}"].square().mean().sqrt() / seen[f"relu{name}"].square().mean().sqrt()
        state[f"conv{name}.weight"] = state[f"conv{name}.weight"] * (after / before)
        state[f"conv{name}.bias"] = state[f"conv{name}.bias"] * after
        before = after
    return state


def unexplained(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean squared error over the target's mean variance; 0 is perfect, 1 no better than the mean."""
    target = target.float()
    variance = target.var(dim=(0, 2, 3)).mean()
    return (predicted.float() - target).square().mean() / variance.clamp_min(1e-12)


def narrowed(teacher: Encoder, widths: tuple[int, ...], sample: Tensor) -> Encoder:
    """A student made of the teacher's most used channels.

    Args:
        teacher: with `conv0`, whose 1x1 colour transform is folded into conv1_1.
        widths: channels to keep in each block.
        sample: `(N, 3, H, W)` pictures on which use is measured, as the mean activation after ReLU.
    """
    student = Encoder(widths, preprocess=False)
    used = teacher(sample, [f"relu{name}" for name in CONVS])
    kept_before = torch.arange(3, device=sample.device)
    for name in CONVS:
        weight = teacher.get_parameter(f"conv{name}.weight").detach().clone()
        bias = teacher.get_parameter(f"conv{name}.bias").detach().clone()
        if name == "1_1" and teacher.conv0 is not None:
            mix = teacher.get_parameter("conv0.weight")[:, :, 0, 0]
            shift = teacher.get_parameter("conv0.bias")
            bias = bias + torch.einsum("oihw,i->o", weight, shift)
            weight = torch.einsum("oihw,ij->ojhw", weight, mix)
        use = used[f"relu{name}"].float().mean(dim=(0, 2, 3))
        kept = use.topk(widths[int(name[0]) - 1]).indices.sort().values
        weight = weight[kept][:, kept_before]
        with torch.no_grad():
            student.get_parameter(f"conv{name}.weight").copy_(weight)
            student.get_parameter(f"conv{name}.bias").copy_(bias[kept])
        kept_before = kept
    return student
