"""Sessions: who is connected, under which routing id, since when silent, and what waits to be sent to them.

A session is opened by a hello with a token that the client chose; the routing id may change when the
client reconnects, the token stays. No I/O here: the supervisor sends what `Outbox.next` gives.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from velatura.errors import FieldError, VelaturaError
from velatura.messages import Cancelled, Chunk, Failed, Hello, Message, Paused, Preview, Progress, Result
from velatura.wire import Buffer

from .transfers import Transfers

GAP = 0.05
"""Seconds between two progress messages, or previews, of one job: of what comes sooner, the newest waits."""

DEEPEST = 2000
"""Messages that may wait for a client that does not read; with more its session ends."""

TOKEN = re.compile(r"[0-9a-f]{32}")


class Outbox:
    """What waits for one client: all in order, except that of progress and previews only the newest stays."""

    def __init__(self) -> None:
        self._sure: deque[Message] = deque()
        self._newest: dict[tuple[type, str], Message] = {}
        self._sent: dict[tuple[type, str], float] = {}

    def __len__(self) -> int:
        return len(self._sure)

    def put(self, message: Message) -> None:
        """Adds a message; progress or a preview takes the place of its job's last that is still here."""
        if isinstance(message, (Progress, Preview)):
            self._newest[type(message), message.job] = message
            return
        if isinstance(message, Paused):  # no progress may follow it
            self._sure.extend(self._forget(message.job))
        elif isinstance(message, (Result, Failed, Cancelled)):
            self._forget(message.job)
            self._sent.pop((Progress, message.job), None)
            self._sent.pop((Preview, message.job), None)
        self._sure.append(message)

    def next(self, now: float) -> Message | None:
        """The message to send now, which stays until `sent`; None when nothing is due."""
        if self._sure:
            return self._sure[0]
        for key, message in self._newest.items():
            if now - self._sent.get(key, -GAP) >= GAP:
                return message
        return None

    def sent(self, message: Message, now: float) -> None:
        """The message of `next` is on its way."""
        if self._sure and self._sure[0] is message:
            self._sure.popleft()
            return
        assert isinstance(message, (Progress, Preview))
        key = (type(message), message.job)
        del self._newest[key]
        self._sent[key] = now

    @property
    def holds_back(self) -> bool:
        """Whether something will be due in at most `GAP` seconds."""
        return bool(self._newest)

    def _forget(self, job: str) -> list[Message]:
        kinds = ((Progress, job), (Preview, job))
        return [self._newest.pop(kind) for kind in kinds if kind in self._newest]


@dataclass(eq=False)
class Session:
    """One client."""

    token: str
    routing: bytes
    client: str
    transfers: Transfers
    opened: float
    heard: float
    outbox: Outbox = field(default_factory=Outbox)
    unsent: tuple[Chunk, Buffer] | None = None
    """A chunk that did not fit into its pipe and goes first when there is room."""
    blocked: bool = False
    """Whether its pipe was full at the last attempt to send."""

    @property
    def choked(self) -> bool:
        """Whether so much waits that it evidently does not read."""
        return len(self.outbox) > DEEPEST


class Sessions:
    """All sessions, by token and by routing id.

    Args:
        most: sessions at a time.
        lease: seconds of silence after which one has expired.
    """

    def __init__(self, most: int, lease: float) -> None:
        self.most, self.lease = most, lease
        self.by_token: dict[str, Session] = {}
        self._by_routing: dict[bytes, Session] = {}

    def __iter__(self):
        return iter(list(self.by_token.values()))

    def __len__(self) -> int:
        return len(self.by_token)

    def at(self, routing: bytes) -> Session | None:
        """The session at a routing id."""
        return self._by_routing.get(routing)

    def check(self, hello: Hello, routing: bytes) -> Session | None:
        """The session that a hello renews, or None when it opens a new one.

        Raises:
            VelaturaError: `bad_field` for a token that is none, `busy` when there are too many sessions.
        """
        if not TOKEN.fullmatch(hello.session):
            raise FieldError("hello.session", "must be 32 small hex digits, chosen at random")
        held = self.by_token.get(hello.session)
        if held is None and len(self.by_token) >= self.most and routing not in self._by_routing:
            raise VelaturaError("busy", f"{self.most} programs are connected already; close one")
        return held

    def add(self, session: Session) -> None:
        self.by_token[session.token] = session
        self._by_routing[session.routing] = session

    def move(self, session: Session, routing: bytes) -> None:
        """The client came back under another routing id."""
        self._by_routing.pop(session.routing, None)
        session.routing = routing
        self._by_routing[routing] = session

    def remove(self, session: Session) -> None:
        self.by_token.pop(session.token, None)
        if self._by_routing.get(session.routing) is session:
            del self._by_routing[session.routing]

    def expired(self, now: float) -> list[Session]:
        """Sessions whose lease is over, or whose client does not read."""
        return [s for s in self.by_token.values() if now - s.heard > self.lease or s.choked]
