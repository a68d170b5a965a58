"""Layers of a CUDA card that can be run without one; tests/engine/test_on_a_card.py has the others."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from velatura_models.networks import cuda
from velatura_models.networks.precision import faster_dtype


def arranged(maps: torch.Tensor) -> list[torch.Tensor]:
    """The same values in several orders of memory, among them a part of a larger tensor."""
    last = maps.contiguous(memory_format=torch.channels_last)
    return [maps, last, F.pad(last, (1, 2, 2, 1))[:, :, 2:-1, 1:-2]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("channels", [3, 4, 8, 6])
@pytest.mark.parametrize("ends", [(1, 1), (1, 0), (4, 4), (0, 2)])
def test_copies_continue_and_double_maps_as_the_library_does(dtype, channels, ends) -> None:
    before, after = ends
    for maps in arranged(torch.rand(2, channels, 7, 9).to(dtype)):
        for mode in ("reflect", "replicate"):
            wanted = F.pad(maps.float(), (before, after, before, after), mode=mode).to(dtype)
            found = cuda.continued(maps, before, after, mode)
            assert torch.equal(found, wanted) and found.is_contiguous(memory_format=torch.channels_last)
        found = cuda.doubled(maps)
        assert torch.equal(found, F.interpolate(maps.float(), scale_factor=2).to(dtype))
        assert found.is_contiguous(memory_format=torch.channels_last)


def test_maps_are_copied_in_the_widest_numbers_that_they_are_made_of() -> None:
    maps = torch.rand(1, 8, 3, 4).to(torch.bfloat16).permute(0, 2, 3, 1)
    assert [m.dtype for m in cuda.packed(maps.contiguous())] == [torch.complex128]
    assert [m.dtype for m in cuda.packed(maps.contiguous()[..., 4:])] == [torch.int64]
    assert [m.dtype for m in cuda.packed(maps)] == [torch.bfloat16], "channels do not lie side by side"


@pytest.mark.parametrize(
    ("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_cards_without_units_for_bfloat16_take_float32(
    capability: tuple[int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert faster_dtype(torch.device("cuda")) == dtype
