"""From a method's name to the method with its networks: the one way from a file to a resident network.

Adding a method is its module and its line in `MODULES`; see docs/methods.md. Whoever hosts methods gives
`hold`, which keeps what was loaded as long as it sees fit; a network is known by the digest of its weights,
so that a file that was replaced is never taken for the old one, and a result can say what painted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..networks.decoder import Decoder
from ..networks.encoder import Encoder, prepared
from ..networks.folded import Folded, foldable
from ..networks.level_decoder import LevelDecoders
from ..networks.residency import Exact, Resident, last_layers, resident
from ..networks.transform_net import TransformNet
from ..store.files import WeightsError
from ..store.nets import Net, find_net, load_into
from ..store.weights import installed_digest, load_backbone, load_decoder
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

Hold = Callable[[tuple[Any, ...], Callable[[], Any]], Any]
"""Gives what is kept under a key, made by a function where nothing is."""

TRAINED_BY = {"wct": "wct", "style-swap": "swap"}
"""Kind of a file of level decoders to the trainer that makes it."""


class Shelf:
    """Keeps everything."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Any] = {}

    def hold(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


@dataclass(frozen=True)
class Loader:
    """What a method's `load` is given: one a job, whose copies for another backbone (`replace`) share `used`.

    Args:
        backbone: one of `weights.BACKBONES`; methods with networks of their own do not look at it.
        method: the name asked for; one module may serve several.
        folder: of pulled weights, and of the user's own networks.
        device, dtype: where networks run, and in what.
        eight_bits: whether networks that can may multiply bytes instead.
        hold: keeps loaded networks under `(name, digest, dtype, ...)`; by default as long as the loader is.
        used: the networks that were asked for so far, with the digests of their weights.
    """

    backbone: str = "slim"
    method: str = ""
    folder: Path | None = None
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    eight_bits: bool = False
    hold: Hold = field(default_factory=lambda: Shelf().hold)
    used: dict[str, str] = field(default_factory=dict)

    def encoder(self) -> Encoder:
        """The backbone; raises `WeightsError` as `weights.load_backbone`."""
        load = partial(load_backbone, self.backbone, self.folder)
        return self._held(f"{self.backbone}/encoder", self.encoder_digest, self._resident(load))

    def encoder_digest(self) -> str:
        """Of the backbone's weights; raises `WeightsError` where it is not installed."""
        return installed_digest(self.backbone, "", self.folder)

    def optimising_encoder(self) -> Encoder:
        """The backbone made ready for gradients to the picture, see `encoder.prepared`."""

        def make() -> Encoder:
            return prepared(load_backbone(self.backbone, self.folder).to(self.device), self.dtype)

        return self._held(f"{self.backbone}/encoder", self.encoder_digest, make, "optimising")

    def pair(self) -> tuple[Encoder, Decoder]:
        """The backbone and its decoder for the method; raises `WeightsError` as `weights.load_decoder`."""
        where = (self.backbone, self.method, self.folder)
        make = self._resident(partial(load_decoder, *where), lambda decoder: last_layers([decoder]))
        encoder = self.encoder()
        return encoder, self._held(f"{self.backbone}/{self.method}", partial(installed_digest, *where), make)

    def levels(self) -> tuple[Encoder, LevelDecoders]:
        """The backbone and its decoders for the method, a level each.

        Raises:
            WeightsError: `missing`; `architecture` where they were trained for other encoder weights.
        """
        about, held = find_net(self.backbone, self.method, self.folder), self.encoder_digest()
        if about.needs != held:
            raise WeightsError(
                "architecture",
                f"{about.path} was trained for encoder weights {about.needs[:12]}, but {self.backbone} holds "
                f"{held[:12]}; train it again with `velatura train {TRAINED_BY[self.method]}`",
            )
        return self.encoder(), self.net(LevelDecoders, about, lambda net: last_layers(net.values()))

    def net(self, build: type[nn.Module], about: Net, exact: Exact = lambda net: ()) -> Any:
        """A trained network.

        Args:
            build: its class.
            about: its file.
            exact: gives the parts that stay float32.

        Raises:
            WeightsError: as `nets.load_into`.
        """
        make = self._resident(partial(load_into, build, about), exact)
        return self._held(f"{about.name}.{about.kind}", lambda: about.digest, make)

    def painter(self, about: Net) -> TransformNet | Folded:
        """An image transformation network, rearranged where that makes it faster.

        Raises:
            WeightsError: as `nets.load_into`.
        """
        if torch.device(self.device).type != "cpu" or not foldable(about.architecture):
            return self.net(
                TransformNet, about, lambda net: [*net.convs[-1].parameters(), net.gamma, net.beta]
            )
        dtype = torch.uint8 if self.eight_bits else self.dtype
        name = f"{about.name}.{about.kind}"
        self.used[name] = about.digest
        return self.hold((name, about.digest, dtype), lambda: Folded(load_into(TransformNet, about), dtype))

    def _resident(self, load: Callable[[], Any], exact: Exact = lambda net: ()) -> Callable[[], Any]:
        return partial(resident, load, self.device, self.dtype, exact)

    def _held(self, name: str, find: Callable[[], str], make: Callable[[], Any], *way: object) -> Any:
        """A network that was asked for, made where none of the digest that is found is kept."""
        digest = self.used[name] = find()
        return self.hold((name, digest, self.dtype, *way), partial(Resident.made, make)).network


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
        known = load_method(Loader(method=method, folder=folder)).known()  # type: ignore[attr-defined]
        if all(name in known for name in names):
            return method
    return ""
