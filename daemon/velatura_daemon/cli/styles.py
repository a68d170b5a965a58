"""`velatura styles`: the library that the daemon serves."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import velatura
from velatura.errors import FieldError, VelaturaError
from velatura.names import style_name

from ..paths import default_paths
from . import show
from .progress import download_bar

if TYPE_CHECKING:
    from ..styles.library import Library

app = typer.Typer(no_args_is_help=True, help="Styles: list, add, remove, show, pull.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_styles(json: Json = False) -> None:
    """List the styles: built-in ones and your own."""
    with velatura.connect() as client:
        styles = client.styles()
    if json:
        show.as_json(styles)
        return
    show.table(
        ("name", "title", "artist", "year", "kind", "picture"),
        (
            (s["name"], s["title"], s["artist"], s["year"], s["kind"], s["error"] or _picture(s))
            for s in styles
        ),
    )


@app.command("show")
def show_style(name: str, json: Json = False) -> None:
    """Show all that is known of one style."""
    with velatura.connect() as client:
        styles = {style["name"]: style for style in client.styles()}
    if name not in styles:
        close = difflib.get_close_matches(name, styles, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "see: velatura styles list"
        raise VelaturaError("unknown_style", f"no style is called {name!r}; {hint}")
    style = styles[name]
    if json:
        show.as_json(style)
        return
    show.table(("", ""), ((k, ", ".join(v) if isinstance(v, list) else v) for k, v in style.items() if v))


@app.command()
def add(
    picture: Annotated[Path, typer.Argument(help="The picture file.")],
    name: Annotated[str, typer.Option(help="Its name; made from the file's name by default.")] = "",
    title: Annotated[str, typer.Option(help="For people.")] = "",
    artist: Annotated[str, typer.Option(help="Who made it.")] = "",
    year: Annotated[str, typer.Option(help="When.")] = "",
) -> None:
    """Add a picture of your own as a style."""
    chosen = name or style_name(picture.stem)
    if not chosen:
        raise FieldError("name", f"cannot be made from {picture.name!r}; give one with --name")
    with velatura.connect() as client:
        client.add_style(chosen, picture, title=title or picture.stem, artist=artist, year=year or None)  # pyright: ignore[reportArgumentType]  # "c. 1830" is a year too
    show.line(chosen)


@app.command()
def remove(names: Annotated[list[str], typer.Argument(help="Names of your own styles.")]) -> None:
    """Remove styles of your own."""
    with velatura.connect() as client:
        for name in names:
            client.remove_style(name)
            show.line(f"{name}: removed")


@app.command()
def pull(names: Annotated[list[str], typer.Argument(help="Names of works of art, or `all`.")]) -> None:
    """Fetch pictures of works of art, for the methods and backbones that need pixels."""
    library = _library()
    if names == ["all"]:
        names = [entry.name for entry in library.list() if entry.url and entry.picture is None]
    for name in names:
        with download_bar(name) as told:
            library.pull(name, lambda done, total, told=told: told("picture", done, total))
        show.line(f"{name}: its picture is at hand")


def _library() -> Library:
    from ..styles.library import Library

    paths = default_paths()
    return Library(paths.styles, paths.cache, paths.weights)


def _picture(style: dict[str, Any]) -> str:
    if style["has_picture"]:
        return "yes"
    return "card; can be pulled" if style["can_pull"] else "card"
