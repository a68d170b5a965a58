"""`velatura refine` and `velatura texture`: pictures optimised before one's eyes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from velatura.pairs import deformed
from velatura.recipe import Refine, Texture

from .exits import USAGE, CommandError
from .files import check_output, check_readable, plan
from .options import (
    Chosen,
    DeviceOption,
    ForceOption,
    InputsArgument,
    JsonOption,
    MaskOption,
    OutOption,
    RecipeOption,
    RegionOption,
    SkipOption,
    StyleOption,
    runs,
)
from .recipes import SourcedStyles, parse_styles, whole_recipe
from .work import Pair, Watcher, run, styled

Samples = Annotated[
    list[str] | None,
    typer.Argument(metavar="[IN...]", help="Pictures, folders, globs: a texture of each, without --style."),
]
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
    inputs: InputsArgument,
    out: OutOption,
    style: StyleOption = None,
    mask: MaskOption = None,
    region: RegionOption = None,
    deform: Annotated[
        str | None,
        typer.Option(
            help="Shapes move by the pairs of places in this FILE, as `velatura keypoints` writes it; auto"
            " finds them."
        ),
    ] = None,
    previews: Previews = None,
    preview_every: Every = 1.0,
    preview_side: Side = 0,
    recipe: RecipeOption = None,
    device: DeviceOption = "",
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Optimise pictures towards a style (Gatys et al. 2016).

    Ctrl-C stops a single one and keeps the best picture so far; a second Ctrl-C discards it.
    """
    check_readable(recipe, mask, *(region or []))
    sourced = SourcedStyles(parse_styles(style or []), region or [])
    whole = whole_recipe(Refine, recipe, {**deformed(deform), **chosen}, sourced)
    pairs = plan(inputs, out, force, skip=skip_existing)
    _run(whole, sourced, pairs, mask, json, device, previews, preview_every, preview_side)


@runs(Texture)
def texture(
    chosen: Chosen,
    out: OutOption,
    inputs: Samples = None,
    style: StyleOption = None,
    previews: Previews = None,
    preview_every: Every = 1.0,
    preview_side: Side = 0,
    recipe: RecipeOption = None,
    device: DeviceOption = "",
    force: ForceOption = False,
    skip_existing: SkipOption = False,
    json: JsonOption = False,
) -> None:
    """Synthesise a texture from noise (Gatys et al. 2015), or with --method network in one pass.

    Ctrl-C stops and keeps the best picture so far; a second Ctrl-C discards it.
    """
    check_readable(recipe)
    sourced = SourcedStyles(parse_styles(style or []), [])
    pairs: Sequence[Pair] = [(None, Path(out))]
    if inputs and sourced:
        raise CommandError(USAGE, "IN... and --style are both given; a texture is made of one or the other")
    if inputs:
        pairs = plan(inputs, out, force, skip=skip_existing)
    else:
        check_output(Path(out), force)
    each = SourcedStyles({pairs[0][0]: 1.0}, []) if pairs and pairs[0][0] else sourced
    whole = whole_recipe(Texture, recipe, chosen, each)
    _run(whole, sourced, pairs, None, json, device, previews, preview_every, preview_side)


def _run(
    whole: Any,
    sourced: SourcedStyles,
    pairs: Sequence[Pair],
    mask: Path | None,
    json: bool,
    device: str,
    previews: Path | None,
    every: float,
    side: int,
) -> None:
    if previews is not None and len(pairs) > 1:
        raise CommandError(USAGE, f"--previews shows one picture as it develops; there are {len(pairs)}")
    make = styled(whole, sourced)
    if previews is None:
        run(whole, pairs, make, json, mask, device=device)
    else:
        options = {"preview_every": every, "preview_side": side, "device": device}
        run(whole, pairs, make, json, mask, _preview_writer(previews), **options)


def _preview_writer(folder: Path) -> Watcher:
    """Writes previews as `step-000123.png`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(step: int, image: Any) -> None:
        from velatura.pictures import files, images

        files.save(folder / f"step-{step:06d}.png", images.read(image).array)

    return write
