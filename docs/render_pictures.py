"""Makes the pictures of README and docs with Velatura itself:  python docs/render_pictures.py

The photographs are scikit-image's samples and one that the painter practises on (public domain or CC0).
"""

from __future__ import annotations

from pathlib import Path

import velatura
import velatura_models
from PIL import Image
from sheets import captioned, fitted, photo, sheet

IMAGES = Path(__file__).parent / "images"
HILLS = Path(velatura_models.__file__).parent / "training" / "photos" / "tea-gardens.jpg"
STRIP = ("composition-vii", "great-wave", "stained-glass", "starry-night", "the-scream", "windswept")
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def grid(pictures: list[Image.Image], columns: int) -> Image.Image:
    """Pictures of one size side by side, row by row."""
    return sheet([pictures[k : k + columns] for k in range(0, len(pictures), columns)])


def strip(v: velatura.Client) -> None:
    """README's first picture: six styles at quality fine."""
    hills = fitted(Image.open(HILLS), (576, 384))
    made = [v.stylize(hills, style=name, quality="fine") for name in STRIP]
    sized = [picture.resize((448, 299), Image.Resampling.LANCZOS) for picture in made]
    grid(sized, 3).save(IMAGES / "styles-strip.jpg", quality=82)


def gallery(v: velatura.Client) -> None:
    """One photograph, and it in every built-in style at quality fast, with their names."""
    cat, size = photo("chelsea", (328, 220)), (246, 165)
    names = [style["name"] for style in v.styles() if style["kind"] != "user"]
    made = {"photograph": cat} | {name: v.stylize(cat, style=name) for name in names}
    cells = [captioned(made[name].resize(size, Image.Resampling.LANCZOS), name) for name in made]
    grid(cells, 6).save(IMAGES / "gallery.webp", quality=74, method=6)


def quality(v: velatura.Client) -> None:
    """A photograph, and it in one style at qualities fast and fine."""
    cat = photo("chelsea", (500, 333))
    made = [v.stylize(cat, style="woodcut", quality=name) for name in ("fast", "fine")]
    sheet([[cat, *made]]).save(IMAGES / "quality.jpg", quality=85)


def strokes(v: velatura.Client) -> None:
    """A large picture, enlarged by Velatura, in two styles with strokes of three sizes."""
    large = v.upscale(fitted(Image.open(HILLS), (576, 384)), factor=4)
    rows = [
        [v.stylize(large, style=name, scale=s) for s in (1.0, 2.0, 4.0)] for name in ("great-wave", "mosaic")
    ]
    shown = [[picture.resize((448, 299), Image.Resampling.LANCZOS) for picture in row] for row in rows]
    sheet(shown, ("stroke size 100 %", "200 %", "400 %"), head=20).save(
        IMAGES / "strokes.webp", quality=74, method=6
    )


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    cup = photo("coffee", (448, 300))
    with velatura.connect() as v:
        strip(v)
        gallery(v)
        quality(v)
        strokes(v)
        fade = grid([v.stylize(cup, style="starry-night", strength=s) for s in STRENGTHS], 5)
        fade.resize((fade.width // 2, fade.height // 2)).save(IMAGES / "strength.jpg", quality=88)
        blends = [{"starry-night": 1 - t, "stained-glass": t} for t in STRENGTHS]
        mixed = grid([v.stylize(cup, style={n: w for n, w in b.items() if w}) for b in blends], 5)
        mixed.resize((mixed.width // 2, mixed.height // 2)).save(IMAGES / "blend.jpg", quality=88)


if __name__ == "__main__":
    main()
