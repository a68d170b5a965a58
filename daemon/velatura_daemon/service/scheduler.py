"""Which job runs next: a pure module, no I/O, no clock, no torch.

Three urgencies: LIVE (interactive, one pass), LONG (interactive, many steps), BATCH. The worker holds at
most one job of each, runs one of them, and pauses it at its next yield when a more urgent one comes, so
a live preview never waits for a long job. Within an urgency clients take turns. A less urgent job that
was passed over `TURNS` times gets the worker until its next yield, so nothing starves.

Calls return effects in order: `Tell` (a job's state changed: an event of `velatura.jobstate`) and `Order`
(for the worker). Every job gets exactly one terminal event. A job cancelled while the worker has it is told
at once; its place stays taken until the worker says that it is closed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import IntEnum

from velatura.errors import VelaturaError
from velatura.jobstate import Event

TURNS = 8
"""More urgent jobs that may pass a waiting one before it gets a turn."""


class Urgency(IntEnum):
    LIVE = 0
    LONG = 1
    BATCH = 2


@dataclass(frozen=True)
class Ticket:
    """What the scheduler needs to know of a job."""

    job: str
    client: str
    urgency: Urgency = Urgency.LIVE
    supersede: str = ""
    content: str = ""
    long: bool = False
    """Whether it makes many steps: an outdated one is not worth finishing."""


@dataclass(frozen=True)
class Tell:
    """A job's state changed."""

    job: str
    event: Event
    reason: str = ""
    code: str = ""
    """Error code, with `FAIL`."""


@dataclass(frozen=True)
class Order:
    """For the worker: `run`, `resume`, `cancel` or `stop` a job."""

    kind: str
    job: str


Effect = Tell | Order


@dataclass
class _Entry:
    ticket: Ticket
    ready: bool
    begun: bool = False
    """Whether a worker has ever started it."""
    running: bool = False
    """Whether its state is RUNNING rather than QUEUED or PAUSED."""
    checkpoint: bool = False
    """Whether it made a checkpoint since it was last handed to a worker."""
    stopping: bool = False


@dataclass
class Scheduler:
    """The queue of one worker.

    Args:
        limit: jobs that may wait (for inputs or their turn), all clients together.
        limit_per_client: the same for one client.
    """

    limit: int = 512
    limit_per_client: int = 128
    worker_up: bool = False
    active: str = ""
    """The job that the worker was last ordered to run, until it ends or another takes over."""
    _jobs: dict[str, _Entry] = field(default_factory=dict)
    _queues: dict[Urgency, OrderedDict[str, deque[str]]] = field(
        default_factory=lambda: {u: OrderedDict() for u in Urgency}
    )
    _held: dict[Urgency, str] = field(default_factory=dict)
    _zombies: set[str] = field(default_factory=set)
    _passed: dict[Urgency, int] = field(default_factory=lambda: dict.fromkeys(Urgency, 0))

    # -- what clients cause ------------------------------------------------------------------------

    def submit(self, ticket: Ticket, ready: bool) -> list[Effect]:
        """Takes a job in; older waiting ones with its supersede key go, and running ones that are stale:
        on other content, or so long that nobody waits for them any more.

        Raises:
            VelaturaError: `duplicate_job`, or `busy` when too many wait; nothing has changed then.
        """
        if ticket.job in self._jobs or ticket.job in self._zombies:
            raise VelaturaError("duplicate_job", f"a job named {ticket.job!r} exists already")
        outdated = [j for j in self._jobs.values() if self._outdated_by(j, ticket)]
        self._check_limits(ticket, {j.ticket.job for j in outdated})
        effects: list[Effect] = []
        for job in outdated:
            effects += self._cancel(job.ticket.job, "superseded by a newer job")
        self._jobs[ticket.job] = _Entry(ticket, ready)
        if not ready:
            return [*effects, Tell(ticket.job, Event.NEED), *self._dispatch()]
        self._enqueue(ticket)
        return [*effects, Tell(ticket.job, Event.QUEUE), *self._dispatch()]

    def inputs_ready(self, job: str) -> list[Effect]:
        """The job has all its inputs and may be queued."""
        known = self._jobs[job]
        known.ready = True
        self._enqueue(known.ticket)
        return [Tell(job, Event.QUEUE), *self._dispatch()]

    def cancel(self, job: str, reason: str) -> list[Effect]:
        """Discards a job in any state; nothing where it is unknown or has ended."""
        return [*self._cancel(job, reason), *self._dispatch()] if job in self._jobs else []

    def fail(self, job: str, code: str, reason: str) -> list[Effect]:
        """Ends a job that no worker has."""
        self._remove(job)
        return [Tell(job, Event.FAIL, reason, code), *self._dispatch()]

    def stop(self, job: str) -> list[Effect]:
        """Asks a job for its best picture so far; one that never began has none and is cancelled."""
        known = self._jobs.get(job)
        if known is None:
            return []
        if not known.begun and not self._is_held(job):
            return self.cancel(job, "stopped before it began")
        known.stopping = True
        return [Order("stop", job)] if self._is_held(job) else []

    # -- what the worker says ----------------------------------------------------------------------

    def started(self, job: str) -> list[Effect]:
        """The worker began a job, or goes on with it."""
        known = self._jobs.get(job)
        if known is None:
            return []
        known.begun = known.running = True
        return [Tell(job, Event.START), *self._dispatch()]

    def paused(self, job: str) -> list[Effect]:
        """The worker put a job aside for a more urgent one."""
        if job not in self._jobs:
            return []
        self._jobs[job].running = False
        return [Tell(job, Event.PAUSE, "a more urgent job runs")]

    def checkpointed(self, job: str) -> None:
        """The job could now be resumed after the loss of its worker."""
        if job in self._jobs:
            self._jobs[job].checkpoint = True

    def ended(self, job: str, event: Event, reason: str = "", code: str = "") -> list[Effect]:
        """The worker has no more of a job: `RESULT`, `FAIL`, or (closed) `CANCEL`.

        No `Tell` comes out for a job that was cancelled before: its result is to be thrown away.
        """
        tells: list[Effect] = [Tell(job, event, reason, code)] if job in self._jobs else []
        self._remove(job)
        return [*tells, *self._dispatch()]

    def worker_ready(self) -> list[Effect]:
        """A worker is there and takes orders."""
        self.worker_up = True
        return self._dispatch()

    def worker_lost(self, reason: str) -> list[Effect]:
        """The worker is gone. What it ran goes on from its checkpoint or, without one, has failed; what it
        held paused goes back to the head of the queue."""
        effects: list[Effect] = []
        for job in list(self._held.values()):
            known = self._jobs.get(job)
            self._release(job)
            if known is None:
                continue
            if known.running and not known.checkpoint:
                del self._jobs[job]
                effects.append(Tell(job, Event.FAIL, reason, "worker_died"))
                continue
            if known.running:
                effects.append(Tell(job, Event.PAUSE, f"{reason}; it goes on from its checkpoint"))
            known.running = known.checkpoint = False
            self._enqueue(known.ticket, first=True)
        self.worker_up = False
        return effects

    # -- questions ---------------------------------------------------------------------------------

    @property
    def wants_worker(self) -> bool:
        """Whether there is work for a worker."""
        return bool(self._held) or any(self._queues.values())

    def is_stopping(self, job: str) -> bool:
        """Whether the job was asked to stop."""
        return job in self._jobs and self._jobs[job].stopping

    def ahead(self, job: str) -> int:
        """Jobs at least as urgent that wait or run besides this one."""
        urgency = self._jobs[job].ticket.urgency
        waiting = sum(len(q) for u, ring in self._queues.items() if u <= urgency for q in ring.values())
        return max(0, waiting - 1) + sum(1 for u in self._held if u <= urgency)

    @property
    def unended(self) -> list[str]:
        """Names of all jobs that have had no terminal event, oldest first."""
        return list(self._jobs)

    # -- inside ------------------------------------------------------------------------------------

    def _dispatch(self) -> list[Effect]:
        """Orders the job that should run now, if it does not run already."""
        if not self.worker_up or self.active in self._zombies:
            return []
        if self.active and not self._jobs[self.active].running:
            return []  # ordered a moment ago; the worker has not begun
        choice = self._choose()
        if choice is None:
            return []
        if self.active and choice >= self._jobs[self.active].ticket.urgency:
            return []
        for less in Urgency:
            if less > choice and self._has_work(less):
                self._passed[less] += 1
        self._passed[choice] = 0
        held = self._held.get(choice)
        self.active = held or self._take(choice)
        if held:
            return [Order("resume", held)]
        self._held[choice] = self.active
        return [Order("run", self.active)]

    def _choose(self) -> Urgency | None:
        """The urgency whose turn it is; a less urgent one than runs already only when nothing runs."""
        able = [u for u in Urgency if self._has_work(u)]
        overdue = [] if self.active else [u for u in able if self._passed[u] >= TURNS]
        if overdue:
            return max(overdue, key=lambda u: self._passed[u])
        return able[0] if able else None

    def _has_work(self, urgency: Urgency) -> bool:
        held = self._held.get(urgency)
        if held is not None:
            return held not in self._zombies
        return bool(self._queues[urgency])

    def _take(self, urgency: Urgency) -> str:
        """The next job of an urgency: of the client whose turn it is, its oldest."""
        ring = self._queues[urgency]
        client, queue = next(iter(ring.items()))
        job = queue.popleft()
        if queue:
            ring.move_to_end(client)
        else:
            del ring[client]
        return job

    def _enqueue(self, ticket: Ticket, first: bool = False) -> None:
        ring = self._queues[ticket.urgency]
        queue = ring.setdefault(ticket.client, deque())
        if first:
            queue.appendleft(ticket.job)
            ring.move_to_end(ticket.client, last=False)
        else:
            queue.append(ticket.job)

    def _outdated_by(self, job: _Entry, newer: Ticket) -> bool:
        old = job.ticket
        if not newer.supersede or (old.client, old.supersede) != (newer.client, newer.supersede):
            return False
        return not self._is_held(old.job) or old.long or old.content != newer.content

    def _check_limits(self, ticket: Ticket, leaving: set[str]) -> None:
        waiting = [
            j.ticket for name, j in self._jobs.items() if name not in leaving and not self._is_held(name)
        ]
        if len(waiting) >= self.limit:
            raise VelaturaError("busy", f"{len(waiting)} jobs wait already; try again later")
        own = sum(1 for t in waiting if t.client == ticket.client)
        if own >= self.limit_per_client:
            raise VelaturaError("busy", f"{own} of your jobs wait already; try again when some are done")

    def _cancel(self, job: str, reason: str) -> list[Effect]:
        effects: list[Effect] = [Tell(job, Event.CANCEL, reason)]
        if self._is_held(job):
            self._zombies.add(job)
            del self._jobs[job]
            effects.append(Order("cancel", job))
        else:
            self._remove(job)
        return effects

    def _remove(self, job: str) -> None:
        known = self._jobs.pop(job, None)
        self._release(job)
        if known is not None:
            ring = self._queues[known.ticket.urgency]
            queue = ring.get(known.ticket.client, deque())
            if job in queue:
                queue.remove(job)
            if known.ticket.client in ring and not queue:
                del ring[known.ticket.client]

    def _release(self, job: str) -> None:
        """The worker no longer has the job."""
        self._zombies.discard(job)
        for urgency, held in list(self._held.items()):
            if held == job:
                del self._held[urgency]
        if self.active == job:
            self.active = ""

    def _is_held(self, job: str) -> bool:
        return job in self._held.values()
