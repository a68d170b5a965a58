"""Decoders: from AdaIN'd features back to a picture.

`Decoder` is the published mirror of the encoder (Huang & Belongie 2017, section 6.1): reflection
padding, nearest upsampling, no normalisation. With `skips` it also takes the re-normalised
features of shallower levels through 1x1 convolutions, so that the drawing need not be guessed
from relu4_1 alone: this is Velatura's departure from the paper, and what lets a half-width
encoder keep the content. Without skips it is exactly the published form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .bands import doubled, in_bands, rows_of
from .convolution import Conv3x3, reflected

LEVELS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""Where a decoder may take features from, deepest first."""


class Decoder(nn.Module):
    """Mirror of an encoder up to relu4_1.

    Args:
        widths: the encoder's channels per block (the first four count).
        skips: further levels whose features are added, out of `LEVELS[1:]`.
        upsampling: `nearest` as published, or `bilinear`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        skips: Sequence[str] = (),
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        if unknown := set(skips).difference(LEVELS[1:]):
            raise ValueError(f"unknown skip levels {sorted(unknown)}; known: {LEVELS[1:]}")
        if upsampling not in ("nearest", "bilinear"):
            raise ValueError(f"upsampling must be 'nearest' or 'bilinear', not {upsampling!r}")
        w1, w2, w3, w4 = widths[:4]
        self.upsampling = upsampling
        self.skips = tuple(name for name in LEVELS[1:] if name in skips)
        plan = ((w4, w3), (w3, w3), (w3, w3), (w3, w3), (w3, w2), (w2, w2), (w2, w1), (w1, w1), (w1, 3))
        self.convs = nn.ModuleList(Conv3x3(i, o) for i, o in plan)
        channels = {"relu3_1": w3, "relu2_1": w2, "relu1_1": w1}
        self.taps = nn.ModuleDict({name: nn.Conv2d(channels[name], channels[name], 1) for name in self.skips})

    @property
    def levels(self) -> tuple[str, ...]:
        """The encoder levels this decoder reads, deepest first."""
        return ("relu4_1", *self.skips)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """A picture from features.

        Args:
            features: `levels` to maps of one encoder; relu4_1 is `(N, C, h, w)`.

        Returns:
            `(N, 3, 8h, 8w)`, RGB around 0..1, not clamped.
        """
        out: list[Tensor] = []
        for _ in self.steps(features, out):
            pass
        return out[0]

    def steps(self, features: Mapping[str, Tensor], out: list[Tensor]) -> Iterator[None]:
        """`forward` one convolution at a time: appends the picture to `out`, yielding in between. What is of
        the picture's own size is computed in bands.

        The last convolution runs in the dtype of its own weights, so that a network in bfloat16 with
        that layer kept in float32 gives pictures finer than 8 bits.
        """
        x = features["relu4_1"]
        for index, conv in enumerate(self.convs[:-2]):
            x = F.relu(conv(reflected(x.to(conv.weight.dtype))), inplace=True)  # type: ignore[arg-type]
            level = {0: "relu3_1", 4: "relu2_1"}.get(index)
            if level is not None:
                x = self._tapped(F.interpolate(x, scale_factor=2, mode=self.upsampling), level, features)
            yield
        height, width = (2 * side for side in x.shape[2:])
        rows = rows_of(width) if x.device.type == "cpu" else height
        before, last = self.convs[-2:]

        def source(first: int, until: int) -> Tensor:
            large = doubled(x, first, until, self.upsampling)
            return self._tapped(large, "relu1_1", features, slice(first, until))

        def made(maps: Tensor) -> Tensor:
            return F.relu(before(maps.to(before.weight.dtype)), inplace=True).to(last.weight.dtype)  # type: ignore[arg-type]

        bands = []
        for band in in_bands(height, rows, source, [made, last]):
            bands.append(band)
            yield
        out.append(torch.cat(bands, 2) if len(bands) > 1 else bands[0])

    def _tapped(
        self, x: Tensor, level: str, features: Mapping[str, Tensor], rows: slice = slice(None)
    ) -> Tensor:
        """Maps with what the decoder takes from a level, in some rows, added to them."""
        return x + self.taps[level](features[level][:, :, rows]) if level in self.taps else x
