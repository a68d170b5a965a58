"""The one connection to the daemon that an editor has, however many windows and dockers are open.

Nothing happens before `wake`: no file is read, no socket opened, no daemon started. Afterwards the link
finds a running daemon or starts one, follows its state (for the docker, in words), keeps the lists of
styles and models, and hands the events of jobs to whoever submitted them. It never blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from velatura import __version__, endpoint
from velatura.blob import Blob, Picture
from velatura.connection import Connection
from velatura.endpoint import Address
from velatura.errors import VelaturaError
from velatura.jobs import Down, HappenedEvent, Job, Up
from velatura.recipe import Recipe

from . import words
from .calls import Answer, Calls, Follower
from .i18n import _
from .loop import Loop
from .observable import Observable
from .pump import BREATH, BUDGET, timed

START_PATIENCE = 30.0
"""Seconds after which a daemon that was started and does not answer is called stopped."""

STATUS_EVERY = 3.0
"""Seconds between questions for the daemon's status while something is shown."""

TICK = 0.2


class Starting(Protocol):
    """An attempt to start the daemon, as `velatura.launch.Starter`."""

    def poll(self) -> Address | None:
        """The address once a daemon listens, else None; raises `VelaturaError` when it will not."""
        ...


Start = Callable[[], Starting]
"""Begins to start a daemon; raises `VelaturaError` (`not_running`) in words where none is installed."""


class Link(Observable):
    """The connection and what is known through it.

    Attributes:
        state: `asleep`, `starting`, `ready`, `silent` (connected, no answer), `stopped` (it ended or never
            came), `missing` (not installed) or `refused` (another version, a refused key).
        trouble: why, in words, in the last four states.
        status: the daemon's own answer to `status`.
        busy: what the daemon works at for others, in words; empty when at nothing.
        outdated: the daemon's version where it is another than ours.
        can_renew: whether nobody needs such a daemon now, so that `renew` is offered.
        styles: the style library's entries, as the daemon gives them.
        models: the backbones' entries.
        device: where jobs are to run, `cpu` or as the daemon names it; empty is the daemon's own choice.
    """

    def __init__(
        self, loop: Loop, start: Start, client: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.state = "asleep"
        self.trouble = ""
        self.status: dict[str, Any] = {}
        self.busy = ""
        self.outdated = ""
        self.can_renew = False
        self.device = ""
        self.styles: tuple[dict[str, Any], ...] = ()
        self.models: tuple[dict[str, Any], ...] = ()
        self._loop, self._start, self._client, self._clock = loop, start, client, clock
        self._connection: Connection | None = None
        self._endings: list[Callable[[], None]] = []
        self._stop_ticking: Callable[[], None] | None = None
        self._calls = Calls()
        self._at_connection: list[tuple[Callable[[], None], Callable[[VelaturaError], None]]] = []
        self._started_at = self._asked_at = self._processed = 0.0
        self._starting: Starting | None = None
        self._hung: Address | None = None
        self._soon = False
        self._closed = False
        self._renewing = False

    # --- waking and ending --------------------------------------------------------------------------

    @property
    def awake(self) -> bool:
        return self.state not in ("asleep", "stopped", "missing", "refused")

    @property
    def words(self) -> str:
        """How it is, for the artist."""
        if self.state == "ready" and self.outdated:
            return words.outdated(self.outdated)
        where, loading = words.device(self.status), words.warming(self.status)
        return words.daemon(self.state, where, self.busy, self.trouble, loading)

    def wake(self, start: bool = True) -> None:
        """Connects to the daemon, starting one where none runs. Harmless when connected already."""
        if self.awake or self._closed:
            return
        self._disconnect()
        try:
            self._connect()
        except VelaturaError as error:
            if error.code != "not_running":
                self._refuse(error)
                return
            if not start or not self._launch():
                return
        if self._stop_ticking is None:
            self._stop_ticking = self._loop.every(TICK, self._tick)

    def when_connected(self, call: Callable[[], None], failed: Callable[[VelaturaError], None]) -> None:
        """Calls once there is a connection, waking what sleeps; `failed` where there will be none."""
        self.wake()
        if self._connection is not None:
            call()
        elif self.state == "starting":
            self._at_connection.append((call, failed))
        else:
            failed(self._not_running())

    def restart(self) -> None:
        """The docker's button: connect again, starting a daemon where none runs; one that did not answer is
        ended first."""
        hung, self._hung = self._hung, None
        if hung is not None:
            endpoint.kill(hung)
        self._disconnect()
        self.state = "asleep"
        self.wake()

    def renew(self) -> None:
        """Ends a daemon that nobody needs now, and starts one in its place: of this version, by the settings
        as they are."""
        if self.idle:
            self._renewing, self.can_renew = True, False
            self.ask("shutdown", lambda items, error: None)

    @property
    def idle(self) -> bool:
        """Whether a daemon is there and does nothing, for us or for others."""
        return self.state == "ready" and not self._calls.followers and not self.busy

    def close(self) -> None:
        """Ends the session; the editor is closing."""
        self._closed = True
        self._disconnect()
        if self._stop_ticking:
            self._stop_ticking()
            self._stop_ticking = None

    def _launch(self) -> bool:
        try:
            self._starting = self._start()
        except VelaturaError as error:
            self.trouble = words.trouble(error)
            self.state = "missing" if error.code == "not_running" else "stopped"
            return False
        self._started_at = self._clock()
        self.trouble = ""
        self.state = "starting"
        return True

    def _connect(self) -> None:
        address = endpoint.read()
        if endpoint.is_alive(address) is False:
            raise words.Told("not_running", _("The daemon has ended."))
        connection = Connection(address, self._client, keep_alive=True)
        self._connection = connection
        self._endings.append(self._loop.watch(connection.fd, self._process))
        if self.state != "starting":
            self._started_at = self._clock()
            self.trouble = ""
            self.state = "starting"
        self._process_soon()
        waiting, self._at_connection = self._at_connection, []
        for call, _failed in waiting:
            call()

    def _disconnect(self) -> None:
        self.can_renew = False
        for end in self._endings:
            end()
        self._endings.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        error = words.Told("not_running", self.trouble or _("The daemon has ended."))
        given_up, self._at_connection = self._at_connection, []
        for _call, failed in given_up:
            failed(error)
        self._calls.give_up(error)

    def _refuse(self, error: VelaturaError) -> None:
        self.trouble = words.trouble(error)
        self.state = "refused"

    # --- the turning of the wheel -------------------------------------------------------------------

    @timed("link tick")
    def _tick(self) -> None:
        self._process_soon()
        now = self._clock()
        if self.state == "starting":
            self._still_starting(now)
        elif self.state == "silent":
            self._look_for_another()
        elif self.state == "ready" and now - self._asked_at > STATUS_EVERY:
            self._ask_status()

    def _still_starting(self, now: float) -> None:
        try:
            if self._connection is None and (self._starting is None or self._starting.poll() is not None):
                self._starting = None
                self._connect()
        except VelaturaError as error:
            if error.code in ("not_running", "timeout"):
                self._stop(words.trouble(error))
            else:
                self._refuse(error)
                self._disconnect()
            return
        if now - self._started_at > START_PATIENCE:
            self._hung = self._connection.address if self._connection is not None else None
            self._stop(_("The daemon does not answer. To start it again ends this one."))

    def _stop(self, why: str) -> None:
        self.trouble = why
        self._disconnect()
        self.state = "stopped"
        if self._renewing:
            self._renewing = False
            self.wake()

    def _look_for_another(self) -> None:
        """A daemon that ended may have been started again by someone else, or by socket activation."""
        assert self._connection is not None
        try:
            address = endpoint.read()
            gone = endpoint.is_alive(address) is False
        except VelaturaError:
            gone, address = True, self._connection.address
        if gone:
            self._stop(_("The daemon has ended."))
        elif address != self._connection.address:
            self._disconnect()
            self.state = "asleep"
            self.wake(start=False)

    def _process_soon(self) -> None:
        if not self._soon and self._connection is not None:
            self._soon = True
            self._loop.later(0.0, self._process)

    @timed("link")
    def _process(self) -> None:
        self._soon = False
        connection = self._connection
        if connection is None:
            return
        rested = self._clock() - self._processed > BREATH  # else the loop has not been around in between
        events = connection.process(BUDGET if rested else 0.0)
        self._processed = self._clock()
        for event in events:
            self._take(event)
            if self._connection is not connection:
                return
        if connection.pending:
            self._process_soon()

    def _take(self, event: HappenedEvent) -> None:
        if isinstance(event, Up):
            self.trouble = ""
            self.can_renew = False
            self.outdated = event.welcome.daemon if event.welcome.daemon != __version__ else ""
            self.state = "ready"
            self.refresh()
        elif isinstance(event, Down):
            self._on_down(event)
        else:
            self._calls.take(event)

    def _on_down(self, event: Down) -> None:
        if event.final:
            self._refuse(event.error)
        elif self.state != "starting":
            self.trouble = words.silent_for_artists(event.error)
            self.state = "silent"

    # --- jobs and questions -------------------------------------------------------------------------

    def submit(
        self,
        follower: Follower,
        recipe: Recipe,
        content: Blob | None,
        mask: Blob | None = None,
        **options: Any,
    ) -> Job:
        """Submits a job; the follower hears of it, at last exactly once through `ended`.

        Raises:
            VelaturaError: there is no connection (`not_running`), or the recipe is out of range.
        """
        connection = self._used()
        if connection is None:
            raise self._not_running()
        job = connection.submit(recipe, content, mask, **{"device": self.device, **options})
        self._calls.followers[job.id] = follower
        return job

    def _not_running(self) -> VelaturaError:
        return words.Told("not_running", self.trouble or _("The daemon is not running."))

    def cancel(self, job: Job) -> None:
        if connection := self._used():
            connection.cancel(job)

    def stop(self, job: Job) -> None:
        if connection := self._used():
            connection.stop(job)

    def ask(self, what: str, tell: Answer, **args: Any) -> None:
        """Asks the daemon; `tell` is called once with the items, or with the error."""
        if connection := self._used():
            self._calls.answers[connection.ask(what, **args)] = tell
        else:
            tell(None, self._not_running())

    def fetch(self, digest: str, tell: Callable[[Picture | None, VelaturaError | None], None]) -> None:
        """Fetches a picture, such as a thumbnail; `tell` is called once with it, or with the error."""
        if connection := self._used():
            self._calls.answers[connection.fetch(digest)] = tell
        else:
            tell(None, self._not_running())

    def upload(self, blob: Blob, tell: Callable[[VelaturaError | None], None]) -> None:
        """Sends a picture outside any job; `tell` is called once."""
        if connection := self._used():
            self._calls.uploads[id(blob)] = tell
            connection.upload(blob)
        else:
            tell(self._not_running())

    def _used(self) -> Connection | None:
        """The connection, which is about to have something to do; None without one."""
        self._process_soon()
        return self._connection

    # --- what is known -------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Asks for the lists of styles and models, and the status."""
        for what in ("styles", "models"):
            self.ask(what, partial(self._on_list, what))
        self._ask_status()

    def _on_list(self, what: str, items: Sequence[dict[str, Any]] | None, error: object) -> None:
        if items is not None:
            setattr(self, what, tuple(items))

    def _ask_status(self) -> None:
        self._asked_at = self._clock()
        self.ask("status", self._on_status)
        self.ask("jobs", self._on_jobs)

    def _on_status(self, items: Sequence[dict[str, Any]] | None, error: object) -> None:
        if items:
            self.status = dict(items[0])

    def _on_jobs(self, items: Sequence[dict[str, Any]] | None, error: object) -> None:
        if items is not None:
            others = [str(item.get("client", "")) for item in items if not item.get("mine")]
            self.busy = words.others(others)
            self.can_renew = bool(self.outdated) and not items and not self._calls.followers
