"""The worker process: hosts the engine and does what the supervisor orders.

It holds a few tasks as generators and runs one of them, a step at a time. Between steps it reads its
orders: `run` begins a task and `resume` goes on with one (the one that ran is paused), `cancel` closes a
task, `stop` asks it for its best picture so far. After an end it waits for the next order, so that all
choosing stays with the supervisor's scheduler. A `run` or `resume` is always followed by at least one
step, which is what lets a long job advance under a stream of short ones.

    python -m velatura_daemon.engine.worker DESCRIPTOR
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from velatura.errors import VelaturaError
from velatura.pixels import Layout, digest
from velatura.recipe import recipe_from_map, recipe_to_map
from velatura.schema import from_map, to_map

from ..between.channel import Channel, ChannelClosed
from ..between.slots import create_slot, map_slot, write_slot
from ..logs import start_logging
from ..paths import default_paths
from ..settings import Settings, settings_from_map
from .tasks import (
    Checkpointed,
    Engine,
    Event,
    Finished,
    Previewed,
    Progressed,
    Slot,
    Task,
)

BEAT = 0.5
"""Longest silence of a worker that is making steps, in seconds."""

URGENT = ("cancel", "stop", "quit")
"""Orders that are heeded before any step."""


class Running:
    """One task in hand, with the output memory that it asked for."""

    def __init__(self, job: str, stopping: bool) -> None:
        self.job = job
        self.stopping = stopping
        self.task: Task | None = None
        """What to run, until the first step has taken it."""
        self.steps: Iterator[Event] = iter(())
        self._outputs: dict[int, tuple[int, memoryview]] = {}

    def output(self, layout: Layout) -> memoryview:
        """Fresh shared memory for a picture of this layout."""
        fd = create_slot(layout.nbytes)
        view = map_slot(fd, layout.nbytes, writable=True)
        self._outputs[id(view.obj)] = (fd, view)
        return view

    def take(self, data: memoryview) -> int:
        """The descriptor behind memory that `output` gave; the caller closes it."""
        found = self._outputs.pop(id(data.obj), None)
        if found is None:
            raise VelaturaError("internal", "the engine returned a picture outside the memory given to it")
        return found[0]

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
        self.held: dict[str, Running] = {}
        self.active: Running | None = None
        self.orders: deque[tuple[dict[str, Any], list[int]]] = deque()
        self.cancelled: set[str] = set()
        self.last_said = 0.0
        self.quitting = False

    def loop(self) -> None:
        """Runs until told to quit or the supervisor is gone."""
        idle_work = True
        while not self.quitting:
            busy = self.active or self.orders or (idle_work and not self.held)
            self._read_orders(wait=not busy)
            if self.orders:
                idle_work = True
                self._obey(*self.orders.popleft())
            if self.active is not None:
                self._step(self.active)
            elif idle_work and not self.orders and not self.held:
                idle_work = self._idle()

    def say(self, kind: str, fds: tuple[int, ...] = (), **fields: Any) -> None:
        """Tells the supervisor something, waiting until it is on its way."""
        self.channel.send(kind, fds, **fields)
        while self.channel.pending:
            select.select([], [self.channel], [])
            self.channel.flush()
        self.last_said = time.monotonic()

    def _read_orders(self, wait: bool) -> None:
        if wait:
            select.select([self.channel], [], [])
        for message, fds in self.channel.receive():
            if message["k"] in URGENT:
                self._heed(message)
            else:
                self.orders.append((message, fds))

    def _heed(self, message: dict[str, Any]) -> None:
        kind, job = message["k"], message.get("job", "")
        running = self.held.get(job)
        if kind == "quit":
            self.quitting = True
        elif kind == "stop":
            self._ask_to_stop(job)
        elif kind == "cancel" and running is not None:
            self._end(running)
            self.say("closed", job=job)
        elif kind == "cancel" and any(m.get("job") == job for m, _ in self.orders):
            self.cancelled.add(job)

    def _ask_to_stop(self, job: str) -> None:
        if job in self.held:
            self.held[job].stopping = True
        for message, _ in self.orders:
            if message["k"] == "run" and message["job"] == job:
                message["stop"] = True

    def _obey(self, message: dict[str, Any], fds: list[int]) -> None:
        kind = message["k"]
        if kind == "init":
            self._init(message)
        elif kind == "warm":
            self._warm()
        elif kind == "run":
            self._push(message, fds)
        elif kind == "resume":
            if message["job"] in self.held:  # else it was cancelled in between
                self._activate(self.held[message["job"]])
        else:
            raise ValueError(f"unknown order {kind!r}")

    def _init(self, message: dict[str, Any]) -> None:
        settings = settings_from_map(message["settings"])
        self.log = start_logging(default_paths(), "worker", settings.log_level)
        self.engine = _make_engine(settings)
        self.log.info("worker started, engine %s", settings.engine)
        self.say("ready", status=_plain(self.engine.status()))

    def _warm(self) -> None:
        assert self.engine is not None
        self.say("warming")
        try:
            self.engine.warm()
        except VelaturaError as error:  # a job that needs what is missing will say the same
            self.log.error("warm-up failed: %s", error)
        except Exception:
            self.log.exception("warm-up failed")
        self.say("warmed", status=_plain(self.engine.status()))

    def _push(self, message: dict[str, Any], fds: list[int]) -> None:
        job = message["job"]
        if job in self.cancelled:
            self.cancelled.discard(job)
            for fd in fds:
                os.close(fd)
            self.say("closed", job=job)
            return
        running = Running(job, message["stop"])
        running.task = _task(message, fds, running)
        self.held[job] = running
        self._activate(running)

    def _activate(self, running: Running) -> None:
        if self.active is not None:
            self.say("paused", job=self.active.job)
        self.active = running
        self.say("started", job=running.job)

    def _step(self, running: Running) -> None:
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

    def _tell(self, running: Running, event: Event) -> None:
        job = running.job
        if isinstance(event, Progressed):
            losses = {name: float(value) for name, value in event.losses.items()}
            self.say(
                "progress",
                job=job,
                step=event.step,
                of=event.of,
                losses=losses,
                seconds_left=event.seconds_left,
            )
        elif isinstance(event, Previewed):
            self._say_picture("preview", running, event.layout, event.data, step=event.step)
        elif isinstance(event, Checkpointed):
            fd = create_slot(len(event.state))
            try:
                write_slot(fd, 0, event.state)
                self.say("checkpoint", (fd,), job=job, step=event.step, size=len(event.state))
            finally:
                os.close(fd)
        elif isinstance(event, Finished):
            recipe, record = recipe_to_map(event.recipe), _plain(event.record)
            self._say_picture("finished", running, event.layout, event.data, recipe=recipe, record=record)
            self._end(running)
        elif time.monotonic() - self.last_said > BEAT:
            self.say("beat")

    def _say_picture(
        self, kind: str, running: Running, layout: Layout, data: memoryview, **fields: Any
    ) -> None:
        fd = running.take(data)
        try:
            name = digest(layout, [data])
            self.say(kind, (fd,), job=running.job, layout=to_map(layout), digest=name, **fields)
        finally:
            os.close(fd)

    def _fail(self, running: Running, code: str, message: str, where: str) -> None:
        self._end(running)
        if code == "out_of_memory" and self.engine is not None:
            self.engine.trim()
        self.say("failed", job=running.job, code=code, message=message[:2000], where=where[:400])

    def _end(self, running: Running) -> None:
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
        self.say("status", status=_plain(self.engine.status()))
        return False


_ENDED = object()


def _task(message: dict[str, Any], fds: list[int], running: Running) -> Task:
    """The task of a `run` order. Every descriptor is mapped and closed."""
    pictures: dict[str, Slot] = {}
    for fd, item in zip(fds, message["blobs"], strict=False):
        layout = from_map(Layout, item["layout"])
        pictures[item["digest"]] = Slot(layout, map_slot(fd, layout.nbytes), item["digest"])
    checkpoint = None
    if message["checkpoint"]:
        checkpoint = bytes(map_slot(fds[-1], message["checkpoint"]))
    for fd in fds:
        os.close(fd)
    return Task(
        job=message["job"],
        recipe=recipe_from_map(message["recipe"]),
        content=pictures.get(message["content"]),
        mask=pictures.get(message["mask"]),
        pictures=pictures,
        output=running.output,
        stopping=lambda: running.stopping,
        preview_side=message["preview_side"],
        preview_every=message["preview_every"],
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


def _make_engine(settings: Settings) -> Engine:
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
