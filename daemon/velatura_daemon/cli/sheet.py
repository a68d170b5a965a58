"""`velatura sheet`: one photo in every style."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura.recipe import Stylize

from . import show
from .files import check_output, check_readable
from .options import Chosen, ForceOption, runs
from .progress import JobBar


@runs(Stylize)
def sheet(
    chosen: Chosen,
    picture: Annotated[Path, typer.Argument(metavar="IN", help="The picture; - is standard input.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; by default IN-sheet.jpg here.")
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option("--style", "-s", help="In this alone, a NAME or FILE; repeat. All by default."),
    ] = None,
    side: Annotated[int, typer.Option(min=32, max=2048, help="Longest side of each, in pixels.")] = 320,
    columns: Annotated[int, typer.Option(min=0, max=100, help="In a row; 0 fits the sheet.")] = 0,
    force: ForceOption = False,
) -> None:
    """Draw one picture in every style, with their names and titles."""
    check_readable(picture)
    target = out or Path(f"{picture.stem}-sheet.jpg")
    check_output(target, force)
    with velatura.connect(client="velatura sheet") as client, JobBar() as bar:
        bar.begin(picture.name)
        client.sheet(
            picture,
            style or (),
            side=side,
            columns=columns,
            out=target,
            told=lambda done, of: bar.step(done, of, {}, 0.0),
            **chosen,
        )
    show.line(str(target))
