"""`velatura styles`: the library that the daemon serves."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import velatura
from velatura.errors import FieldError, VelaturaError
from velatura.recipe import Learn
from velatura.stylefile import SUFFIX, is_style_file
from velatura.styles import is_file

from ..paths import default_paths
from . import show
from .files import check_output, check_readable
from .options import Chosen, runs
from .progress import JobBar, download_bar
from .running import follow
from .show import Json

if TYPE_CHECKING:
    from velatura import Client

styles_app = typer.Typer(
    no_args_is_help=True, help="Styles: list, show, add, learn, unlearn, export, remove, pull."
)


Name = Annotated[str, typer.Option(help="Its name; made from the file's name by default.")]
Title = Annotated[str, typer.Option(help="For people.")]
Artist = Annotated[str, typer.Option(help="Who made it.")]
Year = Annotated[str, typer.Option(help="When.")]
Licence = Annotated[str, typer.Option(help="What others may do with it, such as `CC BY 4.0`.")]


@styles_app.command("list")
def list_styles(json: Json = False) -> None:
    """List the styles: built-in ones and your own."""
    with velatura.connect() as client:
        styles = client.styles()
    shown = ("name", "title", "artist", "year", "kind")
    rows = ((*(s[key] for key in shown), _picture(s), s.get("learned", "")) for s in styles)
    show.told(json, styles, (*shown, "picture", "learned"), rows)


@styles_app.command("show")
def show_style(name: str, json: Json = False) -> None:
    """Show all that is known of one style."""
    with velatura.connect() as client:
        styles = {style["name"]: style for style in client.styles()}
    if name not in styles:
        close = difflib.get_close_matches(name, styles, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "see: velatura styles list"
        raise VelaturaError("unknown_style", f"no style is called {name!r}; {hint}")
    style = styles[name]
    known = {key: style[key] for key in ("name", "title", "artist", "year", "kind", "rights", "tags")}
    held = {"picture": _picture(style), "cards": style["cards"], "learned": style["learned"]}
    show.facts(json, style, {**known, **held})


@styles_app.command()
def add(
    picture: Annotated[Path, typer.Argument(help=f"The picture, or a style's file (*{SUFFIX}).")],
    name: Name = "",
    title: Title = "",
    artist: Artist = "",
    year: Year = "",
    licence: Licence = "",
) -> None:
    """Add a picture of your own as a style, or a style that somebody exported."""
    with velatura.connect() as client:
        show.line(_added(client, picture, name, title, artist, year, licence))


@styles_app.command()
@runs(Learn)
def learn(
    chosen: Chosen,
    picture: Annotated[str, typer.Argument(help="The picture, or the name of a style that is there.")],
    name: Name = "",
    title: Title = "",
    artist: Artist = "",
    year: Year = "",
    licence: Licence = "",
    on: Annotated[Path | None, typer.Option(help="A picture of yours to try it on.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File for a look at it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite that.")] = False,
) -> None:
    """Teach the painter a style in about a minute: then it is bold, fast and mixes with the built-in ones.

    Run again, with the picture or the name, it goes on and gets better; what does not paint the style better
    than before is not used, and said. Ctrl-C stops and keeps what it has learned; a second Ctrl-C gives up,
    and the style stays as it was. `velatura styles unlearn` takes out what was learned.
    """
    check_readable(on, Path(picture) if is_file(picture) else None)
    if out is not None:
        check_output(out, force)
    with velatura.connect(client="velatura styles learn") as client, JobBar() as bar:
        if is_file(picture):
            style = _added(client, Path(picture), name, title, artist, year, licence)
        else:
            style = picture
            told = {"name": name, "title": title, "artist": artist, "year": year, "licence": licence}
            _refuse_told(told, f"{style!r} is a style that is there, and keeps its own")
        job = client.learn(style, image=on, out=out, wait=False, **chosen)
        bar.begin(style)
        try:
            follow(job, bar, stopping="stopping and keeping what it has learned; Ctrl-C again gives it up")
        except KeyboardInterrupt:
            show.note(f"velatura: {style} stays as it was; `velatura styles learn {style}` goes on")
            raise
        job.result()
        for said in job.record.get("notes", ()):
            show.note(f"velatura: {said}")
    show.line(style)


@styles_app.command()
def unlearn(names: Annotated[list[str], typer.Argument(help="Names of styles that were learned.")]) -> None:
    """Take out what the painter learned of styles: they are painted as any picture again."""
    with velatura.connect() as client:
        for name in names:
            client.unlearn(name)
            show.line(f"{name}: taken out; `velatura styles learn {name}` goes on from where it was")


@styles_app.command()
def export(
    name: Annotated[str, typer.Argument(help="A style of the library.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite it.")] = False,
) -> None:
    """Write a style as one file to pass on; `velatura styles add` takes it."""
    target = out or Path(f"{name}{SUFFIX}")
    check_output(target, force, {SUFFIX})
    with velatura.connect() as client:
        show.line(str(client.export_style(name, target)))


@styles_app.command()
def remove(names: Annotated[list[str], typer.Argument(help="Names of your own styles.")]) -> None:
    """Remove styles of your own."""
    with velatura.connect() as client:
        for name in names:
            client.remove_style(name)
            show.line(f"{name}: removed")


@styles_app.command()
def pull(names: Annotated[list[str], typer.Argument(help="Names of works of art, or `all`.")]) -> None:
    """Fetch pictures of works of art, for the methods and backbones that need pixels."""
    from ..styles.library import Library

    paths = default_paths()
    library = Library(paths.styles, paths.cache, paths.weights)
    if names == ["all"]:
        names = [entry.name for entry in library.list() if entry.url and entry.picture is None]
    for name in names:
        with download_bar(name) as told:
            library.pull(name, lambda done, total, told=told: told("picture", done, total))
        show.line(f"{name}: its picture is at hand")


def _added(client: Client, picture: Path, name: str, title: str, artist: str, year: str, licence: str) -> str:
    """Puts a picture or a style's file into the library; the name that it has there.

    Raises:
        FieldError: where the command says of a style's file what that says itself.
    """
    if not is_style_file(picture):
        return client.add_style(name, picture, title, artist, year, licence)["name"]
    told = {"title": title, "artist": artist, "year": year, "licence": licence}
    _refuse_told(told, "the file says it itself")
    return client.import_style(picture, name)["name"]


def _refuse_told(told: dict[str, str], why: str) -> None:
    for option, value in told.items():
        if value:
            raise FieldError(f"--{option}", f"is given, but {why}")


def _picture(style: dict[str, Any]) -> str:
    if style["error"]:
        return style["error"]
    if style["has_picture"]:
        return "yes"
    held = "card" if style["cards"] else "network"
    if style.get("has_rendering"):  # a daemon that runs since before an upgrade may not say
        held = "rendering"
    return f"{held}; can be pulled" if style.get("can_pull") else held
