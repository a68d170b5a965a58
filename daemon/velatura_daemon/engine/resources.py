"""What a worker holds: its device, and under one budget the networks, style cards, pictures and contents.

All that is kept can be made again, from files or from a job's pixels; the least recently used goes first. The
setting `cache_mb` bounds it, `trim` drops it, `status` tells of it. What one job works with is not counted
here but bounded by `memory_mb`, which `tile_bytes` is a share of.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import torch
from cachetools import LRUCache
from torch import nn
from velatura.effort import PACE
from velatura_models.methods.loading import Loader
from velatura_models.methods.method import Seen
from velatura_models.networks.residency import nbytes

from ..paths import default_paths
from ..settings import Settings
from ..styles.library import Library
from .device import choose_device, device_name, plain

V = TypeVar("V")


class Key(NamedTuple):
    """What is kept: its kind and its name."""

    kind: str
    name: tuple[Any, ...]


NETWORK, CARD, PICTURE, SEEN, STYLE = "network", "card", "picture", "content", "style"
STATISTICS = "statistics"


class Store:
    """Values that can be made again, under a budget in bytes.

    Args:
        budget: of all values together. A larger value is not kept at all.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._held: LRUCache[Key, Any] = LRUCache(budget, getsizeof=_size)
        self._used: dict[Key, None] = {}

    def get(self, key: Key) -> Any:
        """What is kept under a key, now the most recently used, or None."""
        if key in self._held:
            self._used[key] = None
        return self._held.get(key)

    def put(self, key: Key, value: Any) -> None:
        """Keeps a value, dropping the least recently used ones that it leaves no room for."""
        if _size(value) > self.budget:
            self._held.pop(key, None)
            return
        self._held[key] = value
        self._used[key] = None

    def hold(self, key: Key, make: Callable[[], V]) -> V:
        """What is kept under a key, made where nothing is."""
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def measure(self) -> None:
        """Measures again what was used since the last time: networks and contents grow as they work."""
        for key in list(self._used):
            if key in self._held:
                self.put(key, self._held[key])
        self._used.clear()

    def drop(self, goes: Callable[[Key], bool]) -> None:
        """Drops what a function says of."""
        for key in [key for key in self._held if goes(key)]:
            del self._held[key]

    def keys(self, kind: str) -> list[Key]:
        return [key for key in self._held if key.kind == kind]

    def bytes_by_kind(self) -> dict[str, int]:
        """Bytes of what is kept, by kind."""
        total: dict[str, int] = {}
        for key, value in self._held.items():
            total[key.kind] = total.get(key.kind, 0) + _size(value)
        return total


class Resources:
    """What runners ask for; one a worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device, self.device_reason = choose_device(settings.device)
        self.dtype, self.dtype_reason = torch.float32, "not warmed up yet"
        self.eight_bits = False
        """Whether networks that can multiply bytes."""
        self.paths = default_paths()
        self.library = Library(self.paths.styles, self.paths.cache, self.paths.weights)
        self.store = Store(settings.cache_mb << 20)
        self.tile_bytes = settings.working_bytes * 2 // 5
        """Bound on the activations of one pass; larger pictures are cut."""
        self.pace = dict(PACE)
        """Seconds for a pixel and an evaluation, by `Effort.name`: how long the last one took here."""
        self.ahead: Iterator[None] | None = None
        """Work on the newest content that nobody waits for yet, one convolution a step."""

    def loader(self, backbone: str = "slim", method: str = "", dtype: torch.dtype | None = None) -> Loader:
        """Gives networks, resident in a dtype, by default the one that was faster at warm-up."""
        return Loader(
            backbone,
            method,
            self.paths.weights,
            self.device,
            dtype or self.dtype,
            self.eight_bits,
            lambda name, make: self.store.hold(Key(NETWORK, name), lambda: _ordinary(make)),
        )

    def remember(self, key: Key, seen: Seen, ahead: Iterator[None]) -> None:
        """Keeps what a method saw of a content, and what it can do ahead while nothing else is to be done."""
        self.store.put(key, seen)
        self.ahead = ahead

    def trim(self, networks: bool = False) -> None:
        """Frees what can be made again from the pixels of a job, and on request networks too."""
        self.ahead = None
        self.store.drop(lambda key: networks or key.kind != NETWORK)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def status(self) -> dict[str, Any]:
        """See `tasks.Engine.status`."""
        held = self.store.bytes_by_kind()
        return {
            "device": str(self.device),
            "device_name": device_name(self.device),
            "device_reason": self.device_reason,
            "dtype": plain(self.dtype),
            "dtype_reason": self.dtype_reason,
            "eight_bits": self.eight_bits,
            "pace": dict(self.pace),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "networks": sorted({key.name[0] for key in self.store.keys(NETWORK)}),
            "cache_bytes": sum(held.values()),
            "cache_budget_bytes": self.store.budget,
            **{f"{kind}_bytes": size for kind, size in sorted(held.items())},
        }


def _ordinary(make: Callable[[], nn.Module]) -> nn.Module:
    """A network that serves jobs with gradients too, whichever asks first."""
    with torch.inference_mode(False):
        return make()


def _size(value: Any) -> int:
    return nbytes(value) if isinstance(value, nn.Module) else value.nbytes
