"""What AdaIN and its kin keep of a content between two jobs: how it looks in the palette of each style, its
features there, and their moments."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from ..maths.stitched import Stitched
from .method import Latest

Statistics = Mapping[str, tuple[Tensor, Tensor]]
"""Per level the mean and deviation of every channel, `(C,)` float32 each."""

CHANGED = 4
"""Styles for which changed features are kept in a palette at most."""
Palette = tuple[float, ...]
"""The mean and covariance that colours are moved to, all that features depend on besides the content; `OWN`
for none."""
OWN: Palette = ()


class Measured(NamedTuple):
    """What a picture gives to be painted in a style by.

    Args:
        colors: `(3, 3)`, `(3,)`: how its colours are moved; None where they stay.
        moments: of its features in those colours.
    """

    colors: tuple[Tensor, Tensor] | None
    moments: Statistics


@dataclass
class View:
    """A content in one palette.

    Args:
        colors: as in `Measured`.
        features: of the picture, where there is room for them.
        moments: of the whole picture, once somebody has asked.
        changed: features of the whole picture as a style changes them, by its name, where that is dear.
    """

    colors: tuple[Tensor, Tensor] | None
    features: Stitched
    moments: Statistics | None = None
    changed: Latest[Tensor] = field(default_factory=lambda: Latest(CHANGED))

    @property
    def nbytes(self) -> int:
        return self.features.nbytes + sum(maps.nbytes for maps in self.changed.values())


@dataclass
class Encoded:
    """What AdaIN sees of a content.

    Args:
        rebuilt: g(f(c)), the picture `(1, 3, H, W)` float32: made when a strength below 1 first asks.
        views: by palette, the last used last.
    """

    rebuilt: Stitched
    views: OrderedDict[Hashable, View] = field(default_factory=OrderedDict)

    @property
    def nbytes(self) -> int:
        return sum(view.nbytes for view in self.views.values()) + self.rebuilt.nbytes
