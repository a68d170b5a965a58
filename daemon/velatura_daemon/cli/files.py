"""Which pictures are read and which files are written: folders, globs, names, and what is refused.

All of it is decided before any work begins, so that a batch never fails halfway over a name.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from velatura.pictures.formats import READABLE, WRITABLE

from . import show
from .exits import EXISTS, FILES, CommandError

WILD = frozenset("*?[")
NAMED = 8
"""Files left out that are named; of more only the number is told."""


def gather(
    inputs: Sequence[str], readable: Collection[str] = READABLE, beside: Path | None = None
) -> list[tuple[Path, Path]]:
    """The pictures meant by the arguments; says which files of a folder are left out.

    Args:
        inputs: files, folders (everything readable below them) and globs (`**` reaches into folders).
        readable: suffixes taken from folders and globs, such as `.png`; a file named outright is always
            taken.
        beside: folder of the outputs, which is left out of a folder that holds it.

    Returns:
        Pairs of a picture and its path relative to the argument it came from, each picture once.

    Raises:
        CommandError: for an argument that names nothing.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            inside = beside is not None and path.resolve() in beside.resolve().parents
            files = [p for p in sorted(path.rglob("*")) if not (inside and beside in p.parents)]
            pairs = [(p, p.relative_to(path)) for p in files]
        elif path.is_file():
            found.setdefault(path.resolve(), (path, Path(path.name)))
            continue
        elif WILD & set(given):
            matches = sorted(Path(p) for p in glob.glob(given, recursive=True))  # noqa: PTH207  # absolute ones too
            pairs = [(p, Path(p.name)) for p in matches]
        else:
            why = "is a pipe or a device" if path.exists() else "no such file or folder"
            raise CommandError(FILES, f"{given}: {why}")
        shown = [p for p, _ in pairs if p.is_file() and not p.name.startswith(".")]
        named = {p for p, _ in pairs if p.suffix.lower() in readable}
        _say_left_out(given, [p for p in shown if p not in named], "of kinds that are not read")
        broken = [p for p, _ in pairs if p in named and not p.is_file() and not p.is_dir()]
        _say_left_out(given, broken, "as no file or a link to nothing")
        taken = named & {*shown}
        pairs = [(p, relative) for p, relative in pairs if p in taken]
        if not pairs:
            raise CommandError(FILES, f"{given}: no pictures there ({', '.join(sorted(readable))})")
        for picture, relative in pairs:
            found.setdefault(picture.resolve(), (picture, relative))
    return list(found.values())


def plan(
    inputs: Sequence[str],
    out: str | Path,
    force: bool,
    readable: Collection[str] = READABLE,
    writable: Collection[str] = WRITABLE,
    skip: bool = False,
) -> list[tuple[Path, Path]]:
    """Pairs of picture and output file.

    `out` is a file when it ends in a writable suffix (then there can be only one picture); a folder when it
    is one, ends in a slash, has no suffix, or is named for several pictures. In a folder outputs keep their
    names and sub-folders, and their suffix where it can be written; else `.png` takes its place, or follows
    it where another picture has that name.

    Args:
        skip: leave out what exists already, to go on with a batch.

    Raises:
        CommandError: nothing to read; several pictures for one file; two pictures for one name; an output
            that is its own input, exists without `force`, or whose suffix cannot be written.
    """
    slash = str(out).endswith(("/", os.sep))
    out = Path(out)
    folder = slash or out.is_dir() or out.suffix == ""
    pictures = gather(inputs, readable, out if folder else None)
    if folder or (len(pictures) > 1 and out.suffix.lower() not in writable):
        pairs = [(p, out / name) for (p, _), name in zip(pictures, _names(pictures, writable), strict=True)]
    else:
        if len(pictures) > 1:
            raise CommandError(FILES, f"{out} is one file for {len(pictures)} pictures; name a folder")
        pairs = [(pictures[0][0], out)]
    by_output: dict[Path, Path] = {}
    for picture, target in pairs:
        check_output(target, force or skip, writable)
        if target.resolve() == picture.resolve():
            raise CommandError(EXISTS, f"{target} is the input itself; choose another output")
        other = by_output.setdefault(target.resolve(), picture)
        if other != picture:
            raise CommandError(FILES, f"{other} and {picture} would both become {target}")
    if not skip:
        return pairs
    left = [(picture, target) for picture, target in pairs if not target.exists()]
    if len(left) < len(pairs):
        show.note(f"velatura: {len(pairs) - len(left)} of {len(pairs)} exist already and are skipped")
    return left


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
            raise CommandError(FILES, f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")


def _names(pictures: Sequence[tuple[Path, Path]], writable: Collection[str]) -> list[Path]:
    """The names of outputs in a folder: `x.gif` becomes `x.png`, or `x.gif.png` beside an `x.png`."""
    kept = {relative for _, relative in pictures if relative.suffix.lower() in writable}
    names: list[Path] = []
    for _, relative in pictures:
        name = relative
        if relative not in kept:
            name = relative.with_suffix(".png")
            if name in kept or name in names:
                name = relative.with_name(f"{relative.name}.png")
        names.append(name)
    return names


def _say_left_out(given: str, left: Sequence[Path], why: str) -> None:
    if left:
        some = ", ".join(p.name for p in left[:NAMED]) + (", …" if len(left) > NAMED else "")
        count = f"{len(left)} files are" if len(left) > 1 else "a file is"
        show.note(f"velatura: {given}: {count} left out, {why}: {some}")
