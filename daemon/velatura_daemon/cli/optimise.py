"""`velatura refine` and `velatura texture`: pictures optimised before one's eyes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
import velatura
from velatura.recipe import Refine, Texture

from . import show
from .exits import FILES, CommandError
from .files import WRITABLE, check_output, check_readable
from .options import (
    Chosen,
    ForceOption,
    JsonOption,
    MaskOption,
    RecipeOption,
    RegionOption,
    StyleOption,
    runs,
)
from .progress import JobBar
from .recipes import SourcedStyles, parse_styles, whole_recipe
from .work import (
    Preview,
    description,
    follow,
    report,
)

OutFile = Annotated[Path, typer.Option("--out", "-o", help="The picture to write.")]
Previews = Annotated[Path | None, typer.Option("--previews", help="Folder for the picture as it develops.")]
Every = Annotated[
    float, typer.Option("--preview-every", min=0.05, max=60.0, help="Seconds between previews.")
]
Side = Annotated[
    int,
    typer.Option(
        "--preview-side", min=0, max=16384, help="Longest side of previews in pixels; 0 is full size."
    ),
]


def mount(app: typer.Typer) -> None:
    app.command()(refine)
    app.command()(texture)


@runs(Refine)
def refine(
    chosen: Chosen,
    picture: Annotated[Path, typer.Argument(metavar="IN", help="The picture.")],
    out: OutFile,
    style: StyleOption = None,
    mask: MaskOption = None,
    region: RegionOption = None,
    previews: Previews = None,
    preview_every: Every = 1.0,
    preview_side: Side = 0,
    recipe: RecipeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Optimise a picture towards a style (Gatys et al. 2016).

    Ctrl-C stops and keeps the best picture so far; a second Ctrl-C discards it.
    """
    check_readable(picture, recipe, mask, *(region or []))
    sourced = SourcedStyles(parse_styles(style or []), region or [])
    whole = whole_recipe(Refine, recipe, chosen, sourced)
    _run(whole, sourced, picture, mask, out, force, json, previews, preview_every, preview_side)


@runs(Texture)
def texture(
    chosen: Chosen,
    out: OutFile,
    style: StyleOption = None,
    previews: Previews = None,
    preview_every: Every = 1.0,
    preview_side: Side = 0,
    recipe: RecipeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Synthesise a texture from noise (Gatys et al. 2015), or with --method network in one pass.

    Ctrl-C stops and keeps the best picture so far; a second Ctrl-C discards it.
    """
    check_readable(recipe)
    sourced = SourcedStyles(parse_styles(style or []), [])
    whole = whole_recipe(Texture, recipe, chosen, sourced)
    _run(whole, sourced, None, None, out, force, json, previews, preview_every, preview_side)


def _run(
    whole: Any,
    sourced: SourcedStyles,
    picture: Path | None,
    mask: Path | None,
    out: Path,
    force: bool,
    json: bool,
    previews: Path | None,
    every: float,
    side: int,
) -> None:
    from velatura.pictures import images

    check_output(out, force, WRITABLE)
    if picture is not None and out.resolve() == picture.resolve():
        raise CommandError(FILES, f"{out} is the input itself; choose another output")
    pixels = images.read(picture) if picture is not None else None
    sourced.load()
    styles, pictures = sourced.of(pixels)
    if styles:
        whole = replace(whole, styles=styles)
    preview = _preview_writer(previews) if previews is not None else None
    began = time.monotonic()
    with velatura.connect(client=f"velatura {whole.KIND}") as client, JobBar() as bar:
        job = client.submit(
            whole,
            pixels,
            mask,
            preview_every=every if preview else 0.0,
            preview_side=side if preview else 0,
            out=out,
            pictures=pictures,
        )
        bar.begin(picture.name if picture is not None else whole.KIND)
        follow(job, bar, preview, can_stop=whole.FACTS.stops)
        job.result()
    for said in job.record.get("notes", ()):
        show.note(f"velatura: {said}")
    source = str(picture) if picture is not None else ""
    report([description(job, source, out, time.monotonic() - began)], json)


def _preview_writer(folder: Path) -> Preview:
    """Writes previews as `step-000123.png`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(step: int, image: Any) -> None:
        from velatura.pictures import files, images

        files.save(folder / f"step-{step:06d}.png", images.read(image).array)

    return write
