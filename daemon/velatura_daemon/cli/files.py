"""Which pictures are read and which files are written: folders, globs, names, and what is refused.

All of it is decided before any work begins, so that a batch never fails halfway over a name.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from velatura.pictures.formats import READABLE, WRITABLE

from .exits import EXISTS, FILES, CommandError

WILD = frozenset("*?[")


def gather(inputs: Sequence[str], readable: Collection[str] = READABLE) -> list[tuple[Path, Path]]:
    """The pictures meant by the arguments.

    Args:
        inputs: files, folders (everything readable below them) and globs (`**` reaches into folders).
        readable: suffixes taken from folders and globs, such as `.png`; a file named outright is always
            taken.

    Returns:
        Pairs of a picture and its path relative to the argument it came from, each picture once.

    Raises:
        CommandError: for an argument that names nothing.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            pairs = [(p, p.relative_to(path)) for p in sorted(path.rglob("*")) if _is_picture(p, readable)]
        elif path.is_file():
            pairs = [(path, Path(path.name))]
        elif WILD & set(given):
            matches = sorted(Path(p) for p in glob.glob(given, recursive=True))  # noqa: PTH207  # absolute ones too
            pairs = [(p, Path(p.name)) for p in matches if _is_picture(p, readable)]
        else:
            raise CommandError(FILES, f"{given}: no such file or folder")
        if not pairs:
            raise CommandError(FILES, f"{given}: no pictures there ({', '.join(sorted(readable))})")
        for picture, relative in pairs:
            found.setdefault(picture.resolve(), (picture, relative))
    return list(found.values())


def plan(
    inputs: Sequence[str],
    out: Path,
    force: bool,
    readable: Collection[str] = READABLE,
    writable: Collection[str] = WRITABLE,
) -> list[tuple[Path, Path]]:
    """Pairs of picture and output file.

    `out` is a file when it ends in a writable suffix (then there can be only one picture) and a folder
    otherwise; in a folder outputs keep their names and sub-folders, and their suffix where it can be
    written, else `.png`.

    Raises:
        CommandError: nothing to read; several pictures for one file; two pictures for one name; an output
            that is its own input, exists without `force`, or whose suffix cannot be written.
    """
    pictures = gather(inputs, readable)
    if out.is_dir() or out.suffix == "":
        pairs = [(picture, out / _written_name(relative, writable)) for picture, relative in pictures]
    else:
        if len(pictures) > 1:
            raise CommandError(FILES, f"{out} is one file for {len(pictures)} pictures; name a folder")
        pairs = [(pictures[0][0], out)]
    by_output: dict[Path, Path] = {}
    for picture, target in pairs:
        check_output(target, force, writable)
        if target.resolve() == picture.resolve():
            raise CommandError(EXISTS, f"{target} is the input itself; choose another output")
        other = by_output.setdefault(target.resolve(), picture)
        if other != picture:
            raise CommandError(FILES, f"{other} and {picture} would both become {target}")
    return pairs


def check_output(target: Path, force: bool, writable: Collection[str] = WRITABLE) -> None:
    """Refuses an output that cannot or must not be written.

    Raises:
        CommandError: for an unknown suffix, a folder in its place, or a file that exists without `force`.
    """
    if target.suffix.lower() not in writable:
        raise CommandError(
            FILES,
            f"{target}: cannot write {target.suffix or 'without suffix'}; use {', '.join(sorted(writable))}",
        )
    if target.is_dir():
        raise CommandError(FILES, f"{target} is a folder")
    nearest = next(parent for parent in target.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise CommandError(FILES, f"{target}: cannot write into {nearest}")
    if target.exists() and not force:
        raise CommandError(EXISTS, f"{target} exists; --force overwrites it")


def check_readable(*paths: Path | None) -> None:
    """Refuses a picture that was named and is not there, before any work begins.

    Raises:
        CommandError: naming it.
    """
    for path in paths:
        if path is not None and not path.is_file():
            raise CommandError(FILES, f"{path}: no such file")


def _written_name(relative: Path, writable: Collection[str]) -> Path:
    return relative if relative.suffix.lower() in writable else relative.with_suffix(".png")


def _is_picture(path: Path, readable: Collection[str]) -> bool:
    return path.is_file() and path.suffix.lower() in readable and not path.name.startswith(".")
