"""The end of every job: the result with all that it says of how it was made, to be made again.

Its recipe is the one that ran, with nothing left open, and names the networks with the digests of their
weights. Where a recipe comes with such names, from an earlier result, and other networks are at hand, the
record's notes say which.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import velatura
from velatura.pixels import Layout
from velatura.recipe import Recipe
from velatura_models.methods.loading import Loader
from velatura_models.note import Note

from .tasks import Finished

SHORT = 12
"""Hex digits of a digest that recipes hold."""


def finished(
    layout: Layout,
    data: memoryview,
    recipe: Recipe,
    loader: Loader,
    seconds: float,
    notes: Sequence[str] = (),
    **about: Any,
) -> Finished:
    """The last event of a job.

    Args:
        recipe: as it ran; its `networks` are still those that it came with.
        loader: what the job took its networks from.
        seconds: that the job computed.
        notes: what is to be said to whoever asked.
        about: further entries of the record.
    """
    used = {name: digest[:SHORT] for name, digest in sorted(loader.used.items())}
    said = [*notes, *changes(recipe.networks, used)]
    record = {
        "velatura": velatura.__version__,
        "torch": torch.__version__,
        "machine": platform.machine(),
        "device": str(loader.device),
        "dtype": plain(loader.dtype),
        "eight_bits": loader.eight_bits,
        "threads": torch.get_num_threads(),
        **about,
        "seconds": round(seconds, 4),
        "notes": [str(note) for note in said],
        "said": [[note.text, note.values] if isinstance(note, Note) else [] for note in said],
    }
    named = tuple(f"{name} {digest}" for name, digest in used.items())
    return Finished(layout, data, replace(recipe, networks=named), record)


def changes(then: Sequence[str], now: Mapping[str, str]) -> list[str]:
    """What is to be said of networks that are not those of a recipe.

    Args:
        then: `name digest` each, as in a recipe; none where it never ran.
        now: name to digest of those that were used.
    """
    known = {name: digest for name, _, digest in (entry.partition(" ") for entry in then)}
    said = []
    for name, digest in now.items():
        kind = name.rpartition(".")[1:]
        others = [other for other in known if other not in now and other.rpartition(".")[1:] == kind]
        if name in known and known[name] != digest:
            said.append(
                Note(
                    "the network {name} has changed since ({then} then, {now} now): the picture may differ",
                    name=name,
                    then=known[name],
                    now=digest,
                )
            )
        elif name not in known and "." in name and others:
            said.append(
                Note(
                    "painted by the network {name}; the recipe is of {others}: the picture may differ",
                    name=name,
                    others=", ".join(others),
                )
            )
    return said


def plain(dtype: torch.dtype) -> str:
    """`float32`, `bfloat16`."""
    return str(dtype).removeprefix("torch.")
