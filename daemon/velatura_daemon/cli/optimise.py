"""`velatura refine` and `velatura texture`: pictures optimised before one's eyes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
import velatura
from velatura.recipe import Refine, Texture

from . import show
from .exits import FILES, CommandError
from .files import WRITABLE, check_output, check_readable
from .progress import JobBar
from .recipes import (
    SourcedStyles,
    default,
    option,
    parse_layers,
    parse_styles,
)
from .stylize import (
    ForceOption,
    JsonOption,
    KeepOption,
    MaskOption,
    RecipeOption,
    RegionOption,
    StyleOption,
    chosen_fields,
    whole_recipe,
)
from .work import (
    Preview,
    description,
    follow,
    keep,
    report,
)

LayersHelp = "LAYER=WEIGHT, such as relu1_1=0.5; repeat. Layers not named are then not used."
StyleLayers = Annotated[list[str] | None, typer.Option("--style-layer", help="Style layer: " + LayersHelp)]
ContentLayers = Annotated[
    list[str] | None, typer.Option("--content-layer", help="Content layer: " + LayersHelp)
]
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


def refine(
    context: typer.Context,
    picture: Annotated[Path, typer.Argument(metavar="IN", help="The picture.")],
    out: OutFile,
    style: StyleOption = None,
    iterations: Annotated[int, option(Refine, "iterations")] = default(Refine, "iterations"),
    mask: MaskOption = None,
    region: RegionOption = None,
    keep_color: KeepOption = False,
    color: Annotated[str, option(Refine, "color")] = default(Refine, "color"),
    content_weight: Annotated[float, option(Refine, "content_weight")] = default(Refine, "content_weight"),
    style_weight: Annotated[float, option(Refine, "style_weight")] = default(Refine, "style_weight"),
    tv_weight: Annotated[float, option(Refine, "tv_weight")] = default(Refine, "tv_weight"),
    style_layer: StyleLayers = None,
    content_layer: ContentLayers = None,
    optimizer: Annotated[str, option(Refine, "optimizer")] = default(Refine, "optimizer"),
    learning_rate: Annotated[float, option(Refine, "learning_rate")] = default(Refine, "learning_rate"),
    init: Annotated[str, option(Refine, "init")] = default(Refine, "init"),
    pooling: Annotated[str, option(Refine, "pooling")] = default(Refine, "pooling"),
    levels: Annotated[int, option(Refine, "levels")] = default(Refine, "levels"),
    scale: Annotated[float, option(Refine, "scale")] = default(Refine, "scale"),
    seed: Annotated[int, option(Refine, "seed")] = default(Refine, "seed"),
    backbone: Annotated[str, option(Refine, "backbone")] = default(Refine, "backbone"),
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
    chosen = chosen_fields(context, Refine, keep_color) | _layers(style_layer, content_layer)
    whole = whole_recipe(Refine, recipe, chosen, sourced)
    _run(whole, sourced, picture, mask, out, force, json, previews, preview_every, preview_side)


def texture(
    context: typer.Context,
    out: OutFile,
    style: StyleOption = None,
    width: Annotated[int, option(Texture, "width", extra="Width")] = default(Texture, "width"),
    height: Annotated[int, option(Texture, "height", extra="Height")] = default(Texture, "height"),
    iterations: Annotated[int, option(Texture, "iterations")] = default(Texture, "iterations"),
    tileable: Annotated[bool, typer.Option("--tileable", help="Make it repeat without a seam.")] = default(
        Texture, "tileable"
    ),
    tv_weight: Annotated[float, option(Texture, "tv_weight")] = default(Texture, "tv_weight"),
    style_layer: StyleLayers = None,
    optimizer: Annotated[str, option(Texture, "optimizer")] = default(Texture, "optimizer"),
    learning_rate: Annotated[float, option(Texture, "learning_rate")] = default(Texture, "learning_rate"),
    pooling: Annotated[str, option(Texture, "pooling")] = default(Texture, "pooling"),
    levels: Annotated[int, option(Texture, "levels")] = default(Texture, "levels"),
    scale: Annotated[float, option(Texture, "scale")] = default(Texture, "scale"),
    seed: Annotated[int, option(Texture, "seed")] = default(Texture, "seed"),
    backbone: Annotated[str, option(Texture, "backbone")] = default(Texture, "backbone"),
    method: Annotated[str, option(Texture, "method")] = default(Texture, "method"),
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
    chosen = chosen_fields(context, Texture, keep_color=False) | _layers(style_layer, None)
    whole = whole_recipe(Texture, recipe, chosen, sourced)
    _run(whole, sourced, None, None, out, force, json, previews, preview_every, preview_side)


def _layers(style: Sequence[str] | None, content: Sequence[str] | None) -> dict[str, Any]:
    """The layer weights that were given."""
    given = {
        "style_layers": parse_layers(style or [], "style_layers"),
        "content_layers": parse_layers(content or [], "content_layers"),
    }
    return {name: weights for name, weights in given.items() if weights is not None}


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
        follow(job, bar, preview, can_stop=True)
        keep(job, out)
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
