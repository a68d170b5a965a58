"""`velatura bench`: speed on this machine, and quality on pictures of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from . import show
from .files import check_readable


def mount(app: typer.Typer) -> None:
    app.command()(bench)


def bench(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quality: Annotated[
        bool,
        typer.Option("--quality", help="Measure pictures instead of time; needs the three options below."),
    ] = False,
    vgg: Annotated[Path | None, typer.Option(help="Weights of VGG-19 to measure with, safetensors.")] = None,
    content: Annotated[Path | None, typer.Option(help="Folder of photos.")] = None,
    style: Annotated[Path | None, typer.Option(help="Folder of paintings.")] = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Measure the daemon's memory on a large picture instead.")
    ] = False,
) -> None:
    """Measure speed (default), quality or memory, and print figures."""
    if quality and (vgg is None or content is None or style is None):
        raise typer.BadParameter("--quality needs --vgg WEIGHTS, --content DIR and --style DIR")
    from . import benchmarks

    if vgg is not None and content is not None and style is not None:
        check_readable(vgg)
        figures = benchmarks.quality(vgg, content, style, tell=show.note)
    elif memory:
        figures = benchmarks.memory(tell=show.note)
    else:
        figures = benchmarks.speed(tell=show.note)
    if json:
        show.as_json(figures)
    else:
        show.table(("figure", "value"), flat(figures))


def flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested figures as rows: `slim.round_trip`, `0.312`."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)
