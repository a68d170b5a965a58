"""Passes that a graphics card plays back.

A pass of a network is a hundred small orders to the card, which at usual sizes take longer to give than to
carry out. A CUDA graph gives them all at once. So what runs on a card runs as it is the first time that a
shape comes, which also warms the card's libraries up; is recorded the second time; and is played back from
then on. Tiles of odd shape come once and are never recorded, and where recording fails the pass runs as it
is, and the log says so. Elsewhere than on a CUDA card everything runs step by step.
"""

from __future__ import annotations

import functools
import logging
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

V = TypeVar("V")
W = TypeVar("W")
X = TypeVar("X")
Made = tuple[Tensor, ...]
Pass = Callable[..., Generator[Any, None, Made]]
"""A generator function of tensors on one device whose value is tensors."""

MOST = 4
"""Recordings that one network keeps: each holds its inputs and results."""
LARGE = 1 << 22
"""Pixels from which giving orders takes no longer than carrying them out: nothing is recorded."""


@dataclass(frozen=True)
class RecordedPass:
    """A recorded pass.

    Args:
        replay: computes `results` of what `inputs` hold.
    """

    replay: Callable[[], None]
    inputs: Sequence[Tensor]
    results: Made

    def __call__(self, given: Sequence[Tensor]) -> Made:
        """The results for other inputs of the same shapes; copies, as the next pass reuses their memory."""
        for place, value in zip(self.inputs, given, strict=True):
            place.copy_(value)
        self.replay()
        return tuple(result.clone() for result in self.results)


Record = Callable[[Callable[..., Made], Sequence[Tensor]], RecordedPass]


class Playback:
    """The recordings of one network, or of whatever else computes; the one not used the longest goes.

    Args:
        record: makes them.
    """

    def __init__(self, record: Record | None = None) -> None:
        self.record = record or recorded
        self._kept: OrderedDict[Hashable, RecordedPass | Callable[..., Any] | None] = OrderedDict()
        """By name and shapes; None for what came once, a string for what cannot be recorded."""

    def __call__(self, name: Hashable, run: Callable[..., Made], inputs: Sequence[Tensor]) -> Made:
        """What `run` makes of inputs.

        Args:
            name: of all that the result depends on besides the inputs and the network.
        """
        key = (name, *((tuple(x.shape), x.dtype) for x in inputs))
        known = key in self._kept
        held = self._kept.get(key)
        if known:
            self._kept.move_to_end(key)
            if held is None:
                self._kept[key] = held = self._recorded(name, run, inputs)
        else:
            self._kept[key] = None
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return held(inputs) if isinstance(held, RecordedPass) else run(*inputs)

    def _recorded(self, name: Hashable, run: Callable[..., Made], inputs: Sequence[Tensor]) -> Any:
        try:
            return self.record(run, inputs)
        except RuntimeError as error:
            logger.warning("%s cannot be recorded and runs step by step: %s", name, error)
            return run

    @property
    def nbytes(self) -> int:
        """Bytes of inputs and results; what lies between is shared by all recordings."""
        held = [each for each in self._kept.values() if isinstance(each, RecordedPass)]
        return sum(tensor.nbytes for each in held for tensor in (*each.inputs, *each.results))


def recorded(run: Callable[..., Made], inputs: Sequence[Tensor]) -> RecordedPass:
    """A pass as a CUDA graph.

    Raises:
        RuntimeError: where something in it waits for the card, or memory is short.
    """
    with torch.inference_mode(False), torch.no_grad():
        places = [torch.empty_like(x).copy_(x) for x in inputs]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=_pool(), capture_error_mode="thread_local"):
        results = run(*places)
    return RecordedPass(graph.replay, places, results)


@functools.cache
def _pool() -> Any:
    """Memory that all graphs of this process share, which never run at the same time."""
    return torch.cuda.graph_pool_handle()


def playback(owner: Any) -> Playback:
    """The recordings of a network, which go when it goes."""
    return owner.__dict__.setdefault("_playback", Playback())


def played(owner: Any, name: Hashable, pixels: int, run: Pass, *inputs: Tensor) -> Generator[Any, None, Made]:
    """What a generator gives: on a CUDA card at once, elsewhere step by step, so that others get their turn.

    Args:
        owner: whose recordings are taken; `run` depends on it, on `name` and on the inputs alone, and waits
            for nothing.
        pixels: of the picture.
    """
    if inputs[0].device.type != "cuda" or pixels > LARGE:
        return (yield from run(*inputs))
    return playback(owner)(name, lambda *given: run_through(run(*given)), inputs)


def retold(steps: Generator[W, None, V], tell: Callable[[W], X]) -> Generator[X, None, V]:
    """The same work, with something else told each time it yields."""
    while True:
        try:
            told = next(steps)
        except StopIteration as end:
            return end.value
        yield tell(told)


def run_through(steps: Generator[Any, None, V]) -> V:
    """Runs work to its end: its value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
