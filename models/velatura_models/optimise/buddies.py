"""Keypoints: places of two pictures that correspond, found without any training for it.

Neural best buddies (Aberman, Liao, Shi, Lischinski, Chen & Cohen-Or, "Neural Best-Buddies: Sparse
Cross-Domain Correspondence", 2018): positions of the encoder's maps that are each other's nearest, first
anywhere in the deepest layer, then layer by layer within what those see, after both windows were given a
common appearance. What is weakly active is left out. Then, as Kim et al. ("Deformable Style Transfer", ECCV
2020, section 3.1) do for deforming, pairs are cleaned: after a similarity that brings one set near the
other, far-fetched and crossing pairs are dropped, and of the rest a spread choice is kept.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..maths.gram_matrix import wide
from ..maths.spline import similarity, transformed
from ..networks.encoder import VGG19_WIDTHS, Encoder, depth
from .pyramid import LEAST, resize
from .terms import as_input, more
from .warp import Warp

LAYERS = ("relu5_1", "relu4_1", "relu3_1", "relu2_1", "relu1_1")
"""From deep to shallow; the last has the pixels' own resolution."""

SIDE = 256
"""Longest side, in pixels, at which both pictures are seen."""

REACH = {"relu4_1": 4, "relu3_1": 4, "relu2_1": 2, "relu1_1": 2}
"""How far from where a deeper pair lies its finer one may be, in positions of the layer."""

PATCH = {"relu5_1": 3, "relu4_1": 3, "relu3_1": 5, "relu2_1": 5, "relu1_1": 5}
"""Side of the squares of positions that are compared."""

ACTIVE = 0.05
"""Least activation of a position, as a share of the layer's range."""

FOLLOWED = 64
"""Pairs of relu4_1 that are followed on, no two of them next to each other."""

MOST = 24
"""Pairs that are kept in the end."""

FARTHEST = 0.2
"""Longest displacement of a pair, after alignment, as a share of the longer side."""

ALIKE, ALIKE_NARROW = 0.17, 0.23
"""Least `likeness` of two pictures in which something corresponds, by VGG-19 and by a narrower encoder, where
more is alike by chance."""


Window = tuple[Tensor, Tensor]
"""The first row and column of positions, and those behind the last."""


CALM = 0.3
"""Least share that the whole way of all pairs may shrink an area to."""


@dataclass(frozen=True)
class Candidates:
    """Pairs of positions of one layer: `(n, 2)` rows and columns each, and how sure each pair is, `(n,)`."""

    here: Tensor
    there: Tensor
    rank: Tensor


def keypoints(
    encoder: Encoder, content: Tensor, style: Tensor, most: int = MOST
) -> Generator[float, None, Tensor]:
    """Pairs `(k, 4)` float64 of pixels, x and y in the content, x and y in the style, the surest first; none
    where nothing corresponds. Yields the share that is done.

    Args:
        content, style: `(1, 3, H, W)` and `(1, 3, h, w)` in 0..1.
        most: pairs to keep.
    """
    seen = [_at_side(picture) for picture in (content, style)]
    found = yield from best_buddies(encoder, *seen)
    scales = [
        torch.tensor([big.shape[-1] / small.shape[-1], big.shape[-2] / small.shape[-2]], dtype=torch.float64)
        for big, small in zip((content, style), seen, strict=True)
    ]
    points = [
        (places.flip(1).double() + 0.5) * scale
        for places, scale in zip((found.here, found.there), scales, strict=True)
    ]
    pairs = torch.cat(points, 1)[found.rank.argsort(descending=True)]
    return cleaned(pairs, max(content.shape[-2:]), most)


def best_buddies(encoder: Encoder, one: Tensor, other: Tensor) -> Generator[float, None, Candidates]:
    """All pairs that are left in the shallowest layer, none where the two pictures are not alike. Yields the
    share that is done."""
    maps = []
    for number, picture in enumerate((one, other)):
        features: dict[str, Tensor] = {}
        running = encoder.steps(as_input(picture, encoder), LAYERS, features)
        done, convolutions = 0, depth(LAYERS)
        while more(running):
            yield 0.2 * (number + min(done / convolutions, 1.0))
            done += 1
        maps.append({layer: wide(part)[0] for layer, part in features.items()})
    first, second = maps
    top = LAYERS[0]
    active = [_activation(side[top]) for side in maps]
    wholes = [(torch.zeros(2, dtype=torch.long), torch.tensor(side[top].shape[1:])) for side in maps]
    pairs = _buddies(first[top], second[top], wholes[0], wholes[1], PATCH[top])
    pairs = _lively(pairs, active)
    for number, layer in enumerate(LAYERS[1:]):
        active = [_activation(side[layer]) for side in maps]
        limits = [torch.tensor(side[layer].shape[1:]) for side in maps]
        parts = []
        for k in range(len(pairs.here)):
            boxes = []
            for places, limit in ((pairs.here, limits[0]), (pairs.there, limits[1])):
                middle = 2 * places[k] + 1
                low = (middle - REACH[layer]).clamp_min(0).minimum(limit - 1)
                boxes.append((low, (middle + REACH[layer]).minimum(limit).maximum(low + 1)))
            found = _buddies(first[layer], second[layer], boxes[0], boxes[1], PATCH[layer])
            found = _lively(found, active)
            if number > 0:  # one is followed on: its neighbours would tell the same
                surest = found.rank.argsort(descending=True)[:1]
                found = Candidates(found.here[surest], found.there[surest], found.rank[surest])
            parts.append(Candidates(found.here, found.there, found.rank + pairs.rank[k]))
            if k % 8 == 0:
                yield 0.4 + 0.15 * (number + k / len(pairs.here))
        pairs = _different(parts)
        if number == 0:
            pairs = _apart(pairs)
    least = ALIKE if encoder.widths == VGG19_WIDTHS else ALIKE_NARROW
    alike = likeness(first[top], second[top], pairs) >= least
    return pairs if alike else _different([])


def likeness(one: Tensor, other: Tensor, pairs: Candidates) -> float:
    """How alike the deepest maps `(C, h, w)` of two pictures are where pairs of the shallowest layer lie: the
    mean correlation of squares of three positions; 1 for twice the same, 0 for places taken at random."""
    sides = []
    for maps, places in ((one, pairs.here), (other, pairs.there)):
        standard = (maps - maps.mean((1, 2), keepdim=True)) / maps.std((1, 2), keepdim=True).clamp_min(1e-6)
        means = F.avg_pool2d(standard[None], 3, 1, 1, count_include_pad=False)[0]
        at = (places // 2 ** (len(LAYERS) - 1)).minimum(torch.tensor(maps.shape[1:]) - 1)
        sides.append(F.normalize(means[:, at[:, 0], at[:, 1]], dim=0))
    return float((sides[0] * sides[1]).sum(0).mean()) if len(pairs.here) else 0.0


def cleaned(pairs: Tensor, side: float, most: int = MOST) -> Tensor:
    """Pairs `(n, 4)`, the surest first, without those that lead too far or cross others; of the rest at most
    so many that lie apart, and none that would fold the picture; the order stays.

    Args:
        side: the content's longer one, in pixels.
    """
    for _ in range(5):
        if len(pairs) < 3:
            return pairs[:0]
        lengths = (aligned(pairs) - pairs[:, :2]).norm(dim=1)
        limit = min(FARTHEST * side, max(3 * float(lengths.median()), FARTHEST / 2 * side))
        kept = lengths <= limit
        if bool(kept.all()):
            break
        pairs = pairs[kept]
    goals = aligned(pairs) if len(pairs) > 2 else pairs[:, :2]
    chosen: list[int] = []
    for k in range(len(pairs)):
        if not any(_cross(pairs[k, :2], goals[k], pairs[j, :2], goals[j]) for j in chosen):
            chosen.append(k)
    return _unfolded(_spread(pairs[chosen], side, most), side)


def aligned(pairs: Tensor) -> Tensor:
    """The second places `(n, 2)` after the similarity that brings them nearest to the first."""
    return transformed(pairs[:, 2:], similarity(pairs[:, 2:], pairs[:, :2]))


def _at_side(picture: Tensor) -> Tensor:
    height, width = picture.shape[-2:]
    scale = SIDE / max(height, width)
    size = (max(LEAST, round(height * scale)), max(LEAST, round(width * scale)))
    return resize(picture.float(), size)


def _activation(maps: Tensor) -> Tensor:
    """Length of every position's vector as a share of their range, `(h, w)`."""
    lengths = maps.norm(dim=0)
    low, high = lengths.min(), lengths.max()
    return (lengths - low) / (high - low).maximum(1e-3 * high).clamp_min(1e-9)


def _buddies(one: Tensor, other: Tensor, box: Window, its: Window, patch: int) -> Candidates:
    """Mutual nearest positions of two windows of maps `(C, h, w)`, by the cosine of squares around them,
    after both were given a common mean and deviation in every channel."""
    first, second = _window(one, box, patch), _window(other, its, patch)
    means, spreads = zip(
        *((w.mean((1, 2), keepdim=True), w.std((1, 2), keepdim=True)) for w in (first, second)), strict=True
    )
    mean, spread = (means[0] + means[1]) / 2, (spreads[0] + spreads[1]) / 2
    sides = []
    for window, own, wide_ in zip((first, second), means, spreads, strict=True):
        common = (window - own) / wide_.clamp_min(1e-6) * spread + mean
        sides.append(F.normalize(F.unfold(common[None], patch)[0], dim=0))
    cosines = sides[0].T @ sides[1]
    best, back = cosines.argmax(1), cosines.argmax(0)
    mine = (back[best] == torch.arange(len(best), device=best.device)).nonzero()[:, 0]
    theirs = best[mine]
    widths = [int(where[1][1] - where[0][1]) for where in (box, its)]
    places = [
        torch.stack([index // width, index % width], 1).cpu() + where[0]
        for index, width, where in ((mine, widths[0], box), (theirs, widths[1], its))
    ]
    return Candidates(places[0], places[1], cosines[mine, theirs].cpu())


def _window(maps: Tensor, where: Window, patch: int) -> Tensor:
    """The positions of maps in a window, with what squares around them need besides."""
    rows, columns = (
        torch.arange(int(low) - patch // 2, int(high) + patch // 2, device=maps.device).clamp(0, length - 1)
        for low, high, length in zip(*where, maps.shape[1:], strict=True)
    )
    return maps[:, rows[:, None], columns]


def _lively(pairs: Candidates, active: list[Tensor]) -> Candidates:
    """Those of which both places are active, which adds to how sure they are."""
    mine, theirs = (
        side.cpu()[places[:, 0], places[:, 1]]
        for side, places in zip(active, (pairs.here, pairs.there), strict=True)
    )
    kept = (mine >= ACTIVE) & (theirs >= ACTIVE)
    return Candidates(pairs.here[kept], pairs.there[kept], (mine + theirs)[kept])


def _different(parts: list[Candidates]) -> Candidates:
    """All pairs, each once, by the rank of its surest way."""
    if not parts:
        empty = torch.zeros(0, 2, dtype=torch.long)
        return Candidates(empty, empty, torch.zeros(0))
    here, there, rank = (torch.cat([getattr(p, name) for p in parts]) for name in ("here", "there", "rank"))
    order = rank.argsort(descending=True, stable=True)
    seen: dict[tuple[int, ...], int] = {}
    for k in order.tolist():
        seen.setdefault((*here[k].tolist(), *there[k].tolist()), k)
    kept = torch.tensor(list(seen.values()), dtype=torch.long)
    return Candidates(here[kept], there[kept], rank[kept])


def _apart(pairs: Candidates) -> Candidates:
    """The surest of pairs that are next to each other, `FOLLOWED` at most."""
    chosen: list[int] = []
    for k in pairs.rank.argsort(descending=True, stable=True).tolist():
        near = (pairs.here[chosen] - pairs.here[k]).abs().amax(1) < 2
        if not bool(near.any()):
            chosen.append(k)
    kept = torch.tensor(chosen[:FOLLOWED], dtype=torch.long)
    return Candidates(pairs.here[kept], pairs.there[kept], pairs.rank[kept])


def _cross(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> bool:
    """Whether the way from a to b crosses that from c to d."""

    def side(p: Tensor, q: Tensor, r: Tensor) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _unfolded(pairs: Tensor, side: float) -> Tensor:
    """Pairs that the picture can follow all the way, the surest first: one that would press it together
    beside those before it is dropped."""
    if len(pairs) < 3:
        return pairs[:0]
    ways, chosen = aligned(pairs) - pairs[:, :2], list[int]()
    size = (round(side), round(side))
    for k in range(len(pairs)):
        tried = [*chosen, k]
        if not Warp(size, pairs[tried, :2]).folds(ways[tried] / max(size), CALM):
            chosen = tried
    return pairs[chosen] if len(chosen) > 2 else pairs[:0]


def _spread(pairs: Tensor, side: float, most: int) -> Tensor:
    """At most so many pairs, each as far as can be from those before it (the surest is the first), and none
    nearer to another, on either side, than a fiftieth of the side."""
    chosen: list[int] = []
    apart = torch.full((len(pairs),), torch.inf, dtype=pairs.dtype)
    while len(chosen) < min(most, len(pairs)):
        k = int(apart.argmax())
        if float(apart[k]) < side / 50:
            break
        chosen.append(k)
        gaps = [(pairs[:, part] - pairs[k, part]).norm(dim=1) for part in (slice(0, 2), slice(2, 4))]
        apart = apart.minimum(gaps[0].minimum(gaps[1]))
    return pairs[sorted(chosen)]
