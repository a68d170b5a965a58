"""Puts Velatura into the editors: what is common to the installers of the Krita and the GIMP plug-in.

An installation is one folder that holds the plug-in's sources, compiled translations, `vendor/` (pyzmq,
msgpack and the `velatura` package for the editor's own Python) and `installed.json`, which records the
daemon's absolute command. The folder is prepared beside its final place and swapped in at once, so that
an upgrade that fails leaves the old version working. Nothing of the user's lives in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import velatura
from velatura.errors import VelaturaError

from .catalogs import compile_catalogues
from .vendor import assemble

RECORD = "installed.json"
"""Marks a folder as ours, and names version and daemon command for the plug-in."""


@dataclass(frozen=True)
class Folder:
    """One editor's plug-in folder.

    Args:
        editor: for the person reading, such as `GIMP 3.0 (Flatpak)`.
        folder: where plug-ins of this editor lie; the plug-in gets a folder of its own in it.
    """

    editor: str
    folder: Path


def source(name: str) -> Path:
    """The sources of a plug-in package, beside this package in a wheel or in the repository.

    Args:
        name: `velatura_gimp` or `velatura_krita`.

    Raises:
        VelaturaError: `internal` when this installation lacks them.
    """
    package = Path(__file__).resolve().parent.parent
    top = package.parent.parent / f"{name.removeprefix('velatura_')}_plugin"
    for folder in (package / "plugins" / name, top / name):
        if folder.is_dir():
            return folder
    raise VelaturaError(
        "internal", f"the sources of {name} are missing from {package}: install Velatura anew"
    )


def daemon_command() -> list[str]:
    """The absolute command that starts the daemon from an editor, whatever its PATH is."""
    return [sys.executable, "-m", "velatura_daemon", "run"]


def system() -> str:
    """`linux`, `windows` or `macos`.

    Raises:
        VelaturaError: `internal` elsewhere, naming the system.
    """
    known = {"linux": "linux", "win32": "windows", "cygwin": "windows", "darwin": "macos"}
    if sys.platform not in known:
        raise VelaturaError("internal", f"no installer for {sys.platform}; known: linux, windows, macos")
    return known[sys.platform]


def stage(name: str, folder: Path, *, system: str, machine: str, command: list[str] | None) -> None:
    """Writes a complete plug-in into `folder`, which must not exist.

    Args:
        name: `velatura_gimp` or `velatura_krita`.
        system: whose pyzmq wheels to take: `linux`, `windows` or `macos`.
        machine: likewise: `x86_64`, `arm64`.
        command: the daemon's absolute command to record; None leaves it for the plug-in to find.

    Raises:
        VelaturaError: when wheels cannot be had, with pip's words.
    """
    origin = source(name)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "po")
    shutil.copytree(origin, folder, ignore=ignore)
    compile_catalogues(folder / "locale", name)
    shutil.copytree(assemble(system, machine), folder / "vendor")
    package = Path(velatura.__file__).parent
    shutil.copytree(package, folder / "vendor" / "velatura", ignore=ignore)
    record = {"version": velatura.__version__, "command": command or []}
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def put(editor: str, target: Path, write: Callable[[Path], None], dry_run: bool) -> str:
    """Installs or upgrades a plug-in, which `write` writes into a fresh folder; what was done (or would be),
    in a line. Raises as `refuse_foreign` and `write` do."""
    refuse_foreign(target)
    before = installed_version(target)
    verb = f"upgrade {before} to" if before and before != velatura.__version__ else "install"
    if not dry_run:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside(target.with_name(f".{target.name}.new")) as fresh:
            write(fresh)
            swap_in(fresh, target)
    return f"{editor}: {verb} {velatura.__version__} in {target}"


def take_out(editor: str, target: Path, dry_run: bool) -> str:
    """Removes an installed plug-in; what was done (or would be), in a line. Raises as `refuse_foreign`."""
    refuse_foreign(target)
    line = f"{editor}: remove {installed_version(target)} from {target}"
    if not dry_run:
        shutil.rmtree(target)
    return line


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A folder that is not there, before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def swap_in(fresh: Path, target: Path) -> None:
    """Replaces `target` (an earlier installation, or nothing) by the folder `fresh` beside it.

    Raises:
        VelaturaError: `bad_field` when `target` holds something that Velatura did not install.
    """
    refuse_foreign(target)
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def refuse_foreign(target: Path) -> None:
    """Raises `VelaturaError` when `target` exists and is not an installation of ours."""
    if target.is_symlink() or (target.exists() and not (target / RECORD).is_file()):
        raise VelaturaError(
            "bad_field", f"{target} was not made by `velatura install`: move it away first, then try again"
        )


def installed_version(target: Path) -> str:
    """The version of the installation in `target`, or an empty text when there is none."""
    try:
        return str(json.loads((target / RECORD).read_text(encoding="utf-8")).get("version", ""))
    except (OSError, ValueError):
        return ""


def home() -> Path:
    """The user's home folder; under sudo still root's own, as the editors would see it."""
    return Path(os.path.expanduser("~"))  # noqa: PTH111  # honours HOME on every system
