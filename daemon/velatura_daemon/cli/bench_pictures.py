"""`velatura bench pictures`: photos painted in styles through the daemon, and judged by the six figures of
`velatura_models.maths.quality`. Pictures that were made elsewhere, by another program, are judged alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import velatura
from PIL import Image
from velatura.errors import VelaturaError
from velatura.recipe import Recipe, recipe_from_map, recipe_to_map

from .files import READABLE, check_readable, gather

SIDE, PAIRS, CELL = 320, 100, 160
COLUMNS = ("style", "gram", "palette", "recognised", "grid", "content")
Tell = Callable[[str], None]
Pair = tuple[Path, Path]
"""A photo and a style."""


def pictures(
    vgg: Path,
    content: Path,
    style: Path,
    fields: Mapping[str, Any],
    by_name: bool = False,
    side: int = SIDE,
    most: int = PAIRS,
    out: Path | None = None,
    made: Path | None = None,
    tell: Tell = lambda text: None,
) -> dict[str, Any]:
    """Figures of stylized pairs, as the real VGG-19 sees them in float32.

    Args:
        vgg: its weights, safetensors with an `Encoder`'s names.
        content, style: folders of photos and paintings; see `pairs_of`.
        fields: of the recipe, with its `kind`, but for the styles.
        by_name: whether to ask for the styles by their files' names, as the library knows them: for methods
            that paint only in their own.
        side: short side of photos and paintings in pixels.
        most: pairs, at most.
        out: folder to keep the pictures in, with a sheet of them.
        made: folder of pictures to judge instead of painting any, called as `out` calls them.

    Raises:
        VelaturaError: `bad_image` for a picture of another size than its photo; what fails a job.

    Returns:
        `pairs`; the figures of the untouched `photo` and of the `result`, with `seconds`, the median that a
        picture took; and the `recipe` of the last, as it ran.
    """
    from safetensors.torch import load_file
    from velatura_models.maths import quality
    from velatura_models.networks.encoder import encoder_from_state
    from velatura_models.store.pictures import tensor_of

    check_readable(vgg)
    photos, styles = ([path for path, _ in gather([str(folder)], READABLE)] for folder in (content, style))
    pairs = pairs_of(photos, styles, most)
    shown = {path: read(path, side) for path in (*photos, *styles)}
    eye = encoder_from_state(load_file(vgg))
    looks = {path: quality.look(eye, tensor_of(picture)) for path, picture in shown.items()}
    known = {path.stem: looks[path] for path in styles}
    told: dict[str, Any] = {}
    if made is None:
        results = painted(pairs, shown, fields, by_name, told)
    else:
        check_readable(*(made / name_of(pair) for pair in pairs))
        results = ((pair, read(made / name_of(pair))) for pair in pairs)

    def judged() -> Iterator[tuple[quality.Traits, quality.Traits, str]]:
        kept: dict[Pair, Image.Image] = {}
        for number, ((photo, painting), result) in enumerate(results, 1):
            if result.size != shown[photo].size:
                sizes = "is {} x {}, and the photo {} x {}".format(*result.size, *shown[photo].size)
                raise VelaturaError("bad_image", sizes, name_of((photo, painting)))
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                result.save(out / name_of((photo, painting)))
                kept[photo, painting] = result
            yield quality.look(eye, tensor_of(result)), looks[photo], painting.stem
            if number % 10 == 0:
                tell(f"{number} of {len(pairs)} pairs")
        if out is not None:
            sheet(shown, photos, styles, kept).save(out / "sheet.jpg", quality=90)

    result = vars(quality.figures(judged(), known)) | told.pop("timing", {})
    untouched = quality.figures(((looks[p], looks[p], s.stem) for p, s in pairs), known)
    return {"pairs": len(pairs), "photo": vars(untouched), "result": result, **told}


def pairs_of(photos: Sequence[Path], styles: Sequence[Path], most: int) -> list[Pair]:
    """Every photo with every style, `most` of them at most, so ordered that all photos and all styles come
    equally often from the beginning on."""
    count, turn = len(photos) * len(styles), math.lcm(len(photos), len(styles))
    order = ((photos[k % len(photos)], styles[(k + k // turn) % len(styles)]) for k in range(count))
    return [pair for pair, _ in zip(order, range(most), strict=False)]


def name_of(pair: Pair) -> str:
    """What a pair's picture is called: `photo--style.png`."""
    return f"{pair[0].stem}--{pair[1].stem}.png"


def painted(
    pairs: Sequence[Pair],
    shown: Mapping[Path, Image.Image],
    fields: Mapping[str, Any],
    by_name: bool,
    told: dict[str, Any],
) -> Iterator[tuple[Pair, Image.Image]]:
    """Paints pair after pair; `told` is given `timing` and `recipe`.

    Raises:
        FieldError: for a field that the recipe does not have, or out of its range.
    """
    seconds: list[float] = []
    ran: Recipe | None = None
    with velatura.connect(client="velatura bench") as client:
        digests = {} if by_name else {s: client.upload(shown[s]) for s in {style for _, style in pairs}}
        for photo, style in pairs:
            asked = {"name": style.stem} if by_name else {"digest": digests[style]}
            recipe = recipe_from_map({**fields, "styles": [asked]})
            began = time.perf_counter()
            job = client.submit(recipe, shown[photo], priority="batch")
            result = job.result()
            seconds.append(time.perf_counter() - began)
            ran = job.recipe
            yield (photo, style), result.convert("RGB")
    told["timing"] = {"seconds": statistics.median(seconds)}
    if ran is not None:
        told["recipe"] = {name: value for name, value in recipe_to_map(ran).items() if name != "styles"}


def read(path: Path, side: int = 0) -> Image.Image:
    """A picture in RGB with a short side of about `side` pixels and both a multiple of 8; 0 keeps its size.

    Raises:
        VelaturaError: `bad_image`.
    """
    from velatura_models.store.pictures import read_rgb

    try:
        image = read_rgb(path)
    except ValueError as error:
        raise VelaturaError("bad_image", str(error)) from error
    if not side:
        return image
    factor = side / min(image.size)
    width, height = (max(32, round(length * factor / 8) * 8) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def sheet(
    shown: Mapping[Path, Image.Image],
    photos: Sequence[Path],
    styles: Sequence[Path],
    made: Mapping[Pair, Image.Image],
) -> Image.Image:
    """A row a photo, a column a style, with the photos at the left and the styles on top."""
    whole = Image.new("RGB", ((len(styles) + 1) * CELL, (len(photos) + 1) * CELL), "white")
    cells = {(0, row): shown[photo] for row, photo in enumerate(photos, 1)}
    cells |= {(column, 0): shown[style] for column, style in enumerate(styles, 1)}
    for (photo, style), picture in made.items():
        cells[styles.index(style) + 1, photos.index(photo) + 1] = picture
    for (column, row), picture in cells.items():
        small = picture.copy()
        small.thumbnail((CELL - 4, CELL - 4), Image.Resampling.LANCZOS)
        whole.paste(small, (column * CELL + 2, row * CELL + 2))
    return whole
