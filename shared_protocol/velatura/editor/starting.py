"""How an editor starts the daemon: with the command that the installer recorded beside the plug-in."""

from __future__ import annotations

import json
from pathlib import Path

from velatura import launch
from velatura.errors import VelaturaError

from . import words
from .i18n import _

SANDBOX = Path("/.flatpak-info")


def starter(plugin: Path) -> launch.Starter:
    """Begins to start the daemon.

    Args:
        plugin: the plug-in's folder, with `installed.json`.

    Raises:
        VelaturaError: in words what is missing or went wrong, and what to do.
    """
    if SANDBOX.exists():
        raise words.Told(
            "not_running",
            _("The editor's sandbox cannot start programs: start Velatura outside, as the manual tells."),
        )
    try:
        return launch.Starter(command(plugin))
    except VelaturaError as error:
        why = _("it is not installed, or was moved") if error.code == "not_running" else words.trouble(error)
        told = _("The Velatura daemon could not be started ({why}). Install the plug-in again.", why=why)
        raise words.Told(error.code, told) from error
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
        told = _("The Velatura daemon could not be started ({why}).", why=why)
        raise words.Told("internal", told) from error


def command(plugin: Path) -> list[str] | None:
    """The daemon's absolute command as recorded at installation; None when none was, or it is gone."""
    try:
        record = json.loads((plugin / "installed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    words = [str(word) for word in record.get("command", [])]
    return words if words and Path(words[0]).exists() else None
