"""From a method's name to the method with its networks: the one way from a file to a resident network.

Adding a method is its module and its line in `MODULES`; see docs/methods.md. Whoever hosts methods gives
what keeps what was loaded, as long as it sees fit; a network is known by the digest of its weights,
so that a file that was replaced is never taken for the old one, and a result can say what painted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..networks.decoder import Decoder
from ..networks.encoder import Encoder, encoder_from_state, prepared
from ..networks.folded import Folded, foldable
from ..networks.residency import Exact, Resident, last_layers, resident
from ..networks.transform_net import TransformNet
from ..store.files import Net, WeightsError, load, load_into
from ..store.weights import find_backbone, find_pair, load_backbone
from .method import Method

MODULES = {
    "adain-skip": "adain",
    "adain": "adain",
    "wct": "wct",
    "style-swap": "style_swap",
    "fast": "painter",
    "multi": "painter",
    "multimodal": "multimodal",
}
"""Name to module; what a module calls `load` makes the method from a `Loader`: its class, or a function."""

OWN_STYLES = ("multi", "fast", "multimodal")
"""Methods whose networks paint in the styles that they were trained for, the best first."""

NETWORK = "network"
"""What networks are kept as."""


@dataclass(frozen=True)
class Loader:
    """What a method's `load` is given: one a job, whose copies for another backbone (`replace`) share `used`.

    Args:
        backbone: one of `weights.BACKBONES`; methods with networks of their own do not look at it.
        method: the name asked for; one module may serve several.
        folder: of pulled weights, and of the user's own networks.
        device, dtype: where networks run, and in what.
        eight_bits: whether networks that can may multiply bytes instead.
        kept: networks that are loaded, under `(NETWORK, name, digest, dtype, ...)`.
        used: the networks that were asked for so far, with the digests of their weights.
    """

    backbone: str = "slim"
    method: str = ""
    folder: Path | None = None
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    eight_bits: bool = False
    kept: MutableMapping[tuple[Any, ...], Any] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    def encoder(self) -> Encoder:
        """The backbone; raises `WeightsError` as `weights.load_backbone`."""
        return self._encoder(find_backbone(self.backbone, self.folder))

    def optimising_encoder(self) -> Encoder:
        """The backbone made ready for gradients to the picture, see `encoder.prepared`."""

        def make() -> Encoder:
            return prepared(load_backbone(self.backbone, self.folder).to(self.device), self.dtype)

        about = find_backbone(self.backbone, self.folder)
        named = f"{self.backbone}/encoder"
        return self._held(named, about.digest, partial(Resident.made, make), self.dtype, "optimising").network

    def pair(self) -> tuple[Encoder, Decoder]:
        """The backbone and its decoder for the method; raises `WeightsError` as `weights.load_decoder`."""
        encoder, decoder = find_pair(self.backbone, self.method, self.folder)
        read, exact = partial(load_into, Decoder, decoder), lambda net: last_layers([net])
        named = f"{decoder.name}/{decoder.kind}"
        return self._encoder(encoder), self._network(named, decoder.digest, read, exact)

    def net(self, build: type[nn.Module], about: Net, exact: Exact = lambda net: ()) -> Any:
        """A trained network.

        Args:
            build: its class.
            about: its file.
            exact: gives the parts that stay float32.

        Raises:
            WeightsError: as `files.load`.
        """
        return self._network(about.title, about.digest, partial(load_into, build, about), exact)

    def painter(self, about: Net) -> TransformNet | Folded:
        """An image transformation network, rearranged where that makes it faster.

        Raises:
            WeightsError: as `files.load`.
        """
        device = torch.device(self.device)
        if device.type not in ("cpu", "cuda") or not foldable(about.architecture):
            return self.net(
                TransformNet, about, lambda net: [*net.convs[-1].parameters(), net.gamma, net.beta]
            )
        dtype = torch.uint8 if self.eight_bits else self.dtype
        return self._held(
            about.title, about.digest, lambda: Folded(load_into(TransformNet, about).to(device), dtype), dtype
        )

    def _encoder(self, about: Net) -> Encoder:
        return self._network(f"{about.name}/encoder", about.digest, partial(load, about, encoder_from_state))

    def _network(
        self, name: str, digest: str, load: Callable[[], nn.Module], exact: Exact = lambda net: ()
    ) -> Any:
        """A network on the device, in the dtype."""
        make = partial(resident, load, self.device, self.dtype, exact)
        return self._held(name, digest, partial(Resident.made, make), self.dtype).network

    def _held(self, name: str, digest: str, make: Callable[[], Any], *way: object) -> Any:
        """What was asked for, made where none of its digest is kept."""
        self.used[name] = digest
        key = (NETWORK, name, digest, *way)
        held = self.kept.get(key)
        if held is None:
            self.kept[key] = held = make()
        return held


def load_method(loader: Loader) -> Method:
    """A method, resident on its device.

    Raises:
        WeightsError: `unknown` name, or what loading its networks raises.
    """
    if loader.method not in MODULES:
        raise WeightsError("unknown", f"no method is called {loader.method!r}; known: {', '.join(MODULES)}")
    return import_module(f".{MODULES[loader.method]}", __package__).load(loader)


def method_painting(names: Iterable[str], folder: Path | None) -> str:
    """The first method of `OWN_STYLES` whose networks know all of these styles; empty where none does.

    Args:
        folder: of the user's weights.
    """
    for method in OWN_STYLES:
        known = load_method(Loader(method=method, folder=folder)).known
        if all(name in known for name in names):
            return method
    return ""
