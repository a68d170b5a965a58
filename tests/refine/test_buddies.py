"""Best buddies: a known warp is recovered, and pairs that lead astray are dropped."""

from __future__ import annotations

import pytest
import skimage.data
import torch
from torch import Tensor
from torch.nn import functional as F
from velatura_models.networks.encoder import Encoder, prepared
from velatura_models.optimise.buddies import FARTHEST, MOST, cleaned, keypoints
from velatura_models.store.weights import load_backbone

from .conftest import finished


@pytest.fixture(scope="module")
def slim() -> Encoder:
    return prepared(load_backbone("slim"))


def warped(picture: Tensor) -> tuple[Tensor, Tensor]:
    """A picture bent in both directions, and where each pixel of it comes from, `(H, W, 2)` x and y."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    origin = torch.stack([x + 8 * torch.sin(y / 40), y + 6 * torch.cos(x / 50)], 2).float()
    grid = (origin + 0.5) / torch.tensor([width, height]) * 2 - 1
    return F.grid_sample(picture, grid[None], padding_mode="border", align_corners=False), origin


def test_a_known_warp_is_recovered(slim: Encoder) -> None:
    photo = torch.from_numpy(skimage.data.astronaut().copy()).permute(2, 0, 1)[None].float() / 255
    photo = F.interpolate(photo, (256, 256), mode="bilinear", antialias=True)
    bent, origin = warped(photo)
    pairs = finished(keypoints(slim, bent, photo))
    assert 10 <= len(pairs) <= MOST
    at = pairs[:, :2].long()
    apart = (origin[at[:, 1], at[:, 0]] - (pairs[:, 2:] - 0.5)).norm(dim=1)
    assert float((apart <= 4).double().mean()) >= 0.8


def test_where_nothing_corresponds_there_are_no_pairs(slim: Encoder) -> None:
    gray = torch.full((1, 3, 40, 60), 0.5)
    assert finished(keypoints(slim, gray, gray.flip(3))).shape == (0, 4)
    tiny = torch.rand(1, 3, 5, 3, generator=torch.Generator().manual_seed(1))  # less than one position
    pairs = finished(keypoints(slim, gray, tiny))
    assert bool(((pairs >= 0) & (pairs <= torch.tensor([60.0, 40, 3, 5]))).all())
    cup, rocket = (
        torch.from_numpy(made().copy()).permute(2, 0, 1)[None].float() / 255
        for made in (skimage.data.coffee, skimage.data.rocket)
    )
    assert finished(keypoints(slim, cup, rocket)).shape == (0, 4)


def grid(side: int = 200) -> Tensor:
    y, x = torch.meshgrid(torch.arange(20.0, side, 40), torch.arange(20.0, side, 40), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1).double()


def test_what_leads_too_far_is_dropped() -> None:
    content = grid()
    style = content * 2 + 30  # seen larger and elsewhere: a similarity, no deformation
    style[7] += torch.tensor([300.0, 0.0])
    pairs = torch.cat([content, style], 1)
    kept = cleaned(pairs, 200)
    assert len(kept) == MOST and not any(torch.equal(row, pairs[7]) for row in kept)
    assert 2 * FARTHEST * 200 < 300


def test_of_two_that_cross_the_surer_one_stays() -> None:
    content = grid()
    style = content.clone()
    style[[6, 7]] = torch.tensor([[90.0, 90.0], [70.0, 90.0]], dtype=torch.float64)  # from 60, 60 and 100, 60
    pairs = torch.cat([content, style], 1)
    kept = {tuple(row.tolist()) for row in cleaned(pairs, 500, 100)}
    assert tuple(pairs[6].tolist()) in kept and tuple(pairs[7].tolist()) not in kept


def test_few_pairs_are_spread() -> None:
    content = torch.cat([grid(), grid() + 1])
    kept = cleaned(torch.cat([content, content], 1), 200, 4)
    gaps = torch.cdist(kept[:, :2], kept[:, :2]) + 1000 * torch.eye(4, dtype=torch.float64)
    assert float(gaps.min()) > 80
    assert len(cleaned(torch.cat([content, content], 1), 200, 100)) == len(grid())


def test_two_pairs_are_too_few() -> None:
    assert cleaned(torch.ones(2, 4, dtype=torch.float64), 100).shape == (0, 4)
