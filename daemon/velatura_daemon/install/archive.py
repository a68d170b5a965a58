"""Reproducible zips: the same sources give the same bytes, on any machine, at any time."""

from __future__ import annotations

import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold


def write_zip(folder: Path, target: Path) -> Path:
    """Packs what is in `folder` (not the folder itself): sorted, undated, with run bits and folder entries.

    Args:
        folder: its content becomes the top level of the zip.
        target: the zip, replaced where it exists.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".partial")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
            name = path.relative_to(folder).as_posix()
            entry = zipfile.ZipInfo(f"{name}/" if path.is_dir() else name, _EPOCH)
            entry.create_system = 3  # Unix, so that the modes below count
            if path.is_dir():
                entry.external_attr = (0o40755 << 16) | 0x10
                archive.writestr(entry, b"")
            else:
                mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                entry.external_attr = (0o100000 | mode) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    unfinished.replace(target)
    return target
