"""Krita 6 has PyQt6: the plug-in as installed loads there, and its docker works."""

from __future__ import annotations

import shutil
from pathlib import Path

from velatura_daemon.install import krita as installer

from editors.roots import Root

SCRIPT = Path(__file__).with_name("on_qt6.py")


def test_the_docker_works_with_pyqt6(root: Root, shared: Path) -> None:
    installer.install([installer.KritaFolders("Krita 6", shared / "krita", shared / "kritarc")])
    script = Path(shutil.copy(SCRIPT, shared))
    environment = {
        "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(shared / "krita" / "pykrita"),
        "VELATURA_HOME": str(shared / "home"), "XDG_DATA_HOME": str(shared / "data"),
    }  # fmt: skip
    said = root.run(["python3", "-X", "dev", script], env=environment)
    assert "modules, PyQt 6." in said.stdout
    assert "Error" not in said.stderr, said.stderr
