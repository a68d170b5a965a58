"""The published networks, written out layer by layer as their authors list them.

An independent description that the conversion is held against: torch.nn.Sequential in the order of
the pytorch-AdaIN release, and torchvision's own VGG-19.
"""

from __future__ import annotations

from torch import nn


def conv(cin: int, cout: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(cin, cout, 3), nn.ReLU()]


def pool() -> list[nn.Module]:
    return [nn.MaxPool2d(2, 2, 0, ceil_mode=True)]


def up() -> list[nn.Module]:
    return [nn.UpsamplingNearest2d(scale_factor=2)]


def vgg_normalised() -> nn.Sequential:
    """To relu5_4: indices 3, 10, 17, 30 and 43 are relu1_1, 2_1, 3_1, 4_1 and 5_1."""
    return nn.Sequential(
        nn.Conv2d(3, 3, 1),
        *conv(3, 64), *conv(64, 64), *pool(),
        *conv(64, 128), *conv(128, 128), *pool(),
        *conv(128, 256), *conv(256, 256), *conv(256, 256), *conv(256, 256), *pool(),
        *conv(256, 512), *conv(512, 512), *conv(512, 512), *conv(512, 512), *pool(),
        *conv(512, 512), *conv(512, 512), *conv(512, 512), *conv(512, 512),
    )  # fmt: skip


def adain_decoder() -> nn.Sequential:
    """From relu4_1 to RGB; no ReLU at the end."""
    return nn.Sequential(
        *conv(512, 256), *up(),
        *conv(256, 256), *conv(256, 256), *conv(256, 256), *conv(256, 128), *up(),
        *conv(128, 128), *conv(128, 64), *up(),
        *conv(64, 64), *conv(64, 3)[:2],
    )  # fmt: skip
