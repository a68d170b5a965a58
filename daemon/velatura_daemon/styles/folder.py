"""A user's style on disk: a folder `<name>/` with the picture or a card, a thumbnail and `style.json`.

Other processes read at any time, so a folder appears and vanishes in one rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from velatura import stylefile
from velatura.errors import VelaturaError

from .catalogue import StyleEntry

CARD_FILE = "card.slim.safetensors"
"""The card of a style that came without its picture, or with its card."""
LONGEST = 1 << 20
"""Bytes of a `style.json`, at most."""
STALE = 24 * 3600.0
"""Age in seconds after which a folder that an interrupted `write_folder` left behind is swept away."""


def read_folder(folder: Path) -> StyleEntry:
    """A user's style as its folder tells it, with `error` where it cannot be used."""
    entry = StyleEntry(name=folder.name, title=folder.name)
    try:
        about = json.loads(stylefile.read(folder / "style.json", LONGEST, "style.json"))
        texts = {key: about.get(key, "") for key in ("title", "artist", "year", "rights")}
        picture = folder / Path(about["picture"]).name if about["picture"] != "" else None
        digest, size = about["sha256"], about["size"]
    except VelaturaError as error:
        return replace(entry, error=error.message)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return replace(entry, error=f"its style.json cannot be read ({error!r})")
    if not all(isinstance(value, str) for value in (*texts.values(), digest)):
        return replace(entry, error="its style.json holds something else than text")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        return replace(entry, error=f"its style.json holds no SHA-256 but {digest[:80]!r}")
    entry = replace(entry, **{**texts, "title": texts["title"] or folder.name}, digest=digest)
    card, thumbnail = folder / CARD_FILE, folder / "thumbnail.jpg"
    entry = replace(
        entry,
        thumbnail=thumbnail if thumbnail.is_file() else None,
        cards={"slim": card} if card.is_file() else {},
    )
    if picture is None:
        return entry if entry.cards else replace(entry, error="it holds neither a picture nor a card")
    try:
        found = picture.stat().st_size
    except OSError as error:
        return replace(entry, error=f"its picture is missing ({error})")
    if found != size:
        return replace(entry, error=f"its picture has {found} bytes instead of {size}")
    return replace(entry, picture=picture, size=size)


def write_folder(parent: Path, name: str, texts: Mapping[str, str], files: Mapping[str, bytes]) -> None:
    """Writes a style's folder: all of it or nothing.

    Args:
        parent: the folder of all styles, made where it is not there.
        texts: what `style.json` is to say: title, artist, year, rights.
        files: contents by file name: `picture.*`, `CARD_FILE` or both, and `thumbnail.jpg`.

    Raises:
        OSError: when it cannot be written, or is there already.
    """
    pictures = [file for file in files if file.startswith("picture")]
    known_by = files[pictures[0] if pictures else CARD_FILE]
    about = {
        **texts,
        "name": name,
        "picture": pictures[0] if pictures else "",
        "size": len(known_by),
        "sha256": hashlib.sha256(known_by).hexdigest(),
    }
    made = parent / f".{name}.{secrets.token_hex(4)}.adding"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        made.mkdir()
        for file, content in files.items():
            write_through(made / file, content)
        write_through(made / "style.json", json.dumps(about, ensure_ascii=False, indent=1).encode("utf-8"))
        made.rename(parent / name)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise


def remove_folder(folder: Path) -> None:
    """Deletes a style's folder, damaged or not."""
    gone = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.removed")
    with contextlib.suppress(FileNotFoundError):  # another removal was quicker
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def write_through(path: Path, data: bytes) -> None:
    """Writes a file through to the disk, so that the rename that follows never shows a half file."""
    with path.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _sweep(parent: Path) -> None:
    for left in parent.glob(".*"):
        if left.suffix not in (".adding", ".removed"):
            continue
        with contextlib.suppress(FileNotFoundError):  # another writer has finished with it meanwhile
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left, ignore_errors=True)
