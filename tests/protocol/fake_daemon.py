"""A scripted daemon on a real ROUTER socket, to hold the client to the protocol without the real one.

It speaks the protocol through `wire` and `transfer` only. `Script` says how it behaves: which blobs it
holds, what it answers to a submit, whether it is mute. The default job inverts an 8-bit picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from velatura import __version__, endpoint, wire
from velatura import messages as m
from velatura.errors import VelaturaError
from velatura.pixels import Layout, digest
from velatura.transfer import Phase, Receiver, Sender

Answer = Callable[["FakeDaemon", bytes, m.Submit], None]


@dataclass
class Script:
    """How the daemon behaves; tests change it while it runs."""

    version: tuple[int, int] = m.PROTOCOL
    lease: float = 30.0
    max_blob: int = 2**30
    mute: bool = False
    """Reads and answers nothing, like a stopped process."""
    run: Answer | None = None
    """What happens once a job has its inputs; None inverts the content."""
    pages: list[list[dict[str, Any]]] = field(default_factory=lambda: [[{"name": "one"}]])
    corrupt_results: bool = False
    lose_results: bool = False
    lost: str = "unknown_blob"
    """Code of the error that answers a `fetch` of what is not here."""
    refusal: str = ""
    """Code of the error that answers every request."""


class FakeDaemon:
    """Runs on a thread; `stop()` ends it. `log` holds every message received, in order."""

    def __init__(self, base: Path, script: Script | None = None) -> None:
        self.base, self.script = base, script or Script()
        self.log: list[m.Message] = []
        self.blobs: dict[str, tuple[Layout, bytes]] = {}
        self.sessions: dict[bytes, str] = {}
        self._uploads: dict[tuple[bytes, str], Receiver] = {}
        self._downloads: dict[tuple[bytes, str], Sender] = {}
        self._waiting: dict[str, tuple[bytes, m.Submit]] = {}
        self._do: list[Callable[[], None]] = []
        self._stop = threading.Event()
        self._bound = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()
        assert self._bound.wait(30)

    @property
    def address(self) -> endpoint.Address:
        return endpoint.read(self.base)

    def got(self, kind: type) -> list[Any]:
        """The received messages of one type."""
        return [message for message in list(self.log) if isinstance(message, kind)]

    def do(self, action: Callable[[], None]) -> None:
        """Runs something on the daemon's thread soon."""
        self._do.append(action)

    def forget_sessions(self) -> None:
        """As if the lease had run out."""
        self.do(self.sessions.clear)

    def say_everyone(self, message: m.Message) -> None:
        """Sends a message to all sessions."""
        self.do(lambda: [self.say(peer, message) for peer in self.sessions] and None)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    # -- on the daemon's thread -------------------------------------------------------------------------

    def say(self, peer: bytes, message: m.Message, body: Any = None) -> None:
        self._socket.send_multipart([peer, *wire.pack(message, body)], copy=True)

    def offer(self, layout: Layout, data: bytes) -> str:
        """Holds a picture for fetching; gives its digest."""
        name = digest(layout, [data])
        self.blobs[name] = (layout, data)
        return name

    def _loop(self) -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as self._socket:
            wire.limit(self._socket)
            path = endpoint.socket_path(self.base)
            path.unlink(missing_ok=True)
            self._socket.bind(f"ipc://{path}")
            endpoint.write(endpoint.describe(f"ipc://{path}", version="fake"), self.base)
            self._bound.set()
            ticks = 0
            while not self._stop.is_set():
                while self._do:
                    self._do.pop(0)()
                ticks += 1
                if ticks % 10 == 0 and not self.script.mute:
                    for peer in self.sessions:
                        self.say(peer, m.Alive())
                waiting = self._socket.poll(20)
                if not waiting or self.script.mute:
                    self._stop.wait(0.02 if waiting else 0)
                    continue
                peer, *frames = self._socket.recv_multipart()
                try:
                    message, body = wire.unpack(frames)
                except VelaturaError as error:
                    self.say(peer, wire.error_for(error))
                    continue
                self.log.append(message)
                self._take(peer, message, body)

    def _take(self, peer: bytes, message: Any, body: Any) -> None:
        if isinstance(message, m.Hello):
            wrong = wire.mismatch((message.major, message.minor), self.script.version)
            if wrong:
                self.say(peer, wire.error_for(wrong))
                return
            self.sessions[peer] = message.session
            major, minor = self.script.version
            lease, most = self.script.lease, self.script.max_blob
            self.say(peer, m.Welcome(major, minor, __version__, (), lease, most))
        elif peer not in self.sessions:
            self.say(peer, m.Error("hello_required", "say hello"))
        elif isinstance(message, m.Heartbeat):
            self.say(peer, m.Alive())
        elif isinstance(message, m.Submit):
            self._waiting[message.job] = (peer, message)
            self._need(message.job)
        elif isinstance(message, m.Attach):
            if message.job in self._waiting:
                self._waiting[message.job] = (peer, self._waiting[message.job][1])
                self._need(message.job)
            else:
                self.say(peer, m.Error("unknown_job", "no such job", job=message.job))
        elif isinstance(message, m.Cancel):
            self._waiting.pop(message.job, None)
            self.say(peer, m.Cancelled(message.job, "asked"))
        elif isinstance(message, m.Request) and self.script.refusal:
            self.say(peer, m.Error(self.script.refusal, "words", request=message.request))
        elif isinstance(message, m.Request):
            pages = self.script.pages
            index = [page[-1]["name"] for page in pages].index(message.after) + 1 if message.after else 0
            self.say(peer, m.Reply(message.request, pages[index], index + 1 < len(pages)))
        else:
            self._transfer(peer, message, body)

    def _need(self, job: str) -> None:
        peer, submit = self._waiting[job]
        recipe = submit.recipe
        named = [d for s in (recipe.styles if recipe else ()) for d in (s.digest, s.mask)]
        wanted = [d for d in (submit.content, submit.mask, *named) if d]
        lacking = tuple(d for d in dict.fromkeys(wanted) if d not in self.blobs)
        if lacking:
            self.say(peer, m.Need(job, lacking))
            return
        self.say(peer, m.Queued(job, 0))
        run = self.script.run or invert
        run(self, peer, submit)

    def _transfer(self, peer: bytes, message: Any, body: Any) -> None:
        key = (peer, getattr(message, "transfer", ""))
        if isinstance(message, m.Offer):
            if message.digest in self.blobs:
                self.say(peer, m.Have(message.transfer, message.digest))
                return
            self._uploads[key] = Receiver(message, bytearray(message.layout.nbytes))
            self.say(peer, self._uploads[key].begin())
        elif isinstance(message, m.Chunk) and key in self._uploads:
            receiver = self._uploads[key]
            try:
                self.say(peer, receiver.receive(message, body))
            except VelaturaError as error:
                del self._uploads[key]
                self.say(peer, wire.error_for(error, transfer=message.transfer))
                return
            if receiver.phase is Phase.DONE:
                del self._uploads[key]
                self.blobs[receiver.digest] = (receiver.layout, bytes(receiver.into))
                for job, (_, submit) in list(self._waiting.items()):
                    if receiver.digest in str(submit):
                        self._need(job)
        elif isinstance(message, m.Fetch):
            if message.digest not in self.blobs or self.script.lose_results:
                self.say(peer, m.Error(self.script.lost, "not here", transfer=message.transfer))
                return
            layout, data = self.blobs[message.digest]
            if self.script.corrupt_results:
                data = bytes([data[0] ^ 1]) + data[1:]
            sender = Sender(message.transfer, layout, message.digest, lambda o, n: data[o : o + n])
            self._downloads[key] = sender
            self.say(peer, sender.offer())
        elif isinstance(message, (m.Credit, m.Have, m.Drop)) and key in self._downloads:
            sender = self._downloads[key]
            sender.receive(message)
            while chunk := sender.next_chunk():
                self.say(peer, *chunk)


def invert(daemon: FakeDaemon, peer: bytes, submit: m.Submit) -> None:
    """The default job: start, one step of progress, and the content's bytes inverted as the result."""
    daemon.say(peer, m.Started(submit.job))
    daemon.say(peer, m.Progress(submit.job, 1, 2))
    finish(daemon, peer, submit)


def finish(daemon: FakeDaemon, peer: bytes, submit: m.Submit, **record: Any) -> None:
    """Sends the result of a started job."""
    layout, data = daemon.blobs[submit.content]
    name = daemon.offer(layout, data.translate(bytes(range(255, -1, -1))))
    daemon._waiting.pop(submit.job, None)
    daemon.say(peer, m.Result(submit.job, name, layout, submit.recipe, {"build": "fake", **record}))
