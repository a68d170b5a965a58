"""`velatura install krita`: finds Krita's resource folders, puts the plug-in there and enables it.

Krita reads Python plug-ins from `pykrita` below its resource folder: a `.desktop` file, a package of the
same name, and in `actions` the `.action` file for its shortcuts. It loads only what its settings file
(`kritarc`) enables. The same files make the zip that Krita's own plug-in importer accepts. Presets lie
elsewhere in the resource folder, so neither an upgrade nor an uninstall touches them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import velatura
from velatura.errors import VelaturaError

from . import Folder, beside, daemon_command, home, put, source, stage, take_out
from . import system as this_system
from .archive import write_zip
from .vendor import machine as this_machine

NAME = "velatura_krita"
FLATPAK = "org.kde.krita"


@dataclass(frozen=True)
class KritaFolders:
    """One Krita's folders.

    Args:
        editor: for the person reading, such as `Krita (Flatpak)`.
        resources: its resource folder.
        settings: its settings file.
    """

    editor: str
    resources: Path
    settings: Path

    @property
    def folder(self) -> Path:
        """Where its plug-ins lie."""
        return self.resources / "pykrita"

    @property
    def plugin(self) -> Path:
        return self.folder / NAME

    @property
    def files(self) -> tuple[Path, Path]:
        """The .desktop and the .action file."""
        return self.folder / f"{NAME}.desktop", self.resources / "actions" / f"{NAME}.action"


def find(system: str, home: Path, env: Mapping[str, str]) -> list[KritaFolders]:
    """Every Krita's folders that are to be installed into: those that exist, or else the usual ones.

    An AppImage, a distribution's package and a build of one's own all use the native folders; a Flatpak has
    its own. Folders of a Krita that has never been started are made only where no other is found.

    Args:
        system: `linux`, `windows` or `macos`.
        home: the user's home folder.
        env: the environment (`APPDATA`, `LOCALAPPDATA`, `XDG_DATA_HOME`, `XDG_CONFIG_HOME`).
    """
    if system == "windows":
        roaming = Path(env.get("APPDATA") or home / "AppData" / "Roaming")
        local = Path(env.get("LOCALAPPDATA") or home / "AppData" / "Local")
        places = [KritaFolders("Krita", roaming / "krita", local / "kritarc")]
        store = sorted((local / "Packages").glob("49800Krita_*"))
        for package in store:
            cache = package / "LocalCache"
            places.append(
                KritaFolders(
                    "Krita (Microsoft Store)", cache / "Roaming" / "krita", cache / "Local" / "kritarc"
                )
            )
    elif system == "macos":
        library = home / "Library"
        places = [
            KritaFolders(
                "Krita", library / "Application Support" / "krita", library / "Preferences" / "kritarc"
            )
        ]
    else:
        data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
        config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
        box = home / ".var" / "app" / FLATPAK
        snap = home / "snap" / "krita" / "current"
        places = [
            KritaFolders("Krita", data / "krita", config / "kritarc"),
            KritaFolders("Krita (Flatpak)", box / "data" / "krita", box / "config" / "kritarc"),
            KritaFolders("Krita (Snap)", snap / ".local" / "share" / "krita", snap / ".config" / "kritarc"),
        ]
    there = [place for place in places if place.resources.is_dir() or place.settings.is_file()]
    return there or places[:1]


def here() -> list[KritaFolders]:
    """The folders of the Kritas on this computer."""
    return find(this_system(), home(), os.environ)


def named(folder: Folder) -> KritaFolders:
    """A resource folder (or its `pykrita`) that the user named, with the usual settings file."""
    resources = folder.folder.parent if folder.folder.name == "pykrita" else folder.folder
    return KritaFolders(folder.editor, resources, find(this_system(), home(), os.environ)[0].settings)


def _wanted(places: Sequence[KritaFolders | Folder] | None) -> list[KritaFolders]:
    if places is None:
        return here()
    return [place if isinstance(place, KritaFolders) else named(place) for place in places]


def install(places: Sequence[KritaFolders | Folder] | None = None, *, dry_run: bool = False) -> list[str]:
    """Installs or upgrades the plug-in and enables it; what was done (or would be), a line each.

    Raises:
        VelaturaError: a folder of the same name that is not ours, or wheels not to be had.
    """
    lines = []
    for place in _wanted(places):
        write = partial(_write, place.files, this_system(), this_machine(), daemon_command())
        lines.append(put(place.editor, place.plugin, write, dry_run))
        lines.append(f"{place.editor}: enable it in {place.settings} (close Krita first, or enable it there)")
        if not dry_run:
            _write_settings(place.settings, with_plugin(_read_settings(place.settings), True))
    return lines


def uninstall(places: Sequence[KritaFolders | Folder] | None = None, *, dry_run: bool = False) -> list[str]:
    """Removes the plug-in everywhere (presets stay); what was done (or would be), a line each."""
    lines = []
    for place in _wanted(places):
        if not place.plugin.exists():
            continue
        lines.append(take_out(place.editor, place.plugin, dry_run))
        if dry_run:
            continue
        for path in place.files:
            path.unlink(missing_ok=True)
        if place.settings.is_file():
            _write_settings(place.settings, with_plugin(_read_settings(place.settings), False))
    return lines or ["Velatura is not installed in any Krita that was found"]


def with_plugin(settings: str, enabled: bool) -> str:
    """The text of a `kritarc` with the plug-in enabled, or without a word of it; all else as it was."""
    kept, group, written = [], "", False
    line = f"enable_{NAME}=true"
    for old in settings.splitlines():
        header = re.fullmatch(r"\s*\[(.+)\]\s*", old)
        if header:
            group = header.group(1)
            kept.append(old)
            if group == "python" and enabled and not written:
                kept.append(line)
                written = True
        elif not (group == "python" and re.match(rf"\s*enable_{NAME}\s*=", old)):
            kept.append(old)
    if enabled and not written:
        kept += ["", "[python]", line] if kept else ["[python]", line]
    return "\n".join(kept) + "\n"


def build_zip(out: Path, system: str, machine: str) -> Path:
    """Builds the versioned, reproducible zip for one platform, for Krita's own importer; its path.

    It names no daemon command: the plug-in looks for one on PATH.

    Args:
        out: folder for the zip.
    """
    name = f"velatura-krita-{velatura.__version__}-{system}-{machine}"
    with beside(out / f".{name}") as folder:
        files = (folder / f"{NAME}.desktop", folder / "actions" / f"{NAME}.action")
        _write(files, system, machine, None, folder / NAME)
        return write_zip(folder, out / f"{name}.zip")


def _write(files: Sequence[Path], system: str, machine: str, command: list[str] | None, folder: Path) -> None:
    """Writes the package into a folder, and what Krita wants beside it."""
    stage(NAME, folder, system=system, machine=machine, command=command)
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source(NAME).parent / path.name, path)


def _read_settings(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise VelaturaError(
            "bad_field", f"{path} cannot be read ({error}): enable Velatura in Krita's own settings instead"
        ) from error


def _write_settings(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.velatura")
    unfinished.write_text(text, "utf-8")
    if path.exists():
        shutil.copymode(path, unfinished)
    unfinished.replace(path)
