"""`velatura batch`: many pictures on many processes or machines."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer
from velatura.errors import FieldError
from velatura.extras import need
from velatura.pictures.formats import READABLE, WRITABLE
from velatura.recipe import Stylize

from . import show
from .exits import FILES, SOME_FAILED, CommandError, about
from .files import plan
from .options import Chosen, ForceOption, JsonOption, RecipeOption, StyleOption, runs
from .progress import JobBar
from .recipes import SourcedStyles, parse_styles, whole_recipe

Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[IN]...", help="Pictures, folders, globs, or addresses of stores."),
]
Out = Annotated[str, typer.Option("--out", "-o", help="A folder, or an address such as s3://bucket/painted.")]
Jobs = Annotated[
    Path | None,
    typer.Option("--jobs", help="A line a picture, JSONL or CSV: in, out, style, fields of the recipe."),
]
Where = Annotated[
    str,
    typer.Option("--cluster", help="local:N for N processes here, or tcp://HOST:8786 for a Dask scheduler."),
]


@runs(Stylize)
def batch(
    chosen: Chosen,
    inputs: Inputs = None,
    out: Out = "painted",
    style: StyleOption = None,
    jobs: Jobs = None,
    cluster: Where = "local:1",
    recipe: RecipeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Paint many pictures on many processes or machines, each exactly once.

    Outputs that exist are left out, so the same command goes on with a batch that was stopped; a worker that
    dies loses the picture that it had in hand, which another paints. Needs the extra: pip install
    'velatura\\[cluster]'.
    """
    need("cluster")
    from velatura_daemon.cluster.batch import run
    from velatura_daemon.cluster.pieces import Outcome, Piece

    if bool(inputs) == bool(jobs):
        raise FieldError("inputs", "or --jobs: give one of the two")
    sourced = SourcedStyles(parse_styles(style))
    fields: dict[str, Any] = dict(chosen)
    if sourced or recipe is not None:
        whole = whole_recipe(Stylize, recipe, chosen, sourced)
        plain = Stylize()
        fields = {
            f.name: value
            for f in dataclasses.fields(whole)
            if f.name != "styles" and (value := getattr(whole, f.name)) != getattr(plain, f.name)
        }
        if recipe is not None or "scale" in chosen:
            fields["scale"] = whole.scale  # else what suits each picture
        styles = tuple((str(what), weight) for what, weight in sourced.styles.items())
        styles = styles or tuple((s.name, s.weight) for s in whole.styles)
    elif jobs is None:
        raise FieldError("styles", "is empty; give at least one --style NAME or FILE")
    else:
        styles = ()
    standard = Piece("", "", Stylize.KIND, styles, fields, again=force)
    pieces = _of_jobs(jobs, out, standard) if jobs is not None else _of_inputs(inputs or [], out, standard)
    local = "://" not in out
    journal = Path(out) / ".velatura-batch.jsonl" if local else None
    with JobBar(len(pieces)) as bar:
        done = 0

        def tell(outcome: Outcome) -> None:
            nonlocal done
            done += 1
            if outcome.error:
                show.note(f"velatura: {about(outcome.source, outcome.error.partition(': ')[2])}")
            bar.begin(PurePosixPath(outcome.source).name)
            bar.step(done, len(pieces), {}, 0.0)
            bar.end()

        outcomes = run(cluster, pieces, journal, tell)
    if json:
        show.as_json([dataclasses.asdict(outcome) for outcome in outcomes])
    failed = [outcome for outcome in outcomes if outcome.error]
    painted = sum(not o.error and not o.there for o in outcomes)
    if not json:
        show.line(
            f"{painted} painted, {len(pieces) - painted - len(failed)} there already, {len(failed)} failed"
        )
    if failed:
        raise CommandError(SOME_FAILED, f"{len(failed)} of {len(pieces)} pictures failed")


def _of_inputs(inputs: list[str], out: str, standard: Any) -> list[Any]:
    from velatura_daemon.cluster import places

    pairs: list[tuple[str, str]] = []
    here = [place for place in inputs if not places.is_address(place)]
    for place in inputs:
        if places.is_address(place):
            pairs += [(source, _joined(out, name)) for source, name in places.listed(place, READABLE)]
    if here and places.is_address(out):
        gathered = plan(here, "nowhere/", force=True)
        pairs += [(str(s.resolve()), _joined(out, t.relative_to("nowhere").as_posix())) for s, t in gathered]
    elif here:
        folder = out if out.endswith("/") else out + "/"
        pairs += [(str(s.resolve()), str(t.resolve())) for s, t in plan(here, folder, force=True)]
    return _distinct([dataclasses.replace(standard, source=s, target=t) for s, t in pairs])


def _of_jobs(jobs: Path, out: str, standard: Any) -> list[Any]:
    from velatura_daemon.cluster import places
    from velatura_daemon.cluster.pieces import read_jobs

    if not jobs.is_file():
        raise CommandError(FILES, f"{jobs}: no such file")
    pieces = []
    for name, piece in read_jobs(jobs, standard):
        if not piece.styles:
            raise FieldError(str(jobs), f"gives {piece.source} no style, and the command gives none either")
        source = piece.source
        if not places.is_address(source):
            source = str((jobs.parent / source).resolve())
        target = _joined(out, name or PurePosixPath(piece.source).name)
        pieces.append(dataclasses.replace(piece, source=source, target=target))
    return _distinct(pieces)


def _joined(out: str, name: str) -> str:
    """Where an output goes; a suffix that cannot be written gives way to `.png`."""
    if PurePosixPath(name).suffix.lower() not in WRITABLE:
        name = str(PurePosixPath(name).with_suffix(".png"))
    return f"{out.rstrip('/')}/{name}" if "://" in out else str((Path(out) / name).resolve())


def _distinct(pieces: list[Any]) -> list[Any]:
    seen: dict[str, str] = {}
    for piece in pieces:
        other = seen.setdefault(piece.target, piece.source)
        if other != piece.source:
            raise CommandError(FILES, f"{other} and {piece.source} would both become {piece.target}")
    return list({piece.target: piece for piece in pieces}.values())
