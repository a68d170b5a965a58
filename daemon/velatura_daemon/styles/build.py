"""Making the files that built-in styles ship with: cards and renderings of works, thumbnails, digests.

    python -m velatura_daemon.styles.build build --works FOLDER        cards of works whose pictures lie there
    python -m velatura_daemon.styles.build renderings --works FOLDER   the works painted again by Velatura
    python -m velatura_daemon.styles.build thumbnails                  the sample scene in every style
    python -m velatura_daemon.styles.build digests                     size and SHA-256 of procedural pictures

Pictures of works are only read: what is written are their statistics, and what Velatura paints. Cards belong
to one set of weights, so they are made again whenever the embedded encoder changes; renderings serve any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Collection
from pathlib import Path

from PIL import Image, ImageOps
from velatura.errors import VelaturaError

from .catalogue import STYLES, StyleEntry, catalog
from .procedural.sample_scene import paint as paint_scene
from .reading import over_white, read_style

SCENE_SIDE = 384
"""Side at which the sample scene is stylized, in pixels."""

THUMBNAIL_SIDE = 256
RENDERING_SIDE = 512
"""Short side of a rendering, in pixels: that at which styles are seen at scale 1."""

RENDERING_ASPECT = 1.25
"""Of the longer side to the shorter, at most: parts of a style further out add little."""

RENDERING_BYTES, RENDERING_STEPS = 300_000, 40
CARD_PICTURE = 2048
"""Longest side of the pictures that cards are computed from, in pixels."""


def build_cards(works: Path, out: Path = STYLES / "cards", names: Collection[str] = ()) -> list[Path]:
    """The cards of works in the catalog, for `slim`.

    Args:
        works: folder with the works' pictures, searched in depth by the catalog's `source` names.
        out: where the cards go, as `<name>.slim.safetensors`.
        names: which styles; all works when empty.

    Raises:
        VelaturaError: `unknown_style` listing the works whose picture is not there; `digest_mismatch` for a
            picture that is not the one in the catalog. No card is written then.
    """
    from velatura_models.store.cards import compute_card, save_card
    from velatura_models.store.files import weights_digest
    from velatura_models.store.pictures import tensor_of
    from velatura_models.store.weights import load_backbone

    found = _found(works, names)
    encoder = load_backbone("slim")
    weights = weights_digest(encoder.state_dict())
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for entry, path in found:
        picture = tensor_of(over_white(read_style(path, CARD_PICTURE)))
        target = out / f"{entry.name}.slim.safetensors"
        part = target.with_suffix(".part")
        save_card(compute_card(encoder, picture), part, weights)
        written.append(part.replace(target))
    return written


def render_works(
    works: Path,
    paint: Callable[[Image.Image], Image.Image],
    out: Path = STYLES / "renderings",
    names: Collection[str] = (),
) -> list[Path]:
    """Works painted again, as WebP with a short side of `RENDERING_SIDE` pixels and at most
    `RENDERING_BYTES`: the pixels that ship for what needs some. Of long pictures it is the middle.

    Args:
        works: as for `build_cards`, which raises alike.
        paint: gives a picture in the style of itself.
        out: where the renderings go, as `<name>.webp`.
        names: which styles; all works when empty.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for entry, path in _found(works, names):
        picture = over_white(read_style(path, CARD_PICTURE))
        short = min(RENDERING_SIDE, *picture.size)
        factor = short / min(picture.size)
        longest = round(short * RENDERING_ASPECT)
        width, height = (min(round(side * factor), longest) for side in picture.size)
        painted = paint(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)).convert("RGB")
        target = out / f"{entry.name}.webp"
        for quality in (90, 80, 70, 60):
            painted.save(target, quality=quality, method=6)
            if target.stat().st_size <= RENDERING_BYTES:
                break
        written.append(target)
    return written


def render_thumbnails(
    stylize: Callable[[Image.Image, str], Image.Image], out: Path = STYLES / "thumbnails"
) -> list[Path]:
    """The sample scene in every built-in style, as JPEG of `THUMBNAIL_SIDE` pixels.

    Args:
        stylize: gives a picture in the style of that name; `velatura.connect().stylize` fits.
        out: where the thumbnails go, as `<name>.jpg`.
    """
    scene = Image.fromarray(paint_scene(SCENE_SIDE, 3))
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name in catalog():
        side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        small = stylize(scene, name).convert("RGB").resize(side, Image.Resampling.LANCZOS)
        small.save(out / f"{name}.jpg", quality=84, optimize=True)
        written.append(out / f"{name}.jpg")
    return written


def refresh_digests(path: Path = STYLES / "catalog.json") -> None:
    """Writes size and SHA-256 of the procedural pictures into the catalog."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    for item in whole["styles"]:
        if item["kind"] == "procedural":
            data = (path.parent / "pictures" / f"{item['name']}.webp").read_bytes()
            item.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _found(works: Path, names: Collection[str]) -> list[tuple[StyleEntry, Path]]:
    """Works of the catalog with their pictures, in its order; see `build_cards`."""
    found = {path.stem: path for path in sorted(works.rglob("*")) if path.suffix.lower() in (".jpg", ".png")}
    works_of_art = [entry for entry in catalog().values() if entry.kind == "work"]
    entries = [entry for entry in works_of_art if not names or entry.name in names]
    missing = [entry.source for entry in entries if entry.source not in found]
    if missing:
        raise VelaturaError("unknown_style", f"{works} holds no picture called {', '.join(missing)}")
    for entry in entries:
        path = found[entry.source]
        if entry.digest and hashlib.sha256(path.read_bytes()).hexdigest() != entry.digest:
            raise VelaturaError("digest_mismatch", f"{path} is not the picture that the catalog names")
    return [(entry, found[entry.source]) for entry in entries]


def main() -> None:
    """The command `python -m velatura_daemon.styles.build`."""
    parser = argparse.ArgumentParser(
        prog="python -m velatura_daemon.styles.build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, folder in (("build", "cards"), ("renderings", "renderings")):
        command = commands.add_parser(name)
        command.add_argument("--works", type=Path, required=True, help="folder with the works' pictures")
        command.add_argument("--out", type=Path, default=STYLES / folder)
        command.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these works only")
    thumbnails = commands.add_parser("thumbnails")
    thumbnails.add_argument("--out", type=Path, default=STYLES / "thumbnails")
    commands.add_parser("digests")
    arguments = parser.parse_args()
    if arguments.command == "build":
        written = build_cards(arguments.works, arguments.out, names=arguments.only)
    elif arguments.command == "renderings":
        import velatura

        with velatura.connect() as client:

            def paint(picture: Image.Image) -> Image.Image:
                return client.refine(
                    picture, style=picture, objective="neighbours", iterations=RENDERING_STEPS
                )

            written = render_works(arguments.works, paint, arguments.out, arguments.only)
    elif arguments.command == "thumbnails":
        import velatura

        with velatura.connect() as client:
            written = render_thumbnails(lambda image, name: client.stylize(image, style=name), arguments.out)
    else:
        refresh_digests()
        written = [STYLES / "catalog.json"]
    for path in written:
        print(f"{path}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
