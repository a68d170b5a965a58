"""Files of weights: what they say of themselves, and their tensors, read and written.

A safetensors file is eight bytes of length, that much JSON, and the tensors' bytes. Its header is read
without torch or numpy, so that listing stays instant. Every file carries the digest of its own tensors, which
is computed again on each read: a damaged file is refused and never guessed with. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .manifest import EMBEDDED

if TYPE_CHECKING:
    from torch import Tensor, nn

    N = TypeVar("N", bound=nn.Module)

NET_FORMAT = "velatura-net-1"

LONGEST = 1 << 20
"""Bytes of JSON at most: a header names tensors, it does not hold them."""


class WeightsError(Exception):
    """Weights that cannot be used.

    Attributes:
        code: `unknown` (no such backbone or method), `missing` (not installed), `corrupt` (damaged,
            truncated, not finite, or not a safetensors file), `architecture` (sound, but another
            network's), `download` (could not be fetched or verified).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Net:
    """What a network's file says of it.

    Args:
        name: file name without kind and ending.
        kind: one of `nets.KINDS`; of a backbone `encoder`, of its decoder the method.
        path: where it lies.
        architecture: the constructor's arguments, plain values.
        styles: names of the styles it paints, in its own order.
        trained: plain words: steps, crops, loss network, pictures, and `note` where it is not finished.
        needs: digest of the weights that it was trained for, where there are such.
        digest: of its own weights.
        format: of its file.
    """

    name: str
    kind: str
    path: Path
    architecture: Mapping[str, Any] = field(default_factory=dict)
    styles: tuple[str, ...] = ()
    trained: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""
    digest: str = ""
    format: str = NET_FORMAT

    @property
    def title(self) -> str:
        """What it is called in lists and recipes: its file's name without the ending."""
        return f"{self.name}.{self.kind}"

    @property
    def embedded(self) -> bool:
        return self.path.parent == EMBEDDED / "nets"


def header(path: Path, kind: str = "") -> dict[str, str]:
    """The metadata of a safetensors file, without reading tensors.

    Args:
        kind: the format that it must name; any where it is empty.

    Raises:
        WeightsError: `missing`, `corrupt` for a truncated, damaged or pickled file, or `architecture`.
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
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        found = "a pickle, which is never loaded" if _is_pickle(path) else f"truncated or damaged ({error})"
        raise WeightsError("corrupt", f"{path} is {found}; {remedy(path.name)}") from error
    if kind and about.get("format") != kind:
        found = about.get("format", "a file of another program's")
        raise WeightsError("architecture", f"{path} is {found}, where {kind} is needed")
    return about


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


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """Name of a set of weights: 32 hex digits over names, shapes and float32 values.

    The same for a half-precision file and for the network loaded from it, so
    `weights_digest(encoder.state_dict())` serves as a cache key.
    """
    import torch

    values = ((name, t.detach().to("cpu", torch.float32).contiguous()) for name, t in state.items())
    return digest_of((name, tuple(t.shape), t.numpy().tobytes()) for name, t in values)


def read(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and header of a weights file, verified against the digest it carries.

    Args:
        path: the file.
        kind: the format that its header must name.

    Raises:
        WeightsError: `missing`, `corrupt` or `architecture`.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    about = header(path, kind)
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError("corrupt", f"{path} cannot be read: {error}; {remedy(path.name)}") from error
    if weights_digest(state) != about.get("digest"):
        raise WeightsError("corrupt", f"{path} is damaged: its digest does not fit; {remedy(path.name)}")
    bad = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise WeightsError("corrupt", f"{path} holds numbers that are not finite, in {bad[0]}")
    return state, about


def load(net: Net, build: Callable[[dict[str, Tensor]], N], wanted: str = "encoder") -> N:
    """The network of a file, in float32, in evaluation mode, without gradients.

    Args:
        build: makes it of its tensors.
        wanted: what that is, for errors.

    Raises:
        WeightsError: as `read`; `architecture` where the tensors do not fit.
    """
    state, _ = read(net.path, net.format)
    try:
        network = build({name: tensor.float() for name, tensor in state.items()})
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError("architecture", f"{net.path} is no {wanted}: {reason}") from error
    return network.eval().requires_grad_(False)


def load_into(build: type[N], net: Net) -> N:
    """As `load`, by the network's class, which is called with the header's `architecture`."""

    def filled(state: dict[str, Tensor]) -> N:
        network = build(**net.architecture)
        network.load_state_dict(state)
        return network

    return load(net, filled, build.__name__)


def write(path: Path, state: Mapping[str, Tensor], about: Mapping[str, str], half: bool) -> str:
    """Writes tensors with their digest to a hidden file beside, then moves it into place."""
    import torch
    from safetensors.torch import save_file

    dtype = torch.float16 if half else torch.float32
    stored = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in state.items()}
    bad = [name for name, tensor in stored.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise WeightsError("corrupt", f"{bad[0]} is not finite as {dtype}; {path} was not written")
    digest = weights_digest(stored)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(stored, partial, metadata={**about, "digest": digest})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return digest


def origin(path: Path) -> dict[str, str]:
    """Licence and source of a weights file, which what is trained with it takes over; raises as `header`."""
    return {key: value for key, value in header(path).items() if key in ("licence", "distilled_from")}


def remedy(name: str) -> str:
    """What to do about a file that cannot be used, by the file's or its backbone's name."""
    first = name.split(".")[0]
    if first == "slim":
        return "install Velatura again: these weights ship with it"
    if first.startswith("vgg19"):
        return f"fetch the weights (`velatura models pull {first}`)"
    return "copy it again, or train it again"


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4)
    return head[:2] == b"\x80\x02" or head == b"PK\x03\x04"
