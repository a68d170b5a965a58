"""Where the daemon keeps things: settings, state, caches, styles, weights.

Each system's own places by platformdirs, or everything under one folder when `VELATURA_HOME` is
set, which is how tests and portable installations keep apart from the user's own daemon.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Paths:
    """Folders by purpose; none is created before something is written there."""

    config: Path
    state: Path
    cache: Path
    data: Path

    @property
    def settings_file(self) -> Path:
        """The user's settings, TOML; may be absent."""
        return self.config / "settings.toml"

    @property
    def logs(self) -> Path:
        """Folder of `daemon.log` and `worker.log` with their rotated predecessors."""
        return self.state / "logs"

    @property
    def cards(self) -> Path:
        """Style cards computed on this machine; can be deleted at any time."""
        return self.cache / "cards"

    @property
    def styles(self) -> Path:
        """The user's own style pictures."""
        return self.data / "styles"

    @property
    def weights(self) -> Path:
        """Networks pulled on request."""
        return self.data / "weights"


def default_paths() -> Paths:
    """The folders in force for this process's environment."""
    home = os.environ.get("VELATURA_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Paths(config=root, state=root / "state", cache=root / "cache", data=root / "data")
    dirs = platformdirs.PlatformDirs("velatura", appauthor=False)
    return Paths(
        config=Path(dirs.user_config_dir),
        state=Path(dirs.user_state_dir),
        cache=Path(dirs.user_cache_dir),
        data=Path(dirs.user_data_dir),
    )
