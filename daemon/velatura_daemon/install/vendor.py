"""Assembles pyzmq and msgpack for the Python inside the editors.

Editors bring their own Python, of another version than the daemon's, and upgrade it behind our back.
So the wheels of several versions are merged into one folder, which then imports in CPython 3.10 to 3.14:
pyzmq has one wheel each for 3.10 and 3.11 and a stable-ABI one from 3.12 on, msgpack has one per version
and falls back to pure Python where none fits. The merged folders come with the package (`make dist` packs
them), so that an installation needs no network; in a checkout they come through pip and are kept in
Velatura's cache. Licences stay beside them.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from velatura.errors import VelaturaError

from ..paths import default_paths
from .archive import write_zip

PACKAGES = ("pyzmq==27.1.0", "msgpack==1.1.2")
PYTHONS = ("3.10", "3.11", "3.13", "3.14")

PLATFORMS = {
    ("linux", "x86_64"): ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    ("linux", "arm64"): ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
    ("windows", "x86_64"): ("win_amd64",),
    ("windows", "arm64"): ("win_arm64",),
    ("macos", "x86_64"): ("macosx_10_15_universal2", "macosx_10_15_x86_64"),
    ("macos", "arm64"): ("macosx_11_0_arm64", "macosx_10_15_universal2"),
}
"""Wheel platforms by system and machine."""

BROUGHT = Path(__file__).parent / "wheels"
"""The merged folders that come with the package, one zip a platform."""

_NEEDLESS = ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json")


def machine(name: str | None = None) -> str:
    """This computer's processor as `x86_64` or `arm64`; other names are given back as they are."""
    found = (name or platform.machine()).lower()
    return {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}.get(found, found)


def pip_command(into: Path, python: str, tags: tuple[str, ...]) -> list[str]:
    """The pip call that unpacks `PACKAGES` for one Python version into `into`."""
    platforms = [word for tag in tags for word in ("--platform", tag)]
    return [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
        "--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python,
        *platforms, "--target", str(into), *PACKAGES,
    ]  # fmt: skip


def assemble(system: str, machine: str, cache: Path | None = None) -> Path:
    """The merged folder for a platform, from cache, package, or freshly fetched; do not write into it.

    Args:
        system: `linux`, `windows` or `macos`.
        machine: `x86_64` or `arm64`.
        cache: where to keep it; by default Velatura's cache folder.

    Raises:
        VelaturaError: `bad_field` for a platform without wheels, `internal` with pip's words when they
            could not be fetched.
    """
    tags = PLATFORMS.get((system, machine))
    if tags is None:
        known = ", ".join(" ".join(pair) for pair in PLATFORMS)
        raise VelaturaError("bad_field", f"no wheels for {system} {machine}; there are some for {known}")
    name = "-".join([system, machine, *PACKAGES]).replace("==", "-")
    kept = (cache or default_paths().cache / "vendor") / name
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=f"{name}.") as scratch:
        merged, brought = Path(scratch) / "merged", BROUGHT / f"{name}.zip"
        if brought.is_file():
            shutil.unpack_archive(brought, merged)
        else:
            for python in PYTHONS:
                part = Path(scratch) / python
                _pip(pip_command(part, python, tags))
                shutil.copytree(part, merged, dirs_exist_ok=True)
            _tidy(merged)
        try:
            merged.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another installer was faster; its folder is the same
                raise
    return kept


def pack(system: str, machine: str) -> Path:
    """Puts a platform's merged folder into the package; the zip."""
    folder = assemble(system, machine)
    return write_zip(folder, BROUGHT / f"{folder.name}.zip")


def _pip(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        hint = ""
        if "No module named pip" in done.stdout:
            hint = f"; install pip first: {sys.executable} -m ensurepip"
        last = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise VelaturaError("internal", f"pip could not fetch {' and '.join(PACKAGES)}{hint}:\n{last}")


def _tidy(folder: Path) -> None:
    """Drops what differs from machine to machine or is never imported; licences and metadata stay."""
    for path in folder.glob("*.dist-info/*"):
        if path.name in _NEEDLESS:
            path.unlink()
    shutil.rmtree(folder / "zmq" / "tests", ignore_errors=True)
    shutil.rmtree(folder / "bin", ignore_errors=True)
