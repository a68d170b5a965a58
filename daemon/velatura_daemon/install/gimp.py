"""`velatura install gimp`: finds GIMP 3's folders on each system and puts the plug-in there.

GIMP reads plug-ins only below its per-version settings folder, as `plug-ins/NAME/NAME.py` with the run bit;
a wrong name or a missing bit gives no message at all, so both are set and checked here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import velatura
from velatura.errors import VelaturaError

from . import Folder, beside, daemon_command, home, put, stage, take_out
from . import system as this_system
from .archive import write_zip
from .vendor import machine as this_machine

NAME = "velatura_gimp"
VERSIONS = ("3.0", "3.2")
"""Known to work; newer ones of the 3 series are offered where they are found."""


def settings_folders(system: str, home: Path, env: Mapping[str, str]) -> list[tuple[str, Path]]:
    """Packaging and settings folder of each kind of GIMP; below it lies one folder per GIMP version."""
    if system == "windows":
        return [("", Path(env.get("APPDATA") or home / "AppData" / "Roaming") / "GIMP")]
    if system == "macos":
        return [("", home / "Library" / "Application Support" / "GIMP")]
    plain = home / ".config" / "GIMP"  # the Flatpak is given this one, whatever XDG_CONFIG_HOME says
    own = Path(env["XDG_CONFIG_HOME"]) / "GIMP" if env.get("XDG_CONFIG_HOME") else plain
    flatpak = [] if own == plain else [("Flatpak", plain)]
    return [("", own), *flatpak, ("Snap", home / "snap" / "gimp" / "current" / ".config" / "GIMP")]


def find(system: str, home: Path, env: Mapping[str, str], versions: tuple[str, ...] = ()) -> list[Folder]:
    """The plug-in folders of every GIMP 3 that has settings, or whose version is known otherwise.

    Args:
        system: `linux`, `windows` or `macos`.
        home: the user's home folder.
        env: the environment (`APPDATA`, `XDG_CONFIG_HOME`, `GIMP3_DIRECTORY`).
        versions: of GIMPs that are installed but may never have been started, such as `3.0`.
    """
    if env.get("GIMP3_DIRECTORY"):
        return [Folder("GIMP (GIMP3_DIRECTORY)", Path(env["GIMP3_DIRECTORY"]) / "plug-ins")]
    places = []
    for i, (packaging, folder) in enumerate(settings_folders(system, home, env)):
        found = {path.name for path in folder.glob("3.*") if path.is_dir() and _released(path.name)}
        if i == 0:
            found |= set(versions)
        for version in sorted(found):
            words = f"GIMP {version} ({packaging})" if packaging else f"GIMP {version}"
            places.append(Folder(words, folder / version / "plug-ins"))
    return places


def _released(version: str) -> bool:
    return bool(re.fullmatch(r"3\.\d*[02468]", version))  # odd minors are development versions


def version_of(words: str) -> str:
    """The settings version, such as `3.0`, in what `gimp --version` says; empty when it is no GIMP 3."""
    found = re.search(r"\b(3\.\d+)\.\d+", words)
    return found.group(1) if found else ""


def programs() -> tuple[str, ...]:
    """Versions of the GIMP 3 programs on this computer's PATH."""
    found = set()
    for name in ("gimp", *(f"gimp-console-{v}" for v in VERSIONS)):
        program = shutil.which(name)
        if program:
            said = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=False, timeout=60
            )
            found.add(version_of(said.stdout))
    return tuple(sorted(found - {""}))


def here() -> list[Folder]:
    """The plug-in folders of the GIMPs on this computer.

    Raises:
        VelaturaError: `bad_field` when there is none, saying what to do.
    """
    places = find(this_system(), home(), os.environ, programs())
    if not places:
        looked = ", ".join(str(path) for _, path in settings_folders(this_system(), home(), os.environ))
        raise VelaturaError(
            "bad_field",
            f"no GIMP 3 was found (looked for its settings in {looked}): start GIMP once and try again, or "
            "name its plug-in folder, which GIMP shows under Preferences > Folders > Plug-ins",
        )
    return places


def install(places: list[Folder] | None = None, *, dry_run: bool = False) -> list[str]:
    """Installs or upgrades the plug-in; what was done (or would be), a line each.

    Raises:
        VelaturaError: no GIMP found, a folder of the same name that is not ours, or wheels not to be had.
    """

    def write(fresh: Path) -> None:
        prepare(fresh, this_system(), this_machine(), daemon_command())

    wanted = places if places is not None else here()
    return [put(place.editor, place.folder / NAME, write, dry_run) for place in wanted]


def uninstall(places: list[Folder] | None = None, *, dry_run: bool = False) -> list[str]:
    """Removes the plug-in wherever it is installed; what was done (or would be), a line each."""
    wanted = places if places is not None else here()
    there = [place for place in wanted if (place.folder / NAME).exists()]
    lines = [take_out(place.editor, place.folder / NAME, dry_run) for place in there]
    return lines or ["Velatura is not installed in any GIMP that was found"]


def prepare(folder: Path, system: str, machine: str, command: list[str] | None) -> None:
    """Writes the plug-in's complete folder, with the run bit where GIMP looks for it (see `stage`)."""
    stage(NAME, folder, system=system, machine=machine, command=command)
    (folder / f"{NAME}.py").chmod(0o755)


def build_zip(out: Path, system: str, machine: str) -> Path:
    """Builds the versioned, reproducible zip for one platform; its path.

    To be unpacked into GIMP's plug-ins folder. It names no daemon command: the plug-in looks for one on PATH.

    Args:
        out: folder for the zip.
    """
    name = f"velatura-gimp-{velatura.__version__}-{system}-{machine}"
    with beside(out / f".{name}") as folder:
        prepare(folder / NAME, system, machine, None)
        return write_zip(folder, out / f"{name}.zip")
