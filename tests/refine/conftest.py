"""Small encoders with random weights: the mathematics does not ask what they learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from velatura_models.networks.encoder import Encoder
from velatura_models.networks.playback import run_through as finished
from velatura_models.optimise import strotss

__all__ = ["box_mask", "finished", "random_encoder", "random_picture"]


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small pictures gain nothing from more threads, and on a loaded machine threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """STROTSS draws as many places as suit pictures of this size."""
    for name, value in (("SAMPLES", 64), ("LEAST", 16), ("POOL", 256)):
        monkeypatch.setattr(strotss, name, value)


def random_encoder(widths: tuple[int, ...] = (3, 4, 5, 6, 6), pool: str = "avg") -> Encoder:
    """A float64 encoder whose responses stay around 1 at all depths."""
    generator = torch.Generator().manual_seed(7)
    encoder = Encoder(widths, preprocess=False, pool=pool)
    for name, weight in encoder.named_parameters():
        if name.endswith("weight"):
            spread = (2 / weight[0].numel()) ** 0.5
            weight.data = torch.randn(weight.shape, generator=generator) * spread
        else:
            weight.data = torch.rand(weight.shape, generator=generator) * 0.1
    return encoder.double().eval().requires_grad_(False)


def random_picture(height: int, width: int, seed: int = 0, channels: int = 3) -> Tensor:
    """Smooth enough to have structure, rough enough to have every frequency; float64 in 0..1."""
    generator = torch.Generator().manual_seed(seed)
    fine = torch.rand(1, channels, height, width, generator=generator, dtype=torch.float64)
    coarse = torch.rand(1, channels, 4, 4, generator=generator, dtype=torch.float64)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return 0.1 + 0.8 * (0.7 * smooth + 0.3 * fine)


def box_mask(height: int, width: int, top: int, left: int, bottom: int, right: int) -> Tensor:
    mask = torch.zeros(1, 1, height, width, dtype=torch.float64)
    mask[:, :, top:bottom, left:right] = 1
    return mask


@pytest.fixture
def encoder() -> Encoder:
    return random_encoder()
