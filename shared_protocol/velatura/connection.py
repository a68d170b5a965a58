"""The connection to the daemon for programs with an event loop of their own: it never blocks.

Watch `fd` for readability (QSocketNotifier, `GLib.io_add_watch`), and call `process()` then, after every
other method of the connection, when `pending` is true (a zero timer, an idle handler), and at least
every `TICK` seconds. `process()` works for at most about its budget and gives the events that came:

    connection = Connection(endpoint.read(), "my editor 1.0")
    job = connection.submit(recipe, content=Blob(layout, rows))
    for event in connection.process():
        if isinstance(event, JobEnded) and event.job is job: ...

The descriptor is edge-triggered, as all of ZeroMQ's are: it says "look again", not "one message". All
methods belong to one thread. The pieces of it: `blob` (pictures to send), `exchange` (transfers), `tracking`
(jobs), `asking` (all else that is asked), `jobs` (the job handle and the events), `wire` (frames).
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import lending, wire
from . import messages as m
from .asking import Asking
from .blob import Blob
from .endpoint import Address
from .errors import VelaturaError
from .exchange import Exchange
from .jobs import Down, HappenedEvent, Job, Up
from .line import Line, Mishap
from .recipe import Recipe
from .tracking import Tracker

TICK = 0.25
"""Seconds between calls of `process` at the least, for heartbeats and to notice silence."""

BUDGET = 0.02
"""Seconds that one call of `process` takes, about, when there is much to do."""

SILENCE = 3.0
"""Seconds without a word (the daemon speaks twice a second) after which it counts as not answering."""

HELLO_AGAIN = 1.0
"""Seconds after which an unanswered hello is repeated."""

log = logging.getLogger("velatura")


class Connection:
    """A session with the daemon.

    Args:
        address: where it listens (`endpoint.read()`).
        client: name and version of this program, for `velatura ps`.
        keep_alive: renew the lease from a thread of its own, so that a GUI thread that is held up for more
            than the lease (30 s) does not lose its session.
        base: home folder whose client key is used with TCP; the usual one by default.

    Raises:
        VelaturaError: `protocol` when the connection file already tells that the versions do not fit (with
            the side to update), `insecure` for TCP without CURVE.
    """

    def __init__(
        self, address: Address, client: str = "velatura", keep_alive: bool = False, base: Path | None = None
    ) -> None:
        spoken = address.protocol
        if spoken and (wrong := wire.mismatch(m.PROTOCOL, (spoken[0], spoken[1]))):
            raise wrong
        self.address = address
        self.session = secrets.token_hex(16)
        self.welcome: m.Welcome | None = None
        """The daemon's answer to our hello; None while there is no session."""
        self.up = False
        """Whether the daemon answers."""
        self._client = client[:200]
        self._line = Line(address, base)
        self.fd = self._line.fd
        """The descriptor to watch for readability."""
        self._lock = threading.Lock()  # the line may be used by one thread at a time
        self._outbox: deque[list[wire.Buffer]] = deque()
        self._events: list[HappenedEvent] = []
        self._exchange = Exchange(self._send)
        self._tracker = Tracker(self._send, self._exchange, self._events)
        self._asking = Asking(self._send, self._exchange, self._tracker.also_wanted, self._events)
        self.pending = True
        """Whether `process` should be called again soon although `fd` may stay quiet."""
        self._processing = False
        self._told_down = False
        self._final: VelaturaError | None = None
        self._closed = threading.Event()
        now = time.monotonic()
        self._heard = self._processed = now
        self._hello_at = 0.0
        if keep_alive:
            threading.Thread(target=self._renew, name="velatura-lease", daemon=True).start()

    # -- what a program calls -------------------------------------------------------------------------

    @property
    def lends(self) -> bool:
        """Whether the daemon is on this machine and takes pictures as memory."""
        return self._exchange.line is not None

    @property
    def most(self) -> int:
        """Bytes of a picture that the daemon takes; 0 before it has told."""
        return self.welcome.max_blob if self.welcome is not None else 0

    def submit(
        self,
        recipe: Recipe,
        content: Blob | None = None,
        mask: Blob | None = None,
        pictures: Sequence[Blob] = (),
        **options: Any,
    ) -> Job:
        """Submits a job; its blobs are hashed as `process` is called, and sent if the daemon lacks them.

        Args:
            recipe: what to do. Its styles and region masks name `pictures` by their `key`.
            content: the picture to work on; None for a texture.
            mask: GRAY, of the content's size: where and how strongly; None for everywhere.
            pictures: style pictures and region masks that the recipe names.
            options: `priority`, `supersede`, `detached`, `preview_side`, `preview_every`, `slider`,
                `device`; see `messages.Submit`.

        Raises:
            FieldError: for an option, or a part of the recipe, that is out of range.
        """
        self.pending = True
        return self._tracker.submit(recipe, content, mask, pictures, options)

    def cancel(self, job: Job | str) -> None:
        """Discards a job, whatever its state; `JobEnded` follows. By name: also another session's."""
        self.pending = True
        if isinstance(job, str):
            self._send(m.Cancel(job))
        else:
            self._tracker.cancel(job, at_once=not self.up)

    def stop(self, job: Job) -> None:
        """Ends a refinement now and keeps its best picture so far as the result."""
        self.pending = True
        self._tracker.stop(job)

    def attach(self, job: str) -> Job:
        """Takes over a detached job by name; its state follows as events."""
        self.pending = True
        return self._tracker.attach(job)

    def ask(self, what: str, **args: Any) -> str:
        """Asks a question (`messages.Request.what`); `Answered` with the returned name follows, with all
        pages."""
        self.pending = True
        return self._asking.ask(what, args)

    def fetch(self, digest: str) -> str:
        """Asks for a picture by digest (a thumbnail); `Fetched` with the returned name follows."""
        self.pending = True
        return self._asking.fetch(digest)

    def upload(self, blob: Blob) -> None:
        """Sends a picture outside any job (a style to add); `Uploaded` follows."""
        self.pending = True
        self._asking.upload(blob)

    def process(self, budget: float = BUDGET) -> list[HappenedEvent]:
        """Reads, works and writes for about `budget` seconds at most; never blocks.

        Returns:
            The events since the last call, in order.
        """
        if self._closed.is_set() or self._processing:
            return []  # called from within a source's `rows`: the outer call goes on
        self._processing = True
        try:
            with self._lock:
                until = time.monotonic() + budget
                self._check_line()
                while self._turn(until) and time.monotonic() < until:
                    pass
                self._check_time(time.monotonic())
                self._flush()
                self.pending = self._has_work()
        finally:
            self._processing = False
        happened = list(self._events)
        self._events.clear()
        self._tracker.delivered()
        return happened

    def wait(self, seconds: float = TICK, wake: Any = None) -> None:
        """Blocks until there is something to process, `wake` (a socket or descriptor) is readable, or time is
        up. For programs without an event loop; not with `keep_alive`."""
        if self.pending or self._closed.is_set():
            return
        for_room = bool(self._outbox)
        if self.welcome is None and not self._final:
            for_room = time.monotonic() - self._hello_at >= HELLO_AGAIN
        self._line.wait(min(seconds, TICK), for_room, wake)

    def close(self) -> None:
        """Ends the session: its jobs are cancelled, except detached ones. Safe to call twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        with self._lock:
            self._line.close(wire.pack(m.Bye()) if self.welcome else None)
            if self._exchange.line is not None:
                self._exchange.line.close()

    # -- reading, writing, working ----------------------------------------------------------------------

    def _send(self, message: m.Message) -> None:
        """Queues a message; without a session it is left out, since `_on_welcome` sends what is still due."""
        if self.welcome is not None:
            self._outbox.append(wire.pack(message))

    def _flush(self) -> bool:
        sent = False
        while self._outbox and self._line.send(self._outbox[0]):
            self._outbox.popleft()
            sent = True
        return sent

    def _turn(self, until: float) -> bool:
        """One round of reading, writing and working; False when there was nothing to do."""
        busy = self._read(until)
        if self.welcome is None:
            return self._say_hello() or busy
        busy |= self._flush()
        busy |= self._tracker.prepare(self.welcome.max_blob)
        busy |= self._asking.prepare()
        if not self._outbox:
            chunk = self._exchange.next_chunk()
            if chunk:
                self._outbox.append(wire.pack(*chunk))
                busy |= self._flush()
        return busy

    def _read(self, until: float) -> bool:
        busy = False
        while not busy or time.monotonic() < until:
            frames = self._line.receive()
            if frames is None:
                return busy
            busy = True
            self._heard = time.monotonic()
            self._take(frames)
        return busy

    def _take(self, frames: list[memoryview]) -> None:
        try:
            message, body = wire.unpack(frames)
        except VelaturaError as error:
            log.warning("the daemon sent something that cannot be read: %s", error)
            self._send(wire.error_for(error))
            return
        if isinstance(message, (m.Offer, m.Chunk, m.Lent, m.Credit, m.Have, m.Drop)):
            self._exchange.receive(message, body)
        elif isinstance(message, m.Welcome):
            self._on_welcome(message)
        elif isinstance(message, m.Error):
            self._on_error(message)
        elif isinstance(message, m.Reply):
            self._asking.take(message)
        elif not isinstance(message, m.Alive):
            self._tracker.receive(message)

    def _has_work(self) -> bool:
        if self._line.readable() or self._events:
            return True
        if self.welcome is None:
            return False
        can_send = not self._outbox and self._exchange.ready
        return can_send or self._tracker.preparing or self._asking.preparing

    # -- the session ----------------------------------------------------------------------------------

    def _say_hello(self) -> bool:
        now = time.monotonic()
        if self._final or now - self._hello_at < HELLO_AGAIN:
            return False
        hello = m.Hello(client=self._client, session=self.session)
        if not self._line.send(wire.pack(hello)):
            return False
        self._hello_at = now
        return True

    def _on_welcome(self, message: m.Welcome) -> None:
        wrong = wire.mismatch(m.PROTOCOL, (message.major, message.minor))
        if wrong:
            self._refuse(wrong)
            return
        first, self.welcome = self.welcome is None, message
        if first:
            self._open_line(message)
            self._tracker.renew()
            self._exchange.restart()
            self._asking.renew()
            self.up = False  # so that `Up` is said
        self._say_up()

    def _open_line(self, welcome: m.Welcome) -> None:
        old, self._exchange.line = self._exchange.line, None
        if old is not None:
            old.close()
        if lending.FEATURE in welcome.features:
            self._exchange.line = lending.opened(self.address.endpoint, self.session)

    def _say_up(self) -> None:
        if not self.up and self.welcome is not None:
            self.up, self._told_down = True, False
            self._events.append(Up(self.welcome))

    def _on_error(self, message: m.Error) -> None:
        error = wire.as_exception(message)
        if message.code == "hello_required":
            if self.welcome is not None:
                self.welcome, self._hello_at = None, 0.0
                self._outbox.clear()
        elif message.code == "protocol":
            self._refuse(error)
        elif message.transfer:
            self._exchange.receive(message, None)
        elif message.request:
            self._asking.end(message.request, error)
        elif message.job:
            self._tracker.fail(message.job, error)
        else:
            log.warning("the daemon complains: %s", error)

    def _refuse(self, error: VelaturaError) -> None:
        self._lost(error, final=True)

    def _lost(self, error: VelaturaError, final: bool = False) -> None:
        """The session is gone. Detached jobs and questions wait for the next one; other jobs fail."""
        self.welcome, self.up, self._hello_at = None, False, 0.0
        self._outbox.clear()
        self._tracker.lost(error, everything=final)
        self._say_down(error, final)

    def _say_down(self, error: VelaturaError, final: bool = False) -> None:
        if final:
            self._asking.refuse(error)
        if not self._told_down or final:
            self._told_down = True
            self._final = error if final else None
            self._events.append(Down(error, final))
        self.up = False

    def _check_line(self) -> None:
        while mishap := self._line.mishap():
            if mishap is Mishap.REFUSED:
                words = "the daemon refuses this key; let its owner admit it: velatura keys allow NAME KEY"
                self._lost(VelaturaError("insecure", words), final=True)
            elif mishap is Mishap.UNKNOWN and self.address.server_key:
                words = f"{self.address.endpoint} hangs up: is {self.address.server_key} its key?"
                words += " There, see: velatura keys list"
                self._say_down(VelaturaError("insecure", words))
            elif self.welcome is not None:
                words = "the connection to the daemon was lost: it ended or was restarted"
                self._lost(VelaturaError("not_running", words))

    def _check_time(self, now: float) -> None:
        if now - self._processed > 2 * TICK:  # we were held up ourselves: give the daemon time to be heard
            self._heard = max(self._heard, now - 1.0)
        self._processed = now
        if self._final:
            self._tracker.lost(self._final, everything=True)  # what was submitted since
            return
        silent = now - self._heard
        if self.welcome is None:
            if silent > SILENCE:
                self._say_down(VelaturaError("not_running", "no daemon answers; it may have ended"))
            return
        if silent < SILENCE:
            self._say_up()
        elif self.up:
            words = f"the daemon has not answered for {SILENCE:.0f} seconds: stopped, hung, or overloaded"
            self._say_down(VelaturaError("timeout", words))
        if silent > self.welcome.lease:
            self._lost(VelaturaError("timeout", f"the daemon has not answered for {silent:.0f} seconds"))
        elif now - self._line.sent_at > self.welcome.lease / 6:
            self._line.send(wire.pack(m.Heartbeat()))

    def _renew(self) -> None:
        """The lease thread: says a heartbeat when the program's own thread has not for a while."""
        while not self._closed.wait(1.0):
            with self._lock:
                lease = self.welcome.lease if self.welcome else 0.0
                if lease and not self._closed.is_set() and time.monotonic() - self._line.sent_at > lease / 4:
                    self._line.send(wire.pack(m.Heartbeat()))
                    self.pending = True  # the send may have eaten the descriptor's edge
