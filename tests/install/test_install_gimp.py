"""`velatura install gimp`: the right folders on every system, whole installations, upgrades, removals."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from velatura.errors import VelaturaError
from velatura_daemon import install
from velatura_daemon.install import Folder, archive, catalogs, gimp, vendor


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for what pip would bring, so that these tests need no network."""
    folder = tmp_path / "wheels"
    for name in ("zmq/__init__.py", "msgpack/__init__.py", "pyzmq-1.dist-info/licenses/LICENSE.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    monkeypatch.setattr(install, "assemble", lambda system, machine: folder)
    return folder


def make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True)


def test_linux_finds_every_version_native_flatpak_and_snap(tmp_path: Path) -> None:
    config, snap = tmp_path / ".config" / "GIMP", tmp_path / "snap" / "gimp" / "current" / ".config" / "GIMP"
    make(config / "2.10", config / "3.0", config / "3.2", config / "3.1", snap / "3.0")
    found = gimp.find("linux", tmp_path, {})
    assert [(p.editor, p.folder) for p in found] == [
        ("GIMP 3.0", config / "3.0" / "plug-ins"),
        ("GIMP 3.2", config / "3.2" / "plug-ins"),
        ("GIMP 3.0 (Snap)", snap / "3.0" / "plug-ins"),
    ]


def test_the_flatpak_reads_the_hosts_own_settings_wherever_xdg_points(tmp_path: Path) -> None:
    make(tmp_path / "xdg" / "GIMP" / "3.0", tmp_path / ".config" / "GIMP" / "3.2")
    found = gimp.find("linux", tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    assert [(p.editor, p.folder.parent.parent.parent.name) for p in found] == [
        ("GIMP 3.0", "xdg"),
        ("GIMP 3.2 (Flatpak)", ".config"),
    ]


def test_windows_and_macos(tmp_path: Path) -> None:
    make(tmp_path / "Roaming" / "GIMP" / "3.0", tmp_path / "Library" / "Application Support" / "GIMP" / "3.2")
    windows = gimp.find("windows", tmp_path, {"APPDATA": str(tmp_path / "Roaming")})
    assert [p.folder for p in windows] == [tmp_path / "Roaming" / "GIMP" / "3.0" / "plug-ins"]
    mac = gimp.find("macos", tmp_path, {})
    assert [p.folder.parts[-5:] for p in mac] == [
        ("Library", "Application Support", "GIMP", "3.2", "plug-ins")
    ]


def test_a_gimp_that_was_never_started_is_known_by_its_version(tmp_path: Path) -> None:
    assert gimp.version_of("GNU Image Manipulation Program version 3.0.4") == "3.0"
    assert gimp.version_of("GNU Image Manipulation Program version 2.10.36") == ""
    found = gimp.find("linux", tmp_path, {}, ("3.2",))
    assert [p.folder for p in found] == [tmp_path / ".config" / "GIMP" / "3.2" / "plug-ins"]


def test_gimp3_directory_wins(tmp_path: Path) -> None:
    found = gimp.find("linux", tmp_path, {"GIMP3_DIRECTORY": str(tmp_path / "own")})
    assert [p.folder for p in found] == [tmp_path / "own" / "plug-ins"]


def test_an_installation_is_whole(tmp_path: Path) -> None:
    place = Folder("GIMP 3.0", tmp_path / "plug-ins")
    assert "install 0.1.0" in gimp.install([place], dry_run=True)[0]
    assert not place.folder.exists(), "a dry run writes nothing"
    gimp.install([place])
    made = place.folder / "velatura_gimp"
    entry = made / "velatura_gimp.py"
    assert entry.stat().st_mode & 0o777 == 0o755, "without the run bit GIMP says nothing and shows nothing"
    assert (made / "vendor" / "zmq").is_dir() and (made / "vendor" / "velatura" / "connection.py").is_file()
    assert (made / "locale" / "de" / "LC_MESSAGES" / "velatura_gimp.mo").is_file()
    assert list((made / "vendor").glob("*.dist-info/licenses/*")), "the wheels' licences stay with them"
    command = json.loads((made / "installed.json").read_text())["command"]
    assert Path(command[0]).is_absolute() and command[1:] == ["-m", "velatura_daemon", "run"]
    assert [p.name for p in place.folder.iterdir()] == ["velatura_gimp"], "nothing else is left behind"


def test_an_upgrade_replaces_everything_and_a_removal_leaves_nothing(tmp_path: Path) -> None:
    place = Folder("GIMP 3.0", tmp_path / "plug-ins")
    gimp.install([place])
    made = place.folder / "velatura_gimp"
    (made / "gone_in_the_new_version.py").write_text("")
    (made / "installed.json").write_text('{"version": "0.0.1"}')
    assert "upgrade 0.0.1 to 0.1.0" in gimp.install([place])[0]
    assert not (made / "gone_in_the_new_version.py").exists()
    assert "remove 0.1.0" in gimp.uninstall([place], dry_run=True)[0]
    assert made.exists()
    gimp.uninstall([place])
    assert not list(place.folder.iterdir())
    assert "not installed" in gimp.uninstall([place])[0]


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    place = Folder("GIMP 3.0", tmp_path / "plug-ins")
    theirs = place.folder / "velatura_gimp" / "mine.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("keep")
    for action in (gimp.install, gimp.uninstall):
        with pytest.raises(VelaturaError, match="move it away"):
            action([place])
    assert theirs.read_text() == "keep"


def test_a_failed_upgrade_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Folder("GIMP 3.0", tmp_path / "plug-ins")
    gimp.install([place])

    def fail(system: str, machine: str) -> Path:
        raise VelaturaError("internal", "no network")

    monkeypatch.setattr(install, "assemble", fail)
    with pytest.raises(VelaturaError, match="no network"):
        gimp.install([place])
    assert (place.folder / "velatura_gimp" / "velatura_gimp.py").is_file()
    assert [p.name for p in place.folder.iterdir()] == ["velatura_gimp"]


def test_the_zip_is_the_same_whenever_it_is_built(tmp_path: Path) -> None:
    first = gimp.build_zip(tmp_path / "one", "linux", "x86_64")
    second = gimp.build_zip(tmp_path / "two", "linux", "x86_64")
    assert first.name == "velatura-gimp-0.1.0-linux-x86_64.zip"
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        modes = {i.filename: i.external_attr >> 16 & 0o777 for i in packed.infolist()}
    assert modes["velatura_gimp/velatura_gimp.py"] == 0o755
    assert modes["velatura_gimp/plugin.py"] == 0o644
    assert modes["velatura_gimp/vendor/"] == 0o755


def test_pip_is_asked_for_every_python_and_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fake_pip(command: list[str]) -> None:
        asked.append(command)
        python = command[command.index("--python-version") + 1]
        target = Path(command[command.index("--target") + 1])
        for name in (f"zmq/{python}.so", "zmq/__init__.py", "pyzmq-1.dist-info/RECORD"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text("")

    monkeypatch.setattr(vendor, "_pip", fake_pip)
    merged = vendor.assemble("macos", "arm64", tmp_path / "cache")
    assert {p.name for p in (merged / "zmq").iterdir()} == {
        "__init__.py",
        *(f"{v}.so" for v in vendor.PYTHONS),
    }
    assert not (merged / "pyzmq-1.dist-info" / "RECORD").exists(), "differs from machine to machine"
    assert all("macosx_11_0_arm64" in command for command in asked)
    assert vendor.assemble("macos", "arm64", tmp_path / "cache") == merged
    assert len(asked) == len(vendor.PYTHONS), "fetched once, then kept"
    with pytest.raises(VelaturaError, match="no wheels for linux riscv64"):
        vendor.assemble("linux", "riscv64", tmp_path / "cache")


def test_catalogs_are_read_by_gettext_itself(tmp_path: Path) -> None:
    import gettext

    po = tmp_path / "po"
    po.mkdir()
    (po / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "one "\n"line"\nmsgstr "eine „Zeile“\\n"\n\n#, fuzzy\nmsgid "maybe"\nmsgstr "vielleicht"\n\n'
        'msgctxt "menu"\nmsgid "Open"\nmsgstr "Öffnen"\n\nmsgid "empty"\nmsgstr ""\n',
        encoding="utf-8",
    )
    (written,) = catalogs.compile_catalogues(tmp_path / "locale", "domain", po)
    assert written == tmp_path / "locale" / "de" / "LC_MESSAGES" / "domain.mo"
    german = gettext.translation("domain", tmp_path / "locale", ["de"])
    assert german.gettext("one line") == "eine „Zeile“\n"
    assert german.pgettext("menu", "Open") == "Öffnen"
    assert [german.gettext(text) for text in ("maybe", "empty", "unknown")] == ["maybe", "empty", "unknown"]


def test_a_catalog_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "de.po").write_text('msgid "a"\noops "b"\n')
    with pytest.raises(VelaturaError, match=r"de\.po:2"):
        catalogs.compile_catalogues(tmp_path / "locale", "domain", tmp_path)


def test_write_zip_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("x")
    target = tmp_path / "out.zip"
    target.write_text("old")
    archive.write_zip(tmp_path / "in", target)
    assert zipfile.ZipFile(target).namelist() == ["a"]
