"""The daemon's first process: owns the socket, the sessions, the queue and the shared memory; never torch.

One thread and one poll: the clients' ROUTER, the worker's channel, the librarian's pipe, and signals.
Nothing here takes longer than moving one chunk, so `status` is answered within milliseconds whatever
the worker does. A peer can send what it likes: it gets an error, and nobody else notices.
"""

from __future__ import annotations

import logging
import signal
import socket as sockets
import time
from collections.abc import Sequence
from typing import Any

import velatura
import zmq
from velatura import lending, wire
from velatura import messages as m
from velatura.errors import VelaturaError

from ..between import orders
from ..paths import Paths
from ..settings import Settings
from .blobs import BlobStore
from .clocks import Waking
from .descriptors import most_blobs
from .jobs import Jobs
from .listening import Listener
from .overview import Overview
from .requests import Answers
from .scheduler import Scheduler
from .sessions import GAP, Session, Sessions
from .transfers import Transfers
from .workers import WorkerHost

log = logging.getLogger("velatura.daemon")

PING = 0.5
"""Seconds between pings, and between looks at all clocks."""

BATCH = 64
"""Messages read before anything else gets its turn."""

FEATURES = ("previews", "stop", "attach", "regions", "pull")
"""What `Welcome` says this daemon can do."""

ABOUT_TRANSFERS = (m.Offer, m.Chunk, m.Lent, m.Credit, m.Have, m.Drop, m.Fetch)


class Supervisor:
    """Serves clients until `stop` is called.

    Args:
        listener: the bound socket.
        settings: in force.
        paths: where logs and styles lie.
    """

    def __init__(self, listener: Listener, settings: Settings, paths: Paths) -> None:
        self.listener, self.router = listener, listener.router
        self.settings, self.paths = settings, paths
        self.sessions = Sessions(settings.sessions, settings.lease)
        self.store = BlobStore(settings.blobs_bytes, most_blobs())
        self.scheduler = Scheduler(settings.queue, settings.queue_per_client)
        self.worker = WorkerHost(
            settings, paths, self._worker_said, self._worker_lost, self._worker_rested, self._hopeless
        )
        self.jobs = Jobs(
            self.scheduler, self.store, self._post, self._order, settings.keep_detached, self._lends
        )
        self.now = Waking()
        shown = Overview(listener, self.sessions, self.jobs, self.store, self.worker, paths, self.now)
        self.answers = Answers(self.store, paths, self._post, shown.status, shown.jobs, self.stop)
        self._needed = 0.0
        self._running = True
        self._next_ping = 0.0
        self._poller = zmq.Poller()

    def stop(self) -> None:
        """Ends `serve` after the present round; may be called from a signal handler."""
        self._running = False

    def serve(self) -> None:
        """Serves until stopped, then cancels what is left and tells everybody."""
        wake = _signals_wake_up()
        self._poller.register(self.router, zmq.POLLIN)
        self._poller.register(self.answers.librarian.fileno(), zmq.POLLIN)
        self._poller.register(wake.fileno(), zmq.POLLIN)
        if self.listener.door is not None:
            self._poller.register(self.listener.door.fileno(), zmq.POLLIN)
        if self.settings.prewarm:
            self.worker.warm(self.now())
        try:
            while self._running:
                try:
                    self._round(wake)
                except Exception:  # a failed call costs this round, not the daemon and everybody's jobs
                    log.exception("a round failed")
                    time.sleep(GAP)
        finally:
            self._close(wake)

    # -- the loop ----------------------------------------------------------------------------------

    def _round(self, wake: sockets.socket) -> None:
        channel = self.worker.channel
        if channel is not None:
            self._poller.register(channel.fileno(), zmq.POLLIN | (zmq.POLLOUT if channel.pending else 0))
        ready = dict(self._poller.poll(self._patience()))
        if channel is not None:
            self._poller.unregister(channel.fileno())
        now = self.now()
        if wake.fileno() in ready:
            wake.recv(4096)
        if self.answers.librarian.fileno() in ready:
            self.answers.librarian.deliver()
        if channel is not None and channel is self.worker.channel:
            happened = ready.get(channel.fileno(), 0)
            if happened & zmq.POLLOUT:
                self.worker.writable()
            if happened & ~zmq.POLLOUT:
                self.worker.readable(now)
        if self.listener.door is not None and self.listener.door.fileno() in ready:
            self._take_lines(self.listener.door)
        if self.router in ready:
            self._read(now)
        if now >= self._next_ping:
            self._next_ping = now + PING
            self._check_time(now)
        for session in self.sessions:
            try:
                session.transfers.verify(now)
                self._flush(session, now)
            except Exception:
                log.exception("session %.8s cannot be served", session.token)
                self._end(session, "it cannot be served", now)
        if self.scheduler.wants_worker and self.worker.state == "off":
            self.worker.start(now)

    def _patience(self) -> int:
        """Milliseconds that the poll may take."""
        wait = max(0.0, self._next_ping - self.now())
        for session in self.sessions:
            if session.transfers.verifying:
                return 0
            if session.blocked or session.outbox.holds_back:
                wait = min(wait, GAP)
            elif session.outbox or session.transfers.ready:
                return 0
        return int(wait * 1000) + 1

    def _read(self, now: float) -> None:
        for _ in range(BATCH):
            try:
                routing, *frames = self.router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._receive(routing.bytes, [frame.buffer for frame in frames], now)

    def _receive(self, routing: bytes, frames: list[Any], now: float) -> None:
        """One message from anyone; whatever is wrong with it is answered and nothing else happens."""
        session = self.sessions.at(routing)
        if session is not None:
            session.heard = now
        message = None
        try:
            message, body = wire.unpack(frames)
            if isinstance(message, m.Hello):
                self._hello(routing, message, now)
            elif session is None:
                raise VelaturaError("hello_required", "this session is not known; say hello first")
            else:
                self._handle(session, message, body, now)
        except VelaturaError as error:
            about = {k: getattr(message, k, "") for k in ("job", "transfer", "request")}
            self._answer(session, routing, wire.error_for(error, **about))
        except Exception as error:
            log.exception("message %r", message)
            self._answer(session, routing, wire.error_for(error))

    def _answer(self, session: Session | None, routing: bytes, message: m.Message) -> None:
        if session is not None:
            session.outbox.put(message)
        else:
            self._send(routing, message)

    # -- messages ----------------------------------------------------------------------------------

    def _hello(self, routing: bytes, hello: m.Hello, now: float) -> None:
        wrong = wire.mismatch((hello.major, hello.minor), m.PROTOCOL)
        if wrong is not None:
            raise wrong
        held, here = self.sessions.check(hello, routing), self.sessions.at(routing)
        if here is not None and here is not held:
            self._end(here, "it said hello anew", now)
        if held is None:
            transfers = Transfers(
                self.store,
                self.settings.max_blob_bytes,
                lambda message: self._post(hello.session, message),
                lambda digest: self.jobs.arrived(digest, now=self.now()),
                lambda digest, error: self.jobs.refused(hello.session, digest, error, self.now()),
            )
            held = Session(hello.session, routing, hello.client, transfers, now, now)
            self.sessions.add(held)
            log.info("session %.8s: %s", held.token, held.client)
        elif held.routing != routing:
            held.transfers.close()  # the client begins them again
            held.unsent = None
            self.sessions.move(held, routing)
        welcome = m.Welcome(
            daemon=velatura.__version__,
            features=FEATURES if self.listener.door is None else (*FEATURES, lending.FEATURE),
            lease=self.settings.lease,
            max_blob=self.settings.max_blob_bytes,
        )
        held.outbox.put(welcome)

    def _take_lines(self, door: lending.Door) -> None:
        """Lines on which clients of this machine hand memory over."""
        while (came := door.take()) is not None:
            token, line = came
            session = self.sessions.by_token.get(token)
            if session is None:
                line.close()
            else:
                session.transfers.lend_by(line)

    def _lends(self, token: str) -> bool:
        session = self.sessions.by_token.get(token)
        return session is not None and session.transfers.line is not None

    def _handle(self, session: Session, message: m.Message, body: memoryview | None, now: float) -> None:
        token = session.token
        if isinstance(message, m.Lent) and self.listener.door is not None:
            self._take_lines(self.listener.door)  # one that came since the poll
        if isinstance(message, ABOUT_TRANSFERS):
            session.transfers.receive(message, body, now)
        elif isinstance(message, m.Heartbeat):
            session.outbox.put(m.Alive())
        elif isinstance(message, m.Submit):
            self.jobs.submit(token, message, now)
        elif isinstance(message, m.Cancel):
            self.jobs.cancel(token, message.job, now)
        elif isinstance(message, m.Stop):
            self.jobs.stop(token, message.job, now)
        elif isinstance(message, m.Attach):
            self.jobs.attach(token, message.job)
        elif isinstance(message, m.Release):
            self.jobs.release(token, message.job)
        elif isinstance(message, m.Request):
            self.answers.answer(token, message)
        elif isinstance(message, m.Bye):
            self._end(session, "it said goodbye", now)
        elif isinstance(message, m.Error):
            if message.transfer:
                session.transfers.receive(message, None, now)
            else:
                log.warning("session %.8s complains: %s %s", token, message.code, message.message)
        else:
            raise VelaturaError("unknown_type", f"message {message.TYPE!r} is the daemon's to send")

    def _end(self, session: Session, reason: str, now: float) -> None:
        log.info("session %.8s ends: %s", session.token, reason)
        self.sessions.remove(session)
        session.transfers.close()
        self.jobs.session_ended(session.token, now)

    # -- sending -----------------------------------------------------------------------------------

    def _post(self, token: str, message: m.Message) -> None:
        """For a session by token; nothing where it has ended."""
        session = self.sessions.by_token.get(token)
        if session is not None:
            session.outbox.put(message)

    def _flush(self, session: Session, now: float) -> None:
        """Sends what waits for a session: messages first, then chunks as credit allows."""
        while True:
            chunk, body, message = None, None, session.outbox.next(now)
            if message is None:
                chunk = session.unsent or session.transfers.next_chunk(now)
                if chunk is None:
                    session.blocked = False
                    return
                message, body = chunk
            try:
                sent = self._send(session.routing, message, body)
            except VelaturaError as error:  # too long for a header
                session.outbox.sent(message, now)
                about = {k: getattr(message, k, "") for k in ("job", "transfer", "request")}
                session.outbox.put(wire.error_for(error, **about))
                continue
            if sent is None:
                self._end(session, "its program is gone", now)
                return
            session.blocked = not sent
            if chunk is not None:
                session.unsent = None if sent else chunk
            elif sent:
                session.outbox.sent(message, now)
            if not sent:
                return

    def _send(self, routing: bytes, message: m.Message, body: Any = None) -> bool | None:
        """True when it is on its way, False when the peer's pipe is full, None when there is no such peer."""
        frames = [routing, *wire.pack(message, body)]
        try:
            self.router.send_multipart(frames, zmq.NOBLOCK, copy=body is None)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno in (zmq.EHOSTUNREACH, zmq.ENOTCONN):
                return None
            raise
        return True

    # -- the worker --------------------------------------------------------------------------------

    def _order(self, order: orders.ToWorker, fds: Sequence[int]) -> None:
        self.worker.send(order, fds, self.now())

    def _worker_said(self, report: Any, fds: list[int]) -> None:
        if isinstance(report, orders.AboutJob):
            self.jobs.worker_said(report, fds, self.now())
        elif isinstance(report, orders.EngineReady):
            self.jobs.apply(self.scheduler.worker_ready())

    def _worker_lost(self, reason: str) -> None:
        self.jobs.worker_lost(reason, self.now())

    def _worker_rested(self) -> None:
        """After a long idle time everything is given back, pictures included."""
        self._worker_lost("it was idle")
        self.store.drop_unpinned()

    def _hopeless(self, reason: str) -> None:
        self.jobs.fail_queued(reason, self.now())

    # -- time --------------------------------------------------------------------------------------

    def _check_time(self, now: float) -> None:
        for session in self.sessions:
            if self._send(session.routing, m.Alive()) is None:
                self._end(session, "its program is gone", now)
        for session in self.sessions.expired(now):
            self._end(session, "it does not read" if session.choked else "its lease is over", now)
        for session in self.sessions:
            session.transfers.check_time(now)
        self.jobs.check_time(now)
        self.worker.check_time(now, busy=self.scheduler.wants_worker)
        if self.sessions or self.jobs.known or self.answers.pulls.busy:
            self._needed = now
        elif self.settings.exit_seconds and now - self._needed > self.settings.exit_seconds:
            log.info("nobody has needed this daemon for %.0f seconds", self.settings.exit_seconds)
            self.stop()

    def _close(self, wake: sockets.socket) -> None:
        """Tells every client that its jobs are cancelled, and gives everything back."""
        now = self.now()
        for name in self.scheduler.unended:
            self.jobs.apply(self.scheduler.cancel(name, "the daemon was stopped"))
        for session in self.sessions:
            self._flush(session, now)
            session.transfers.close()
        self.worker.end()
        self.answers.close()
        self.store.close()
        wake.close()


def _signals_wake_up() -> sockets.socket:
    """A socket that becomes readable when a signal arrives, so that a poll notices."""
    ours, theirs = sockets.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.detach())
    return ours
