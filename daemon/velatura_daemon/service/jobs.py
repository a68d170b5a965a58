"""Jobs between their clients, the scheduler, the blob store and the worker.

Each job's state moves along the protocol's table by what the scheduler tells; every move becomes a
message to the session that owns the job. What a job needs, has made, or will make is pinned or reserved
in the store as long as the job is known.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

from velatura import jobstate
from velatura.errors import VelaturaError
from velatura.jobstate import TERMINAL, Event, State
from velatura.messages import Cancelled, Failed, Message, Preview, Progress, Result, Submit
from velatura.pixels import RANDOM, Layout

from ..between import orders
from .blobs import BlobStore, SlotBlob, cost
from .record import JobRecord, failed, fitting, message_of, story
from .scheduler import Effect, Scheduler, Tell
from .submission import check_masks, check_parts, digests_of, result_bytes, ticket_of

log = logging.getLogger("velatura.daemon")

ORDERS = {"resume": orders.Resume, "cancel": orders.Close, "stop": orders.Halt}
"""What the scheduler's orders other than `run` are to the worker."""


class Jobs:
    """All jobs of the daemon.

    Args:
        scheduler: decides what runs.
        store: holds the pictures.
        post: hands a message to a session, by token.
        order: hands an order and its descriptors to the worker.
        keep_detached: seconds for which the outcome of a detached job waits to be attached to.
        lends: whether a session, by token, gets large pictures as memory.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        store: BlobStore,
        post: Callable[[str, Message], None],
        order: Callable[[orders.ToWorker, Sequence[int]], None],
        keep_detached: float,
        lends: Callable[[str], bool] = lambda token: False,
    ) -> None:
        self.scheduler, self.store = scheduler, store
        self.post, self.order, self.keep_detached, self.lends = post, order, keep_detached, lends
        self.known: dict[str, JobRecord] = {}
        self._waiting: dict[str, set[str]] = {}  # digest -> jobs that lack it
        self._now = 0.0

    # -- from clients ------------------------------------------------------------------------------

    def submit(self, owner: str, message: Submit, now: float) -> None:
        """Takes a job in; the client hears `Need`, `Queued` or `Failed`.

        Raises:
            VelaturaError: `duplicate_job`: nothing was taken in, and the job of that name goes on.
        """
        if message.job in self.known:
            raise VelaturaError("duplicate_job", f"a job named {message.job!r} exists already")
        job = JobRecord(message.job, owner, message, now)
        self._now = now
        try:
            check_parts(message)
            job.lacking = {d for d in digests_of(job.submit) if d not in self.store}
            if not job.lacking:
                self._check_pictures(job)
            effects = self.scheduler.submit(ticket_of(message, owner), ready=not job.lacking)
        except VelaturaError as error:
            self.store.unreserve(job.reserved)
            self.post(owner, failed(job.name, error))
            return
        for digest in digests_of(job.submit):
            if digest in job.lacking:
                self._waiting.setdefault(digest, set()).add(job.name)
            else:
                self._pin(job, digest)
        self.known[job.name] = job
        self.apply(effects)

    def arrived(self, digest: str, now: float) -> None:
        """A picture came in: jobs that lacked it may be complete."""
        self._now = now
        for name in sorted(self._waiting.pop(digest, set())):
            job = self.known[name]
            job.lacking.discard(digest)
            self._pin(job, digest)
            if job.lacking:
                continue
            try:
                self._check_pictures(job)
            except VelaturaError as error:
                job.ending = failed(name, error)
                self.apply(self.scheduler.fail(name, error.code, error.message))
            else:
                self.apply(self.scheduler.inputs_ready(name))

    def refused(self, owner: str, digest: str, error: VelaturaError, now: float) -> None:
        """There is no room for a picture: the session's jobs that lack it have failed."""
        self._now = now
        for name in sorted(self._waiting.get(digest, set())):
            job = self.known[name]
            if job.owner == owner:
                job.ending = failed(name, error)
                self.apply(self.scheduler.fail(name, error.code, error.message))

    def cancel(self, asker: str, name: str, now: float) -> None:
        """Discards a job of any session; an asker that does not own it hears of it as well.

        Raises:
            VelaturaError: `unknown_job`.
        """
        self._now = now
        job = self._find(name)
        if job.state in TERMINAL:
            if job.owner in ("", asker):
                self._forget(job)
            return
        reason = "asked" if asker == job.owner else "asked by another program"
        self.apply(self.scheduler.cancel(name, reason))
        if asker != job.owner:
            self.post(asker, Cancelled(name, reason))

    def stop(self, asker: str, name: str, now: float) -> None:
        """Asks a job of one's own for its best picture so far.

        Raises:
            VelaturaError: `unknown_job`, also for another session's.
        """
        self._now = now
        job = self._find(name)
        if job.owner != asker:
            raise VelaturaError(
                "unknown_job", f"job {name!r} belongs to another program, which alone may stop it"
            )
        if job.state not in TERMINAL:
            self.apply(self.scheduler.stop(name))

    def attach(self, token: str, name: str) -> None:
        """Makes a session the owner of a detached job and repeats its state.

        Raises:
            VelaturaError: `unknown_job` for one that is not there, or is not detached and another's.
        """
        job = self._find(name)
        if job.owner != token and not job.submit.detached:
            raise VelaturaError("unknown_job", f"job {name!r} belongs to another program and is not detached")
        job.owner = token
        for message in story(job, self.scheduler.ahead):
            self.post(token, message)
        if job.state in TERMINAL and job.state is not State.DONE:
            self._forget(job)

    def release(self, token: str, name: str) -> None:
        """The owner has no more need of a result; nothing where there is none."""
        job = self.known.get(name)
        if job is not None and job.owner == token and job.state in TERMINAL:
            self._forget(job)

    def session_ended(self, token: str, now: float) -> None:
        """Cancels and forgets a session's jobs; detached ones go on without owner."""
        self._now = now
        for job in [j for j in self.known.values() if j.owner == token]:
            job.owner, job.idle_since = "", now
            if job.submit.detached:
                continue
            if job.state not in TERMINAL:
                self.apply(self.scheduler.cancel(job.name, "its session ended"))
            if job.name in self.known:
                self._forget(job)

    def check_time(self, now: float) -> None:
        """Forgets detached jobs that ended long ago, or wait for pictures, and that nobody asked for."""
        self._now = now
        for job in list(self.known.values()):
            if job.owner or now - job.idle_since < self.keep_detached:
                continue
            if job.state is State.WAITING:
                self.apply(self.scheduler.cancel(job.name, "its pictures never came"))
            if job.state in TERMINAL:
                log.info("job %s: nobody attached to it", job.name)
                self._forget(job)

    # -- from the worker ---------------------------------------------------------------------------

    def worker_said(self, report: orders.AboutJob, fds: list[int], now: float) -> None:
        """Takes a report of the worker about a job. The descriptors are ours from here on."""
        self._now = now
        job = self.known.get(report.job)
        if job is not None and job.state in TERMINAL:
            job = None  # it was cancelled; the worker's word came later
        try:
            if isinstance(report, orders.Began):
                self.apply(self.scheduler.started(report.job))
            elif isinstance(report, orders.Yielded):
                self.apply(self.scheduler.paused(report.job))
            elif isinstance(report, orders.Closed):
                self.apply(self.scheduler.ended(report.job, Event.CANCEL, "closed"))
            elif isinstance(report, orders.Broke):
                if job is not None:
                    job.ending = Failed(job.name, report.code, report.message, report.where)
                self.apply(self.scheduler.ended(report.job, Event.FAIL, report.message, report.code))
            elif job is not None:
                self._news(job, report, fds)
            elif isinstance(report, orders.Delivered):
                self.apply(self.scheduler.ended(report.job, Event.RESULT))
        finally:
            for fd in fds:  # what nobody took
                os.close(fd)

    def _news(self, job: JobRecord, report: orders.AboutJob, fds: list[int]) -> None:
        if isinstance(report, orders.Advanced):
            job.progress = Progress(job.name, report.step, report.of, report.losses, report.seconds_left)
            self._move(job, Event.PROGRESS, job.progress)
        elif isinstance(report, orders.Saved):
            self._drop_checkpoint(job)
            job.checkpoint = (fds.pop(), report.size)
            self.scheduler.checkpointed(job.name)
        elif isinstance(report, orders.Intermediate):
            blob = self._keep_picture(job, report, fds.pop())
            before, job.preview = job.preview, Preview(job.name, report.step, blob.digest, blob.layout)
            if before is not None:
                self.store.unpin(before.digest)
                job.pinned.remove(before.digest)
            self._move(job, Event.PREVIEW, job.preview)
        elif isinstance(report, orders.Delivered):
            blob = self._keep_picture(job, report, fds.pop())
            job.ending = fitting(Result(job.name, blob.digest, blob.layout, report.recipe, report.record))
            self.apply(self.scheduler.ended(job.name, Event.RESULT))

    def worker_lost(self, reason: str, now: float) -> None:
        """The worker is gone; the scheduler says what becomes of its jobs."""
        self._now = now
        self.apply(self.scheduler.worker_lost(reason))

    def fail_queued(self, reason: str, now: float) -> None:
        """No worker can be had: every job that is ready to run has failed."""
        self._now = now
        for name in self.scheduler.unended:
            if self.known[name].state is not State.WAITING:
                self.apply(self.scheduler.fail(name, "worker_died", reason))

    # -- effects -----------------------------------------------------------------------------------

    def apply(self, effects: list[Effect]) -> None:
        """Carries out what the scheduler decided, in order."""
        for effect in effects:
            if isinstance(effect, Tell):
                self._tell(self.known[effect.job], effect)
            elif effect.kind == "run":
                self._run(self.known[effect.job])
            else:
                self.order(ORDERS[effect.kind](effect.job), ())

    def _tell(self, job: JobRecord, tell: Tell) -> None:
        job.reason = tell.reason
        self._move(job, tell.event, message_of(job, tell, self.scheduler.ahead))

    def _move(self, job: JobRecord, event: Event, message: Message) -> None:
        job.state = jobstate.step(job.state, event)
        if job.owner:
            self.post(job.owner, message)
        if job.state in TERMINAL:
            self._ended(job)

    def _ended(self, job: JobRecord) -> None:
        job.idle_since = self._now
        log.info("job %s: %s %s", job.name, job.state.value, job.reason)
        for digest in job.lacking:
            self._waiting.get(digest, set()).discard(job.name)
            if not self._waiting.get(digest):
                self._waiting.pop(digest, None)
        job.lacking.clear()
        kept = job.ending.digest if isinstance(job.ending, Result) else ""
        if kept:
            job.pinned.remove(kept)
        for digest in job.pinned:
            self.store.unpin(digest)
        job.pinned = [kept] if kept else []
        self.store.unreserve(job.reserved)
        job.reserved, job.preview = 0, None
        self._drop_checkpoint(job)
        if job.state is not State.DONE and (job.owner or not job.submit.detached):
            self._forget(job)

    def _forget(self, job: JobRecord) -> None:
        self.known.pop(job.name, None)
        for digest in job.pinned:
            self.store.unpin(digest)
        job.pinned = []

    def _run(self, job: JobRecord) -> None:
        blobs = [self.store.pin(d) for d in digests_of(job.submit)]
        fds = [b.fd for b in blobs]
        size = 0
        if job.checkpoint is not None:
            fds.append(job.checkpoint[0])
            size = job.checkpoint[1]
        assert job.submit.recipe is not None
        order = orders.Begin(
            job=job.name,
            recipe=job.submit.recipe,
            pictures=tuple(orders.Named(b.digest, b.layout) for b in blobs),
            content=job.submit.content,
            mask=job.submit.mask,
            preview_side=job.submit.preview_side,
            preview_every=job.submit.preview_every,
            slider=job.submit.slider,
            device=job.submit.device,
            checkpoint=size,
            lent=not job.submit.detached and self.lends(job.owner),
            halted=self.scheduler.is_stopping(job.name),
        )
        try:
            self.order(order, fds)
        except OSError as error:
            job.ending = Failed(
                job.name, "busy", f"no file descriptor is left to hand the job over: {error.strerror}"
            )
            self.apply(self.scheduler.ended(job.name, Event.FAIL, job.ending.message, "busy"))
        finally:
            for blob in blobs:
                self.store.unpin(blob.digest)

    # -- inside ------------------------------------------------------------------------------------

    def _find(self, name: str) -> JobRecord:
        if name not in self.known:
            raise VelaturaError(
                "unknown_job", f"no job {name!r}: it ended or never was (`velatura ps` lists them)"
            )
        return self.known[name]

    def _pin(self, job: JobRecord, digest: str) -> None:
        self.store.pin(digest)
        job.pinned.append(digest)

    def _keep_picture(
        self, job: JobRecord, report: orders.Intermediate | orders.Delivered, fd: int
    ) -> SlotBlob:
        blob = self.store.add(report.digest, report.layout, fd, passing=report.digest.startswith(RANDOM))
        self._pin(job, blob.digest)
        return blob

    def _drop_checkpoint(self, job: JobRecord) -> None:
        if job.checkpoint is not None:
            os.close(job.checkpoint[0])
            job.checkpoint = None

    def _check_pictures(self, job: JobRecord) -> None:
        """All inputs are there: do they fit together, and is there room for the result?

        Raises:
            FieldError: for a mask that does not fit.
            VelaturaError: `busy` when there is no room; `too_large` when there never will be.
        """
        check_masks(job.submit, self._layout)
        made = result_bytes(job.submit, self._layout(job.submit.content))
        held = [self.store.get(digest) for digest in set(digests_of(job.submit))]
        whole = cost(made) + sum(blob.cost for blob in held if blob is not None)
        if whole > self.store.budget:
            words = f"its pictures and its result take {(whole >> 20) + 1} MB; the daemon holds at most"
            raise VelaturaError("too_large", f"{words} {self.store.budget >> 20} MB, its setting blobs_mb")
        job.reserved = self.store.reserve(made)

    def _layout(self, digest: str) -> Layout | None:
        blob = self.store.get(digest)
        return blob.layout if blob else None
