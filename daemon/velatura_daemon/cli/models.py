"""`velatura models`: which networks there are, getting them, and whether they are sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from velatura_models.store.files import WeightsError
from velatura_models.store.manifest import backbones, describe
from velatura_models.store.nets import PHOTO, add_net, everything, remove_net

from ..paths import default_paths
from . import show
from .exits import PROBLEMS
from .progress import download_bar
from .show import Json

models_app = typer.Typer(no_args_is_help=True, help="Networks: list, show, pull, add, remove, verify.")


DECODER_OF = {"wct": "adain-skip", "style-swap": "adain-skip"}
"""Methods that paint through another one's decoder."""

NETWORKS = {"style": ["multi"], "multimodal": ["multimodal"], "texture": ["texture"], "superres": ["upscale"]}
"""What serves what, by the kind of network; `serves` tells painters apart."""


@models_app.command("list")
def list_models(json: Json = False) -> None:
    """List backbones and trained networks; `velatura models show NAME` tells licence and training."""
    rows = [{**row, "serves": serves(row)} for row in everything(default_paths().weights)]
    if json:
        show.as_json(rows)
        return
    show.table(
        ("backbone", "installed", "serves", "download", "what it is"),
        (
            (
                row["name"],
                "yes" if row["installed"] else "no",
                ", ".join(row["serves"]),
                "-" if row["source"] == "embedded" else show.size(row["size"]),
                show.brief(row["title"], 50),
            )
            for row in rows
            if row["kind"] == "backbone"
        ),
    )
    show.line("")
    show.table(
        ("network", "source", "serves", "styles", "trained"),
        (
            (
                row["name"],
                row["source"],
                ", ".join(row["serves"]) or "-",
                _styles(row["styles"]),
                show.brief(training_of(row["trained"])),
            )
            for row in rows
            if row["kind"] != "backbone"
        ),
    )


@models_app.command("show")
def show_model(name: str, json: Json = False) -> None:
    """Show all that is known of one backbone or network: licence, styles, training, file."""
    rows = {row["name"]: row for row in everything(default_paths().weights)}
    if name not in rows:
        raise WeightsError("unknown", f"no network is called {name!r}; there are {', '.join(rows)}")
    told = dict(rows[name], serves=serves(rows[name]), trained=training_of(rows[name].get("trained", {})))
    told.pop("methods", None)  # whose decoders are here: `serves` says it for people
    show.facts(json, rows[name], told)


def serves(row: dict[str, Any]) -> list[str]:
    """What a backbone or network is for once it is installed: methods of `stylize`, and other commands.

    Args:
        row: of `store.nets.everything`.
    """
    if row["kind"] == "transform":
        return ["multi" if len(row["styles"]) > 1 else "fast"]
    if row["kind"] != "backbone":
        return NETWORKS.get(row["kind"], [])
    decoders = backbones()[row["name"]].methods
    shared = [method for method, other in DECODER_OF.items() if other in decoders]
    return [*decoders, *shared, "refine", "texture"]


def _styles(names: list[str]) -> str:
    names = [name for name in names if name != PHOTO]
    return ", ".join(names) if 0 < len(names) <= 3 else f"{len(names)} styles" if names else "-"


def training_of(trained: dict[str, Any]) -> str:
    """What a network says of its training, the note on what it lacks first."""
    told = {key: value for key, value in trained.items() if value not in ("", None)}
    note = told.pop("note", "")
    return "; ".join([*([note] if note else []), *(f"{key} {value}" for key, value in told.items())])


@models_app.command()
def add(files: Annotated[list[Path], typer.Argument(help="Files that `velatura train` wrote.")]) -> None:
    """Install networks that you trained, so that every client can paint with them."""
    for file in files:
        net = add_net(file, default_paths().weights)
        show.line(f"{net.title}: installed; styles: {', '.join(net.styles) or 'any'}")


@models_app.command()
def remove(names: Annotated[list[str], typer.Argument(help="Networks of yours, as listed.")]) -> None:
    """Remove networks that you added."""
    for name in names:
        remove_net(name, default_paths().weights)


@models_app.command()
def pull(
    names: Annotated[list[str], typer.Argument(help="Backbones: vgg19, vgg19-imagenet.")],
    url: Annotated[
        str, typer.Option(help="Fetch from this address instead (a mirror); also VELATURA_MODELS_URL.")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="For vgg19-imagenet: torchvision's weights, where you have them already."),
    ] = None,
) -> None:
    """Download backbones: resumed where broken off, verified, converted, and moved into place at once."""
    from velatura_models.store.pull import pull as pull_backbone

    for name in names:
        with download_bar(name) as progress:
            fetched = pull_backbone(name, default_paths().weights, url, progress=progress, file=file)
        show.line(f"{name}: {'installed' if fetched else 'already there, digests fit'}")


@models_app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Backbones; by default all installed ones, and all trained networks."),
    ] = None,
    json: Json = False,
) -> None:
    """Check digests, and that a picture survives being encoded and decoded."""
    from velatura_models.store.verify import verify as verify_backbone
    from velatura_models.store.verify import verify_networks

    weights = default_paths().weights
    chosen = names or [b.name for b in backbones().values() if describe(b, weights)["installed"]]
    checks = [check for name in chosen for check in verify_backbone(name, weights)]
    if not names:
        checks += verify_networks(weights)
    rows = ((c.backbone, c.part, "ok" if c.ok else "WRONG", c.detail) for c in checks)
    show.told(json, [vars(check) for check in checks], ("network", "part", "", "detail"), rows)
    if not all(check.ok for check in checks):
        raise typer.Exit(PROBLEMS)
