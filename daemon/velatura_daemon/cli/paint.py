"""`velatura stylize`, `refine`, `texture` and `upscale`: a picture made of a picture, or folders of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from velatura.pairs import deformed
from velatura.recipe import RecipeClass, Refine, Stylize, Texture, Upscale
from velatura.styles import warn_of_stretch

from .exits import USAGE, CommandError
from .files import check_output, check_readable, plan
from .options import Chosen, ForceOption, JsonOption, RecipeOption, StyleOption, runs
from .recipes import SourcedStyles, parse_styles, whole_recipe
from .running import Look, Pair, Watcher, run


@dataclass(frozen=True, kw_only=True)
class Styled:
    """What a picture is to look like, and where."""

    style: StyleOption = None
    mask: Annotated[
        Path | None,
        typer.Option(help="Where, and how strongly: a gray picture of the content's size; white is in full."),
    ] = None
    region: Annotated[
        list[Path] | None,
        typer.Option(
            "--region", help="Where a style applies: a gray picture, one for each --style, in their order."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How a picture is seen as it develops."""

    previews: Annotated[
        Path | None, typer.Option("--previews", help="Folder for the picture as it develops.")
    ] = None
    preview_every: Annotated[
        float, typer.Option("--preview-every", min=0.05, max=60.0, help="Seconds between previews.")
    ] = 1.0
    preview_side: Annotated[
        int,
        typer.Option(
            "--preview-side", min=0, max=16384, help="Longest side of previews in pixels; 0 is full size."
        ),
    ] = 0


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What is worked on, and how all of it is."""

    inputs: Annotated[
        list[str], typer.Argument(metavar="IN...", help="Pictures, folders, globs; - is standard input.")
    ]
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            help="A file for one picture, else a folder, where names and sub-folders stay; - is standard"
            " output.",
        ),
    ]
    recipe: RecipeOption = None
    device: Annotated[
        str, typer.Option(help="Where to compute, such as cpu or cuda:1; by default where the daemon chose.")
    ] = ""
    force: ForceOption = False
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out outputs that exist: go on with a batch.")
    ] = False
    json: JsonOption = False


@dataclass(frozen=True, kw_only=True)
class Samples(Pictures):
    inputs: Annotated[  # type: ignore[assignment]  # None as well
        list[str] | None,
        typer.Argument(
            metavar="[IN...]", help="Pictures, folders, globs: a texture of each, without --style."
        ),
    ] = None


@runs(Stylize)
def stylize(chosen: Chosen, styled: Styled, pictures: Pictures) -> None:
    """Paint pictures in a style, in one pass."""
    _paint(Stylize, chosen, pictures, styled)


@runs(Refine)
def refine(
    chosen: Chosen,
    styled: Styled,
    pictures: Pictures,
    watched: Watched,
    deform: Annotated[
        str | None,
        typer.Option(
            help="Shapes move by the pairs of places in this FILE, as `velatura keypoints` writes it; auto"
            " finds them."
        ),
    ] = None,
) -> None:
    """Optimise pictures towards a style (Gatys et al. 2016).

    Ctrl-C stops a single one and keeps the best picture so far; a second Ctrl-C discards it.
    """
    _paint(
        Refine, {**deformed(deform), **chosen}, pictures, styled, watched, partial(warn_of_stretch, deform)
    )


@runs(Texture)
def texture(chosen: Chosen, pictures: Samples, watched: Watched, style: StyleOption = None) -> None:
    """Synthesise a texture from noise (Gatys et al. 2015), or with --method network in one pass.

    Ctrl-C stops and keeps the best picture so far; a second Ctrl-C discards it.
    """
    if pictures.inputs and style:
        raise CommandError(USAGE, "IN... and --style are both given; a texture is made of one or the other")
    _paint(Texture, chosen, pictures, Styled(style=style), watched)


@runs(Upscale)
def upscale(chosen: Chosen, pictures: Pictures) -> None:
    """Enlarge pictures 4 or 8 times, with more detail than interpolation gives."""
    _paint(Upscale, chosen, pictures)


def _paint(
    kind: RecipeClass,
    chosen: Chosen,
    pictures: Pictures,
    styled: Styled = Styled(),  # a value
    watched: Watched = Watched(),  # a value
    look: Look | None = None,
) -> None:
    check_readable(pictures.recipe, styled.mask, *(styled.region or []))
    styles = SourcedStyles(parse_styles(styled.style), styled.region or [])
    if pictures.inputs:
        pairs: list[Pair] = list(
            plan(pictures.inputs, pictures.out, pictures.force, skip=pictures.skip_existing)
        )
    else:
        check_output(Path(pictures.out), pictures.force)
        pairs = [(None, Path(pictures.out))]
    sample = None if kind.FACTS.content else next((source for source, _ in pairs), None)
    given = styles if sample is None else SourcedStyles({sample: 1.0})
    whole = whole_recipe(kind, pictures.recipe, chosen, given)
    options: dict[str, Any] = {"mask": styled.mask, "device": pictures.device, "look": look}
    options["suited"] = pictures.recipe is None and "scale" not in chosen
    if watched.previews is not None:
        if len(pairs) > 1:
            words = f"--previews shows one picture as it develops; there are {len(pairs)}"
            raise CommandError(USAGE, words)
        options |= {"preview_every": watched.preview_every, "preview_side": watched.preview_side}
        options["preview"] = _preview_writer(watched.previews)
    run(whole, pairs, styles, pictures.json, **options)


def _preview_writer(folder: Path) -> Watcher:
    """Writes previews as `step-000123.png`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(step: int, image: Any) -> None:
        from velatura.pictures import files, images

        files.save(folder / f"step-{step:06d}.png", images.read(image).array)

    return write
