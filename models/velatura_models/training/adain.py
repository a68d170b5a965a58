"""Trains a decoder for AdaIN against the real VGG-19.

Loss = content + style_weight * style (Huang & Belongie 2017, eq. 11-13), the style term over means and
deviations at relu1_1 ... relu4_1. Where this departs from the paper, and why:

- The encoder that feeds the decoder may be another (`slim`) than the VGG-19 that the loss sees with.
- `content_loss="normalised"` compares instance-normalised relu4_1 of result and photo, which is what
  content means when colours may change; `"target"` compares to AdaIN's target as published.
- With `palette` a photo's colours are moved to its painting's mean and covariance before the encoder sees it,
  as they are when pictures are painted; the content that counts stays the photo as it was.
- Beside means and deviations count Gram matrices, relative to the painting's, and the colours themselves
  (see `perceptual.color_ranks`): two pictures alike in the former can differ much in these.
- What is tied to the grid of pixels counts as a loss (see `perceptual.phase_pattern`), and what runs along it
  finely where the photo has nothing like it (`axis_pattern`).
- Some photos give way to flat areas, some to enlarged parts. What is written is the running mean of the
  weights.
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

from ..maths.color import apply_matching, color_stats, transport
from ..maths.quality import STYLE_LAYERS, style_loss
from ..maths.stats import mean_std, normalise
from ..networks.decoder import Decoder
from ..networks.encoder import Encoder, encoder_from_state
from ..networks.precision import autocast, faster_dtype
from ..store.files import origin, weights_digest
from ..store.weights import save_decoder
from .crops import batches, softened, with_flats
from .painting import TrainerOptions, placed, weights_of
from .perceptual import WINDOW, axis_pattern, color_distance, color_ranks, gram, off, outside, phase_pattern
from .run import Report, Run, cosine, quiet

MOST = 4.0
"""A painting's error of Gram matrices counts up to this, as a share of their size."""


@dataclass(frozen=True, kw_only=True)
class AdaINOptions(TrainerOptions):
    """How to train.

    Args:
        encoder: weights of the encoder that the decoder is for.
        vgg: VGG-19 weights that the loss sees with, safetensors with an `Encoder`'s names.
        content, style: folders of photos and paintings.
        start: decoder weights to start from; levels it lacks begin at zero.
        skips: levels besides relu4_1; none is the published form.
        palette: whether colours are moved before the encoder.
        gram_weight, color_weight: of the painting's Gram matrices and of its colours.
        grid_weight: of a pattern tied to the grid of pixels.
        weave_weight: of fine lines across and down that the photo does not have.
        identity: how many photos, and as many paintings, of each batch must come back unchanged.
    """

    encoder: Path
    vgg: Path
    content: Path
    style: Path
    start: Path | None = None
    skips: tuple[str, ...] = ("relu3_1", "relu2_1")
    upsampling: str = "bilinear"
    palette: bool = True
    grid_weight: float = 10.0
    weave_weight: float = 0.3
    content_loss: str = "normalised"
    style_weight: float = 3.0
    gram_weight: float = 2.0
    color_weight: float = 12.0
    identity: int = 1
    identity_weight: float = 2.0
    optimizer: str = "adam"
    rate: float = 5e-4
    steps: int = 6000
    batch: int = 8
    crop: int = 128
    sheet_every: int = 1000

    def __post_init__(self) -> None:
        if self.content_loss not in ("normalised", "target"):
            raise ValueError(f"content_loss must be 'normalised' or 'target', not {self.content_loss!r}")
        if self.optimizer not in ("adam", "sgd"):
            raise ValueError(f"optimizer must be 'adam' or 'sgd', not {self.optimizer!r}")
        if self.crop < WINDOW:
            raise ValueError(
                f"crop is {self.crop}; allowed is {WINDOW} and more, where patterns are looked for"
            )
        if not 0 <= self.identity <= self.batch:
            raise ValueError(f"identity is {self.identity}; allowed is 0 to the batch of {self.batch}")


def main(options: AdaINOptions, report: Report = quiet) -> Path:
    """Trains, and returns the path of the decoder written at the end."""
    device = options.begin()
    vgg = placed(encoder_from_state(load_file(options.vgg)), device, faster_dtype(device))
    state = load_file(options.encoder)
    encoder = placed(encoder_from_state(state), device)
    decoder = Decoder(encoder.widths, options.skips, options.upsampling)
    for tap in decoder.taps.values():  # begin as the published form does, with relu4_1 alone
        for parameter in tap.parameters():
            torch.nn.init.zeros_(parameter)
    if options.start is not None:
        lacking = decoder.load_state_dict(load_file(options.start), strict=False)
        wrong = [name for name in lacking.missing_keys if not name.startswith("taps.")]
        if wrong or lacking.unexpected_keys:
            raise ValueError(f"{options.start} is another decoder: {[*wrong, *lacking.unexpected_keys][0]}")
    decoder = placed(decoder, device)
    if options.optimizer == "adam":
        optimizer = torch.optim.Adam(decoder.parameters(), options.rate, betas=(0.9, 0.99))
    else:
        optimizer = torch.optim.SGD(decoder.parameters(), options.rate, momentum=0.9, nesterov=True)
    shown: list[Tensor] = []
    parts = {"decoder": decoder}
    run = Run(options.out, parts, optimizer, options.steps, report, averaged="decoder", seed=options.seed)
    photos = batches(options.content, options.crop, options.batch, run.seed)
    paintings = batches(options.style, options.crop, options.batch, run.seed + 1)

    def losses() -> dict[str, Tensor]:
        c, s = with_flats(softened(next(photos).to(device))), next(paintings).to(device)
        terms, made = losses_of(options, encoder, decoder, vgg, c, s)
        shown[:] = c, s, made.detach()
        return terms

    run.train(
        losses,
        weights_of(options),
        cosine(),
        sheet=lambda: [list(part.unbind()) for part in shown],
        sheet_every=options.sheet_every,
    )
    method = "adain-skip" if options.skips else "adain"
    path = options.out / f"slim.{method}.safetensors"
    about = {**origin(options.encoder), "steps": str(run.step)}
    decoder.load_state_dict(run.mean.state_dict())
    save_decoder(path, decoder, method, weights_digest(state), about)
    return path


def with_palette(photos: Tensor, paintings: Tensor) -> Tensor:
    """Photos with the mean and covariance of their paintings' colours, `(N, 3, H, W)` both."""
    pairs = zip(photos.split(1), paintings.split(1), strict=True)
    maps = [(photo, transport(color_stats(photo), color_stats(painting))) for photo, painting in pairs]
    return torch.cat([apply_matching(photo, *move) for photo, move in maps]).clamp(0, 1)


def off_gram(maps: Tensor, wanted: Tensor) -> Tensor:
    """Squared difference of Gram matrices over the squared size of those wanted, both `(N, C, h, w)`: a
    number, in which no painting counts for more than `MOST`: those of nearly empty ones are very small."""
    return off(gram(maps), gram(wanted)).clamp_max(MOST).mean()


def losses_of(
    options: AdaINOptions, encoder: Encoder, decoder: Decoder, vgg: Encoder, c: Tensor, s: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """The loss terms of a batch, and the stylized pictures.

    Args:
        c, s: photos and paintings, `(N, 3, H, W)` in 0..1.
    """
    count, same = len(c), options.identity
    moved = with_palette(c, s) if options.palette else c
    with autocast(c.device):
        with torch.no_grad():
            features = encoder(torch.cat([moved, s]), decoder.levels)
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
        painting = vgg(s.to(dtype), STYLE_LAYERS)
        wanted = {layer: mean_std(maps) for layer, maps in painting.items()}
        deep = normalise(vgg(c.to(dtype), ("relu4_1",))["relu4_1"])
    if options.content_loss == "normalised":
        content = F.mse_loss(normalise(seen["relu4_1"]), deep)
    else:
        mean, std = wanted["relu4_1"]
        content = F.mse_loss(seen["relu4_1"].float(), deep * std + mean)
    original = torch.cat([moved[:same], s[:same]])
    identity = torch.zeros(())
    if same:
        identity = F.l1_loss(back, original) + F.l1_loss(F.avg_pool2d(back, 8), F.avg_pool2d(original, 8))
    losses = {
        "content": content,
        "style": style_loss(seen, wanted),
        "gram": torch.stack([off_gram(seen[layer], maps) for layer, maps in painting.items()]).mean(),
        "colors": color_distance(made, color_ranks(s)),
        "identity": identity,
        "range": outside(made),
        "grid": phase_pattern(made, period=8),
        "weave": F.relu(axis_pattern(made) - axis_pattern(c).clamp_min(0)).square().mean(),
    }
    return losses, made
