"""What weights files say of themselves, read without torch or numpy so that listing stays instant.

A safetensors file is eight bytes of length, that much JSON, and the tensors' bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from .errors import WeightsError

LONGEST = 1 << 20
"""Bytes of JSON at most: a header names tensors, it does not hold them."""


def header(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, without reading tensors.

    Raises:
        WeightsError: `missing`, or `corrupt` for a truncated, damaged or pickled file.
    """
    if not path.is_file():
        raise WeightsError("missing", f"{path} does not exist; {remedy(path.name)}")
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            entries = json.loads(file.read(length)) if length <= LONGEST else None
        if not isinstance(entries, dict):
            raise ValueError("it has no header")
        about = dict(entries.pop("__metadata__", {}))
        whole = 8 + length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        if path.stat().st_size != whole:
            raise ValueError(f"it has {path.stat().st_size} bytes, and should have {whole}")
        return about
    except (OSError, ValueError, TypeError, LookupError) as error:
        kind = "a pickle, which is never loaded" if _is_pickle(path) else f"truncated or damaged ({error})"
        raise WeightsError("corrupt", f"{path} is {kind}; {remedy(path.name)}") from error


def digest_of(tensors: Iterable[tuple[str, tuple[int, ...], bytes]]) -> str:
    """Name of a set of weights: 32 hex digits over names, shapes and float32 values.

    Args:
        tensors: name, shape, and the values as little-endian float32, in any order.
    """
    h = hashlib.blake2b(digest_size=16)
    for name, shape, values in sorted(tensors, key=lambda tensor: tensor[0]):
        h.update(f"{name} {tuple(shape)}\n".encode())
        h.update(values)
    return h.hexdigest()


def remedy(name: str) -> str:
    """What to do about a file that cannot be used, by the file's or its backbone's name."""
    first = name.split(".")[0]
    if first == "slim":
        return "install Velatura again: these weights ship with it"
    if first.startswith("vgg19"):
        return f"run `velatura models pull {first}`"
    return "copy it again, or train it again"


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4)
    return head[:2] == b"\x80\x02" or head == b"PK\x03\x04"
