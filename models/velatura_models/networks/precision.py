"""Which precision is faster here: bfloat16 doubles the speed of some processors and halves others'; bytes are
four times as fast as float32 where a processor multiplies them in one step, and wrong where it does not."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch

from .convolution import Conv3x3
from .folded import Convolution, ScaledMaps
from .residency import resident

WIDE, SIDE = 128, 66
"""Channels and side of the maps that are tried."""

WIDER = 256
"""Channels from which minimal filtering in bfloat16 may be faster."""


@functools.cache
def seconds(device: torch.device) -> dict[torch.dtype, float]:
    """What a wide 3x3 convolution takes on a device in bfloat16 and, as `Conv3x3` computes it, in float32;
    measured once."""
    return {dtype: _trial(dtype, device) for dtype in (torch.bfloat16, torch.float32)}


def faster_dtype(device: torch.device) -> torch.dtype:
    """On CPUs bfloat16 or float32, whichever convolves faster; on CUDA cards bfloat16 where they have units
    for it (compute capability 8), float32 on older ones; bfloat16 elsewhere."""
    if device.type == "cpu":
        took = seconds(device)
        return min(took, key=lambda dtype: took[dtype])
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        return torch.float32
    return torch.bfloat16


def autocast(device: torch.device) -> torch.autocast:
    """The context to run a network being trained in."""
    return torch.autocast(device.type, torch.bfloat16, enabled=faster_dtype(device) == torch.bfloat16)


@functools.cache
def eight_bits_pay(device: torch.device) -> bool:
    """Whether convolutions of bytes are exact and faster than any of floats; tried once.

    Processors without instructions for it multiply pairs of bytes into 16 bits, where large values overflow.
    """
    if device.type != "cpu" or not hasattr(torch.ops.onednn, "qconv2d_pointwise"):
        return False
    most = Convolution(torch.ones(WIDE, WIDE, 3, 3), torch.zeros(WIDE), torch.uint8, 1, signed=False)
    maps = torch.full((1, WIDE, SIDE, SIDE), 255, dtype=torch.uint8)
    seen = ScaledMaps(maps.contiguous(memory_format=torch.channels_last))
    with torch.no_grad():
        if not bool((most(seen, torch.float32) == WIDE * 9 * 255).all()):
            return False
        bytewise = _least(lambda: most(seen, torch.bfloat16))
    return 1.2 * bytewise < min(seconds(device).values())


@functools.cache
def filtering_pays(device: torch.device) -> bool:
    """Whether wide convolutions in bfloat16 are faster by minimal filtering (`Conv3x3.rough`), as they are
    without matrix units; tried once."""
    if device.type != "cpu":
        return False
    rough, direct = (_trial(torch.bfloat16, device, WIDER, rough) for rough in (True, False))
    return rough < direct


@torch.no_grad()
def _trial(dtype: torch.dtype, device: torch.device, width: int = WIDE, rough: bool = False) -> float:
    conv = resident(lambda: Conv3x3(width, width), device, dtype)
    conv.rough = rough
    maps = torch.rand(1, width, SIDE, SIDE, device=device).to(dtype)
    maps = maps.contiguous(memory_format=torch.channels_last)
    return _least(lambda: float(conv(maps)[0, 0, 0, 0]))


def _least(run: Callable[[], object]) -> float:
    """Seconds of the processor, which other work beside it does not lengthen, the least of three after one to
    warm up."""
    took = []
    for _ in range(4):
        began = time.process_time()
        run()
        took.append(time.process_time() - began)
    return min(took[1:])
