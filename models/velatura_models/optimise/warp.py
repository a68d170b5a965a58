"""A picture bent by a thin-plate spline: what stood at a point stands where the point has moved to.

The field is that of where every pixel of the result comes from: zero along the border, and at p + theta the
displacement theta (backward, as a picture is sampled). It is evaluated on a grid, from which it is
interpolated: a spline is smooth, and a large picture costs no more than a small one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.spline import spline_through

NODES = 64
"""Nodes of the grid along the longer side."""

PINS = 6
"""Points along each side of the border that stay."""

BORDER = 1e-3
"""Share of the longer side: points nearer to the border lie on it, where pins are."""

UNFOLDED = 0.1
"""Least share that a field may shrink an area to: below it, or negative, it counts as folded."""


class Warp:
    """How points move a picture of one size.

    Args:
        size: height and width.
        points: `(k, 2)` float64 x and y in pixels; those on the border stay.
        mask: `(1, 1, H, W)`: where it is 0 nothing moves, and towards its border ever less.
    """

    def __init__(self, size: tuple[int, int], points: Tensor, mask: Tensor | None = None) -> None:
        self.size, self.side = size, max(size)
        self.points = points.double().cpu() / self.side
        height, width = (length / self.side for length in size)
        edges = [[extent * k / PINS for k in range(PINS + 1)] for extent in (width, height)]
        pins = [(x, y) for x, y in product(*edges) if x in (0.0, width) or y in (0.0, height)]
        self.pins = torch.tensor(pins, dtype=torch.float64)
        steps = [max(2, round(NODES * length / self.side)) for length in size]
        down, across = (
            (torch.arange(n, dtype=torch.float64) + 0.5) / n * extent
            for n, extent in zip(steps, (height, width), strict=True)
        )
        self.nodes = torch.stack([across.expand(len(down), -1), down[:, None].expand(-1, len(across))], 2)
        self.window = None if mask is None else _window(mask.float().cpu())

    def field(self, theta: Tensor) -> Tensor:
        """How far, in shares of the longer side, from where every node's picture comes: `(2, h, w)` float64,
        x and y, differentiable by theta.

        Args:
            theta: `(k, 2)` displacements of the points, in shares of the longer side.
        """
        theta = theta.double().cpu()
        knots = torch.cat([self.points + theta, self.pins])
        values = torch.cat([theta, torch.zeros_like(self.pins)])
        height, width = self.nodes.shape[:2]
        field = spline_through(knots, values, self.nodes.flatten(0, 1)).T.view(2, height, width)
        if self.window is not None:
            field = field * F.interpolate(self.window, (height, width), mode="area")[0].double()
        return field

    def bent(self, picture: Tensor, theta: Tensor) -> Tensor:
        """A picture `(1, C, H, W)` of any resolution after the points have moved, differentiable by both."""
        field = self.field(theta)[None].to(picture)
        height, width = picture.shape[-2:]
        flow = F.interpolate(field, (height, width), mode="bicubic", align_corners=False)
        if self.window is not None:  # exactly nothing outside of the mask
            flow = flow * (F.interpolate(self.window, (height, width), mode="area") > 0).to(flow)
        scale = self.side / torch.tensor([self.size[1], self.size[0]]).to(picture).view(1, 2, 1, 1)
        y, x = (torch.arange(n, device=picture.device, dtype=picture.dtype) for n in (height, width))
        y, x = (2 * (y + 0.5) / height - 1, 2 * (x + 0.5) / width - 1)
        here = torch.stack([x.expand(height, -1), y[:, None].expand(-1, width)])
        grid = (here - 2 * scale[0] * flow[0]).permute(1, 2, 0)[None]
        return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def variation(self, theta: Tensor) -> Tensor:
        """R_TV of Kim et al. (equation 8): the total variation of the field over its size, a scalar."""
        field = self.field(theta)
        step = 1 / max(self.nodes.shape[:2])
        down, across = field.diff(dim=1).abs().sum(0), field.diff(dim=2).abs().sum(0)
        return (down.mean() + across.mean()) / step

    def folds(self, theta: Tensor, least: float = UNFOLDED) -> bool:
        """Whether the field turns any part of the picture over, or presses it together below a share."""
        with torch.no_grad():
            origin = self.nodes.permute(2, 0, 1) - self.field(theta)
        step = (
            float(self.nodes[0, 1, 0] - self.nodes[0, 0, 0]),
            float(self.nodes[1, 0, 1] - self.nodes[0, 0, 1]),
        )
        across = origin.diff(dim=2)[:, :-1] / step[0]
        down = origin.diff(dim=1)[:, :, :-1] / step[1]
        areas = across[0] * down[1] - across[1] * down[0]
        return not bool((areas > least).all() and (areas < 1 / least).all())

    def unfolded(self, theta: Tensor, start: Tensor | None = None) -> Tensor:
        """Theta, or what is left of it when its way from where it starts is halved until nothing folds."""
        start = torch.zeros_like(theta) if start is None else start
        for halvings in range(8):
            tried = torch.lerp(start, theta, 0.5**halvings)
            if not self.folds(tried):
                return tried
        return start


def free_points(pairs: Sequence[Sequence[float]], mask: Tensor | None, size: tuple[int, int]) -> list[int]:
    """Which pairs begin inside a picture and its mask, and not on the border, which stays.

    Args:
        pairs: x and y first, in pixels.
        mask: `(1, 1, H, W)`.
    """
    found, edge = [], BORDER * max(size)
    for number, (x, y, *_) in enumerate(pairs):
        row, column = int(y), int(x)
        inside = edge < y < size[0] - edge and edge < x < size[1] - edge
        if inside and (mask is None or float(mask[0, 0, row, column]) > 0):
            found.append(number)
    return found


def _window(mask: Tensor) -> Tensor:
    """1 well inside a mask, 0 at its border and outside: `(1, 1, H, W)`."""
    inside = (mask > 0).float()
    rows, columns = (inside[0, 0].amax(dim) > 0 for dim in (1, 0))
    side = min(int(rows.sum()), int(columns.sum()))
    reach = max(1, side // 12)
    mean = F.avg_pool2d(inside, 2 * reach + 1, 1, reach, count_include_pad=False)
    return (2 * mean - 1).clamp(0, 1) * inside
