"""Networks that this project or its users trained: finding, loading, saving, installing them.

One safetensors file each, `<name>.<kind>.safetensors`, in the package's `embedded/nets` or in the folder
`nets` below the user's weights. The header says all that is needed to build the network again and to judge
it: kind, the constructor's arguments, the styles it paints, on what it was trained and for how long.
Listing needs no torch.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import NET_FORMAT, Net, WeightsError, header, read, write
from .manifest import EMBEDDED, backbones, describe

if TYPE_CHECKING:
    from torch import Tensor, nn

PHOTO = "photo"
"""What a network of several styles calls the row that gives the photo itself, where it has one."""
KINDS = ("transform", "style", "multimodal", "superres", "texture")


def save_net(
    path: Path,
    kind: str,
    net: nn.Module | Mapping[str, Tensor],
    architecture: Mapping[str, Any],
    styles: Sequence[str] = (),
    trained: Mapping[str, Any] | None = None,
    needs: str = "",
    half: bool = True,
) -> Path:
    """Writes a network's file atomically.

    Args:
        path: `<name>.<kind>.safetensors`.
        net: the trained network, or its state.
        half: whether to store fp16, else float32.
    """
    if kind not in KINDS or path.name.split(".")[1:] != [kind, "safetensors"]:
        raise ValueError(f"{path.name} must be called <name>.{kind}.safetensors, with a kind out of {KINDS}")
    about = {
        "format": NET_FORMAT,
        "kind": kind,
        "architecture": json.dumps(dict(architecture)),
        "styles": json.dumps(list(styles)),
        "trained": json.dumps(dict(trained or {})),
        "needs": needs,
    }
    write(path, net if isinstance(net, Mapping) else net.state_dict(), about, half)
    return path


def describe_net(path: Path) -> Net:
    """What a file says of itself, without reading its tensors.

    Raises:
        WeightsError: `missing`, `corrupt` or `architecture`.
    """
    about = header(path, NET_FORMAT)
    try:
        if about["kind"] not in KINDS:
            raise ValueError(f"its kind is {about['kind']!r:.40}")
        return Net(
            path.name.split(".")[0],
            about["kind"],
            path,
            dict(json.loads(about["architecture"])),
            tuple(str(style) for style in json.loads(about["styles"])),
            dict(json.loads(about["trained"])),
            about["needs"],
            about["digest"],
        )
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise WeightsError("corrupt", f"{path} has a header that cannot be read: {error}") from error


def folders(weights: Path | None) -> list[Path]:
    """Where networks lie: the user's own folder first."""
    return [*([weights / "nets"] if weights else []), EMBEDDED / "nets"]


def installed(kind: str = "", weights: Path | None = None) -> Iterator[Net]:
    """The networks at hand, the user's own first; files that cannot be read are left out here
    (`velatura models verify` tells of them).

    Args:
        kind: one of `KINDS`, or empty for all.
        weights: folder of the user's weights.
    """
    seen: set[str] = set()
    for folder in folders(weights):
        for path in sorted(folder.glob(f"*.{kind or '*'}.safetensors")):
            if path.name in seen or path.name.startswith("."):
                continue
            try:
                yield describe_net(path)
            except WeightsError:
                continue
            seen.add(path.name)


def damaged(weights: Path | None = None) -> Iterator[tuple[Path, WeightsError]]:
    """Network files that cannot be read, and why; the listed ones leave them out."""
    for folder in folders(weights):
        for path in sorted(folder.glob("[!.]*.safetensors")):
            try:
                describe_net(path)
            except WeightsError as error:
                yield path, error


def refuse_damaged(name: str, kind: str, weights: Path | None = None) -> None:
    """Raises the `WeightsError` of the network file of that name and kind, where there is one that cannot be
    read; trainers call it after its style."""
    for path, error in damaged(weights):
        if path.name == f"{name}.{kind}.safetensors":
            raise error


def find_net(name: str, kind: str, weights: Path | None = None) -> Net:
    """The network of a name and kind.

    Raises:
        WeightsError: `missing`, naming those at hand.
    """
    nets = {net.name: net for net in installed(kind, weights)}
    if name not in nets:
        refuse_damaged(name, kind, weights)
        raise WeightsError("missing", f"no {kind} network {name!r} is installed; at hand: {few(nets)}")
    return nets[name]


def find_superres(factor: int, weights: Path | None = None) -> Net:
    """The network for a factor, the user's own before the one that ships.

    Raises:
        WeightsError: `missing` where there is none, saying how to train one.
    """
    for net in installed("superres", weights):
        if net.architecture.get("factor", 4) == factor:
            return net
    raise WeightsError(
        "missing",
        f"no network enlarges {factor} times; train one and add it"
        f" (`velatura train superres --factor {factor}`, `velatura models add`)",
    )


def find_texture(style: str, weights: Path | None = None) -> Net:
    """The texture network of a style.

    Args:
        style: the name it was trained under.
        weights: folder of the user's weights; his networks come before those that ship.

    Raises:
        WeightsError: `unknown`, naming those at hand and how to train one.
    """
    nets = list(installed("texture", weights))
    for net in nets:
        if style in net.styles:
            return net
    refuse_damaged(style, "texture", weights)
    names = sorted({name for net in nets for name in net.styles})
    raise WeightsError(
        "unknown",
        f"no texture network of {style!r} is installed; at hand: {', '.join(names) or 'none'}. Train one "
        "and add it (`velatura train texture-net --style PICTURE --out RUN`, `velatura models add FILE`), or "
        "use the method optimise, which takes any style",
    )


def add_net(path: Path, weights: Path) -> Net:
    """Installs a file that a trainer wrote, after reading all of it.

    Raises:
        WeightsError: as `files.read`.
    """
    net = describe_net(path)
    if path.name != f"{net.title}.safetensors":
        raise WeightsError("architecture", f"{path.name} must be called {net.title}.safetensors")
    read(path, NET_FORMAT)
    target = weights / "nets" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.adding")
    shutil.copyfile(path, partial)
    partial.replace(target)
    return replace(net, path=target)


def everything(weights: Path) -> list[dict[str, Any]]:
    """Backbones and networks as plain values, for lists; a network is called `<name>.<kind>`."""
    own = [
        {
            "name": net.title,
            "kind": net.kind,
            "source": "embedded" if net.embedded else "yours",
            "installed": True,
            "styles": list(net.styles),
            "trained": dict(net.trained),
            "file": str(net.path),
        }
        for net in installed(weights=weights)
    ]
    broken = [
        {
            "name": path.name.removesuffix(".safetensors"),
            "kind": "damaged",
            "source": "yours" if path.is_relative_to(weights) else "embedded",
            "installed": False,
            "styles": [],
            "trained": {"note": f"damaged: {error}"},
            "file": str(path),
        }
        for path, error in damaged(weights)
    ]
    return [{**describe(b, weights), "kind": "backbone"} for b in backbones().values()] + own + broken


def remove_net(name: str, weights: Path) -> None:
    """Removes a user's own network.

    Args:
        name: `<name>.<kind>`.

    Raises:
        WeightsError: `unknown` where there is none of his own.
    """
    own = {path.name: path for path in (weights / "nets").glob("*.safetensors")}
    if f"{name}.safetensors" not in own:
        raise WeightsError("unknown", f"no network of yours is called {name!r}")
    own[f"{name}.safetensors"].unlink()


def few(names: Iterable[str], most: int = 5) -> str:
    """Names in a sentence: a handful, and how many more there are."""
    known = sorted(names)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more or "none"
