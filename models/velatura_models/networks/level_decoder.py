"""Decoders that invert one level of an encoder, from relu1_1 to relu5_1, for WCT and style swap.

Each is the mirror of the encoder up to its level, as Li et al. (NIPS 2017, section 3.1) and Chen & Schmidt
(2016, section 4.1) have it: reflection padding, nearest upsampling where the encoder pools, no normalisation.
At relu4_1 it is `decoder.Decoder` without skips.

    relu5_1  c5-c4  up  3 x c4-c4  c4-c3  up  3 x c3-c3  c3-c2  up  c2-c2  c2-c1  up  c1-c1  c1-3
    relu3_1                                              c3-c2  up  c2-c2  c2-c1  up  c1-c1  c1-3
    relu1_1                                                                                  c1-3
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution import Conv3x3, reflected
from .encoder import BLOCKS

LEVELS = ("relu5_1", "relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""Where a decoder may begin, deepest first: the order in which WCT visits them."""


def stride_of(level: str) -> int:
    """Pixels per position of a level."""
    return 1 << (int(level[4]) - 1)


def mirrored(widths: Sequence[int], level: str) -> list[tuple[int, int, bool]]:
    """The decoder's convolutions in order: channels in, channels out, whether upsampling follows."""
    plan = []
    for block in range(int(level[4]), 1, -1):
        wide, narrow = widths[block - 1], widths[block - 2]
        plan += [(wide, narrow, True), *[(narrow, narrow, False)] * (BLOCKS[block - 2] - 1)]
    return [*plan, (widths[0], 3, False)]


class LevelDecoder(nn.Module):
    """Features of one level to a picture.

    Args:
        widths: the encoder's channels per block.
        level: one of `LEVELS`.
    """

    def __init__(self, widths: Sequence[int], level: str) -> None:
        super().__init__()
        if level not in LEVELS:
            raise ValueError(f"{level!r} is no level to decode from; known: {', '.join(LEVELS)}")
        plan = mirrored(widths, level)
        self.convs = nn.ModuleList(Conv3x3(cin, cout) for cin, cout, _ in plan)
        self.upsampled = [up for *_, up in plan]

    def forward(self, maps: Tensor) -> Tensor:
        """`(N, C, h, w)` to `(N, 3, h s, w s)`, RGB around 0..1, not clamped, for the level's stride s."""
        out: list[Tensor] = []
        for _ in self.steps(maps, out):
            pass
        return out[0]

    def blocks(self) -> Iterator[tuple[str, int, int]]:
        """The level that each block begins at, its first convolution and the one after its last. A block
        gives what the next begins with, features of the level below, or the picture."""
        starts = [index for index, up in enumerate(self.upsampled) if up] + [len(self.convs) - 1]
        yield from zip(LEVELS[-len(starts) :], starts, [*starts[1:], len(self.convs)], strict=True)

    def steps(
        self, maps: Tensor, out: list[Tensor], start: int = 0, stop: int | None = None
    ) -> Iterator[None]:
        """`forward` one convolution at a time: appends the picture to `out`, yielding in between; or what
        comes of `maps` from the convolution `start` until before `stop`.

        Every convolution runs in the dtype of its own weights, so that in a network in bfloat16 the last
        one, kept in float32, gives pictures finer than 8 bits.
        """
        x = maps
        for index in range(start, len(self.convs) if stop is None else stop):
            conv = self.convs[index]
            x = conv(reflected(x.to(next(conv.parameters()).dtype)))
            if index == len(self.convs) - 1:
                break
            x = F.relu(x, inplace=True)
            if self.upsampled[index]:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            yield
        out.append(x)


class LevelDecoders(nn.ModuleDict):
    """A `LevelDecoder` for each of several levels of one encoder.

    Args:
        widths: the encoder's channels per block.
        levels: out of `LEVELS`.
    """

    def __init__(self, widths: Sequence[int], levels: Sequence[str] = LEVELS) -> None:
        super().__init__({level: LevelDecoder(widths, level) for level in levels})
        self.widths = tuple(widths)

    def __getitem__(self, key: str) -> LevelDecoder:
        return super().__getitem__(key)  # type: ignore[return-value]  # nothing else is put in

    @property
    def architecture(self) -> dict[str, list]:
        """The constructor's arguments, for the header of a file."""
        return {"widths": list(self.widths), "levels": list(self)}

    def begin_from(self, tail: Mapping[str, Tensor]) -> None:
        """Takes the last layers of a trained decoder (`convs.K.weight` ...) for those of every level, as many
        as fit.
        """
        count = 1 + max((int(name.split(".")[1]) for name in tail if name.startswith("convs.")), default=-1)
        with torch.no_grad():
            for decoder in map(self.__getitem__, self):
                for back, conv in enumerate(reversed(decoder.convs), 1):
                    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
                    weight = tail.get(f"convs.{count - back}.weight")
                    if weight is not None and weight.shape == conv.weight.shape:
                        conv.weight.copy_(weight)
                        conv.bias.copy_(tail[f"convs.{count - back}.bias"])
