"""Makes docs/images/upscale.jpg and prints the table of docs/upscale.md:

    python docs/render_family.py [--factor 4] [--net FILE] [FOLDER ...]

Photographs are blurred, reduced and enlarged again, bicubically and by the network, and compared with the
originals: PSNR and SSIM of lightness (Y of BT.601, as the literature does), a border of `factor` pixels
left out. The photographs are scikit-image's samples; folders add others to the table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from sheets import sheet
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor
from velatura_models.networks.superres import SuperResNet, bicubic, degraded
from velatura_models.store.files import load_into
from velatura_models.store.nets import describe_net, find_superres
from velatura_models.training.crops import pictures_in, whole_picture

IMAGES = Path(__file__).parent / "images"
SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
CELL = 192
DETAILS = (("astronaut", 60, 150), ("chelsea", 60, 120), ("coffee", 60, 260))
"""Photo, top and left of the part shown."""


def sample(name: str, factor: int) -> Tensor:
    """One of scikit-image's photographs, `(1, 3, H, W)` in 0..1."""
    pixels = torch.from_numpy(getattr(skimage.data, name)()[..., :3].copy()).permute(2, 0, 1)[None]
    return whole(pixels.float() / 255, factor)


def whole(photo: Tensor, factor: int) -> Tensor:
    """Cropped to multiples of the factor."""
    return photo[:, :, : photo.shape[2] // factor * factor, : photo.shape[3] // factor * factor]


def enlarged(net: SuperResNet, photo: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The photo reduced (to 8 bits), and that enlarged bicubically and by the network."""
    small = degraded(photo, net.factor).mul(255).round() / 255
    with torch.inference_mode():
        return small, bicubic(small, net.factor).clamp(0, 1), net(small).clamp(0, 1)


def lightness(picture: Tensor, border: int) -> np.ndarray:
    weights = torch.tensor([65.481, 128.553, 24.966]).view(3, 1, 1) / 255
    y = (picture[0] * weights).sum(0) + 16 / 255
    return y[border:-border, border:-border].double().numpy()


def scores(photo: Tensor, made: Tensor, border: int) -> tuple[float, float]:
    """PSNR in dB and SSIM."""
    a, b = lightness(photo, border), lightness(made, border)
    alike = structural_similarity(
        a, b, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(peak_signal_noise_ratio(a, b, data_range=1.0)), float(alike)  # type: ignore[arg-type]  # untyped


def table(net: SuperResNet, sets: dict[str, list[Tensor]]) -> str:
    """Mean PSNR and SSIM of every set of photos, as a table in Markdown."""
    lines = ["| photos | bicubic | network |", "|---|---|---|"]
    for name, photos in sets.items():
        found = []
        for photo in photos:
            _, plain, made = enlarged(net, photo)
            found.append((*scores(photo, plain, net.factor), *scores(photo, made, net.factor)))
        a, b, c, d = np.mean(found, axis=0)
        lines.append(f"| {name} | {a:.2f} dB, {b:.3f} | {c:.2f} dB, {d:.3f} |")
    return "\n".join(lines)


def figure(net: SuperResNet, path: Path) -> None:
    """Parts of photos: reduced, enlarged bicubically, by the network, and the originals."""
    rows = []
    for name, top, left in DETAILS:
        photo = sample(name, net.factor)
        small, plain, made = enlarged(net, photo)
        coarse = small.repeat_interleave(net.factor, 2).repeat_interleave(net.factor, 3)
        parts = [p[0, :, top : top + CELL, left : left + CELL] for p in (coarse, plain, made, photo)]
        rows.append([Image.fromarray(p.mul(255).round().byte().permute(1, 2, 0).numpy()) for p in parts])
    sheet(rows, ("reduced", "bicubic", "network", "original"), gap=4).save(path, quality=92)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--factor", type=int, default=4)
    parser.add_argument("--net", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    given = parser.parse_args()
    net = load_into(SuperResNet, describe_net(given.net) if given.net else find_superres(given.factor))
    sets = {name: [sample(name, net.factor)] for name in SAMPLES}
    for folder in given.folders:
        paths = pictures_in(folder)
        sets[f"{folder.name} ({len(paths)})"] = [whole(whole_picture(path), net.factor) for path in paths]
    print(table(net, sets))
    figure(net, IMAGES / ("upscale.jpg" if net.factor == 4 else f"upscale-x{net.factor}.jpg"))


if __name__ == "__main__":
    main()
