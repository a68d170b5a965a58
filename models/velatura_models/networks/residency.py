"""Networks in the memory of a device: how they are put there, and how much of it they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .convolution import Conv3x3
from .playback import playback

N = TypeVar("N", bound=nn.Module)
Exact = Callable[[Any], Iterable[Tensor]]
"""Gives the parameters of a network that stay float32."""


def last_layers(decoders: Iterable[nn.Module]) -> list[Tensor]:
    """What stays float32 of decoders: the layers that make pictures finer than 8 bits."""
    return [p for decoder in decoders for p in decoder.get_submodule("convs")[-1].parameters()]  # type: ignore[index]  # a list


def placed(network: N, device: torch.device | str, dtype: torch.dtype | None = None) -> N:
    """A network on its device, channels last, where convolutions are fast."""
    return network.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch lists no such call


def resident(
    load: Callable[[], N], device: torch.device | str, dtype: torch.dtype, exact: Exact = lambda net: ()
) -> N:
    """A network for use alone: on a device, in a dtype, channels_last, in evaluation mode, without gradients.

    Args:
        load: gives the network, in float32.
        exact: which parameters stay float32.
    """
    network = load()
    wanted = {id(parameter) for parameter in exact(network)}
    kept = {name: p.detach().clone() for name, p in network.named_parameters() if id(p) in wanted}
    network = placed(network, device, dtype)
    for name, parameter in network.named_parameters():
        if name in kept:
            layout = torch.channels_last if parameter.dim() == 4 else torch.contiguous_format
            parameter.data = kept[name].float().to(device, memory_format=layout)
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Resident:
    """A network in memory, with what it takes of it."""

    network: nn.Module

    @classmethod
    def made(cls, make: Callable[[], nn.Module]) -> Resident:
        """One that serves jobs with gradients too, whichever asks first."""
        with torch.inference_mode(False):
            return cls(make())

    @property
    def nbytes(self) -> int:
        """Bytes by now: its tensors, the transformed kernels of what ran, and what is recorded of it."""
        tensors = [*self.network.parameters(), *self.network.buffers()]
        kernels = [module.kept for module in self.network.modules() if isinstance(module, Conv3x3)]
        return sum(tensor.nbytes for tensor in tensors) + sum(kernels) + playback(self.network).nbytes
