"""Pictures wherever they lie: paths, and the addresses that fsspec knows, such as `s3://bucket/folder`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from velatura.errors import VelaturaError
from velatura.pictures.files import MAX_BYTES, write_whole


def is_address(place: str) -> bool:
    """Whether it is more than a path of this machine."""
    return "://" in place


def listed(place: str, readable: Collection[str]) -> list[tuple[str, str]]:
    """The pictures at an address: itself, all below it, or what its wildcards match.

    Returns:
        Addresses, and their paths relative to the place.

    Raises:
        VelaturaError: `bad_image` where there is none.
    """
    store, root = _opened(place)
    if any(sign in root for sign in "*?["):
        found = {path: PurePosixPath(path).name for path in store.glob(root)}
    elif store.isdir(root):
        found = {path: path[len(root.rstrip("/")) + 1 :] for path in store.find(root)}
    else:
        found = {root: PurePosixPath(root).name} if store.exists(root) else {}
    pictures = [
        (store.unstrip_protocol(path), name)
        for path, name in sorted(found.items())
        if PurePosixPath(path).suffix.lower() in readable and not PurePosixPath(path).name.startswith(".")
    ]
    if not pictures:
        raise VelaturaError("bad_image", "no pictures there", place)
    return pictures


def exists(place: str) -> bool:
    """Whether there is a file."""
    store, path = _opened(place)
    return store.exists(path)


def read(place: str) -> bytes:
    """A file's bytes.

    Raises:
        VelaturaError: `bad_image` where there is none, `too_large`. OSError: where the store does not answer.
    """
    store, path = _opened(place)
    try:
        size = store.size(path) or 0
        if size > MAX_BYTES:
            raise VelaturaError("too_large", f"has {size} bytes; at most {MAX_BYTES} are read", place)
        return store.cat_file(path)
    except FileNotFoundError as error:
        raise VelaturaError("bad_image", "no such file", place) from error


def write(place: str, data: bytes) -> None:
    """Writes a file; there whole, or not at all: a path is renamed into place, an object store shows an
    object once all of it has come.

    Raises:
        OSError: where it cannot be written.
    """
    if is_address(place) and not place.startswith("file://"):
        store, path = _opened(place)
        store.pipe_file(path, data)
        return
    path = Path(place.removeprefix("file://"))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)


def _opened(place: str) -> tuple[Any, str]:
    try:
        return fsspec.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise VelaturaError("bad_image", f"cannot be reached: {error}", place) from error
