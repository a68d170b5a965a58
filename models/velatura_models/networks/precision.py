"""Which precision is faster here: bfloat16 doubles the speed of some processors and halves others'; bytes are
four times as fast as float32 where a processor multiplies them in one step, and wrong where it does not."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F

from .folded import Convolution, Maps


@functools.cache
def faster_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 or float32, whichever convolves faster; timed once on CPUs, bfloat16 elsewhere."""
    if device.type != "cpu":
        return torch.bfloat16
    seconds = {dtype: _trial(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return min(seconds, key=lambda dtype: seconds[dtype])


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
    most = Convolution(torch.ones(64, 64, 3, 3), torch.zeros(64), torch.uint8, 1, signed=False)
    seen = Maps(
        torch.full((1, 64, 96, 96), 255, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    )
    with torch.no_grad():
        if not bool((most(seen, torch.float32) == 64 * 9 * 255).all()):
            return False
        seconds = _least(lambda: most(seen, torch.bfloat16))
    return 1.2 * seconds < min(map(_trial, (torch.float32, torch.bfloat16)))


@torch.no_grad()
def _trial(dtype: torch.dtype) -> float:
    maps = torch.rand(1, 64, 96, 96, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(64, 64, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    return _least(lambda: F.conv2d(maps, weight))


def _least(run: Callable[[], object]) -> float:
    """Seconds, the least of three after one to warm up."""
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])
