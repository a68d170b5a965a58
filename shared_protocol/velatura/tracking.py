"""The jobs of one connection: what the daemon says of each becomes its state and the events for the program.

No I/O. The states are `jobstate.TABLE`'s; a message that does not fit there fails the job in words rather
than leaving it in limbo, so that exactly one `JobEnded` comes for each job, whatever happens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import messages as m
from .blob import Blob, Picture
from .errors import VelaturaError
from .exchange import Exchange, unreadable
from .jobs import HappenedEvent, Job, JobChanged, JobEnded, JobPreview, Options
from .jobstate import BadTransition, Event, State
from .recipe import Recipe, check_recipe
from .schema import check
from .wire import as_exception


class Tracker:
    """All jobs of a session that have not ended.

    Args:
        send: takes each message for the daemon.
        exchange: carries their pictures.
        events: the list that events are appended to.
    """

    def __init__(
        self, send: Callable[[m.Message], None], exchange: Exchange, events: list[HappenedEvent]
    ) -> None:
        self._send, self._exchange, self._events = send, exchange, events
        self._jobs: dict[str, Job] = {}
        self._changed: set[str] = set()
        self._fetching: dict[str, str] = {}  # job -> transfer of its result or preview
        self._next_preview: dict[str, m.Preview] = {}
        self._cancel_later: set[str] = set()
        self.also_wanted: set[str] = set()
        """Digests of uploads that belong to no job."""

    # -- asked by the program -------------------------------------------------------------------------

    def submit(
        self,
        recipe: Recipe,
        content: Blob | None,
        mask: Blob | None,
        pictures: Sequence[Blob],
        options: dict[str, Any],
    ) -> Job:
        """A new job; an unsent one with the same `supersede` key ends as superseded."""
        job = Job(recipe, content, mask, tuple(pictures), Options(**options))
        check_recipe(recipe)
        check(m.Submit(job=job.id, recipe=recipe, **vars(job.options)))
        for other in list(self._jobs.values()):
            same = job.options.supersede and other.options.supersede == job.options.supersede
            if same and not other.sent:
                self._end(other, Event.CANCEL, State.CANCELLED, reason="superseded")
        self._jobs[job.id] = job
        return job

    def attach(self, name: str) -> Job:
        """A job that the daemon already has."""
        job = Job(None, id=name, sent=True, resync=True, options=Options(detached=True))
        self._jobs[name] = job
        self._send(m.Attach(name))
        return job

    def cancel(self, job: Job, at_once: bool) -> None:
        """Discards a job; `at_once` ends it here without waiting for the daemon's word."""
        if job.over:
            return
        job.reason = "asked"
        if job.sent and job.result is None:
            self._send(m.Cancel(job.id))
            if not at_once:
                return
            self._cancel_later.add(job.id)
        self._end(job, Event.CANCEL, State.CANCELLED, reason="asked")

    def stop(self, job: Job) -> None:
        """Asks for the best picture so far; a job not even sent is cancelled."""
        if job.over or job.stopping:
            return
        job.stopping = True
        if job.sent:
            self._send(m.Stop(job.id))
        else:
            self.cancel(job, at_once=True)

    # -- done by the connection -----------------------------------------------------------------------

    @property
    def preparing(self) -> bool:
        """Whether a job is still to be hashed and sent."""
        return any(not job.sent for job in self._jobs.values())

    def prepare(self, max_blob: int) -> bool:
        """Submits the jobs whose pictures are hashed, and hashes one strip of the one that needs least; so a
        preview does not wait behind a big picture, and a call stays short. False with no such job."""
        unsent = [job for job in self._jobs.values() if not job.sent]
        for job in unsent:
            with self._failing(job):
                self._check_sizes(job, max_blob)
                if not job.unhashed:
                    for blob in job.blobs():
                        if blob.is_new:  # the daemon need not be asked; what goes wrong it says, needing it
                            self._exchange.give(blob, lambda error: None)
                    self._send(job.message())
                    job.sent = True
        left = [job for job in unsent if not job.sent and not job.over]
        if left:
            job = min(left, key=lambda job: job.unhashed)
            with self._failing(job):
                blob = next(b for b in job.blobs() if not b.digest)
                if self._exchange.line is not None:
                    blob.lend()
                blob.hash_piece()
        return bool(unsent)

    @contextlib.contextmanager
    def _failing(self, job: Job) -> Iterator[None]:
        """Fails a job when its own pictures cannot be read; a plug-in's callable may fail in any way."""
        try:
            yield
        except Exception as error:
            self._fail(job, unreadable(error))

    def renew(self) -> None:
        """A session has opened: asks after every job the daemon was told of."""
        for name in self._cancel_later:
            self._send(m.Cancel(name))
        self._cancel_later.clear()
        for job in self._jobs.values():
            if job.sent:
                job.resync, job.result = True, None
                self._send(m.Attach(job.id))
                if job.stopping:
                    self._send(m.Stop(job.id))
        for name in list(self._fetching.values()):
            self._exchange.forget(name, quietly=True)  # of the old session
        self._fetching.clear()
        self._next_preview.clear()

    def lost(self, error: VelaturaError, everything: bool) -> None:
        """The session has gone: jobs that went with it fail; detached and unsent ones wait for the next."""
        for job in list(self._jobs.values()):
            if everything or (job.sent and not job.options.detached):
                self._fail(job, error)

    def fail(self, name: str, error: VelaturaError) -> None:
        """The daemon refuses something about a job. One that it no longer knows after a renewed hello went
        with the session, while this program was suspended for longer than the lease: it is submitted anew."""
        job = self._jobs.get(name)
        if job is None:
            return
        if error.code == "unknown_job" and job.resync and job.recipe is not None and not job.stopping:
            job.state, job.progress, job.resync, job.sent = State.SUBMITTED, None, False, False
            self._tell_changed(job)
        else:
            self._fail(job, error)

    def delivered(self) -> None:
        """The events were handed over: the next change is news again."""
        self._changed.clear()

    def receive(self, message: Any) -> None:
        """Takes a message about a job; one about a job that has ended is ignored."""
        job = self._jobs.get(getattr(message, "job", ""))
        if job is None:
            if isinstance(message, m.Result):
                self._send(m.Release(message.job))
            return
        try:
            self._about(job, message)
        except BadTransition as wrong:
            if isinstance(message, (m.Progress, m.Preview)):
                return  # conflated, so they may come late: stale
            self._send(m.Cancel(job.id))
            self._fail(job, VelaturaError("internal", f"the daemon's word makes no sense: {wrong}"))

    def _about(self, job: Job, message: Any) -> None:
        if isinstance(message, m.Need):
            job.advance(Event.NEED, State.WAITING)
            self._provide(job, message.digests)
        elif isinstance(message, m.Queued):
            job.advance(Event.QUEUE, State.QUEUED)
            job.ahead = message.ahead
        elif isinstance(message, m.Started):
            job.advance(Event.START, State.RUNNING)
            job.reason = ""
        elif isinstance(message, m.Paused):
            job.advance(Event.PAUSE, State.PAUSED)
            job.reason = message.reason
        elif isinstance(message, m.Progress):
            job.advance(Event.PROGRESS, State.RUNNING)
            job.progress = message
        elif isinstance(message, m.Preview):
            job.advance(Event.PREVIEW, State.RUNNING)
            self._preview(job, message)
        elif isinstance(message, m.Result):
            self._result(job, message)
        elif isinstance(message, m.Failed):
            self._fail(job, as_exception(message))
        elif isinstance(message, m.Cancelled):
            self._end(job, Event.CANCEL, State.CANCELLED, reason=message.reason)
        if not job.over:
            self._tell_changed(job)

    def _tell_changed(self, job: Job) -> None:
        if job.id not in self._changed:
            self._changed.add(job.id)
            self._events.append(JobChanged(job))

    def _provide(self, job: Job, digests: Sequence[str]) -> None:
        have = {blob.digest: blob for blob in job.blobs()}
        for digest in digests:
            blob = have.get(digest)
            if blob is None:
                self._send(m.Cancel(job.id))
                words = f"picture {digest}, which the recipe names, is not with the daemon; hand it over too"
                self._fail(job, VelaturaError("unknown_blob", words))
                return
            self._exchange.give(blob, lambda error: self._provided(job, error))

    def _provided(self, job: Job, error: VelaturaError | None) -> None:
        if error is not None and not job.over:
            self._send(m.Cancel(job.id))
            if error.code == "digest_mismatch":
                error = VelaturaError(
                    "bad_image", "the picture was changed while it was being sent; try again"
                )
            self._fail(job, error)

    # -- pictures that come back ------------------------------------------------------------------------

    def _preview(self, job: Job, message: m.Preview) -> None:
        if job.id in self._fetching:
            self._next_preview[job.id] = message  # only the newest waits
            return

        def arrived(picture: Picture | None, error: VelaturaError | None) -> None:
            self._fetching.pop(job.id, None)
            if picture is not None:  # one that is gone by now is no loss: a newer one or the result comes
                self._events.append(JobPreview(job, message.step, picture))
            newer = self._next_preview.pop(job.id, None)
            if newer is not None and not job.over:
                self._preview(job, newer)

        self._fetching[job.id] = self._exchange.want(message.digest, arrived)

    def _result(self, job: Job, message: m.Result) -> None:
        if job.resync:
            job.state, job.resync = State.RUNNING, False
        if job.state is not State.RUNNING or job.result is not None:
            raise BadTransition(f"a result in state {job.state.value!r}")
        job.result = message
        self._stop_fetching(job)

        def arrived(picture: Picture | None, error: VelaturaError | None) -> None:
            self._fetching.pop(job.id, None)
            if picture is not None:
                job.picture = picture
                self._end(job, Event.RESULT, State.DONE)
            else:
                self._fail(job, error or VelaturaError("internal", "the result did not arrive"))

        self._fetching[job.id] = self._exchange.want(message.digest, arrived)

    def _stop_fetching(self, job: Job) -> None:
        self._next_preview.pop(job.id, None)
        transfer = self._fetching.pop(job.id, None)
        if transfer is not None:
            self._exchange.forget(transfer)

    # -- ends -------------------------------------------------------------------------------------------

    def _fail(self, job: Job, error: VelaturaError) -> None:
        for blob in job.blobs():
            if blob.title and blob.digest:  # nobody knows his file by its digest
                error.message = error.message.replace(blob.digest, blob.title)
        job.error = error
        self._end(job, Event.FAIL, State.FAILED)

    def _end(self, job: Job, event: Event, state: State, reason: str = "") -> None:
        job.advance(event, state)
        job.reason = reason or job.reason
        del self._jobs[job.id]
        self._stop_fetching(job)
        if job.result is not None:
            self._send(m.Release(job.id))
        wanted = {blob.digest for other in self._jobs.values() for blob in other.blobs()}
        self._exchange.keep(wanted | self.also_wanted)
        self._events.append(JobEnded(job))

    @staticmethod
    def _check_sizes(job: Job, max_blob: int) -> None:
        for blob in job.blobs():
            if max_blob and blob.layout.nbytes > max_blob:
                size = f"{blob.layout.width} x {blob.layout.height} {blob.layout.depth}"
                words = f"a picture of {size} has {blob.layout.nbytes} bytes; the daemon takes {max_blob}"
                raise VelaturaError("too_large", words)
