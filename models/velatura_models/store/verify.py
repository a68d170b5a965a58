"""Whether installed weights are sound: digests, and a picture that must survive encode and decode.

A digest says that a file is what was written; the reconstruction says that what was written works with
this code: right names, right preprocessing, right padding. A random decoder reaches about 6 dB on the
test picture, a trained one at least the bound in the manifest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .files import NET_FORMAT, WeightsError, read
from .manifest import MANIFEST, backbones
from .nets import folders
from .weights import load_backbone, load_decoder, methods_of


@dataclass(frozen=True)
class Check:
    """One thing looked at: `part` is `encoder` or a method; `psnr` in dB, where a picture was decoded."""

    backbone: str
    part: str
    ok: bool
    detail: str
    psnr: float | None = None


def verify(name: str, cache: Path | None, manifest: Path = MANIFEST) -> list[Check]:
    """All checks of one backbone; the first failure of a part ends that part.

    Args:
        name: a backbone of the manifest.
        cache: folder of pulled weights.

    Raises:
        WeightsError: `unknown`.
    """
    known = backbones(manifest)
    if name not in known:
        raise WeightsError("unknown", f"no backbone is called {name!r}; known: {', '.join(known)}")
    backbone = known[name]
    try:
        encoder = load_backbone(name, cache)
    except WeightsError as error:
        return [Check(name, "encoder", False, str(error))]
    picture = sample_picture()
    with torch.inference_mode():
        features = encoder(picture, ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"])
    # finite, and answering to the picture rather than constant
    dead = [layer for layer, v in features.items() if not (torch.isfinite(v).all() and v.std() > 0)]
    checks = [
        Check(
            name,
            "encoder",
            not dead,
            f"dead or not finite at {dead[0]}" if dead else "digest fits, layers answer",
        )
    ]
    if dead or not backbone.methods:
        return checks
    try:
        methods = methods_of(name, cache)
    except WeightsError as error:
        return [*checks, Check(name, "decoder", False, str(error))]
    for method in methods:
        try:
            decoder = load_decoder(name, method, cache)
            with torch.inference_mode():
                value = psnr(decoder({level: features[level] for level in decoder.levels}), picture)
        except WeightsError as error:
            checks.append(Check(name, method, False, str(error)))
            continue
        ok = value >= backbone.least_psnr
        detail = f"reconstructs at {value:.1f} dB, at least {backbone.least_psnr:g} needed"
        checks.append(Check(name, method, ok, detail, value))
    return checks


def verify_networks(cache: Path | None) -> list[Check]:
    """A check of every trained network, the user's own and those that ship, damaged files among them."""
    checks = []
    for folder in folders(cache):
        for path in sorted(folder.glob("[!.]*.safetensors")):
            name, kind = path.name.split(".")[:2]
            try:
                read(path, NET_FORMAT)
                checks.append(Check(name, kind, True, "digest fits, all numbers finite"))
            except WeightsError as error:
                checks.append(Check(name, kind, False, str(error)))
    return checks


def sample_picture(side: int = 256) -> Tensor:
    """A landscape of gradients, discs and a striped field, `(1, 3, side, side)`, RGB in 0..1.

    Painted, so that the check needs no file; with soft shading, edges and fine texture, so that a
    reconstruction has all three to get wrong.
    """
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    sky = torch.stack([0.05 + 1.4 * y, 0.15 + 1.1 * y, 0.5 + 0.7 * y]).clamp(0, 1)
    field = torch.stack([0.3 - 0.2 * y, 0.4 - 0.25 * x, 0.1 * torch.ones_like(x)])
    field = field * (1 + 0.25 * torch.sin(60 * x + 25 * y))
    ground = (y > 0.6 + 0.06 * torch.sin(7 * x)).float()
    picture = sky * (1 - ground) + field * ground
    discs = (
        (0.3, 0.3, 0.12, (0.95, 0.85, 0.4)),
        (0.7, 0.62, 0.15, (0.7, 0.25, 0.2)),
        (0.5, 0.8, 0.06, (0.9, 0.9, 0.95)),
    )
    for cx, cy, radius, colour in discs:
        distance = ((x - cx) ** 2 + (y - cy) ** 2).sqrt()
        inside = ((radius - distance) * side / 2).clamp(0, 1)
        shade = 1 - 0.5 * (distance / radius).clamp(0, 1) ** 2
        picture = picture * (1 - inside) + torch.tensor(colour).reshape(3, 1, 1) * shade * inside
    return picture.clamp(0, 1)[None]


def psnr(made: Tensor, picture: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two pictures in 0..1, the first clamped."""
    error = float((made.clamp(0, 1) - picture).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)
