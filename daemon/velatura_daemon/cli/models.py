"""`velatura models`: which networks there are, getting them, and whether they are sound."""

from __future__ import annotations

from typing import Annotated

import typer
from velatura_models.manifest import backbones, describe

from ..paths import default_paths
from . import show
from .exits import PROBLEMS
from .progress import download_bar

app = typer.Typer(no_args_is_help=True, help="Networks: list, pull, verify.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(json: Json = False) -> None:
    """List backbones, whether they are installed, and under which licence."""
    rows = [describe(backbone, default_paths().weights) for backbone in backbones().values()]
    if json:
        show.as_json(rows)
        return
    show.table(
        ("name", "installed", "methods", "download", "what it is"),
        (
            (
                row["name"],
                "yes" if row["installed"] else "no",
                ", ".join(row["methods"]) or "-",
                "-" if row["source"] == "embedded" else show.size(row["size"]),
                f"{row['title']} [{row['licence']}]",
            )
            for row in rows
        ),
    )


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(help="Backbones: vgg19, vgg19-imagenet.")],
    url: Annotated[
        str, typer.Option(help="Fetch from this address instead (a mirror); also VELATURA_MODELS_URL.")
    ] = "",
) -> None:
    """Download backbones: resumed where broken off, verified, converted, and moved into place at once."""
    from velatura_models.pull import pull as pull_backbone

    for name in names:
        with download_bar(name) as progress:
            fetched = pull_backbone(name, default_paths().weights, base=url, progress=progress)
        show.line(f"{name}: {'installed' if fetched else 'already there, digests fit'}")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Backbones; all installed ones by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Check digests, and that a picture survives being encoded and decoded."""
    from velatura_models.verify import verify as verify_backbone

    chosen = names or [
        b.name for b in backbones().values() if describe(b, default_paths().weights)["installed"]
    ]
    checks = [check for name in chosen for check in verify_backbone(name, default_paths().weights)]
    if json:
        show.as_json([vars(check) for check in checks])
    else:
        rows = ((c.backbone, c.part, "ok" if c.ok else "WRONG", c.detail) for c in checks)
        show.table(("backbone", "part", "", "detail"), rows)
    if not all(check.ok for check in checks):
        raise typer.Exit(PROBLEMS)
