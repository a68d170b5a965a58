"""Stand-ins for what runs beside an editor's documents: a loop whose time is ours, and the daemon."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import velatura
from velatura.blob import Blob, Picture
from velatura.editor.loop import End
from velatura.endpoint import Address
from velatura.errors import VelaturaError
from velatura.jobs import (
    Answered,
    Down,
    Fetched,
    HappenedEvent,
    Job,
    JobChanged,
    JobEnded,
    JobPreview,
    Options,
    Up,
    Uploaded,
)
from velatura.jobstate import State
from velatura.messages import Progress, Result, Welcome
from velatura.pixels import Layout
from velatura.recipe import Learn, Recipe, Texture, Upscale, check_recipe


class FakeLoop:
    """An event loop with a clock of its own: `run` lets time pass and calls what is due, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._ended: set[int] = set()
        self._names = itertools.count()

    @property
    def waiting(self) -> int:
        """How many calls are arranged for."""
        return sum(name not in self._ended for _, name, _ in self._due)

    def watch(self, descriptor: int, call: Callable[[], None]) -> End:
        return self.every(0.001, call)

    def later(self, seconds: float, call: Callable[[], None]) -> End:
        name = next(self._names)
        heapq.heappush(self._due, (self.now + seconds, name, call))
        return lambda: self._ended.add(name)

    def every(self, seconds: float, call: Callable[[], None]) -> End:
        ends: list[End] = []

        def again() -> None:
            ends[:] = [self.later(seconds, again)]
            call()

        ends.append(self.later(seconds, again))
        return lambda: ends[0]()

    def run(self, seconds: float) -> None:
        """Lets so many seconds pass, at once."""
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, name, call = heapq.heappop(self._due)
            if name not in self._ended:
                call()
        self.now = until


class FakeDaemon:
    """The daemon's end of a `Link`, without a socket: jobs lie in `jobs` until the test ends them.

    Attributes:
        there: whether one listens.
        installed: whether one can be started; `started` counts how often that was asked for.
        answers: items by what is asked for.
        thumbnails: pictures by digest.
        asked: what was asked with which arguments, in order.
    """

    def __init__(self) -> None:
        self.there, self.installed, self.started = True, True, 0
        self.version = velatura.__version__
        self.jobs: list[Job] = []
        self.answers: dict[str, list[dict[str, Any]]] = {
            "styles": [
                {"name": "wave", "title": "The Wave", "artist": "Hokusai", "kind": "work", "thumbnail": "aa"},
                {"name": "mosaic", "title": "Mosaic", "kind": "painted", "thumbnail": "bb"},
            ],
            "models": [],
            "status": [{"engine": {"device": "cpu"}, "worker": {"state": "ready"}}],
            "jobs": [],
        }
        self.thumbnails = {d: Picture(Layout(1, 1, "RGB"), memoryview(b"abc")) for d in ("aa", "bb")}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[FakeLine] = []

    # --- what `velatura.editor.link` reaches --------------------------------------------------------------

    def read(self) -> Address:
        if not self.there:
            raise VelaturaError("not_running", "no daemon listens")
        return Address("ipc:///fake", pid=1)

    def is_alive(self, address: Address) -> bool:
        return self.there

    def kill(self, address: Address) -> bool:
        self.die()
        return True

    def start(self) -> FakeDaemon:
        if not self.installed:
            raise VelaturaError("not_running", "Velatura's daemon is not installed.")
        self.started += 1
        return self

    def poll(self) -> Address | None:
        return self.read() if self.there else None

    def connect(self, address: Address, client: str, keep_alive: bool) -> FakeLine:
        self.lines.append(FakeLine(self, address))
        self.answer()
        return self.lines[-1]

    # --- what a test makes happen -------------------------------------------------------------------------

    @property
    def job(self) -> Job:
        """The newest job."""
        return self.jobs[-1]

    @property
    def open(self) -> list[Job]:
        """The jobs that have not ended."""
        return [job for job in self.jobs if not job.over]

    def say(self, event: HappenedEvent) -> None:
        self.lines[-1].events.append(event)

    def progress(self, job: Job, step: int, of: int, left: float = 0.0) -> None:
        job.state, job.progress = State.RUNNING, Progress(job.id, step, of, seconds_left=left)
        self.say(JobChanged(job))

    def frame(self, job: Job, value: int) -> None:
        """An intermediate picture, all of one value."""
        self.say(JobPreview(job, 1, plain(result_layout(job), value)))

    def finish(self, job: Job, value: int = 0, ran: Recipe | None = None, **record: Any) -> None:
        """The result is all of one value."""
        job.state, job.picture = State.DONE, plain(result_layout(job), value)
        job.result = Result(job.id, "x", job.picture.layout, ran or job.recipe, {"build": "fake", **record})
        self.say(JobEnded(job))

    def fail(self, job: Job, code: str, words: str) -> None:
        job.state, job.error = State.FAILED, VelaturaError(code, words)
        self.say(JobEnded(job))

    def cancel(self, job: Job, reason: str = "") -> None:
        job.state, job.reason = State.CANCELLED, reason
        self.say(JobEnded(job))

    def answer(self) -> None:
        """It answers, for the first time or again."""
        self.say(Up(Welcome(1, 0, self.version, (), 30.0, 2**30)))

    def die(self) -> None:
        """It is killed: its sessions are told that the line is dead."""
        self.there = False
        self.say(Down(VelaturaError("not_running", "the line is dead")))


class FakeLine:
    """A `velatura.connection.Connection` to a `FakeDaemon`."""

    fd, pending = 0, False

    def __init__(self, daemon: FakeDaemon, address: Address) -> None:
        self.address, self.closed = address, False
        self.events: list[HappenedEvent] = []
        self._daemon, self._names = daemon, itertools.count()

    def process(self, budget: float) -> list[HappenedEvent]:
        events, self.events = self.events, []
        return events

    def submit(self, recipe: Recipe, content: Blob | None, mask: Blob | None, **options: Any) -> Job:
        check_recipe(recipe)
        pictures = options.pop("pictures", ())
        job = Job(recipe, content, mask, pictures, Options(**options))
        for blob in job.blobs():
            blob.hash_whole()
        newer = options.get("supersede")
        for other in self._daemon.open if newer else ():
            if other.options.supersede == newer:
                self._daemon.cancel(other, "superseded")
        self._daemon.jobs.append(job)
        return job

    def cancel(self, job: Job) -> None:
        if not job.over:
            self._daemon.cancel(job)

    def stop(self, job: Job) -> None:
        job.stopping = True

    def ask(self, what: str, **args: Any) -> str:
        self._daemon.asked.append((what, args))
        name = f"r{next(self._names)}"
        self.events.append(Answered(name, what, self._daemon.answers.get(what, [])))
        return name

    def fetch(self, digest: str) -> str:
        name = f"f{next(self._names)}"
        self.events.append(Fetched(name, digest, self._daemon.thumbnails.get(digest)))
        return name

    def upload(self, blob: Blob) -> None:
        self.events.append(Uploaded(blob))

    def close(self) -> None:
        self.closed = True


def result_layout(job: Job) -> Layout:
    """The layout of a job's result: the content's, or what its kind says."""
    recipe = job.recipe
    if isinstance(recipe, Texture | Learn):
        return recipe.result_layout(job.content.layout if job.content else None)
    assert job.content is not None
    return recipe.result_layout(job.content.layout) if isinstance(recipe, Upscale) else job.content.layout


def plain(layout: Layout, value: int) -> Picture:
    return Picture(layout, memoryview(bytes([value]) * layout.nbytes))
