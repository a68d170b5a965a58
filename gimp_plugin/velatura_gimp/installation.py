"""What the installer left beside the plug-in, and how the daemon is found or started with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from velatura import endpoint, launch
from velatura.endpoint import Address
from velatura.errors import VelaturaError

from .words import _

FOLDER = Path(__file__).resolve().parent


def daemon_command() -> list[str] | None:
    """The daemon's absolute command as recorded at installation; None when none was, or it is gone."""
    try:
        record = json.loads((FOLDER / "installed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    command = [str(word) for word in record.get("command", [])]
    return command if command and Path(command[0]).exists() else None


class Start:
    """Finds the running daemon, or starts one and waits for it, without blocking."""

    def __init__(self) -> None:
        self._starter: launch.Starter | None = None

    def address(self) -> Address | None:
        """The daemon's address, or None while it is starting; to be asked again.

        Raises:
            VelaturaError: in words what is missing or went wrong, and what to do.
        """
        if self._starter is not None:
            return self._starter.poll()
        if os.environ.get("VELATURA_CONNECTION"):
            return endpoint.read()
        found = launch.find()
        if found is not None:
            return found
        if Path("/.flatpak-info").exists():
            raise VelaturaError(
                "not_running",
                _("GIMP cannot start the Velatura daemon from its sandbox: run “velatura daemon start”."),
            )
        try:
            self._starter = launch.Starter(daemon_command())
        except VelaturaError as error:
            raise VelaturaError(
                error.code,
                _(
                    "The Velatura daemon could not be started ({why}). Run “velatura install gimp” again.",
                    why=error.message,
                ),
            ) from error
        return None
