"""Which backbones exist, where their weights come from, and under which licence.

`manifest.json` pins the address, size and sha256 of every file that is ever fetched. This module only
reads it (no torch here, so that listing models is instant); `velatura_models.store.pull` fetches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).with_name("manifest.json")
EMBEDDED = Path(__file__).with_name("embedded")
"""Weights that ship with the package."""


@dataclass(frozen=True)
class RemoteFile:
    """A file to be fetched.

    Attributes:
        name: file name below the base address.
        part: what it becomes: `encoder`, or the method whose decoder it is.
        sha256: its checksum, 64 hex digits.
        size: bytes; 0 where only a bound is known.
        at_most: bytes after which a download is given up.
    """

    name: str
    part: str
    sha256: str
    size: int = 0
    at_most: int = 0


@dataclass(frozen=True)
class Backbone:
    """One entry of the manifest.

    Attributes:
        source: `embedded` (ships with the package), `download` (its `files`), or `torchvision`.
        methods: feed-forward methods it can have a decoder for, best first.
        licence: of the weights, with whom to name.
        least_psnr: bound of the self-test's reconstruction, in dB; 0 without a decoder.
        base: address that the files' names are appended to.
        size: bytes to fetch in all, as far as known.
    """

    name: str
    title: str
    source: str
    methods: tuple[str, ...]
    licence: str
    least_psnr: float = 0.0
    base: str = ""
    files: tuple[RemoteFile, ...] = ()
    size: int = 0


def backbones(manifest: Path = MANIFEST) -> dict[str, Backbone]:
    """The backbones by name, in the manifest's order.

    Raises:
        ValueError: when the manifest itself is wrong, naming the entry.
    """
    data = json.loads(manifest.read_text("utf-8"))
    return {entry["name"]: _backbone(entry) for entry in data["backbones"]}


def describe(backbone: Backbone, cache: Path) -> dict[str, Any]:
    """A backbone as plain values, with whether it is installed; looks at file names only.

    Args:
        backbone: the entry.
        cache: folder of pulled weights.
    """
    folder = EMBEDDED if backbone.source == "embedded" else cache
    encoder = folder / f"{backbone.name}.safetensors"
    methods = [m for m in backbone.methods if (folder / f"{backbone.name}.{m}.safetensors").is_file()]
    return {
        "name": backbone.name,
        "title": backbone.title,
        "source": backbone.source,
        "licence": backbone.licence,
        "installed": encoder.is_file() and bool(methods or not backbone.methods),
        "methods": methods,
        "size": backbone.size,
        "file": str(encoder),
    }


def _backbone(entry: Mapping[str, Any]) -> Backbone:
    files = tuple(RemoteFile(**item) for item in entry.get("files", ()))
    for file in files:
        if len(file.sha256) != 64 or not (file.size or file.at_most):
            raise ValueError(f"{entry['name']}: {file.name} needs a sha256 and a size or a bound")
    size = entry.get("size", 0) or sum(file.size or file.at_most for file in files)
    return Backbone(**{**entry, "methods": tuple(entry["methods"]), "files": files, "size": size})
