"""`velatura keypoints`: places of two pictures that correspond, into a file that one can read and edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import velatura
from velatura.pairs import as_text
from velatura.recipe import Keypoints

from .files import check_output, check_readable
from .options import Chosen, ForceOption, runs
from .recipes import parse_styles
from .show import note


@runs(Keypoints)
def keypoints(
    chosen: Chosen,
    content: Annotated[Path, typer.Argument(help="The picture.")],
    style: Annotated[str, typer.Argument(help="A NAME of the library or a picture FILE.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The JSON file to write.")],
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write the picture with the pairs drawn on it.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Find places of a picture and of a style that correspond, for `velatura refine --deform`."""
    check_readable(content)
    check_output(out, force, {".json"})
    if picture is not None:
        check_output(picture, force)
    (source,) = parse_styles([style])
    with velatura.connect(client="velatura keypoints") as client:
        found = client.keypoints(content, source, out=picture, **chosen)
    out.write_text(as_text(found), "utf-8")
    count = len(found["pairs"])
    note(f"{count} pairs: {out}" if count else f"no good pairs were found; {out} is without any")
