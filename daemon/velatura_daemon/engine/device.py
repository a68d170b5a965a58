"""The device that networks run on: which and why, what it is called, and when it is out of memory."""

from __future__ import annotations

import platform

import torch
from velatura.errors import VelaturaError

CPU = torch.device("cpu")


def choose_device(wanted: str) -> tuple[torch.device, str]:
    """The device and why: never a silent fallback.

    Raises:
        VelaturaError: `bad_field` when a device was asked for that torch does not have.
    """
    if wanted != "auto":
        try:
            device = torch.device(wanted)
        except RuntimeError as error:  # its own words list twenty kinds, most of them for builders of torch
            words = f"is {wanted!r}; allowed are auto, cpu, cuda, cuda:1 and so on, and mps"
            raise VelaturaError("bad_field", words, "device") from error
        try:
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise VelaturaError(
                "bad_field", f"is {wanted!r}, which torch cannot use: {error}", "device"
            ) from error
        return device, "set by the user"
    if torch.cuda.is_available():
        return torch.device("cuda"), "torch finds a CUDA device"
    if torch.backends.mps.is_available():
        return torch.device("mps"), "torch finds Apple's GPU"
    why = (
        "torch was built without CUDA"
        if torch.version.cuda is None
        else "torch finds no CUDA device or driver"
    )
    return torch.device("cpu"), why


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()


def is_out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in words
