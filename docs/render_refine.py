"""Makes the pictures of docs/refine.md with Velatura itself:  python docs/render_refine.py [NAME ...]

The photographs are scikit-image's samples and those that ship (public domain or CC0), the styles those that
ship. Drawn without VGG-19, as everybody has it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import velatura
from matplotlib.figure import Figure
from PIL import Image
from sheets import photo, sheet
from velatura_daemon.paths import default_paths
from velatura_daemon.styles.library import Library
from velatura_models.networks.encoder import prepared
from velatura_models.networks.precision import faster_dtype
from velatura_models.optimise.reconstruct import draw_figure
from velatura_models.store.pictures import tensor_of
from velatura_models.store.weights import load_backbone

LIBRARY = Library(default_paths().styles, default_paths().cache)
IMAGES = Path(__file__).parent / "images" / "refine"
SIDE = (320, 240)
LARGE, SMALL = (448, 336), (256, 192)
ITERATIONS = 90
PAIRS = (
    ("tea-gardens", "great-wave"),
    ("casa-mila", "stained-glass"),
    ("chelsea", "impasto"),
    ("coffee", "woodcut"),
)
TV_WEIGHTS = (0.0, 1.0, 10.0, 100.0)


def swatch(style: str, side: tuple[int, int]) -> Image.Image:
    """A style in the middle of a cell: its picture, or the thumbnail where it ships as a card alone."""
    entry = LIBRARY.get(style)
    if entry.picture is not None:
        picture = LIBRARY.read(entry).convert("RGB")
    else:
        layout, data = LIBRARY.thumbnail(style, side[1])
        picture = Image.frombytes("RGB", (layout.width, layout.height), data)
    picture.thumbnail(side, Image.Resampling.LANCZOS)
    cell = Image.new("RGB", side, "white")
    cell.paste(picture, ((side[0] - picture.width) // 2, (side[1] - picture.height) // 2))
    return cell


def pairs(v: velatura.Client) -> None:
    """Photos, styles, two qualities and refined by Gram matrices, shown smaller than they are."""
    rows = []
    for name, style in PAIRS:
        content = photo(name, LARGE)
        painted = [v.stylize(content, style=style, quality=quality) for quality in ("fast", "fine")]
        made = (content, *painted, v.refine(content, style=style))
        shown = [picture.resize(SMALL, Image.Resampling.LANCZOS) for picture in made]
        rows.append([shown[0], swatch(style, SMALL), *shown[1:]])
    titles = ("photo", "style", "stylize, fast", "stylize, fine", "refine")
    sheet(rows, titles).save(IMAGES / "pairs.jpg", quality=85)


def masked(v: velatura.Client) -> None:
    """Refined inside a soft mask, and with a style for each region."""
    content = photo("coffee", SIDE)
    across = np.linspace(-1, 1, SIDE[0])[None] + 0 * np.linspace(-1, 1, SIDE[1])[:, None]
    down = np.linspace(-1, 1, SIDE[1])[:, None] + 0 * across
    oval = np.clip(3 - 4 * np.hypot(across, down), 0, 1)
    mask = Image.fromarray((255 * oval).astype(np.uint8))
    made = v.refine(content, style="mosaic", mask=mask)
    kept = [v.refine(content, style="impasto", keep_color=how) for how in (True, "statistics")]
    row = [content, mask.convert("RGB"), made, *kept]
    titles = ("content", "mask", "refined inside", "luminance kept", "colour statistics kept")
    sheet([row], titles).save(IMAGES / "masks-and-colour.jpg", quality=85)


def total_variation(v: velatura.Client) -> None:
    """The amplitude spectrum of results for several weights of total variation."""
    content = photo("coffee", (192, 192))
    made = {w: v.refine(content, style="impasto", tv_weight=w, iterations=ITERATIONS) for w in TV_WEIGHTS}
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, 1 + len(made), width_ratios=[1.7] + [1] * len(made))
    for axis, (weight, picture) in zip(axes[1:], made.items(), strict=True):
        axes[0].loglog(*spectrum(picture), label=f"tv_weight {weight:g}")
        axis.imshow(picture.crop((48, 48, 144, 144)))
        axis.set_title(f"{weight:g}", fontsize=9)
        axis.set_axis_off()
    axes[0].set_xlabel("cycles per picture")
    axes[0].set_ylabel("mean amplitude")
    axes[0].legend(fontsize=8)
    figure.savefig(IMAGES / "total-variation.jpg", dpi=90, pil_kwargs={"quality": 85})


def spectrum(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and the mean amplitude of the lightness at each, over all directions."""
    light = np.asarray(picture.convert("L"), float) / 255
    window = np.hanning(light.shape[0])[:, None] * np.hanning(light.shape[1])[None]
    amplitude = np.abs(np.fft.fft2((light - light.mean()) * window))
    rows, columns = (np.fft.fftfreq(n, 1 / n) for n in light.shape)
    radius = np.hypot(rows[:, None], columns[None]).round().astype(int)
    top = min(light.shape) // 2
    sums = np.bincount(radius.ravel(), amplitude.ravel())
    return np.arange(1, top), (sums / np.bincount(radius.ravel()))[1:top]


def textures(v: velatura.Client) -> None:
    """Textures from styles, the last one tileable and laid two by two."""
    names = ("mosaic", "woodcut", "starry-night")
    made = [v.texture(style=name, width=256, height=256) for name in names]
    tile = v.texture(style="batik", width=128, height=128, tileable=True)
    twice = sheet([[tile, tile]] * 2, gap=0)
    titles = (*names, "batik: a 128 px tile, four times")
    sheet([[*made, twice]], titles).save(IMAGES / "textures.jpg", quality=85)


def reconstructions(v: velatura.Client) -> None:
    """What each layer of the embedded backbone knows of a picture."""
    del v  # from the models alone
    photo_, painting = (
        tensor_of(picture)
        for picture in (
            photo("chelsea", (144, 108)),
            LIBRARY.read(LIBRARY.get("marbling")).convert("RGB").resize((144, 144)),
        )
    )
    made = IMAGES / "reconstructions.jpg"
    encoder = prepared(load_backbone("slim"), faster_dtype(torch.device("cpu")))
    draw_figure(encoder, photo_, painting, made, iterations=120)


FIGURES = {f.__name__: f for f in (pairs, masked, total_variation, textures, reconstructions)}


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with velatura.connect() as v:
        for name in sys.argv[1:] or FIGURES:
            FIGURES[name](v)
            print(name)


if __name__ == "__main__":
    main()
