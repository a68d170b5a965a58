"""`velatura install krita|gimp`, `velatura uninstall` and `velatura service`: the installers do the work."""

from __future__ import annotations

import importlib
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from . import show


class Editor(str, Enum):
    krita = "krita"
    gimp = "gimp"


NEXT = {
    Editor.krita: "Done. Start Krita anew; Velatura is under Settings > Dockers.",
    Editor.gimp: "Done. Start GIMP anew; Velatura is under Filters, once a picture is open.",
}

Which = Annotated[Editor, typer.Argument(help="The editor.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="The editor's plug-in folder, where it is not found by itself."),
]


def install(editor: Which, dry_run: DryRun = False, folder: Folder = None) -> None:
    """Put the plug-in into Krita or GIMP, or upgrade it."""
    _run("install", editor, dry_run, folder)


def uninstall(editor: Which, dry_run: DryRun = False, folder: Folder = None) -> None:
    """Remove the plug-in from Krita or GIMP."""
    _run("uninstall", editor, dry_run, folder)


service_app = typer.Typer(no_args_is_help=True, help="Service: let the system start the daemon on need.")


@service_app.command("install")
def install_service(dry_run: DryRun = False) -> None:
    """Have systemd (Linux) start the daemon when a program connects; macOS and Windows at login."""
    from ..install import service

    for line in service.install(dry_run=dry_run):
        show.line(line)


@service_app.command("remove")
def remove_service(dry_run: DryRun = False) -> None:
    """Take that back."""
    from ..install import service

    for line in service.remove(dry_run=dry_run):
        show.line(line)


def installer(editor: str) -> Any:
    """The editor's module of `velatura_daemon.install`."""
    return importlib.import_module(f"velatura_daemon.install.{editor}")


def _run(action: str, editor: Editor, dry_run: bool, folder: Path | None) -> None:
    from ..install import Folder

    places = [Folder(f"{editor.value} in {folder}", folder.expanduser())] if folder else None
    for line in getattr(installer(editor.value), action)(places, dry_run=dry_run):
        show.line(line)
    if action == "install" and not dry_run:
        show.line(NEXT[editor])
