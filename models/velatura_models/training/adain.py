"""Trains a decoder for AdaIN against the real VGG-19.

Loss = content + style_weight * style (Huang & Belongie 2017, eq. 11-13), the style term over means and
deviations at relu1_1 ... relu4_1. Where this departs from the paper, and why:

- The encoder that feeds the decoder may be another (`slim`) than the VGG-19 that the loss sees with.
- `content_loss="normalised"` compares instance-normalised relu4_1 of result and photo, which is what
  content means when colours may change; `"target"` compares to AdaIN's target as published.
- A photo and a painting of every batch also pass unchanged and must come back as they were (L1, plus L1
  of 8 x 8 means): without that, colours take many more steps to become right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from ..maths.quality import STYLE_LAYERS, style_loss
from ..maths.stats import mean_std, normalise
from ..networks.decoder import Decoder
from ..networks.encoder import Encoder, encoder_from_state
from ..store.weights import save_decoder, weights_digest
from .crops import batches
from .precision import autocast, faster_dtype
from .run import (
    Report,
    Run,
    quiet,
    save_sheet,
)


@dataclass(frozen=True)
class AdaINOptions:
    """How to train.

    Args:
        encoder: weights of the encoder that the decoder is for.
        vgg: VGG-19 weights that the loss sees with, safetensors with an `Encoder`'s names.
        content, style: folders of photos and paintings.
        out: folder of the run; continued where it holds a checkpoint.
        start: decoder weights to start from; levels it lacks begin at zero.
        skips: levels besides relu4_1; none is the published form.
        identity: how many photos, and as many paintings, of each batch must come back unchanged.
    """

    encoder: Path
    vgg: Path
    content: Path
    style: Path
    out: Path
    start: Path | None = None
    skips: tuple[str, ...] = ("relu3_1", "relu2_1")
    upsampling: str = "nearest"
    content_loss: str = "normalised"
    style_weight: float = 3.0
    identity: int = 1
    identity_weight: float = 2.0
    optimizer: str = "adam"
    rate: float = 5e-4
    steps: int = 6000
    batch: int = 8
    crop: int = 128
    sheet_every: int = 1000
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.content_loss not in ("normalised", "target"):
            raise ValueError(f"content_loss must be 'normalised' or 'target', not {self.content_loss!r}")
        if self.optimizer not in ("adam", "sgd"):
            raise ValueError(f"optimizer must be 'adam' or 'sgd', not {self.optimizer!r}")
        if not 0 <= self.identity <= self.batch:
            raise ValueError(f"identity is {self.identity}; allowed is 0 to the batch of {self.batch}")


def main(options: AdaINOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the decoder written at the end."""
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    last = {"device": device, "memory_format": torch.channels_last}
    vgg = encoder_from_state(load_file(options.vgg)).to(dtype=faster_dtype(device), **last)
    state = load_file(options.encoder)
    encoder = encoder_from_state(state).to(**last)
    decoder = Decoder(encoder.widths, options.skips, options.upsampling)
    for tap in decoder.taps.values():  # begin as the published form does, with relu4_1 alone
        for parameter in tap.parameters():
            torch.nn.init.zeros_(parameter)
    if options.start is not None:
        lacking = decoder.load_state_dict(load_file(options.start), strict=False)
        wrong = [name for name in lacking.missing_keys if not name.startswith("taps.")]
        if wrong or lacking.unexpected_keys:
            raise ValueError(f"{options.start} is another decoder: {[*wrong, *lacking.unexpected_keys][0]}")
    decoder = decoder.to(**last)
    if options.optimizer == "adam":
        optimizer = torch.optim.Adam(decoder.parameters(), options.rate, betas=(0.9, 0.99))
    else:
        optimizer = torch.optim.SGD(decoder.parameters(), options.rate, momentum=0.9, nesterov=True)
    run = Run(options.out, {"decoder": decoder}, optimizer, options.steps, report)
    photos = batches(options.content, options.crop, options.batch, options.seed + run.step)
    paintings = batches(options.style, options.crop, options.batch, options.seed + run.step + 1)
    while run.step < run.steps:
        run.cosine()
        c, s = next(photos).to(device), next(paintings).to(device)
        losses, made = losses_of(options, encoder, decoder, vgg, c, s)
        total = losses["content"] + options.style_weight * losses["style"]
        total = total + options.identity_weight * losses["identity"] + losses["range"]
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 5.0)
        optimizer.step()
        run.done(losses)
        if run.step % options.sheet_every == 0 or run.step == run.steps:
            rows = [list(c.unbind()), list(s.unbind()), list(made.detach().unbind())]
            save_sheet(rows, options.out / f"sheet-{run.step:06d}.jpg")
    method = "adain-skip" if options.skips else "adain"
    path = options.out / f"slim.{method}.safetensors"
    save_decoder(path, decoder, method, weights_digest(state), {"steps": str(run.step)})
    return path


def losses_of(
    options: AdaINOptions, encoder: Encoder, decoder: Decoder, vgg: Encoder, c: Tensor, s: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """The loss terms of a batch, and the stylized pictures.

    Args:
        c, s: photos and paintings, `(N, 3, H, W)` in 0..1.
    """
    count, same = len(c), options.identity
    with autocast(c.device):
        with torch.no_grad():
            features = encoder(torch.cat([c, s]), decoder.levels)
            mixed = {}
            for level, maps in features.items():
                photo, painting = maps[:count], maps[count:]
                mean, std = mean_std(painting)
                target = (normalise(photo) * std + mean).to(maps.dtype)
                mixed[level] = torch.cat([target, photo[:same], painting[:same]])
        decoded = decoder(mixed).float()
    made, back = decoded[:count], decoded[count:]
    dtype = next(vgg.parameters()).dtype
    seen = vgg(made.to(dtype), STYLE_LAYERS)
    with torch.no_grad():
        wanted = {layer: mean_std(maps) for layer, maps in vgg(s.to(dtype), STYLE_LAYERS).items()}
        deep = normalise(vgg(c.to(dtype), ("relu4_1",))["relu4_1"])
    if options.content_loss == "normalised":
        content = F.mse_loss(normalise(seen["relu4_1"]), deep)
    else:
        mean, std = wanted["relu4_1"]
        content = F.mse_loss(seen["relu4_1"].float(), deep * std + mean)
    original = torch.cat([c[:same], s[:same]])
    identity = torch.zeros(())
    if same:
        identity = F.l1_loss(back, original) + F.l1_loss(F.avg_pool2d(back, 8), F.avg_pool2d(original, 8))
    outside = (F.relu(made - 1) + F.relu(-made)).mean()
    losses = {
        "content": content,
        "style": style_loss(seen, wanted),
        "identity": identity,
        "range": outside,
    }
    return losses, made
