"""Decoders: from AdaIN'd features back to a picture.

`Decoder` is the published mirror of the encoder (Huang & Belongie 2017, section 6.1): reflection
padding, nearest upsampling, no normalisation. With `skips` it also takes the re-normalised
features of shallower levels through 1x1 convolutions, so that the drawing need not be guessed
from relu4_1 alone: this is Velatura's departure from the paper, and what lets a half-width
encoder keep the content. Without skips it is exactly the published form.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from . import fused
from .bands import MapRows
from .convolution import Conv3x3
from .playback import run_through

LEVELS = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""Where a decoder may take features from, deepest first."""

SMALL = 4
"""Convolutions whose maps are small enough to be computed whole."""

ROWS = 32
"""Rows of maps near full size that are converted to another dtype at a time (measured)."""


class Decoder(nn.Module):
    """Mirror of an encoder up to relu4_1.

    Args:
        widths: the encoder's channels per block (the first four count).
        skips: further levels whose features are added, out of `LEVELS[1:]`.
        upsampling: `nearest` as published, or `bilinear`.
    """

    def __init__(self, widths: Sequence[int], skips: Sequence[str] = (), upsampling: str = "nearest") -> None:
        super().__init__()
        if unknown := set(skips).difference(LEVELS[1:]):
            raise ValueError(f"unknown skip levels {sorted(unknown)}; known: {LEVELS[1:]}")
        if upsampling not in ("nearest", "bilinear"):
            raise ValueError(f"upsampling must be 'nearest' or 'bilinear', not {upsampling!r}")
        w1, w2, w3, w4 = widths[:4]
        self.upsampling, self.widths = upsampling, (w1, w2, w3, w4)
        self.skips = tuple(name for name in LEVELS[1:] if name in skips)
        plan = ((w4, w3), (w3, w3), (w3, w3), (w3, w3), (w3, w2), (w2, w2), (w2, w1), (w1, w1), (w1, 3))
        self.convs = nn.ModuleList(Conv3x3(i, o) for i, o in plan)
        channels = {"relu3_1": w3, "relu2_1": w2, "relu1_1": w1}
        self.taps = nn.ModuleDict({name: nn.Conv2d(channels[name], channels[name], 1) for name in self.skips})

    doubled: ClassVar[dict[int, str]] = {0: "relu3_1", 4: "relu2_1", 6: "relu1_1"}
    """After which convolution maps are doubled, and to which level that leads."""

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
        return run_through(self.steps(features))

    def steps(self, features: Mapping[str, Tensor]) -> Generator[None, None, Tensor]:
        """`forward` one convolution at a time, yielding in between. What is near the picture's own size is
        computed in bands.

        The last convolution runs in the dtype of its own weights, so that a network in bfloat16 with
        that layer kept in float32 gives pictures finer than 8 bits. On a card, all may be one step (`fused`).
        """
        if self._fused(features):
            made = fused.decoded(self, features)
            yield
            return made
        rows = MapRows.of(features["relu4_1"], 8)
        width = 8 * features["relu4_1"].shape[3]
        banded = features["relu4_1"].device.type == "cpu" and not torch.is_grad_enabled()
        for index, conv in enumerate(self.convs):
            last = index == len(self.convs) - 1
            rows = rows.then(in_own_dtype(conv) if last else rectified(conv))
            level = self.doubled.get(index, "")
            if level:
                rows = rows.doubled(self.upsampling)
            if level in self.taps:
                rows = rows.plus(tapped(self.taps[level], features[level]))
            if index < SMALL:
                rows = MapRows.of(rows.part(0, rows.height), rows.step)
                yield
        made = yield from rows.whole(width, banded)
        yield
        return made

    def _fused(self, features: Mapping[str, Tensor]) -> bool:
        """Whether a card computes all of it in one step."""
        learns = torch.is_grad_enabled() and any(maps.requires_grad for maps in features.values())
        return not learns and fused.takes(features["relu4_1"], self.convs[0], *self.widths)


def in_own_dtype(conv: nn.Module) -> Callable[[Tensor], Tensor]:
    """A 3x3 convolution in the dtype of its weights; maps of another are converted some rows at a time, which
    then are still in a processor's cache."""
    dtype = next(conv.parameters()).dtype

    def run(maps: Tensor) -> Tensor:
        if maps.dtype == dtype or maps.device.type != "cpu" or torch.is_grad_enabled():
            return conv(maps.to(dtype))
        firsts = range(0, maps.shape[2] - 2, ROWS)
        return torch.cat([conv(maps[:, :, first : first + ROWS + 2].to(dtype)) for first in firsts], 2)

    return run


def rectified(conv: nn.Module) -> Callable[[Tensor], Tensor]:
    dtype = next(conv.parameters()).dtype
    return lambda maps: cast(Conv3x3, conv).rectified(maps.to(dtype))


def tapped(tap: nn.Module, maps: Tensor) -> Callable[[slice], Tensor]:
    return lambda rows: tap(maps[:, :, rows])
