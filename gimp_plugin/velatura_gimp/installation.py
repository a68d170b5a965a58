"""What the installer left beside the plug-in, and how the daemon is started with it."""

from __future__ import annotations

import json
from pathlib import Path

from velatura import launch
from velatura.editor.i18n import _
from velatura.errors import VelaturaError

FOLDER = Path(__file__).resolve().parent


def daemon_command() -> list[str] | None:
    """The daemon's absolute command as recorded at installation; None when none was, or it is gone."""
    try:
        record = json.loads((FOLDER / "installed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    command = [str(word) for word in record.get("command", [])]
    return command if command and Path(command[0]).exists() else None


def start() -> launch.Starter:
    """Begins to start the daemon.

    Raises:
        VelaturaError: in words what is missing or went wrong, and what to do.
    """
    if Path("/.flatpak-info").exists():
        raise VelaturaError(
            "not_running",
            _("GIMP cannot start the Velatura daemon from its sandbox: run “velatura daemon start”."),
        )
    try:
        return launch.Starter(daemon_command())
    except VelaturaError as error:
        raise VelaturaError(
            error.code,
            _(
                "The Velatura daemon could not be started ({why}). Run “velatura install gimp” again.",
                why=error.message,
            ),
        ) from error
    except OSError as error:
        raise VelaturaError(
            "internal",
            _("The Velatura daemon could not be started ({why}).", why=f"{error.filename}: {error.strerror}"),
        ) from error
