"""Where a method's networks come from, and where they run: the one way from a file to a resident network.

Whoever hosts methods gives `hold`, which keeps what was loaded as long as it sees fit; a network is known by
the digest of its weights, so that a file that was replaced is never taken for the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..networks.decoder import Decoder
from ..networks.encoder import Encoder
from ..networks.level_decoder import LevelDecoders
from ..networks.residency import resident
from ..store.errors import WeightsError
from ..store.headers import header
from ..store.nets import Net, find_net, load_into
from ..store.weights import decoder_path, encoder_path, load_backbone, load_decoder

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
    """What a method's `load` is given.

    Args:
        backbone: one of `weights.BACKBONES`; methods with networks of their own do not look at it.
        method: the name asked for; one module may serve several.
        folder: of pulled weights, and of the user's own networks.
        device, dtype: where networks run, and in what.
        hold: keeps loaded networks under `(name, digest, dtype)`; by default as long as the loader is.
    """

    backbone: str = "slim"
    method: str = ""
    folder: Path | None = None
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    hold: Hold = field(default_factory=lambda: Shelf().hold)

    def encoder(self) -> Encoder:
        """The backbone; raises `WeightsError` as `weights.load_backbone`."""
        key = (f"{self.backbone}/encoder", self.encoder_digest(), self.dtype)
        return self.hold(
            key, lambda: resident(load_backbone(self.backbone, self.folder), self.device, self.dtype)
        )

    def encoder_digest(self) -> str:
        """Of the backbone's weights; raises `WeightsError` where it is not installed."""
        return header(encoder_path(self.backbone, self.folder)).get("digest", "")

    def decoder(self) -> Decoder:
        """The backbone's decoder for the method; raises `WeightsError` as `weights.load_decoder`."""

        def make() -> Decoder:
            decoder = load_decoder(self.backbone, self.method, self.folder)
            return resident(decoder, self.device, self.dtype, decoder.convs[-1].parameters())

        digest = header(decoder_path(self.backbone, self.method, self.folder)).get("digest", "")
        return self.hold((f"{self.backbone}/{self.method}", digest, self.dtype), make)

    def level_decoders(self) -> LevelDecoders:
        """The backbone's decoders for the method, a level each.

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
        return self.net(LevelDecoders, about, _last_layers)

    def net(
        self,
        build: type[nn.Module],
        about: Net,
        exact: Callable[[Any], Iterable[Tensor]] = lambda net: (),
    ) -> Any:
        """A trained network.

        Args:
            build: its class.
            about: its file.
            exact: gives the parts that stay float32.

        Raises:
            WeightsError: as `nets.load_into`.
        """

        def make() -> nn.Module:
            net = load_into(build, about)
            return resident(net, self.device, self.dtype, exact(net))

        return self.hold((f"{about.name}.{about.kind}", about.digest, self.dtype), make)


def _last_layers(decoders: LevelDecoders) -> list[Tensor]:
    return [p for level in decoders for p in decoders[level].convs[-1].parameters()]
