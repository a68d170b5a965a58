"""A problem as one level of a refinement sees it: sizes, the part that is computed, content, masks and
styles at that size, in the colours that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from ..maths.color import ColorStats, apply_matching, color_stats, luma, matching
from ..maths.tiling import Box
from ..store.cards import resize_short
from .problem import Problem, StyleSource, style_side
from .pyramid import LEAST, region_of_interest, resize, resize_mask
from .variable import Laplacian


@dataclass(frozen=True)
class Level:
    """One level of a refinement.

    Args:
        size: height and width of the whole picture at it.
        evaluations: how many it is given.
        stage: which of the objective's stages it belongs to, where it has several.
        settles: whether steps become small towards its end.
        details: whether what the coarser level hands on is given the content's finest details.
        box: the part that is computed; the whole until `confined`.
    """

    size: tuple[int, int]
    evaluations: int
    stage: int = 0
    settles: bool = True
    details: bool = False
    box: Box = field(default=Box(0, 0, 0, 0))

    def confined(self, mask: Tensor | None, margin: int) -> Level:
        """The same level, computing no more than a mask `(1, 1, H, W)` of the whole picture needs."""
        if mask is None:
            return replace(self, box=Box(0, 0, *self.size))
        return replace(self, box=region_of_interest(resize_mask(mask, self.size), margin))

    @property
    def cost(self) -> int:
        """Pixels that are evaluated, in all."""
        return self.box.height * self.box.width * self.evaluations


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a level is optimised; fields as in the `Refine` recipe, `side` the largest tile in pixels."""

    learning_rate: float = 0.03
    scale: float = 1.0
    color: str = "style"
    seed: int = 0
    side: int | None = None


@dataclass(frozen=True)
class Scene:
    """A problem at one of its levels.

    Args:
        problem, options: as given, of a size that can be computed.
        level: which.
        subject: the content as the walk sees it; see `Objective.subject`.
        device: where tensors go.
    """

    problem: Problem
    options: Manner
    level: Level
    subject: Tensor | None
    device: torch.device

    @property
    def gray(self) -> bool:
        """Whether only lightness is optimised."""
        return self.options.color == "luminance" and self.problem.content is not None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the level's box."""
        return self.level.box.height, self.level.box.width

    def whole(self) -> Tensor | None:
        """The content `(1, 3, H, W)` at the level's size; grey where only lightness is optimised."""
        if self.subject is None:
            return None
        content = resize(self.subject, self.level.size)
        return luma(content).expand_as(content) if self.gray else content

    def content(self) -> Tensor | None:
        """The same within the level's box, on the device."""
        content = self.whole()
        if content is None:
            return None
        rows, columns = self.level.box.slices()
        return content[:, :, rows, columns].to(self.device)

    def mask(self) -> Tensor | None:
        """Which pixels of the box may change, and how much each counts, `(1, 1, h, w)`."""
        return self._boxed(self.problem.mask)

    def region(self, source: StyleSource) -> Tensor | None:
        """Where a style applies within the box, `(1, 1, h, w)`."""
        return self._boxed(source.mask)

    def style(self, source: StyleSource) -> Tensor:
        """A style's picture at the level's scale, on the device; where colours are to be kept, in those of
        what it is to cover."""
        assert source.picture is not None
        ratio = min(self.level.size) / min(self.problem.size)
        side = round(style_side(source.picture, self.options.scale) * ratio)
        sized = resize_short(source.picture.float(), side, LEAST)
        content = self.problem.content
        if content is not None and self.options.color == "statistics":
            sized = recoloured(sized, color_stats(content, product(self.problem.mask, source.mask)))
        elif content is not None and self.gray:
            sized = _like_luma(luma(sized), luma(content)).expand_as(sized)
        return sized.to(self.device)

    def pyramid(self, plain: int = 0, strides: Sequence[float] = ()) -> Laplacian:
        """The level's box as a Laplacian pyramid that may change inside the mask; see `Laplacian`."""
        mask = self.mask()
        fixed = None if mask is None else self.content()
        return Laplacian(self.size, self.gray, fixed, mask, plain, strides)

    def _boxed(self, mask: Tensor | None) -> Tensor | None:
        if mask is None:
            return None
        rows, columns = self.level.box.slices()
        return resize_mask(mask, self.level.size)[:, :, rows, columns]


class Placed(Protocol):
    """Something of a style that applies somewhere, with a weight among others."""

    @property
    def weight(self) -> float: ...

    @property
    def mask(self) -> Tensor | None: ...


P = TypeVar("P", bound=Placed, covariant=True)


@dataclass(frozen=True)
class Region(Generic[P]):
    """Styles that share one mask.

    Args:
        where: `(1, 1, H, W)` float32, within the problem's mask; None is everywhere.
        styles: at least one.
        share: of the area of all regions.
    """

    where: Tensor | None
    styles: Sequence[P]
    share: float


def by_region(
    styles: Sequence[P], size: tuple[int, int], mask: Tensor | None, device: torch.device
) -> list[Region[P]]:
    """Styles grouped by equal masks; regions that `mask` leaves nothing of are dropped.

    Args:
        size: height and width of the masks.
        mask: `(1, 1, H, W)` in 0..1, on the device.

    Raises:
        ValueError: an empty mask; no region that it leaves anything of.
    """
    if mask is not None and not bool((mask > 0).any()):
        raise ValueError("the mask is empty: no pixel is above 0")
    groups: list[list[P]] = []
    for style in styles:
        group = next((group for group in groups if _same(group[0].mask, style.mask)), None)
        if group is None:
            groups.append([style])
        else:
            group.append(style)
    found: list[tuple[Tensor | None, list[P], float]] = []
    for group in groups:
        where = group[0].mask
        where = product(None if where is None else where.to(device, torch.float32), mask)
        area = float(size[0] * size[1]) if where is None else float(where.double().sum())
        if area > 0 and sum(style.weight for style in group) > 0:
            found.append((where, group, area))
    if not found:
        raise ValueError("no style has a region inside the mask: all masks together are empty")
    whole = sum(area for _, _, area in found)
    return [Region(where, group, area / whole) for where, group, area in found]


def recoloured(picture: Tensor, target: ColorStats, weight: Tensor | None = None) -> Tensor:
    """A picture with the mean and covariance of other colours; `weight` says which of its pixels count."""
    return apply_matching(picture, *matching(color_stats(picture, weight), target)).clamp(0, 1)


def product(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Two masks at once; None is everywhere."""
    return one if other is None else other if one is None else one * other


def _like_luma(style: Tensor, content: Tensor) -> Tensor:
    """A style's luma with the content's mean and deviation ("Preserving Color ...", 2016, equation 10)."""
    ratio = content.std() / style.std().clamp_min(1 / 255)
    return ((style - style.mean()) * ratio + content.mean()).clamp(0, 1)


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two masks are equal."""
    return one is other or (one is not None and other is not None and torch.equal(one, other))
