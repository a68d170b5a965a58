"""What weights files say of themselves, read without torch so that listing stays instant."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from .errors import WeightsError


def header(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, without reading tensors.

    Raises:
        WeightsError: `missing`, or `corrupt` for a truncated, damaged or pickled file.
    """
    if not path.is_file():
        raise WeightsError("missing", f"{path} does not exist; {remedy(path.name)}")
    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        kind = "a pickle, which is never loaded" if _is_pickle(path) else f"truncated or damaged ({error})"
        raise WeightsError("corrupt", f"{path} is {kind}; {remedy(path.name)}") from error


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
