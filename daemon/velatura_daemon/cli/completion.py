"""What a shell offers after Tab: names of styles (and pictures), and the choices of a field."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from pathlib import Path

from ..paths import default_paths


def styles(incomplete: str) -> list[str]:
    """Names of the library, then files, that begin so. Without a daemon: Tab starts nothing."""
    from ..styles.library import Library

    paths = default_paths()
    names = [entry.name for entry in Library(paths.styles, paths.cache).list()]
    return [name for name in names if name.startswith(incomplete)] + files(incomplete)


def files(incomplete: str) -> list[str]:
    """Files and folders that begin so; folders with a slash."""
    found = sorted(glob.glob(glob.escape(incomplete) + "*"))  # noqa: PTH207  # what was typed, as it was typed
    return [f"{path}/" if Path(path).is_dir() else path for path in found]


def choice_of(options: Iterable[object]) -> Callable[[str], list[str]]:
    """A function that offers those of some options that begin so."""

    def offered(incomplete: str) -> list[str]:
        return [word for word in map(str, options) if word.startswith(incomplete)]

    return offered
