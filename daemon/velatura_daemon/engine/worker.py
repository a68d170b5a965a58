"""The worker process: hosts the engine and does what the supervisor orders (`between.orders`).

It holds a few tasks as generators and runs one of them, a step at a time. Between steps it reads its
orders: `Begin` begins a task and `Resume` goes on with one (the one that ran is put aside), `Close` gives a
task up, `Halt` asks it for its best picture so far. After an end it waits for the next order, so that all
choosing stays with the supervisor's scheduler. A `Begin` or `Resume` is always followed by at least one
step, which is what lets a long job advance under a stream of short ones.

    python -m velatura_daemon.engine.worker DESCRIPTOR
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import math
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from velatura import lending
from velatura.errors import VelaturaError
from velatura.pixels import Layout, digest

from ..between import orders
from ..between.channel import Channel, ChannelClosed
from ..between.slots import create_slot, map_slot, write_slot
from ..logs import start_logging
from ..paths import default_paths
from ..settings import Settings, settings_from_map
from .tasks import Checkpointed, Engine, EngineTask, Event, Finished, Previewed, Progressed, Slot

BEAT = 0.5
"""Longest silence of a worker that is making steps, in seconds."""

REST = 5.0
"""Seconds without work after which free memory goes back to the system; not between two moves of a slider,
as the next job asks for it again."""

URGENT = orders.Close | orders.Halt | orders.Quit
"""Orders that are heeded before any step."""


class InHand:
    """One task in hand, with the output memory that it asked for."""

    def __init__(self, job: str, stopping: bool, lent: bool) -> None:
        self.job = job
        self.stopping, self.lent = stopping, lent
        self.task: EngineTask | None = None
        """What to run, until the first step has taken it."""
        self.steps: Iterator[Event] = iter(())
        self._outputs: dict[int, tuple[int, memoryview]] = {}

    def output(self, layout: Layout) -> memoryview:
        """Fresh shared memory for a picture of this layout."""
        fd = create_slot(layout.nbytes)
        view = map_slot(fd, layout.nbytes, writable=True)
        self._outputs[id(view.obj)] = (fd, view)
        return view

    @contextlib.contextmanager
    def taken(self, layout: Layout, data: memoryview) -> Iterator[tuple[int, str]]:
        """The descriptor, closed afterwards, and the name of a picture in memory that `output` gave."""
        found = self._outputs.pop(id(data.obj), None)
        if found is None:
            raise VelaturaError("internal", "the engine returned a picture outside the memory given to it")
        try:
            lent = self.lent and layout.nbytes >= lending.LEAST and lending.seal(found[0], mapped=True)
            yield found[0], lending.random_name() if lent else digest(layout, [data])
        finally:
            os.close(found[0])

    def close(self) -> None:
        """Ends the generator, running its cleanup, and gives the unused memory back."""
        close = getattr(self.steps, "close", None)
        if close is not None:
            close()
        for fd, _ in self._outputs.values():
            os.close(fd)
        self._outputs.clear()


class Worker:
    """The loop around one engine and one channel."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.log = start_logging(default_paths(), "worker")
        self.engine: Engine | None = None
        self.held: dict[str, InHand] = {}
        self.active: InHand | None = None
        self.orders: deque[tuple[Any, list[int]]] = deque()
        self.cancelled: set[str] = set()
        self.last_said = 0.0
        self.quitting = False
        self.rested = False

    def loop(self) -> None:
        """Runs until told to quit or the supervisor is gone."""
        idle_work = True
        while not self.quitting:
            busy = self.active or self.orders or (idle_work and not self.held)
            self._read_orders(wait=not busy)
            if self.orders:
                idle_work, self.rested = True, False
                self._obey(*self.orders.popleft())
            if self.active is not None:
                self._step(self.active)
            elif idle_work and not self.orders and not self.held:
                idle_work = self._idle()

    def say(self, report: orders.FromWorker, fds: tuple[int, ...] = ()) -> None:
        """Tells the supervisor something, waiting until it is on its way."""
        self.channel.send(report, fds)
        while self.channel.pending:
            select.select([], [self.channel], [])
            self.channel.flush()
        self.last_said = time.monotonic()

    def _read_orders(self, wait: bool) -> None:
        if wait:
            ready, _, _ = select.select([self.channel], [], [], None if self.rested else REST)
            if not ready:
                if self.engine is not None:
                    self.engine.rest()
                give_memory_back()
                self.rested = True
        for order, fds in self.channel.receive():
            if isinstance(order, URGENT):
                self._heed(order)
            else:
                self.orders.append((order, fds))

    def _heed(self, order: orders.Close | orders.Halt | orders.Quit) -> None:
        if isinstance(order, orders.Quit):
            self.quitting = True
        elif isinstance(order, orders.Halt):
            self._halt(order.job)
        elif order.job in self.held:
            self._end(self.held[order.job])
            self.say(orders.Closed(order.job))
        elif any(waiting.job == order.job for waiting in self._waiting()):
            self.cancelled.add(order.job)

    def _halt(self, job: str) -> None:
        if job in self.held:
            self.held[job].stopping = True
        for i, (order, fds) in enumerate(self.orders):
            if isinstance(order, orders.Begin) and order.job == job:
                self.orders[i] = (replace(order, halted=True), fds)

    def _waiting(self) -> list[orders.Begin | orders.Resume]:
        return [order for order, _ in self.orders if isinstance(order, orders.Begin | orders.Resume)]

    def _obey(self, order: Any, fds: list[int]) -> None:
        if isinstance(order, orders.Init):
            self._init(order)
        elif isinstance(order, orders.Warm):
            self._warm()
        elif isinstance(order, orders.Begin):
            self._push(order, fds)
        elif isinstance(order, orders.Resume):
            if order.job in self.held:  # else it was closed in between
                self._activate(self.held[order.job])
        else:
            raise ValueError(f"unknown order {order!r}")

    def _init(self, order: orders.Init) -> None:
        settings = settings_from_map(order.settings)
        self.log = start_logging(default_paths(), "worker", settings.log_level)
        self.engine = make_engine(settings)
        self.log.info("worker started, engine %s", settings.engine)
        self.say(orders.EngineReady(_plain(self.engine.status())))

    def _warm(self) -> None:
        assert self.engine is not None
        self.say(orders.Warming())
        try:
            self.engine.warm()
        except VelaturaError as error:  # a job that needs what is missing will say the same
            self.log.error("warm-up failed: %s", error)
        except Exception:
            self.log.exception("warm-up failed")
        self.say(orders.Warmed(_plain(self.engine.status())))

    def _push(self, order: orders.Begin, fds: list[int]) -> None:
        if order.job in self.cancelled:
            self.cancelled.discard(order.job)
            for fd in fds:
                os.close(fd)
            self.say(orders.Closed(order.job))
            return
        running = self.held[order.job] = InHand(order.job, order.halted, order.lent)
        self._activate(running)
        try:
            running.task = _task(order, fds, running)
        except VelaturaError as error:
            self._fail(running, error.code, error.message, error.field)

    def _activate(self, running: InHand) -> None:
        if self.active is not None:
            self.say(orders.Yielded(self.active.job))
        self.active = running
        self.say(orders.Began(running.job))

    def _step(self, running: InHand) -> None:
        """One step of a task, and what came of it to the supervisor."""
        assert self.engine is not None
        try:
            if running.task is not None:
                running.steps, running.task = self.engine.run(running.task), None
            event = next(running.steps, _ENDED)
            if event is _ENDED:
                raise VelaturaError("internal", "the engine ended a job without a result")
            self._tell(running, event)  # type: ignore[arg-type]  # not the marker any more
        except ChannelClosed:
            raise
        except VelaturaError as error:
            self._fail(running, error.code, error.message, error.field)
        except MemoryError as error:
            self._fail(running, "out_of_memory", f"not enough memory: {error}", "")
        except Exception as error:
            self.log.exception("job %s", running.job)
            self._fail(running, "internal", f"{type(error).__name__}: {error}", "")
            if "CUDA error" in str(error):  # sticky: every later call would fail as well
                self.log.error("the device's state is lost; the worker ends to be replaced")
                self.quitting = True

    def _tell(self, running: InHand, event: Event) -> None:
        job = running.job
        if isinstance(event, Progressed):
            losses = {name: float(value) for name, value in event.losses.items() if math.isfinite(value)}
            self.say(orders.Advanced(job, event.step, event.of, losses, event.seconds_left))
        elif isinstance(event, Previewed):
            with running.taken(event.layout, event.data) as (fd, name):
                self.say(orders.Intermediate(job, event.step, name, event.layout), (fd,))
        elif isinstance(event, Checkpointed):
            fd = create_slot(len(event.state))
            try:
                write_slot(fd, 0, event.state)
                self.say(orders.Saved(job, event.step, len(event.state)), (fd,))
            finally:
                os.close(fd)
        elif isinstance(event, Finished):
            with running.taken(event.layout, event.data) as (fd, name):
                record = _plain(event.record)
                self.say(orders.Delivered(job, name, event.layout, event.recipe, record), (fd,))
            self._end(running)
        elif time.monotonic() - self.last_said > BEAT:
            self.say(orders.Beat())

    def _fail(self, running: InHand, code: str, message: str, where: str) -> None:
        self._end(running)
        if code == "out_of_memory" and self.engine is not None:
            self.engine.trim()
        self.say(orders.Broke(running.job, code, message[:2000], where[:400]))

    def _end(self, running: InHand) -> None:
        del self.held[running.job]
        if running is self.active:
            self.active = None
        try:
            running.close()
        except Exception:
            self.log.exception("closing job %s", running.job)

    def _idle(self) -> bool:
        """One piece of idle work; False when there is none left, after telling how things stand."""
        if self.engine is None:
            return False
        try:
            if self.engine.idle():
                return True
        except Exception:
            self.log.exception("idle work")
        self.say(orders.Resting(_plain(self.engine.status())))
        return False


_ENDED = object()


def give_memory_back() -> None:
    """Gives what was freed to the system, where the C library keeps it otherwise (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _task(order: orders.Begin, fds: list[int], running: InHand) -> EngineTask:
    """The task of an order. Every descriptor is mapped and closed."""
    pictures: dict[str, Slot] = {}
    try:
        for fd, named in zip(fds, order.pictures, strict=False):
            pictures[named.digest] = Slot(named.layout, map_slot(fd, named.layout.nbytes), named.digest)
        checkpoint = bytes(map_slot(fds[-1], order.checkpoint)) if order.checkpoint else None
    finally:
        for fd in fds:
            os.close(fd)
    return EngineTask(
        job=order.job,
        recipe=order.recipe,
        content=pictures.get(order.content),
        mask=pictures.get(order.mask),
        pictures=pictures,
        output=running.output,
        stopping=lambda: running.stopping,
        preview_side=order.preview_side,
        preview_every=order.preview_every,
        slider=order.slider,
        device=order.device,
        checkpoint=checkpoint,
    )


def _plain(value: Any) -> Any:
    """A record as msgpack takes it: numbers of other libraries become plain ones, the rest text."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


def make_engine(settings: Settings) -> Engine:
    """The engine that the settings name."""
    module, _, name = settings.engine.partition(":")
    return getattr(importlib.import_module(module), name)(settings)


def _die_with_supervisor(fd: int) -> None:
    """Ends this process the moment the supervisor is gone, even in the middle of a step."""
    hangup = select.poll()
    hangup.register(fd, 0)  # POLLHUP and POLLERR are always reported
    hangup.poll()
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the supervisor's to handle
    sock = socket.socket(fileno=int(sys.argv[1]))
    threading.Thread(target=_die_with_supervisor, args=(os.dup(sock.fileno()),), daemon=True).start()
    with contextlib.suppress(ChannelClosed):
        Worker(Channel(sock)).loop()


if __name__ == "__main__":
    main()
