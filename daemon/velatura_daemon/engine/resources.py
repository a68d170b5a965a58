"""What a worker holds: its device, and under one budget, `memory_mb`, the job in hand and what is kept.

Networks, style cards, pictures and contents are kept. All of them can be made again, from files or from a
job's pixels; the least recently used goes first. The setting `cache_mb` bounds them, `trim` drops them,
`status` tells of them. A job has the rest.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import torch
from cachetools import LRUCache
from velatura.effort import PACE
from velatura_models.methods.loading import NETWORK, Loader

from ..paths import default_paths
from ..settings import Settings
from ..styles.library import Library
from .device import CPU, choose_device, device_name
from .result import plain

Key = tuple[Any, ...]
"""What is kept: its kind, then what names it."""
CARD, PICTURE, SEEN, STYLE, STATISTICS = "card", "picture", "content", "style", "statistics"
LAID_OUT, SLIDER = "laid out", "slider"
"""Kinds, beside `NETWORK`."""


FASTER = 5
"""How much faster than two processor cores a card is taken to be until measured; an H200 is 25 times."""


class Store(LRUCache[Key, Any]):
    """Values that can be made again, under a budget in bytes (`maxsize`); `store.get(key)` and
    `store[key] = value`.

    Every value says what it takes (`nbytes`). One larger than the budget is not kept at all.
    """

    def __init__(self, budget: int) -> None:
        super().__init__(budget, attrgetter("nbytes"))
        self.sizes: dict[Key, int] = {}
        self._used: dict[Key, None] = {}

    def __getitem__(self, key: Key) -> Any:
        value = super().__getitem__(key)
        self._used[key] = None
        return value

    def __setitem__(self, key: Key, value: Any) -> None:
        if value.nbytes > self.maxsize:
            self.pop(key, None)
            return
        super().__setitem__(key, value)
        self.sizes[key] = value.nbytes
        self._used[key] = None

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        del self.sizes[key]

    def measure(self) -> None:
        """Measures again what was used since the last time: networks and contents grow as they work."""
        for key in [key for key in self._used if key in self]:
            if key in self:  # none of those before has taken its room
                self[key] = self[key]
        self._used.clear()

    def drop(self, goes: Callable[[Key], bool]) -> None:
        """Drops what a function says of."""
        for key in [key for key in self if goes(key)]:
            del self[key]

    def bytes_by_kind(self) -> dict[str, int]:
        """Bytes of what is kept, by kind."""
        total: dict[str, int] = {}
        for key, size in self.sizes.items():
            total[key[0]] = total.get(key[0], 0) + size
        return total


def pace_on(device: torch.device) -> dict[str, float]:
    """The pace of optimisations before any was measured, so that `auto` does not spare a card what it does in
    no time."""
    return {name: seconds / (FASTER if device.type == "cuda" else 1) for name, seconds in PACE.items()}


class Resources:
    """What runners ask for; one a worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device, self.device_reason = choose_device(settings.device)
        self.dtype, self.dtype_reason = torch.float32, "not warmed up yet"
        self.pixels = self.device if self.device.type == "cuda" else CPU
        """Where pictures are that one pass is made of: a card converts them itself, and they go there and
        back as they came."""
        self.eight_bits = False
        """Whether networks that can multiply bytes."""
        self.paths = default_paths()
        self.library = Library(self.paths.styles, self.paths.cache, self.paths.weights)
        self.store = Store(settings.cache_bytes)
        self.job_bytes = settings.memory_bytes - settings.cache_bytes
        """What a job may hold beside what is kept."""
        self.pace = pace_on(self.device)
        """Seconds for a pixel and an evaluation, by `Effort.name`: how long the last one took here."""
        self.ahead: Iterator[None] | None = None
        """Work on the newest content that nobody waits for yet, one convolution a step."""
        self.sliding: tuple[Key, Iterator[object]] | None = None
        """After it: what a slider may want, and the key of what it is kept under."""

    @property
    def tile_bytes(self) -> int:
        """Bound on the activations of a step of a job that holds more than those; larger pictures are cut."""
        return self.job_bytes * 2 // 5

    @property
    def loader(self) -> Loader:
        """Gives one job its networks: of `slim`, and in the dtype that was faster at warm-up."""
        return Loader(
            folder=self.paths.weights,
            device=self.device,
            dtype=self.dtype,
            eight_bits=self.eight_bits,
            kept=self.store,
        )

    def trim(self, networks: bool = False) -> None:
        """Frees what can be made again from the pixels of a job, and on request networks too."""
        self.ahead = self.sliding = None
        self.store.drop(lambda key: networks or key[0] != NETWORK)
        gc.collect()
        self.give_back()

    def give_back(self) -> None:
        """Gives what is free of a card's memory to other programs."""
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
            "networks": sorted({key[1] for key in self.store if key[0] == NETWORK}),
            "cache_bytes": sum(held.values()),
            "cache_budget_bytes": self.store.maxsize,
            **{f"{kind}_bytes": size for kind, size in sorted(held.items())},
        }
