"""Makes docs/comparison.md and its sheet: the same photo and styles through every method, measured.

    python docs/render_comparison.py --vgg VGG19.safetensors --pictures FOLDER [--evaluations 100]

Everything runs through a real daemon. `--pictures` holds pictures of the styles by their library names,
for what needs pixels: patches, refinement, and the measures, which are those of `velatura bench pictures`,
seen by the real VGG-19. Times are of the network alone (the result's record), on a picture that the
daemon has not seen before, after one run to warm up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import velatura
from PIL import Image
from safetensors.torch import load_file
from sheets import photo, sheet, worded
from velatura.errors import VelaturaError
from velatura.recipe import Style, Stylize
from velatura_daemon.cli.bench_refine import plain_gatys_seconds
from velatura_models.maths.quality import content_distance, look, style_distance
from velatura_models.methods.loading import MODULES
from velatura_models.networks.encoder import encoder_from_state
from velatura_models.store.pictures import read_rgb, tensor_of

DOCS = Path(__file__).parent
PHOTOS = ("coffee", "chelsea", "rocket", "tea-gardens")
STYLES = ("starry-night", "great-wave", "stained-glass", "cut-paper")
SIDE = 512
CELL = 224
ROWS = tuple(MODULES)
"""Methods, a row each."""

PIXELS = ("style-swap",)
"""Methods that need the style's picture, which works of art ship without."""


@dataclass
class Result:
    """A picture, how long its network took in seconds, the other photos in that style, and its style and
    content loss."""

    picture: Image.Image
    seconds: float
    others: Sequence[Image.Image] = ()
    style: float = 0.0
    content: float = 0.0


def stylized(v: velatura.Client, image: Image.Image, style: str, method: str, picture: Path) -> Result | None:
    """One feed-forward pass; None for a style that the method's networks do not know."""
    source = Style(digest=v.upload(picture)) if method in PIXELS else Style(style)
    job = v.submit(Stylize(styles=(source,), method=method), image)
    try:
        made = job.result()
    except VelaturaError as error:
        if error.code != "unknown_model":
            raise
        return None
    return Result(made, job.record["seconds"])


def refined(v: velatura.Client, image: Image.Image, picture: Path, evaluations: int) -> Result:
    began = time.perf_counter()
    made = v.refine(image, style=picture, iterations=evaluations)
    return Result(made, time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--evaluations", type=int, default=100)
    options = parser.parse_args()
    vgg = encoder_from_state(load_file(options.vgg))
    pictures = {name: next(options.pictures.glob(f"{name}.*")) for name in STYLES}
    results: dict[str, dict[str, Result | None]] = {}
    shown, *measured = [photo(name, (SIDE, SIDE)) for name in PHOTOS]
    with velatura.connect() as v:
        for name in ROWS:
            results[name] = {}
            for style in STYLES:
                runs = [stylized(v, image, style, name, pictures[style]) for image in (shown, *measured)]
                first = runs[0]
                if first is not None:  # the first run of a method loads it, and computes the style's card
                    others = [run for run in runs[1:] if run is not None]
                    first.seconds = statistics.median(run.seconds for run in others)
                    first.others = [run.picture for run in others]
                results[name][style] = first
        name = f"refine, {options.evaluations} evaluations"
        results[name] = {s: refined(v, shown, pictures[s], options.evaluations) for s in STYLES}
    plain = plain_gatys_seconds(SIDE)
    for row in results.values():
        for style, result in row.items():
            if result is not None:
                source = read_rgb(pictures[style])
                source.thumbnail((SIDE * 2, SIDE))
                seen, before, wanted = (look(vgg, tensor_of(x)) for x in (result.picture, shown, source))
                result.style = style_distance(seen, wanted) / style_distance(before, wanted)
                result.content = content_distance(seen, before)
    draw(shown, results)
    write(results, plain)


def draw(shown: Image.Image, results: dict[str, dict[str, Result | None]]) -> None:
    """The sheet: a column a style, a row a method; one that knows one style has all photos in its row."""

    def cell(what: Image.Image | str) -> Image.Image:
        if isinstance(what, str):
            return worded(what, (CELL, CELL))
        return what.resize((CELL, CELL), Image.Resampling.LANCZOS)

    rows = [[shown, *STYLES]]
    for method, row in results.items():
        known = {style: made for style, made in row.items() if made is not None}
        words, made = method, [result.picture for result in known.values()]
        if len(known) == 1:
            ((style, only),) = known.items()
            words, made = f"{method}: {style},\nfour photos", [only.picture, *only.others]
        rows.append([words, *made])
    drawn = sheet([[cell(what) for what in row] for row in rows], gap=4)
    drawn.save(DOCS / "images" / "comparison.jpg", quality=86)


def write(results: dict[str, dict[str, Result | None]], plain: float) -> None:
    """The table of the page, between its markers."""
    whole = 500 * plain
    lines = [
        "| method | seconds | 500 plain evaluations take | style loss | content loss |",
        "|---|---|---|---|---|",
    ]
    for method, row in results.items():
        made = [result for result in row.values() if result is not None]
        if not made:
            continue
        seconds = statistics.median(result.seconds for result in made)
        style, content = (statistics.mean(getattr(r, f) for r in made) for f in ("style", "content"))
        lines.append(f"| {method} | {seconds:.2f} | {whole / seconds:,.0f} x | {style:.3f} | {content:.2f} |")
    lines.append(f"| 500 evaluations of Gatys' loss, plain float32 VGG-19 | {whole:.0f} | 1 x | | |")
    page = DOCS / "comparison.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end -->")
    table = "\n".join(lines)
    page.write_text(f"{before}<!-- table -->\n\n{table}\n\n<!-- end -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
