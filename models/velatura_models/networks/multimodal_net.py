"""Multimodal transfer: a picture painted coarse to fine by three networks (Wang et al., CVPR 2017).

The style subnet paints at a quarter of the size: the picture and its luminance pass convolutions of their
own (RGB-block, L-block), are joined by channel, and a third block makes one picture of them. It is upsampled,
the enhance subnet paints over it at half the size, and after another upsampling the refine subnet adds the
finest strokes at full size. Each is trained with a loss at its own size, so that large and small
features of the style both have a place.

    style    [9x9 w1 - 3x3/2 w2 - 3x3/2 w3 - 3 residual] for RGB and L -
             3 residual 2 w3 - up 3x3 w2 - up 3x3 w1 - 3x3 3
    enhance  9x9 w1 - 3x3/2 w2 - 3x3/2 w3 - 3x3/2 w3 - 5 residual - up 3x3 w3 - up 3x3 w2 - up 3x3 w1 - 3x3 3
    refine   9x9 w1 - 3x3/2 w2 - 3x3/2 w3 - 3 residual - up 3x3 w2 - up 3x3 w1 - 3x3 3, added to its input

What the paper leaves open, and was chosen here: the widths (those of Johnson et al. where nothing else
is said), the residual blocks of the enhance subnet (five, as there), the width after its third
downsampling, bilinear upsampling between the subnets, and a sigmoid at the end of the first two.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from itertools import count

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..maths.color import luma
from .convolution import convolution, reflected
from .playback import run_through
from .transform_net import ConvLayer, Normalise, narrowing, residual, widening

GRID = 16
"""A picture's sides are multiples of this: the enhance subnet sees half of it, eight times smaller."""

LEAST = 4 * GRID
"""Smallest side: the style subnet sees a quarter, which reflection by four pixels must fit into."""

SUBNETS = ("style", "enhance", "refine")

Norm = Callable[[Tensor, nn.GroupNorm], Tensor]


class Block(nn.Module):
    """Convolutions, each with instance norm and ReLU, among them residual blocks.

    Args:
        layers: what there is; the last of a block that ends in RGB has neither norm nor ReLU.
        first: index of the first residual layer.
        blocks: residual blocks from there on, of two layers each.
        size: pixels of the whole picture that one position at the entrance spans.
        upsampling: how a resize-convolution enlarges.
    """

    def __init__(
        self, layers: Sequence[ConvLayer], first: int, blocks: int, size: int, upsampling: str = "nearest"
    ) -> None:
        super().__init__()
        self.upsampling = upsampling
        self.layers, self.first, self.after = list(layers), first, first + 2 * blocks
        self.to_rgb = self.layers[-1].cout == 3
        normed = self.layers[:-1] if self.to_rgb else self.layers
        self.convs = nn.ModuleList(convolution(a.cin, a.cout, a.kernel, a.stride) for a in self.layers)
        self.norms = nn.ModuleList(nn.GroupNorm(a.cout, a.cout) for a in normed)  # one channel a group
        self.strides: list[int] = []
        for layer in normed:
            size = size * layer.stride // (2 if layer.upsample else 1)
            self.strides.append(size)

    def steps(self, x: Tensor, norm: Norm) -> Generator[None, None, Tensor]:
        """Generator whose return value is what comes out of `x` `(B, C, h, w)`."""
        skip = x
        for index, (layer, conv) in enumerate(zip(self.layers, self.convs, strict=True)):
            inside = self.first <= index < self.after
            if inside and (index - self.first) % 2 == 0:
                skip = x
            if layer.upsample:
                x = F.interpolate(x, scale_factor=2.0, mode=self.upsampling)
            x = x if torch.is_autocast_enabled(x.device.type) else x.to(next(conv.parameters()).dtype)
            x = conv(reflected(x, layer.kernel // 2))
            if self.to_rgb and index == len(self.layers) - 1:
                return x.float()
            x = norm(x, self.norms[index])  # type: ignore[arg-type]  # a GroupNorm
            if layer.relu:
                x = F.relu(x, inplace=True)
            elif inside:
                x = x + skip
            yield
        return x


class MultimodalNet(nn.Module):
    """The three subnets.

    Args:
        widths: w1, w2, w3 above: channels at full, half and quarter size of each subnet.
        identity: which subnets add their output to their input: the paper's `refine`; the others too
            where there is little time to train, so that the network begins with the photo itself.
        upsampling: `nearest`, or `bilinear`, which leaves no pattern tied to the grid of pixels.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128),
        identity: Sequence[str] = ("refine",),
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        if upsampling not in ("nearest", "bilinear"):
            raise ValueError(f"upsampling is {upsampling!r}; nearest or bilinear is needed")
        if len(widths) != 3 or min(widths) < 1:
            raise ValueError(f"widths is {tuple(widths)}; three numbers of channels are needed")
        if wrong := [name for name in identity if name not in SUBNETS]:
            raise ValueError(f"identity names {wrong[0]!r}; known: {', '.join(SUBNETS)}")
        self.widths, self.identity = tuple(widths), tuple(identity)
        w1, w2, w3 = self.widths
        last = ConvLayer(w1, 3, 3, relu=False)
        self.rgb = Block([*narrowing(3, self.widths), *residual(w3, 3)], 3, 3, 4)
        self.luminance = Block([*narrowing(1, self.widths), *residual(w3, 3)], 3, 3, 4)
        self.joint = Block([*residual(2 * w3, 3), *widening((2 * w3, w2, w1)), last], 0, 3, 16, upsampling)
        down, up = narrowing(3, (w1, w2, w3, w3)), widening((w3, w3, w2, w1))
        self.enhance = Block([*down, *residual(w3, 5), *up, last], 4, 5, 2, upsampling)
        down, up = narrowing(3, self.widths), widening((w3, w2, w1))
        self.refine = Block([*down, *residual(w3, 3), *up, last], 3, 3, 1, upsampling)
        for name, block in zip(SUBNETS, (self.joint, self.enhance, self.refine), strict=True):
            if name in self.identity:  # begins as one
                for parameter in block.convs[-1].parameters():
                    nn.init.zeros_(parameter)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self.rgb, self.luminance, self.joint, self.enhance, self.refine

    @property
    def strides(self) -> list[int]:
        """Pixels per position at every layer that is normalised, in the order of computing."""
        return [stride for block in self.blocks for stride in block.strides]

    def forward(self, x: Tensor, normalise: Normalise | None = None) -> list[Tensor]:
        """A batch painted.

        Args:
            x: `(B, 3, H, W)`, RGB in 0..1, H and W multiples of 16 and at least 64.
            normalise: how to normalise, where not with each picture's own statistics.

        Returns:
            What the three subnets made, `(B, 3, H/4, W/4)`, `(B, 3, H/2, W/2)`, `(B, 3, H, W)` float32.
        """
        return run_through(self.steps(x, normalise))

    def steps(self, x: Tensor, normalise: Normalise | None = None) -> Generator[None, None, list[Tensor]]:
        """`forward` one convolution at a time, yielding in between."""
        if x.shape[2] % GRID or x.shape[3] % GRID or min(x.shape[2:]) < LEAST:
            raise ValueError(
                f"sides {x.shape[3]} x {x.shape[2]} are not multiples of {GRID} of at least {LEAST} pixels"
            )
        index = count()

        def norm(maps: Tensor, module: nn.GroupNorm) -> Tensor:
            if normalise is None:
                return module(maps)
            return normalise(next(index), maps, module.weight[None], module.bias[None])

        small = F.avg_pool2d(x, 4)
        color = yield from self.rgb.steps(small, norm)
        light = yield from self.luminance.steps(luma(small), norm)
        made = yield from self.joint.steps(torch.cat([color, light], 1), norm)
        out = [small.float() + made if "style" in self.identity else torch.sigmoid(made)]
        for name, block in (("enhance", self.enhance), ("refine", self.refine)):
            below = F.interpolate(out[-1], scale_factor=2.0, mode="bilinear", align_corners=False)
            below = below.contiguous(memory_format=torch.channels_last)
            made = yield from block.steps(below, norm)
            out.append(below + made if name in self.identity else torch.sigmoid(made))
        return out
