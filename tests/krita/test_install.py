"""The installer finds Kritas, enables the plug-in, and loses neither settings nor what is the artist's."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from velatura.errors import VelaturaError
from velatura_daemon.install import Folder, krita


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A vendor folder without the network."""
    made = tmp_path / "wheels" / "msgpack-1.dist-info"
    made.mkdir(parents=True)
    (made / "LICENSE").write_text("the licence")
    monkeypatch.setattr("velatura_daemon.install.assemble", lambda system, machine: tmp_path / "wheels")
    yield


def place(tmp_path: Path) -> krita.KritaFolders:
    return krita.KritaFolders("Krita", tmp_path / "data" / "krita", tmp_path / "kritarc")


def test_every_kind_of_krita_is_found(tmp_path: Path) -> None:
    native, flatpak = tmp_path / ".local/share/krita", tmp_path / ".var/app/org.kde.krita/data/krita"
    assert [p.resources for p in krita.find("linux", tmp_path, {})] == [native], (
        "the usual one, if none is there"
    )
    flatpak.mkdir(parents=True)
    assert [p.resources for p in krita.find("linux", tmp_path, {})] == [flatpak]
    native.mkdir(parents=True)
    assert [p.editor for p in krita.find("linux", tmp_path, {})] == ["Krita", "Krita (Flatpak)"]
    windows = krita.find(
        "windows", tmp_path, {"APPDATA": str(tmp_path / "R"), "LOCALAPPDATA": str(tmp_path / "L")}
    )
    assert (windows[0].resources, windows[0].settings) == (tmp_path / "R/krita", tmp_path / "L/kritarc")
    mac = krita.find("macos", tmp_path, {})[0]
    assert mac.resources == tmp_path / "Library/Application Support/krita"


def test_a_dry_run_only_tells(tmp_path: Path) -> None:
    lines = krita.install([place(tmp_path)], dry_run=True)
    assert "install" in lines[0] and "enable" in lines[1]
    assert not (tmp_path / "data").exists() and not (tmp_path / "kritarc").exists()


def test_install_upgrade_and_uninstall_keep_what_is_the_artists(tmp_path: Path) -> None:
    here = place(tmp_path)
    (tmp_path / "kritarc").write_text("Theme=dark\n\n[python]\nenable_other=true\n\n[theme]\nx=1\n")
    presets = here.resources / "velatura" / "memory.json"
    presets.parent.mkdir(parents=True)
    presets.write_text("{}")
    krita.install([here])
    krita.install([here])
    assert (here.plugin / "manual.html").exists() and all(path.exists() for path in here.files)
    assert (here.plugin / "locale/de/LC_MESSAGES/velatura_krita.mo").exists()
    assert (tmp_path / "kritarc").read_text() == (
        "Theme=dark\n\n[python]\nenable_velatura_krita=true\nenable_other=true\n\n[theme]\nx=1\n"
    )
    krita.uninstall([here])
    assert not here.plugin.exists() and not any(path.exists() for path in here.files)
    assert presets.exists()
    assert (tmp_path / "kritarc").read_text() == "Theme=dark\n\n[python]\nenable_other=true\n\n[theme]\nx=1\n"


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    here = place(tmp_path)
    here.plugin.mkdir(parents=True)
    with pytest.raises(VelaturaError, match="was not made by"):
        krita.install([here])


def test_a_folder_that_the_user_names(tmp_path: Path) -> None:
    named = krita.named(Folder("mine", tmp_path / "r" / "pykrita"))
    assert named.plugin == tmp_path / "r" / "pykrita" / "velatura_krita"


def test_the_zip_is_what_kritas_importer_takes(tmp_path: Path) -> None:
    """A .desktop, a folder entry of its library's name with __init__.py in it, and an .action."""
    first = krita.build_zip(tmp_path / "a", "linux", "x86_64")
    again = krita.build_zip(tmp_path / "b", "linux", "x86_64")
    assert first.read_bytes() == again.read_bytes()
    names = zipfile.ZipFile(first).namelist()
    assert "velatura_krita.desktop" in names and "actions/velatura_krita.action" in names
    assert "velatura_krita/" in names and "velatura_krita/__init__.py" in names
    assert "velatura_krita/vendor/msgpack-1.dist-info/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name]
